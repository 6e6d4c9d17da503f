//! The verbs that need no engine, and what every verb has in common.

use super::Shop;
use std::process::Stdio;

const FULL: &str = r#"version = 1
target = "kind:dev"

[image.api]
budget = "400MB"
numeric-user = true
tag = ["shop/api:1", "shop/api:dev"]
args = { VERSION = "1.2", TOKEN = { env = "TOKEN" }, GONE = { env = "GONE", optional = true } }
secrets.npm = { file = ".npmrc", optional = true }
probe = { path = "/healthz", port = 8000, status = 200, deadline = "1m30s" }

[image.api.run]
memory = "256MiB"
cpu = 0.5
env.MODE = "test"

[image.api.needs.db]
image = "postgres:16-alpine"
env.POSTGRES_PASSWORD = "x"
ready = "tcp:5432"

[image.web]
context = "web"
stage = "serve"
needs.api = {}

[rules]
"base.unpinned" = "off"
"#;

fn full() -> Shop {
    Shop::with(FULL).file("web/Dockerfile", "FROM scratch\n")
}

#[test]
fn config_shows_each_value_and_its_origin() {
    let shop = full();
    let mut command = shop.command(&["config", "--platform", "linux/arm64", "--build-arg", "VERSION=2"]);
    command.env("TOKEN", "t0ken");
    let ran = shop.ran(command);
    assert!(!ran.out.contains("t0ken"), "what comes from the environment is not shown");
    insta::assert_snapshot!(ran.all());
}

#[test]
fn what_config_shows_is_settings_that_make_the_same_plan() {
    let shop = full();
    let plan = |args: &[&str]| {
        let mut command = shop.command(args);
        command.env("TOKEN", "t0ken");
        let ran = shop.ran(command);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        ran.out
    };
    let shown = plan(&["config"]);
    std::fs::write(shop.root.join("again.toml"), shown).unwrap();
    let of = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap()["plan"].clone();
    assert_eq!(of(plan(&["config", "--json"])), of(plan(&["config", "--json", "--file", "again.toml"])));
}

#[test]
fn config_of_a_guess_says_why() {
    let shop = Shop::empty().file("Dockerfile", "").file("dockerfiles/web.Dockerfile", "").file("sub/Dockerfile", "");
    insta::assert_snapshot!(shop.run(&["config"]).all());
}

#[test]
fn unknown_image() {
    insta::assert_snapshot!(full().run(&["config", "wbe"]).all());
}

#[test]
fn one_tag_for_two_images() {
    insta::assert_snapshot!(full().run(&["build", "--tag", "shop/x:1"]).all());
}

#[test]
fn an_argument_whose_variable_is_not_set_stops_a_build_and_nothing_else() {
    let shop = full();
    assert_eq!(shop.run(&["config"]).code, Some(0));
    insta::assert_snapshot!(shop.run(&["build"]).all());
}

#[test]
fn json_says_failures_as_events_and_on_stderr() {
    let ran = Shop::empty().run(&["build", "--json"]);
    let events: Vec<serde_json::Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["event"], "failed");
    assert_eq!(events[0]["outcome"], "usage");
    assert_eq!(events[1]["event"], "finished");
    assert_eq!(events[1]["code"], 2);
    assert_eq!(events.len(), 2);
    assert!(ran.err.starts_with("error: no loadline.toml and no Dockerfile here\n"), "{}", ran.err);
}

#[test]
fn colour_only_repeats_the_words() {
    let shop = full();
    let plain = shop.run(&["config", "nope"]);
    let painted = shop.run(&["config", "nope", "--color", "always"]);
    assert!(painted.err.contains("\x1b[31;1merror:\x1b[0m"), "{}", painted.err);
    assert_eq!(painted.err.replace("\x1b[31;1m", "").replace("\x1b[32m", "").replace("\x1b[0m", ""), plain.err);
}

#[test]
fn a_bad_value_of_an_option_says_what_is_allowed() {
    let shop = full();
    insta::assert_snapshot!(shop.run(&["verify", "--budget", "much"]).all(), @r"
    exit 2
    --- stderr
    error: invalid value 'much' for '--budget <SIZE>': `much` is not a size (a number and B, kB, MB, GB, KiB, MiB or GiB, such as `200MB`)

    For more information, try '--help'.
    ");
    assert_eq!(shop.run(&["verify", "api", "--archive", "-"]).code, Some(2));
    assert_eq!(shop.run(&["build", "--secret", "id=x"]).code, Some(2));
    assert_eq!(shop.run(&["bild"]).code, Some(2));
    assert_eq!(shop.run(&["--version"]).code, Some(0));
}

#[test]
fn a_reader_that_goes_is_a_clean_end() {
    for args in [&["config", "--schema"][..], &["completions", "bash"], &["man"], &["--help"]] {
        let mut command = Shop::empty().command(args);
        let mut child = command.current_dir("/").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{args:?}: {output:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let shop = Shop::empty();
    let mut command = shop.command(&["config", "--schema"]);
    command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let mut events = shop.command(&["build", "--json"]);
    events.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    assert!(shop.ran(events).err.contains("error: cannot write to stdout"), "events are data, too");
    insta::assert_snapshot!(shop.ran(command).all(), @r"
    exit 4
    --- stderr
    error: cannot write to stdout
      caused by: No space left on device (os error 28)
    ");
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_ends_the_wait_for_an_engine_that_does_not_answer() {
    let shop = Shop::with("version = 1\n[image.api]\n");
    let path = shop.root.join("engine.sock");
    let engine = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let mut command = shop.command(&["build"]);
    command.env("DOCKER_HOST", format!("unix://{}", path.display())).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    // Connected means that the verb runs, and it runs only once signals are taken.
    let _silent = engine.accept().unwrap();
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "interrupted: cleaning up; once more leaves at once\n");
}

#[cfg(target_os = "linux")]
#[test]
fn an_engine_that_takes_long_to_answer_is_said_to_be_waited_for() {
    use std::io::{BufRead, BufReader};
    let shop = Shop::with("version = 1\n[image.api]\n");
    let path = shop.root.join("engine.sock");
    // Connections are taken, and never answered.
    let _engine = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let mut command = shop.command(&["build"]);
    command.env("DOCKER_HOST", format!("unix://{}", path.display())).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(line, format!("waiting for the engine at unix://{}\n", path.display()));
}
