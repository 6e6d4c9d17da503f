//! What `verify` says of images, rule by rule.

use crate::images::*;
use loadline::image::dockerfile::Dockerfile;
use loadline::types::{ByteSize, Finding, Outcome, Severity};
use loadline::verify::{Policy, Previous, Source, Verdict, check};
use serde_json::{Value, json};

const PASSWD: &str = "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n";

/// An image that has nothing to find, with changes to how it is run.
fn image(change: Value) -> Image {
    let base = layer(&[
        directory("etc/", 0o755),
        file("etc/passwd", 0o644, PASSWD),
        directory("bin/", 0o755),
        file("bin/sh", 0o755, "ELF"),
        file("bin/env", 0o755, "ELF"),
    ]);
    let mut run = json!({"User": "1000:1000", "Env": ["PATH=/bin"], "Cmd": ["sh"],
        "Healthcheck": {"Test": ["CMD", "true"]}});
    for (key, value) in change.as_object().unwrap() {
        run[key] = value.clone();
    }
    Image::new(run, &[base])
}

fn verdict(image: &Image, policy: &Policy) -> Verdict {
    check(&image.facts(), policy)
}

fn found(image: &Image) -> Vec<String> {
    verdict(image, &Policy::default()).findings.into_iter().map(|finding| finding.rule).collect()
}

fn only(image: &Image) -> Finding {
    let findings = verdict(image, &Policy::default()).findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    findings.into_iter().next().unwrap()
}

fn dockerfile(text: &str) -> Option<Source> {
    Some(Source { file: "Dockerfile".into(), text: text.into(), ..Source::default() })
}

#[test]
fn a_good_image_passes_with_nothing_found() {
    let verdict = verdict(&image(json!({})), &Policy::default());
    assert_eq!((verdict.findings.len(), verdict.passed, verdict.user.as_str()), (0, true, "1000"));
    assert_eq!(verdict.outcome(), Outcome::Fine);
    assert_eq!(verdict.not_checked[0].rule, "base.unpinned");
}

#[test]
fn root_is_found_however_it_is_written() {
    for user in ["", "0", "0:1000", "root", "root:app", "toor", "00", "+0", " 0", ":7"] {
        let finding = only(&image(json!({"User": user})));
        assert_eq!((finding.rule.as_str(), finding.severity), ("user.root", Severity::Error), "{user}");
    }
    let mut bare = image(json!({"User": "root", "Cmd": ["/x"]}));
    bare.layers = vec![layer(&[file("x", 0o755, "")])];
    assert!(found(&bare).contains(&"user.root".into()));
}

#[test]
fn other_users_are_said_or_refused() {
    let name = only(&image(json!({"User": "app"})));
    assert_eq!((name.rule.as_str(), name.severity), ("user.name", Severity::Warn));
    assert_eq!(name.hint.as_deref(), Some("`app` is uid 1000 in the image; write `USER 1000:1000`"));
    let strict = Policy { numeric_user: true, ..Policy::default() };
    assert!(!verdict(&image(json!({"User": "app"})), &strict).passed);
    let unknown = verdict(&image(json!({"User": "ghost"})), &Policy::default());
    assert_eq!((unknown.findings[0].rule.as_str(), unknown.passed), ("user.unknown", false));
    assert_eq!(unknown.user, "ghost");
    let no_account = verdict(&image(json!({"User": "4242"})), &Policy::default());
    assert_eq!((no_account.findings[0].rule.as_str(), no_account.passed), ("user.no-passwd", true));
}

