//! "Nothing to build" is never a lie: random edits, each judged by us and then by BuildKit.

use crate::harness::{BASE, Project, engine};
use loadline::project::BuildArg;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::fs::{self, File, FileTimes};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

/// Enough for the kernel's clock to tick, so that what was built from is certain.
const TICK: Duration = Duration::from_millis(120);

fn edits() -> usize {
    std::env::var("LOADLINE_TEST_EDITS").ok().and_then(|text| text.parse().ok()).unwrap_or(60)
}

struct Editor {
    random: StdRng,
    count: usize,
}

impl Editor {
    fn file(&mut self, project: &Project) -> Option<String> {
        let files = fs::read_dir(project.path("src")).unwrap().flatten().filter(|entry| !entry.path().is_dir());
        let mut names: Vec<_> = files.map(|entry| entry.file_name()).collect();
        names.sort();
        let at = self.random.random_range(0..names.len().max(1));
        Some(format!("src/{}", names.get(at)?.to_str().unwrap()))
    }

    /// Changes something, and says what.
    async fn edit(&mut self, project: &mut Project) -> String {
        self.count += 1;
        let fresh = format!("{}-{}", project.salt, self.count);
        let file = self.file(project).unwrap_or_else(|| "src/none".into());
        let path = project.path(&file);
        match self.random.random_range(0..16) {
            0 => {
                fs::write(&path, &fresh).ok();
                format!("content of {file}")
            }
            1 => same_size_and_time(&path, &file),
            2 => {
                let mode = [0o644, 0o600, 0o755][self.random.random_range(0..3)];
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).ok();
                format!("mode {mode:o} of {file}")
            }
            3 => {
                fs::rename(&path, project.path(&format!("src/r{}", self.count))).ok();
                format!("name of {file}")
            }
            4 => {
                symlink("d/e", project.path(&format!("src/l{}", self.count))).unwrap();
                "a new link".into()
            }
            5 => {
                fs::remove_file(&path).ok();
                format!("no {file}")
            }
            6 => {
                project.write(&format!("src/n{}", self.count), &fresh);
                "a new file".into()
            }
            7 => {
                let name = file.trim_start_matches("src/");
                project.write(".dockerignore", &format!("ignored\nsrc/{name}\n"));
                format!("{file} is ignored")
            }
            8 => {
                let text = fs::read_to_string(project.path("Dockerfile")).unwrap();
                project.write("Dockerfile", &format!("{text}RUN echo {fresh}\n"));
                "a new instruction".into()
            }
            9 => {
                project.plan.args = vec![BuildArg { name: "A".into(), value: fresh }];
                "an argument".into()
            }
            10 | 11 => {
                project.write(["outside", "ignored/deep"][self.random.random_range(0..2)], &fresh);
                "a file outside every COPY".into()
            }
            12 | 13 => {
                let now = FileTimes::new().set_modified(std::time::SystemTime::now());
                File::options().append(true).open(&path).and_then(|file| file.set_times(now)).ok();
                format!("time of {file}")
            }
            14 => {
                engine().await.untag(&project.plan.tags[0].canonical()).await.unwrap();
                "the image is gone".into()
            }
            _ => "nothing".into(),
        }
    }
}

/// What a careless comparison misses: other bytes, the same size, the old time.
fn same_size_and_time(path: &std::path::Path, file: &str) -> String {
    if let (Ok(old), Ok(data)) = (fs::symlink_metadata(path), fs::read(path))
        && old.is_file()
    {
        let changed: Vec<u8> = data.iter().map(|byte| byte ^ 1).collect();
        fs::write(path, changed).unwrap();
        let times = FileTimes::new().set_modified(old.modified().unwrap());
        File::options().append(true).open(path).unwrap().set_times(times).unwrap();
    }
    format!("content of {file}, with size and time kept")
}

#[tokio::test]
async fn no_edit_is_taken_for_none_and_what_buildkit_would_cache_is_skipped() {
    let mut project =
        Project::new(&format!("FROM {BASE}\nARG A\nRUN echo $A\nCOPY src /src\nCOPY conf/*.txt /conf/\n"));
    project.write(".dockerignore", "ignored\n");
    project.write("conf/a.txt", "a");
    for name in ["a", "b", "c", "d/e"] {
        project.write(&format!("src/{name}"), &format!("{} {name}", project.salt));
    }
    let mut editor = Editor { random: StdRng::seed_from_u64(83), count: 0 };
    let engine = engine().await;
    let (mut cacheable, mut asked) = (0, Vec::new());
    for _ in 0..edits() {
        // A build that is certain of what it was built from, then an edit.
        tokio::time::sleep(TICK).await;
        let Ok(before) = project.build().await else {
            project.write("src/again", &project.salt);
            continue;
        };
        let before = engine.inspect(&before.engine_id).await.unwrap().root_fs;
        let inputs = project.inputs.lock().unwrap().take().expect("what it was built from is certain");
        let what = editor.edit(&mut project).await;
        let held = inputs.hold(&engine, &project.plan, &project.options).await;
        // As the command does: what the builder would not see as changed is sent anew.
        if inputs.deceives(&project.plan) {
            project.options.generation = format!("{} {what}", editor.count);
        }
        let Ok(after) = project.build().await else {
            assert!(held.is_none(), "a wrong skip after: {what}");
            continue;
        };
        let after = engine.inspect(&after.engine_id).await.unwrap().root_fs;
        let (steps, cached, _) = project.counts();
        if held.is_some() {
            assert_eq!((steps, &before), (cached, &after), "a wrong skip after: {what}");
        }
        // An edit may lead back to what was built some time before: cached, but not the last image.
        // What was removed from the engine has to be asked for, although the steps are cached.
        if steps == cached && before == after && what != "the image is gone" {
            cacheable += 1;
            asked.extend(held.is_none().then_some(what));
        }
    }
    assert!(cacheable * 5 > edits(), "only {cacheable} edits changed nothing");
    assert!(asked.len() * 20 <= cacheable, "of {cacheable} that BuildKit caches these were not skipped: {asked:?}");
}
