//! "Nothing to build" is never a lie: random edits, each judged by us and then by BuildKit.

use crate::harness::{BASE, Project, engine, untag};
use loadline::project::BuildArg;
use loadline::types::ImageId;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::fs::{self, File, FileTimes};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

/// Another base that is in every engine of the tests, and has a shell.
const OTHER_BASE: &str = "python:3.12-slim";
/// How many names there are for files of each kind that edits make: the tree keeps its size, so that
/// the last of many edits takes no longer than the first.
const NAMES: usize = 4;

/// Enough for the kernel's clock to tick, so that what was built from is certain.
const TICK: Duration = Duration::from_millis(120);

fn edits() -> usize {
    std::env::var("LOADLINE_TEST_EDITS").ok().and_then(|text| text.parse().ok()).unwrap_or(60)
}

struct Editor {
    random: StdRng,
    count: usize,
    /// What the Dockerfile begins with.
    dockerfile: String,
    base: Base,
}

impl Editor {
    fn file(&mut self, project: &Project) -> Option<String> {
        let files = fs::read_dir(project.path("src")).unwrap().flatten().filter(|entry| !entry.path().is_dir());
        let mut names: Vec<_> = files.map(|entry| entry.file_name()).collect();
        names.sort();
        let at = self.random.random_range(0..names.len().max(1));
        Some(format!("src/{}", names.get(at)?.to_str().unwrap()))
    }

    fn name(&mut self, kind: &str) -> String {
        format!("src/{kind}{}", self.random.random_range(0..NAMES))
    }

    /// Changes something, and says what.
    async fn edit(&mut self, project: &mut Project) -> String {
        self.count += 1;
        let fresh = format!("{}-{}", project.salt, self.count);
        let file = self.file(project).unwrap_or_else(|| "src/none".into());
        let path = project.path(&file);
        match self.random.random_range(0..17) {
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
                let name = self.name("r");
                fs::rename(&path, project.path(&name)).ok();
                format!("{file} is {name}")
            }
            4 => {
                let link = project.path(&self.name("l"));
                fs::remove_file(&link).ok();
                let target = ["d/e", "d", "none"][self.random.random_range(0..3)];
                symlink(target, &link).unwrap();
                format!("a link to {target}")
            }
            5 => {
                fs::remove_file(&path).ok();
                format!("no {file}")
            }
            6 => {
                let name = self.name("n");
                let path = project.path(&name);
                fs::remove_file(&path).ok();
                fs::write(&path, &fresh).unwrap();
                format!("{name} is new")
            }
            7 => {
                let name = file.trim_start_matches("src/");
                project.write(".dockerignore", &format!("ignored\nsrc/{name}\n"));
                format!("{file} is ignored")
            }
            8 => {
                // There and gone again leads back to what is cached.
                let more = [String::new(), format!("RUN echo {fresh}\n")];
                let more = &more[self.random.random_range(0..2)];
                project.write("Dockerfile", &project.salted(&format!("{}{more}", self.dockerfile)));
                format!("the last instruction is {more:?}")
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
                let which = self.random.random_range(0..2);
                self.base.becomes(which).await;
                format!("the base is the image {which}")
            }
            15 => {
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

/// A base of the campaign's own, which can become another image under the same name.
struct Base {
    name: String,
    images: [ImageId; 2],
}

impl Base {
    async fn new(salt: &str) -> Self {
        let engine = engine().await;
        let of = async |name| ImageId(engine.inspect(name).await.unwrap().engine_id);
        let base = Self { name: format!("loadline-test-{salt}-base"), images: [of(BASE).await, of(OTHER_BASE).await] };
        base.becomes(0).await;
        base
    }

    async fn becomes(&self, which: usize) {
        engine().await.tag(&self.images[which], &self.name, "1").await.unwrap();
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        untag(format!("{}:1", self.name));
    }
}

/// Verdicts, as they come in.
#[derive(Default)]
struct Tally {
    skipped: usize,
    /// Edits after which BuildKit had everything.
    cacheable: usize,
    /// Those of them after which it was asked all the same.
    asked: Vec<String>,
}

#[tokio::test]
async fn no_edit_is_taken_for_none_and_what_buildkit_would_cache_is_skipped() {
    let mut project = Project::new("");
    let base = Base::new(&project.salt).await;
    let dockerfile = format!("FROM {}:1\nARG A\nRUN echo $A\nCOPY src /src\nCOPY conf/*.txt /conf/\n", base.name);
    project.write("Dockerfile", &project.salted(&dockerfile));
    project.write(".dockerignore", "ignored\n");
    project.write("conf/a.txt", "a");
    for name in ["a", "b", "c", "d/e"] {
        project.write(&format!("src/{name}"), &format!("{} {name}", project.salt));
    }
    let mut editor = Editor { random: StdRng::seed_from_u64(83), count: 0, dockerfile, base };
    let mut tally = Tally::default();
    for _ in 0..edits() {
        judge(&mut editor, &mut project, &mut tally).await;
    }
    let Tally { skipped, cacheable, asked } = tally;
    println!("{} edits: {skipped} skipped, of {cacheable} that BuildKit caches; asked after: {asked:?}", edits());
    assert!(cacheable * 5 > edits(), "only {cacheable} edits changed nothing");
    assert!(asked.len() * 20 <= cacheable, "of {cacheable} that BuildKit caches these were not skipped: {asked:?}");
}

/// One edit, judged by us and then by BuildKit.
async fn judge(editor: &mut Editor, project: &mut Project, tally: &mut Tally) {
    let engine = engine().await;
    // A build that is certain of what it was built from, which the one that judged the last edit is,
    // as it began a tick after that edit.
    if project.inputs.lock().unwrap().is_none() {
        tokio::time::sleep(TICK).await;
        if project.build().await.is_err() {
            project.write("src/again", &project.salt);
            return;
        }
    }
    let before = engine.inspect(&project.plan.tags[0].canonical()).await.unwrap().root_fs;
    let inputs = project.inputs.lock().unwrap().take().expect("what it was built from is certain");
    let what = editor.edit(project).await;
    let held = inputs.hold(&engine, &project.plan, &project.options).await;
    // As the command does: what the builder would not see as changed is sent anew.
    if inputs.deceives(&project.plan) {
        project.options.generation = format!("{} {what}", editor.count);
    }
    tokio::time::sleep(TICK).await;
    let after = match project.build().await {
        Ok(after) => after,
        Err(error) => {
            assert!(held.is_none(), "a wrong skip after: {what}: {error:?}");
            return;
        }
    };
    let after = engine.inspect(&after.engine_id).await.unwrap().root_fs;
    let (steps, cached, _) = project.counts();
    if held.is_some() {
        assert_eq!((steps, &before), (cached, &after), "a wrong skip after: {what}");
        tally.skipped += 1;
    }
    // An edit may lead back to what was built some time before: cached, but not the last image.
    // What was removed from the engine has to be asked for, although the steps are cached.
    if steps == cached && before == after && what != "the image is gone" {
        tally.cacheable += 1;
        tally.asked.extend(held.is_none().then_some(what));
    }
}