#[test]
fn a_policy_changes_what_fails() {
    let policy = |rules: &[(&str, Option<Severity>)]| Policy {
        rules: rules.iter().map(|(rule, severity)| (rule.to_string(), *severity)).collect(),
        ..Policy::default()
    };
    let root = image(json!({"User": "0", "Healthcheck": null}));
    assert!(!verdict(&root, &Policy::default()).passed);
    assert!(verdict(&root, &policy(&[("user.root", None)])).passed);
    let raised = policy(&[("user.root", Some(Severity::Info)), ("healthcheck.missing", Some(Severity::Error))]);
    let verdict_raised = verdict(&root, &raised);
    let order: Vec<&str> = verdict_raised.findings.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!((order, verdict_raised.passed), (vec!["healthcheck.missing", "user.root"], false));
    // What could not be looked at is no pass where it would fail.
    let blind = verdict(&image(json!({})), &policy(&[("base.unpinned", Some(Severity::Error))]));
    assert_eq!((blind.passed, blind.outcome()), (false, Outcome::Unreachable));
    assert!(verdict(&image(json!({})), &policy(&[("base.unpinned", None)])).not_checked.is_empty());
}

#[test]
fn an_image_without_a_health_check_is_said() {
    assert_eq!(only(&image(json!({"Healthcheck": null}))).found, "no HEALTHCHECK");
    assert_eq!(only(&image(json!({"Healthcheck": {"Test": ["NONE"]}}))).found, "HEALTHCHECK is NONE");
}

#[test]
fn secrets_are_named_and_never_shown() {
    let value = "hunter2hunter2";
    let secret = image(json!({"Env": ["PATH=/bin", format!("DB_PASSWORD={value}")],
        "Labels": {"deploy.token": value, "url": format!("https://me:{value}@x/")}}));
    let policy = Policy { dockerfile: dockerfile("FROM a@x\nENV A=1 \\\n  DB_PASSWORD=x\n"), ..Policy::default() };
    let verdict = verdict(&secret, &policy);
    let of = |rule: &str| verdict.findings.iter().filter(|finding| finding.rule == rule).collect::<Vec<_>>();
    assert_eq!(of("secret.env")[0].found, "`DB_PASSWORD` has a value, and a secret's name");
    assert_eq!(of("secret.env")[0].place.as_ref().unwrap().to_string(), "Dockerfile:2");
    let labels: Vec<&str> = of("secret.label").iter().map(|finding| finding.found.as_str()).collect();
    assert_eq!(labels, ["`deploy.token` has a value, and a secret's name", "`url` holds a URL with a password"]);
    assert!(!serde_json::to_string(&verdict).unwrap().contains(value));
}

#[test]
fn unpinned_bases_have_their_line() {
    let digest = "a".repeat(64);
    let text = format!(
        "ARG TAG=3.12\nFROM node:20 AS unused\nFROM python:${{TAG}} AS build\nCOPY --from=uv:1 /uv /\n\
         FROM alpine@sha256:{digest}\nCOPY --from=build /a /b\nCOPY --from=$NOPE /a /b\nUSER 1000:1000\n"
    );
    let policy = Policy { dockerfile: dockerfile(&text), ..Policy::default() };
    let said = verdict(&image(json!({})), &policy).findings;
    let said: Vec<String> = said.iter().map(|f| format!("{} {}", f.place.as_ref().unwrap(), f.found)).collect();
    assert_eq!(
        said,
        ["Dockerfile:3 python:3.12", "Dockerfile:4 uv:1", "Dockerfile:7 `$NOPE`, whose value is not known"]
    );
}

