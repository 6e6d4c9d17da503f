//! Causes, alone and in pairs: each is named, and nothing else.

use super::changes::Changes;
use super::plan::Plan;
use crate::image::dockerfile::Dockerfile;
use crate::project::{BuildArg, ImagePlan};
use crate::types::{Because, FileChange};
use std::collections::BTreeSet;

const TEXT: &str = "ARG PYTHON=3.12\n\
    FROM python:${PYTHON} AS deps\n\
    WORKDIR /app\n\
    COPY requirements.txt ./\n\
    ARG INDEX=a\n\
    RUN pip install -r requirements.txt\n\
    FROM node AS web\n\
    COPY --chown=1 web/package*.json web/\n\
    RUN --mount=type=bind,source=scripts npm ci\n\
    FROM deps\n\
    ENV MODE=x\n\
    COPY [\"src\", \"./src/\"]\n\
    RUN compile\n\
    COPY --from=web /dist /dist\n";

fn image(args: &[(&str, &str)]) -> ImagePlan {
    let args = args.iter().map(|(name, value)| BuildArg { name: (*name).into(), value: (*value).into() }).collect();
    ImagePlan { args, ..ImagePlan::undescribed("api") }
}

fn unchanged() -> Changes {
    Changes { before: Some(Dockerfile::parse(TEXT)), ..Changes::default() }
}

fn files(all: &[(&str, FileChange)]) -> Changes {
    Changes { files: all.iter().map(|(path, change)| ((*path).to_owned(), *change)).collect(), ..unchanged() }
}

fn file(path: &str, change: FileChange) -> Because {
    Because::Files { path: path.into(), change, count: 1 }
}

/// Which lines would run, each with its causes.
fn predicted(text: &str, changes: &Changes) -> Vec<(u32, Vec<Because>)> {
    let plan = Plan::new(text, &image(&[]), changes);
    plan.predicted(None).into_iter().map(|step| (step.line, step.because)).collect()
}

fn after(line: u32) -> Vec<Because> {
    vec![Because::Step { line }]
}

#[test]
fn nothing_that_changed_runs_nothing() {
    assert_eq!(predicted(TEXT, &unchanged()), []);
    assert_eq!(predicted(TEXT, &files(&[("README.md", FileChange::Content)])), []);
}

#[test]
fn a_file_runs_the_step_that_takes_it_and_what_follows() {
    for change in [FileChange::Content, FileChange::Mode, FileChange::Added, FileChange::Removed, FileChange::Kind] {
        let found = predicted(TEXT, &files(&[("src/a/b.py", change)]));
        assert_eq!(found, [(12, vec![file("src/a/b.py", change)]), (13, after(12)), (14, after(13))]);
    }
    let found = predicted(TEXT, &files(&[("requirements.txt", FileChange::Content)]));
    let lines: Vec<u32> = found.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [4, 6, 12, 13, 14]);
    assert_eq!((&found[1].1, &found[2].1), (&after(4), &after(6)));
}

#[test]
fn wildcards_and_mounts_take_files_too() {
    let found = predicted(TEXT, &files(&[("web/package-lock.json", FileChange::Content)]));
    assert_eq!(found[0], (8, vec![file("web/package-lock.json", FileChange::Content)]));
    assert_eq!(found.last().unwrap(), &(14, after(9)), "what is copied from another stage may be another");
    let found = predicted(TEXT, &files(&[("scripts/x.sh", FileChange::Mode)]));
    assert_eq!(found[0], (9, vec![file("scripts/x.sh", FileChange::Mode)]));
    assert_eq!(predicted(TEXT, &files(&[("web/src/index.ts", FileChange::Content)])), []);
}

#[test]
fn several_files_are_counted() {
    let both = [("src/a", FileChange::Added), ("src/b", FileChange::Content), ("x", FileChange::Content)];
    let because = Because::Files { path: "src/a".into(), change: FileChange::Added, count: 2 };
    assert_eq!(predicted(TEXT, &files(&both))[0], (12, vec![because]));
}

#[test]
fn an_argument_runs_what_is_below_its_declaration() {
    let changes = Changes { args: ["INDEX".to_owned()].into(), ..unchanged() };
    let found = predicted(TEXT, &changes);
    assert_eq!(found[0], (6, vec![Because::Argument { name: "INDEX".into() }]));
    let changes = Changes { args: ["PYTHON".to_owned()].into(), ..unchanged() };
    assert_eq!(predicted(TEXT, &changes)[0], (3, vec![Because::Argument { name: "PYTHON".into() }]));
    let changes = Changes { args: ["NOT_DECLARED".to_owned()].into(), ..unchanged() };
    assert_eq!(predicted(TEXT, &changes), []);
}

#[test]
fn a_base_runs_its_stage_and_what_is_built_on_it() {
    let changes = Changes { bases: ["docker.io/library/node:latest".to_owned()].into(), ..unchanged() };
    let found = predicted(TEXT, &changes);
    assert_eq!(found[0], (8, vec![Because::Base { image: "node".into() }]));
    assert_eq!(found[1], (9, after(8)));
    assert_eq!(found[2], (14, after(9)));
    assert_eq!(found.len(), 3);
    let changes = Changes { bases: ["docker.io/library/python:3.12".to_owned()].into(), ..unchanged() };
    assert_eq!(predicted(TEXT, &changes)[0], (3, vec![Because::Base { image: "python:3.12".into() }]));
}

