//! The README's CI job, run as it is written.

use crate::todo::{Todo, built};
use std::fs;
use std::path::Path;

#[tokio::test]
async fn the_ci_job_of_the_readme_runs_as_written() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, after) = readme.split_once("```yaml\n").expect("the README has a job");
    let (job, _) = after.split_once("```").unwrap();
    let runs: Vec<&str> = job.lines().filter_map(|line| line.trim().strip_prefix("- run: loadline ")).collect();
    assert_eq!(runs.len(), 3, "{job}");
    built();
    let todo = Todo::copy("todo-readme");
    for run in runs {
        let words: Vec<&str> = run.split_whitespace().collect();
        let output = todo.command(&words).output().unwrap();
        let texts = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(output.status.success(), "`loadline {run}`: {texts:?}");
        if words.contains(&"github") {
            // What stdout carries is for GitHub alone.
            assert!(texts[0].lines().all(|line| line.starts_with("::")), "{}", texts[0]);
            assert!(texts[0].contains("::warning file=dockerfiles/"), "{}", texts[0]);
        }
    }
}