#[test]
fn what_runs_must_be_there_and_executable() {
    let app = |items: &[Item], run: Value| {
        let mut image = image(run);
        image.layers.push(layer(items));
        image
    };
    let none = [];
    let cases: Vec<(Image, &str)> = vec![
        (app(&none, json!({"Cmd": null})), "neither ENTRYPOINT nor CMD is set"),
        (app(&none, json!({"Cmd": ["gunicorn"]})), "`gunicorn` is in no directory of PATH (/bin)"),
        (app(&none, json!({"Entrypoint": ["/run.sh"]})), "`/run.sh` does not exist"),
        (
            app(&none, json!({"Cmd": ["/bin/sh", "-c", "A=b exec uvicorn x"]})),
            "`uvicorn` is in no directory of PATH (/bin)",
        ),
        (app(&[link("run", "gone")], json!({"Cmd": ["/run"]})), "`/run` leads to `/gone`, which does not exist"),
        (
            app(&[file("run", 0o755, "#!/bin/bash -e\n")], json!({"Cmd": ["/run"]})),
            "`/run` begins with `#!/bin/bash -e`: `/bin/bash` does not exist",
        ),
        (
            app(&[file("run", 0o755, "#!/bin/sh\r\nx")], json!({"Cmd": ["/run"]})),
            "`/run` begins with `#!/bin/sh\\r`; its lines end with CR LF: `/bin/sh\r` does not exist",
        ),
        (
            app(&[file("run", 0o755, "#!/bin/env -S python3 -u\n")], json!({"Cmd": ["/run"]})),
            "`/run` begins with `#!/bin/env -S python3 -u`: `python3` is in no directory of PATH (/bin)",
        ),
        (app(&[file("run", 0o755, "#!/run")], json!({"Cmd": ["/run"]})), "has too many interpreters"),
        (app(&[file("run", 0o644, "")], json!({"Cmd": ["/run"]})), "`/run` has mode 0644 and owner 0:0"),
        (
            app(&[file("run", 0o700, "").owned(1001, 0)], json!({"Cmd": ["/run"]})),
            "`/run` has mode 0700 and owner 1001:0",
        ),
        (app(&[file("run", 0o711, "#!/bin/sh\n")], json!({"Cmd": ["/run"]})), "`/run` is a script, and has mode 0711"),
        (
            app(&[directory("opt/", 0o700), file("opt/run", 0o755, "")], json!({"Cmd": ["/opt/run"]})),
            "`/opt/run` is in `/opt`, and that has mode 0700 and owner 0:0",
        ),
        (app(&[directory("run/", 0o755)], json!({"Cmd": ["/run"]})), "`/run` is a directory"),
    ];
    for (image, expected) in cases {
        let finding = only(&image);
        let forbidden = ["has mode", "is a directory", "too many"].iter().any(|why| expected.contains(why));
        assert_eq!(finding.rule, if forbidden { "entrypoint.not-executable" } else { "entrypoint.missing" });
        assert_eq!(finding.severity, Severity::Warn);
        assert!(finding.found.contains(expected), "{}", finding.found);
    }
    for (items, run) in [
        (vec![file("app/run", 0o755, "#!/bin/sh\n")], json!({"WorkingDir": "/app", "Cmd": ["./run"]})),
        (vec![file("run", 0o710, "").owned(0, 1000)], json!({"Cmd": ["/run"]})),
        (vec![file("run", 0o100, "").owned(1000, 0)], json!({"Entrypoint": "/run", "Cmd": ["sh"]})),
        (vec![], json!({"Cmd": ["/bin/sh", "-c", "cd /x && ./y"]})),
        (vec![], json!({"Cmd": ["/bin/sh", "-c", "exec \"$CMD\""]})),
        (vec![file("run", 0o755, "#! /bin/env sh\n")], json!({"Cmd": ["/run"]})),
    ] {
        assert_eq!(found(&app(&items, run)), Vec::<String>::new());
    }
}

#[test]
fn a_stand_in_base_is_said() {
    let labels = json!({"io.loadline.base": "stand-in", "io.loadline.base.version": "nginx 1.26.3"});
    let verdict = verdict(&image(json!({"Labels": labels})), &Policy::default());
    assert_eq!(verdict.stand_in.as_deref(), Some("nginx 1.26.3"));
}

const BUILD: &str = "FROM python:3.12-slim AS base
WORKDIR /app
ARG VERSION=1

FROM base
ENV A=1
RUN --mount=type=cache,target=/c \\
    uv sync \\
    # locked
      --frozen
