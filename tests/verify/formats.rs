//! Text, JSON and annotations.

use crate::images::*;
use loadline::event::Failure;
use loadline::image::archive::{Archive, Choice};
use loadline::types::ByteSize;
use loadline::verify::format::{BuildTime, Report, Result, github, json, junit, markdown, sarif, text};
use loadline::verify::{Policy, Source, check};
use serde_json::json;

fn reports() -> Vec<Report> {
    let app = layer(&[file("run", 0o755, &"x".repeat(3_000_000))]);
    let run = json!({"Cmd": ["/run"], "Healthcheck": {"Test": ["CMD", "a"]},
        "Labels": {"io.loadline.base": "stand-in", "io.loadline.base.version": "nginx\u{1b}[2J\n1.26"},
        "Env": ["A%,B:\n::error::_TOKEN=abc"]});
    let image = Image { history: json!([{"created_by": "COPY run / # buildkit"}]), ..Image::new(run, &[app]) };
    let dockerfile =
        Source { file: "a,b/Dockerfile".into(), text: "FROM a:1\nCOPY run /\n".into(), ..Source::default() };
    let policy = Policy { budget: Some(ByteSize(2_000_000)), dockerfile: Some(dockerfile), ..Policy::default() };
    let verdict = check(&image.facts(), &policy);
    let error = Archive::read("old.tar", &layer(&[])[..], None).unwrap().image(&Choice::default()).unwrap_err();
    vec![
        Report {
            image: "backend".into(),
            result: Result::Verdict(Box::new(verdict)),
            engine_size: Some(ByteSize(4_310_000)),
            build: Some(BuildTime { ms: 12_300, before_ms: Some(41_000) }),
        },
        Report {
            image: "old".into(),
            result: Result::Failure(Failure::new(Some("old"), &error)),
            engine_size: None,
            build: None,
        },
    ]
}