#[test]
fn an_edited_line_is_named_where_it_is_now() {
    let text = TEXT.replace("RUN compile", "\nRUN compile --all");
    assert_eq!(predicted(&text, &unchanged())[0], (14, vec![Because::Instruction { line: 14 }]));
    // What makes no step decides what the next one that runs sees.
    let text = TEXT.replace("MODE=x", "MODE=y");
    assert_eq!(predicted(&text, &unchanged())[0], (13, vec![Because::Instruction { line: 11 }]));
    let text = TEXT.replace("FROM node AS web", "FROM node:22 AS web");
    assert_eq!(predicted(&text, &unchanged())[0], (8, vec![Because::Instruction { line: 7 }]));
    // What decides no step runs none.
    let text = TEXT.replace("RUN compile\n", "LABEL a=b\nRUN compile\n") + "CMD [\"x\"]\n";
    assert_eq!(predicted(&text, &unchanged()), []);
}

#[test]
fn causes_in_pairs_are_both_named() {
    let mut changes = files(&[("src/a", FileChange::Content), ("requirements.txt", FileChange::Mode)]);
    changes.args = ["INDEX".to_owned()].into();
    let found = predicted(TEXT, &changes);
    assert_eq!(found[0], (4, vec![file("requirements.txt", FileChange::Mode)]));
    assert_eq!(found[1], (6, vec![Because::Argument { name: "INDEX".into() }]));
    assert_eq!(found[2], (12, vec![file("src/a", FileChange::Content)]));
    let text = TEXT.replace("COPY [\"src\"", "COPY [\"src\", \"lib\"");
    let both = vec![Because::Instruction { line: 12 }, file("src/a", FileChange::Content)];
    assert_eq!(predicted(&text, &changes)[2], (12, both));
}

#[test]
fn a_platform_an_engine_and_the_asking_run_everything() {
    let all = |changes: Changes| predicted(TEXT, &changes);
    let platform = all(Changes { platform: true, ..unchanged() });
    assert_eq!((platform.len(), &platform[0]), (8, &(3, vec![Because::Platform])));
    let engine = all(Changes { engine: true, ..unchanged() });
    assert_eq!((engine.len(), &engine[0]), (8, &(3, vec![Because::Engine])));
    let asked = all(Changes { asked: true, ..unchanged() });
    assert!(asked.len() == 8 && asked.iter().all(|(_, causes)| causes == &[Because::Asked]));
}

#[test]
fn ignore_rules_are_named_where_no_file_is() {
    let changes = Changes { ignore: Some(".dockerignore".into()), ..unchanged() };
    let plan = Plan::new(TEXT, &image(&[]), &changes);
    let because = plan.because(12, &BTreeSet::from([12]));
    assert_eq!(because, [Because::IgnoreRules { file: ".dockerignore".into() }]);
    let ran = plan.because(13, &BTreeSet::from([12, 13]));
    assert_eq!(ran, after(12));
}

#[test]
fn what_ran_though_nothing_changed_was_forgotten_by_the_builder() {
    let changes = unchanged();
    let plan = Plan::new(TEXT, &image(&[]), &changes);
    assert_eq!(plan.because(6, &BTreeSet::from([6])), [Because::CacheGone]);
    assert_eq!(plan.because(5, &BTreeSet::from([5])), [], "an `ARG` is no step");
    let unknown = Changes { unread: true, ..unchanged() };
    assert_eq!(Plan::new(TEXT, &image(&[]), &unknown).because(6, &BTreeSet::from([6])), [Because::Unknown]);
    assert_eq!(Plan::new(TEXT, &image(&[]), &Changes::default()).because(6, &BTreeSet::from([6])), [Because::Unknown]);
}

#[test]
fn an_argument_before_the_first_stage_makes_another_base() {
    let text = TEXT.replace("ARG PYTHON=3.12", "ARG PYTHON=3.13");
    assert_eq!(predicted(&text, &unchanged())[0], (3, vec![Because::Instruction { line: 2 }]));
}

#[test]
fn what_a_stage_without_steps_begins_from_counts_for_the_next() {
    let text = "FROM python AS base\nENV A=1\nFROM base AS build\nRUN one\nFROM build\nRUN two\n";
    let changes = |bases: &[&str]| Changes {
        before: Some(Dockerfile::parse(text)),
        bases: bases.iter().map(|base| (*base).to_owned()).collect(),
        ..Changes::default()
    };
    let found = predicted(text, &changes(&["docker.io/library/python:latest"]));
    assert_eq!(found, [(4, vec![Because::Base { image: "python".into() }]), (6, after(4))]);
    let edited = text.replace("A=1", "A=2");
    assert_eq!(predicted(&edited, &changes(&[]))[0], (4, vec![Because::Instruction { line: 2 }]));
}

#[test]
fn a_step_that_was_taken_away_at_the_end_of_a_stage_is_noticed_by_who_copies_from_it() {
    let before = "FROM a AS web\nRUN one\nRUN two\nFROM b\nCOPY --from=web /x /x\n";
    let changes = Changes { before: Some(Dockerfile::parse(before)), ..Changes::default() };
    let found = predicted("FROM a AS web\nRUN one\nFROM b\nCOPY --from=web /x /x\n", &changes);
    assert_eq!(found, [(4, after(2))]);
    // Nor does it take anything from the context.
    let ignored =
        Changes { ignore: Some(".dockerignore".into()), before: Some(Dockerfile::parse(before)), ..Changes::default() };
    assert_eq!(predicted(before, &ignored), []);
}