COPY --chown=1000 src ${HOME}/x tests /app/
RUN [\"/bin/true\", \"now\"]
RUN <<EOF
echo one
EOF
RUN python3 - <<-'X' && true
	print(1)
	X
COPY <<-Y /y
	y
	Y
ONBUILD RUN x
USER 1000:1000
CMD [\"sh\"]
";

/// The history that BuildKit writes for it, with a layer of the base and its command before.
fn history() -> Value {
    let step = |created_by: &str, empty: bool| json!({"created_by": created_by, "empty_layer": empty});
    json!([
        step("/bin/sh -c #(nop) ADD file:abc in / ", false),
        step("ENV PATH=/bin", true),
        step("RUN /bin/sh -c set -eux; build # buildkit", false),
        step("CMD [\"python3\"]", true),
        step("WORKDIR /app", false),
        step("ARG VERSION=1", true),
        step("ENV A=1", true),
        step("RUN |1 VERSION=s3cret value /bin/sh -c uv sync       --frozen # buildkit", false),
        step("COPY --chown=1000 src /home/me/x tests /app/ # buildkit", false),
        step("RUN |1 VERSION=1 /bin/true now # buildkit", false),
        step("RUN |1 VERSION=1 /bin/sh -c echo one\n # buildkit", false),
        step("RUN |1 VERSION=1 /bin/sh -c python3 - <<-'X' && true\n\tprint(1)\nX # buildkit", false),
        step("COPY <<Y /y # buildkit", false),
        step("USER 1000:1000", true),
        step("CMD [\"sh\"]", true),
    ])
}

fn built() -> Image {
    let base = image(json!({}));
    let content = |path: &str, size: usize| layer(&[file(path, 0o644, &"x".repeat(size))]);
    let mut layers = base.layers.clone();
    layers.extend([
        content("base", 5_000),
        content("app/w", 0),
        content("root/.cache/x", 60_000),
        content("app/tests/data/a", 20_000),
        content("t", 1),
        content("u", 1),
        content("v", 1),
        content("y", 1),
    ]);
    Image { history: history(), layers, ..base }
}

#[test]
fn layers_have_the_line_that_made_them() {
    let policy = Policy { dockerfile: dockerfile(BUILD), ..Policy::default() };
    let lines = |image: &Image, policy: &Policy| {
        let layers = verdict(image, policy).layers;
        layers.iter().map(|layer| (layer.line, layer.base)).collect::<Vec<_>>()
    };
    let expected =
        [(1, true), (1, true), (2, false), (7, false), (11, false), (12, false), (13, false), (16, false), (19, false)];
    let expected: Vec<_> = expected.iter().map(|(line, base)| (Some(*line), *base)).collect();
    assert_eq!(lines(&built(), &policy), expected);
    // A line that changed since is unknown, not another one; the others still match.
    let changed = Policy { dockerfile: dockerfile(&BUILD.replace("uv sync", "pip install")), ..Policy::default() };
    let mut with_unknown = expected.clone();
    with_unknown[3] = (None, false);
    assert_eq!(lines(&built(), &changed), with_unknown);
    assert!(lines(&built(), &Policy::default()).iter().all(|(line, _)| line.is_none()));
    // A history that does not fit the layers says nothing.
    let mut short = built();
    short.layers.pop();
    assert!(lines(&short, &policy).iter().all(|(line, _)| line.is_none()));
    // What the history has of a secret argument is not repeated.
    let unknown = verdict(&built(), &Policy::default());
    assert_eq!(unknown.layers[3].instruction, "uv sync --frozen");
    assert!(!serde_json::to_string(&unknown).unwrap().contains("s3cret"));
}

#[test]
fn a_size_passes_when_it_is_less_than_the_budget() {
    let image = built();
    let size = image.facts().size().0;
    let under = |budget| {
        let policy = Policy { budget: Some(ByteSize(budget)), dockerfile: dockerfile(BUILD), ..Policy::default() };
        verdict(&image, &policy)
    };
    assert!(under(size + 1).passed);
    assert!(!under(size).passed);
    let finding = under(size).findings.remove(0);
    assert_eq!(finding.expected, format!("under {size} bytes"));
    let verdict = under(50_000);
    let finding = &verdict.findings[0];
    assert_eq!(finding.place.as_ref().unwrap().to_string(), "Dockerfile:7");
    assert_eq!(finding.details[1], "    61 KB  line 7    uv sync --frozen");
    assert_eq!(finding.details[2], "    22 KB  line 11   COPY src ${HOME}/x tests /app/");
    assert_eq!(finding.details.last().unwrap().trim(), "5 KB  in 3 more");
    assert!(finding.hint.as_ref().unwrap().starts_with("most of line 7 is `/root/.cache/x` (60 KB)"));
    assert_eq!(verdict.layers.iter().map(|layer| layer.size.0).sum::<u64>(), verdict.size.0);
}

#[test]
fn what_is_new_since_the_image_before_is_marked() {
    let image = built();
    let before = Image { layers: image.layers[..3].to_vec(), ..image.clone() };
    let previous = Previous { id: image.facts().id, diff_ids: before.diff_ids(), size: None };
    let id = previous.id.short()[..4].to_owned();
    let policy = Policy {
        budget: Some(ByteSize(1)),
        dockerfile: dockerfile(BUILD),
        previous: Some(previous),
        ..Policy::default()
    };
    let verdict = verdict(&image, &policy);
    let marked: Vec<bool> = verdict.findings[0].details.iter().map(|detail| detail.contains(&id)).collect();
    assert_eq!(marked, [false, true, true, false, true, true, false]);
    let base = verdict.findings.iter().find(|finding| finding.rule == "base.unpinned").unwrap();
    assert!(base.hint.as_ref().unwrap().contains("imagetools inspect python:3.12-slim"));
}

#[test]
fn a_base_that_several_lines_name_is_one_finding() {
    let text = "FROM nginx:alpine AS a\nFROM python:3.12-slim AS b\nFROM nginx:alpine\nCOPY --from=a /x /x\nCOPY --from=b /y /y\n";
    let policy = Policy { dockerfile: dockerfile(text), ..Policy::default() };
    let findings = verdict(&built(), &policy).findings;
    let found = findings.iter().filter(|finding| finding.rule == "base.unpinned");
    let said: Vec<_> = found.map(|one| format!("{} {}", one.found, one.place.as_ref().unwrap())).collect();
    assert_eq!(said, ["nginx:alpine, in lines 1, 3 Dockerfile:1", "python:3.12-slim Dockerfile:2"]);
}

#[test]
fn no_text_of_an_image_or_dockerfile_is_too_strange() {
    let mut random = Random(5);
    let strange = [
        "", "\0", "\n", "#!", "|3 a", "$", "${", "${a:-", "<<", "<<-", "\\", "`", "..", "/", ":", "é", "\u{1b}", "[\"",
        "--", "=",
    ];
    for _ in 0..300 {
        let mut mutate = |text: &str| {
            let mut text: Vec<char> = text.chars().collect();
            for _ in 0..4 {
                let at = random.below(text.len() + 1);
                let end = (at + random.below(6)).min(text.len());
                text.splice(at..end, strange[random.below(strange.len())].chars());
            }
            text.into_iter().collect::<String>()
        };
        let text = mutate(BUILD);
        let lines = text.split('\n').count() as u32;
        let parsed = Dockerfile::parse(&text);
        let all = parsed.stages.iter().flat_map(|stage| &stage.instructions).chain(&parsed.globals);
        assert!(all.into_iter().all(|one| one.line >= 1 && one.line <= lines));
        let mut image = built();
        let mut history = image.history.clone();
        for step in history.as_array_mut().unwrap() {
            step["created_by"] = mutate(step["created_by"].as_str().unwrap()).into();
        }
        image.history = history;
        image.run = json!({"User": mutate("app:app"), "Cmd": [mutate("/bin/sh"), "-c", mutate("exec run")],
            "Env": [mutate("PATH=/bin:/usr/bin"), mutate("A_TOKEN=b")], "WorkingDir": mutate("/app")});
        let items = [file("bin/sh", 0o755, &mutate("#!/bin/env -S sh\n")), file("etc/passwd", 0o644, &mutate(PASSWD))];
        image.layers[0] = layer(&items);
        let policy = Policy { budget: Some(ByteSize(1)), dockerfile: dockerfile(&text), ..Policy::default() };
        let verdict = verdict(&image, &policy);
        assert_eq!(verdict.findings[0].rule, "size.budget");
        let lines = verdict.layers.iter().filter_map(|layer| layer.line);
        assert!(lines.into_iter().all(|line| line as usize <= text.split('\n').count()));
    }
}
