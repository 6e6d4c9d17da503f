//! `loadline.toml`: a plan, or problems with their places.

use loadline::project::{Project, Search, Source, Spans, document, load, schema};
use loadline::types::Explained;
use loadline::verify::RULES;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use tempfile::TempDir;

pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    places(&text);
    let (directory, file) = project();
    fs::write(file, text.as_bytes()).expect("the project can be written to");
    let rules: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    let variables = |name: &str| (name.len() < 9).then(|| format!("{name} of the environment"));
    let search = Search { directory: directory.path(), file: None };
    match load(&search, &rules, &variables) {
        Ok(project) => planned(&project, &text),
        Err(problems) => {
            assert!(!problems.is_empty(), "it is refused without a reason");
            problems.iter().for_each(|problem| said(problem, problem.line(), &text));
        }
    }
}

/// The spans of keys and values are parts of the text, and syntax errors are in it.
fn places(text: &str) {
    let source = Source { name: "loadline.toml".into(), text: text.to_owned() };
    match document::parse(&source) {
        Ok(table) => drop(Spans::of(table.get_ref())),
        Err(problems) => problems.iter().for_each(|problem| said(problem, problem.line(), text)),
    }
    for at in [0, text.len() / 2, text.len(), text.len() + 9] {
        let snippet = source.snippet(&(at..at + 3));
        assert!(snippet.line >= 1 && snippet.line <= text.matches('\n').count() + 1);
        assert!(snippet.column >= 1 && snippet.column <= text.chars().count() + 1);
        assert!(!snippet.to_string().is_empty());
    }
}

fn said(problem: &dyn Explained, line: usize, text: &str) {
    assert!(line <= text.matches('\n').count() + 1, "line {line} is not in the file");
    assert!(!problem.to_string().is_empty());
    for (_, shown) in problem.details() {
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
    }
    let hint = problem.hint();
    assert!(hint.is_none_or(|hint| !hint.is_empty()));
}

fn planned(project: &Project, text: &str) {
    let plan = &project.plan;
    assert!(!text.contains("release") || plan.images.len() <= text.len());
    for image in &plan.images {
        assert!(!image.tags.is_empty(), "{} has no tag", image.name);
        assert!(image.context.starts_with(&plan.root) || text.contains(['.', '/']), "{}", image.context.display());
    }
}

/// A project with a Dockerfile and a chart; its settings are written anew each time.
fn project() -> &'static (TempDir, PathBuf) {
    static PROJECT: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    PROJECT.get_or_init(|| {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        for folder in ["chart/templates", "app"] {
            fs::create_dir_all(root.join(folder)).expect("a directory");
        }
        for file in ["Dockerfile", "app/Dockerfile", "chart/Chart.yaml", "chart/values.yaml"] {
            fs::write(root.join(file), "FROM scratch\n").expect("a file");
        }
        assert!(serde_json::to_string(&schema()).is_ok());
        let file = root.join("loadline.toml");
        (directory, file)
    })
}
