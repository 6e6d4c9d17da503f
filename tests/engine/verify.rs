//! `verify` of images in a real engine, and what its numbers are worth: GNU tar is asked too.

use crate::harness::{BASE, Project, address, engine};
use crate::todo::{Todo, built};
use loadline::image::ImageFacts;
use loadline::image::archive::{Archive, Choice};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// The command, where nothing of a project is.
fn loadline(arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadline"));
    command.env("LOADLINE_TEACH", "off");
    command.args(arguments).current_dir(home.path()).env("DOCKER_HOST", address().to_string());
    command.env("XDG_STATE_HOME", home.path()).env("XDG_CACHE_HOME", home.path()).output().unwrap()
}

async fn export(image: &str, to: &Path) {
    let reader = engine().await.export_reader(image);
    let to = to.to_owned();
    let copy = move || std::io::copy(&mut { reader }, &mut fs::File::create(to).unwrap()).unwrap();
    tokio::task::spawn_blocking(copy).await.unwrap();
}

async fn facts(image: &str) -> ImageFacts {
    let reader = engine().await.export_reader(image);
    let read = || Archive::read("export", reader, None).unwrap().image(&Choice::default()).unwrap();
    tokio::task::spawn_blocking(read).await.unwrap()
}

/// The sum of the layers as `tar` takes them out of what `docker save` wrote, decompressed by
/// `gzip` where the store keeps them compressed.
fn size_by_tar(archive: &Path, dir: &Path) -> u64 {
    assert!(Command::new("tar").arg("xf").arg(archive).arg("-C").arg(dir).status().unwrap().success());
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(dir.join("manifest.json")).unwrap()).unwrap();
    let layers = manifest[0]["Layers"].as_array().unwrap();
    let size = |layer: &str| {
        let bytes = fs::read(dir.join(layer)).unwrap();
        if !bytes.starts_with(&[0x1f, 0x8b]) {
            return bytes.len() as u64;
        }
        let plain = Command::new("gzip").args(["-dc"]).arg(dir.join(layer)).output().unwrap();
        assert!(plain.status.success());
        plain.stdout.len() as u64
    };
    layers.iter().map(|layer| size(layer.as_str().unwrap())).sum()
}

fn assert_below_budget(image: &str, budget: u64) {
    let (todo, _) = built();
    let ran = todo.run(&["verify", image]);
    assert_eq!(ran.code, 0, "{:#?}\n{}", ran.events, ran.stderr);
    let verified = ran.one("verified", image);
    assert_eq!(verified["budget"], budget);
    assert!(verified["size"].as_u64().unwrap() < budget);
    assert_eq!(verified["user"], "1000");
    assert_eq!(verified["passed"], true);
    // Here the base is a stand-in, and every report says so with what is really inside.
    let stand_in = verified["stand_in"].as_str().unwrap();
    assert!(stand_in.starts_with("nginx 1.") || stand_in.starts_with("Python 3."), "{stand_in}");
}

#[tokio::test]
async fn t020_frontend_size_below_budget() {
    assert_below_budget("frontend", 200_000_000);
}

#[tokio::test]
async fn t021_backend_size_below_budget() {
    assert_below_budget("backend", 400_000_000);
}

#[tokio::test]
async fn sizes_are_the_bytes_that_tar_takes_out_of_docker_save() {
    let (todo, _) = built();
    for image in ["frontend", "backend"] {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("image.tar");
        export(&todo.tag(image), &archive).await;
        let verified = todo.run(&["verify", image]).one("verified", image)["size"].as_u64().unwrap();
        assert_eq!(verified, size_by_tar(&archive, dir.path()), "{image}");
        let by_archive = loadline(&["verify", "--json", "--archive", archive.to_str().unwrap()]);
        assert!(by_archive.status.success());
        assert!(String::from_utf8(by_archive.stdout).unwrap().contains(&format!("\"size\":{verified},")));
    }
}

#[tokio::test]
async fn mission_frontend_image() {
    let (todo, _) = built();
    let facts = facts(&todo.tag("frontend")).await;
    assert_eq!(facts.config.config.user, "1000:1000");
    let paths = paths(&facts);
    assert!(paths.iter().any(|path| path.ends_with("app/site/index.html")), "the exported site is served");
    let unwanted = |path: &&String| path.contains("node_modules") || path.ends_with("bin/node");
    assert_eq!(paths.iter().find(unwanted), None);
}

#[tokio::test]
async fn mission_backend_image() {
    let (todo, _) = built();
    let facts = facts(&todo.tag("backend")).await;
    assert_eq!(facts.config.config.user, "1000:1000");
    let paths = paths(&facts);
    assert!(paths.iter().any(|path| path.contains("site-packages/fastapi/")), "run-time dependencies are there");
    let tools = ["bin/uv", "bin/gcc", "bin/cc", "bin/make", "site-packages/pytest/__init__.py"];
    let unwanted = |path: &&String| tools.iter().any(|tool| path.ends_with(tool));
    assert_eq!(paths.iter().find(unwanted), None);
}

fn paths(facts: &ImageFacts) -> Vec<String> {
    facts.layers.iter().flat_map(|layer| &layer.entries).map(|entry| entry.path.to_string()).collect()
}

#[tokio::test]
async fn a_tightened_budget_refuses_yesterdays_pass() {
    let (_, _) = built();
    let todo = Todo::copy("todo-budget");
    assert_eq!(todo.run(&["verify"]).code, 5, "nothing was built here");
    assert_eq!(todo.run(&["build", "frontend"]).code, 0);
    assert_eq!(todo.run(&["verify", "frontend"]).code, 0);
    todo.edit("loadline.toml", "\"200MB\"", "\"20MB\"");
    let ran = todo.run(&["verify", "frontend"]);
    assert_eq!(ran.code, 1);
    let finding = &ran.one("verified", "frontend")["findings"][0];
    assert_eq!((&finding["rule"], &finding["severity"]), (&"size.budget".into(), &"error".into()));
    let details = finding["details"].to_string();
    assert!(details.contains("line 34"), "the base's share stands at its FROM: {details}");
}

#[tokio::test]
async fn any_image_of_the_engine_is_verified_without_settings() {
    let project = Project::new(&format!("FROM {BASE}\nCOPY big /big\nUSER 0:1000\n"));
    project.write("big", &"b".repeat(3_000_000));
    let built = project.build().await.unwrap();
    let name = project.plan.tags[0].to_string();
    let ran = loadline(&["verify", "--image", &name, "--budget", "1GB"]);
    assert_eq!(ran.status.code(), Some(1));
    let text = String::from_utf8(ran.stdout).unwrap();
    assert!(text.contains("user.root") && !text.contains("size.budget"), "{text}");
    let by_id = loadline(&["verify", "--image", &built.engine_id, "--budget", "2MB", "--format", "github"]);
    let text = String::from_utf8(by_id.stdout).unwrap();
    assert!(text.contains("::error title=size.budget"), "{text}");
}

#[tokio::test]
async fn an_image_that_is_not_there_is_no_pass() {
    let ran = loadline(&["verify", "--image", "loadline-test-not-there", "--budget", "1GB"]);
    assert_eq!(ran.status.code(), Some(3));
    assert!(String::from_utf8(ran.stderr).unwrap().contains("the engine has no image `loadline-test-not-there`"));
}