#[test]
fn text_says_all_and_escapes_what_could_steer_a_terminal() {
    insta::assert_snapshot!(text(&reports()), @r"
    backend sha256:04551f98a68e…
      3.0 MB; user 0
      base: stand-in (nginx\u{1b}[2J\n1.26)
      error  size.budget     3.0 MB; wanted: under 2 MB
             at a,b/Dockerfile:2
             over by 1.0 MB; largest:
                3.0 MB  line 2    COPY run /
             hint: most of line 2 is `/run` (3.0 MB); if the image does not need
             it, leave it out by .dockerignore
      error  user.root       no USER is set, so it runs as root; wanted: a user
             other than root
             at a,b/Dockerfile:1
             hint: set USER to a number other than 0, such as `USER 1000:1000`
      warn   secret.env      `A%,B:\n::error::_TOKEN` has a value, and a secret's
             name; wanted: no secret in the environment
             hint: give `A%,B:\n::error::_TOKEN` to the container when it starts,
             or as a build secret to the step that needs it
      warn   base.unpinned   a:1; wanted: a digest (`name:tag@sha256:…`)
             at a,b/Dockerfile:1
             hint: `docker buildx imagetools inspect a:1` prints the digest to
             write after it
    old: could not be checked
    2 errors, 2 warnings in 1 of 1 image; 1 of 2 images could not be checked;
             `docker images` shows 4.3 MB for backend (it counts what the store
             keeps)
    ");
}

#[test]
fn annotations_are_one_line_each() {
    insta::assert_snapshot!(github(&reports()), @r"
    ::error file=a%2Cb/Dockerfile,line=2,title=size.budget (backend)::3.0 MB; wanted: under 2 MB%0Aover by 1.0 MB; largest:%0A   3.0 MB  line 2    COPY run /%0Ahint: most of line 2 is `/run` (3.0 MB); if the image does not need it, leave it out by .dockerignore
    ::error file=a%2Cb/Dockerfile,line=1,title=user.root (backend)::no USER is set, so it runs as root; wanted: a user other than root%0Ahint: set USER to a number other than 0, such as `USER 1000:1000`
    ::warning title=secret.env (backend)::`A%25,B:%0A::error::_TOKEN` has a value, and a secret's name; wanted: no secret in the environment%0Ahint: give `A%25,B:%0A::error::_TOKEN` to the container when it starts, or as a build secret to the step that needs it
    ::warning file=a%2Cb/Dockerfile,line=1,title=base.unpinned (backend)::a:1; wanted: a digest (`name:tag@sha256:…`)%0Ahint: `docker buildx imagetools inspect a:1` prints the digest to write after it
    ::error title=could not check::old: archive `old.tar`: it holds no image: neither `manifest.json` nor `index.json` is in it
    ");
}

#[test]
fn json_has_bytes_and_is_whole() {
    let document: serde_json::Value = serde_json::from_str(&json(&reports())).unwrap();
    assert_eq!(document["passed"], false);
    assert_eq!(document["images"][0]["verdict"]["size"], 3_001_856);
    assert_eq!(document["images"][0]["verdict"]["findings"][0]["rule"], "size.budget");
    assert_eq!(document["images"][0]["verdict"]["layers"][0]["line"], 2);
    assert_eq!(document["images"][1]["failure"]["outcome"], "unreachable");
}

#[test]
fn sarif_has_every_rule_and_a_result_for_each_finding() {
    let document: serde_json::Value = serde_json::from_str(&sarif(&reports())).unwrap();
    let run = &document["runs"][0];
    assert_eq!(document["version"], "2.1.0");
    let rules: Vec<&str> =
        run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap()).collect();
    let results = run["results"].as_array().unwrap();
    let findings: usize = reports()
        .iter()
        .map(|report| match &report.result {
            Result::Verdict(verdict) => verdict.findings.len(),
            Result::Failure(_) => 0,
        })
        .sum();
    assert_eq!(results.len(), findings);
    for result in results {
        assert!(rules.contains(&result["ruleId"].as_str().unwrap()), "{result}");
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        assert_eq!(result["locations"][0]["logicalLocations"][0]["name"], "backend");
    }
    let budget = results.iter().find(|result| result["ruleId"] == "size.budget").unwrap();
    let physical = &budget["locations"][0]["physicalLocation"];
    assert_eq!(
        (physical["artifactLocation"]["uri"].as_str(), physical["region"]["startLine"].as_u64()),
        (Some("a,b/Dockerfile"), Some(2))
    );
    assert_eq!(budget["level"], "error");
    // Code scanning takes no result that is in no file.
    assert!(results.iter().all(|one| one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].is_string()));
    // An image that was not read is no clean one.
    let notes = run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
    assert!(
        notes
            .iter()
            .any(|note| note["level"] == "error" && note["message"]["text"].as_str().unwrap().starts_with("old: "))
    );
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
}

#[test]
fn junit_fails_a_case_for_each_rule_that_failed() {
    let text = junit(&reports());
    let count = |what: &str| text.matches(what).count();
    assert_eq!((count("<failure "), count("<error ")), (2, 1), "{text}");
    assert_eq!(count("<testcase "), loadline::verify::RULES.len() + 1);
    assert!(
        text.contains("<testcase classname=\"backend\" name=\"user.root\"><failure message=\"error: no USER is set"),
        "{text}"
    );
    // What an image is called or has in it cannot end an element, or be what XML cannot hold.
    assert!(!text.contains('\u{1b}') && text.contains("A%,B:\n::error::_TOKEN"), "{text}");
    let first = text.lines().nth(1).unwrap();
    let all = loadline::verify::RULES.len() + 1;
    assert!(first.contains(&format!("tests=\"{all}\" failures=\"2\" errors=\"1\"")), "{first}");
    assert_eq!(count("<testcase "), count("</testcase>"));
}

#[test]
fn markdown_is_a_table_that_an_image_cannot_break() {
    let text = markdown(&reports());
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 4, "{text}");
    assert_eq!(rows[2], "| backend | **failed**, 2 warnings | 3.0 MB | 2 MB |  | 12.3s | 41.0s | 0 |");
    assert_eq!(rows[3], "| old | **not checked** |  |  |  |  |  |  |");
    assert!(text.contains("- error `size.budget` at a,b/Dockerfile:2: 3.0 MB; wanted: under 2 MB"), "{text}");
    assert!(text.contains("\\_TOKEN") && !text.contains('\u{1b}'), "{text}");
}
