//! `why` of real images: sums, packages, and what a change adds.

use crate::todo::{Todo, built};
use serde_json::Value;

fn why(todo: &Todo, arguments: &[&str]) -> Value {
    let output = todo.command(&[&["why"][..], arguments].concat()).arg("--json").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut all: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(all.as_array().map(Vec::len), Some(1));
    all[0].take()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a Vec<Value> {
    value[name].as_array().unwrap_or_else(|| panic!("{name} in {value}"))
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("{name} in {value}"))
}

#[tokio::test]
async fn real_images_are_blamed_to_the_last_byte() {
    let (todo, _) = built();
    for image in ["frontend", "backend"] {
        let verified = todo.run(&["verify", image]).one("verified", image)["size"].as_u64().unwrap();
        let blame = &why(todo, &[image])["blame"];
        let lines = list(blame, "lines");
        assert_eq!(lines.iter().map(|line| number(line, "size")).sum::<u64>(), verified);
        for line in lines {
            let parts: u64 = list(line, "parts").iter().map(|part| number(part, "size")).sum();
            assert_eq!(parts + number(line, "framing"), number(line, "size"), "{line:#}");
            assert!(line["line"].is_u64(), "{line:#}");
        }
    }
}

#[tokio::test]
async fn packages_stand_at_the_line_that_installed_them() {
    let (todo, _) = built();
    let blame = &why(todo, &["backend"])["blame"];
    // The base, the dependencies and the source, in the order of the Dockerfile.
    let mut lines: Vec<&Value> = list(blame, "lines").iter().collect();
    lines.sort_by_key(|line| number(line, "line"));
    let packages = |line: &Value| {
        let names = list(line, "parts").iter().filter_map(|part| part["package"]["name"].as_str());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let [base, dependencies, source] = lines[..] else { panic!("{lines:#?}") };
    for name in ["fastapi", "sqlmodel", "uvicorn"] {
        assert!(packages(dependencies).contains(&name.to_owned()), "{name} in {:?}", packages(dependencies));
    }
    assert!(packages(base).contains(&"libc6".to_owned()), "the stand-in is a Debian");
    assert_eq!(packages(source), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_change_adds_is_named_by_file() {
    let todo = Todo::copy("todo-why");
    assert_eq!(todo.run(&["build", "backend"]).code, 0);
    let none = todo.command(&["why", "backend", "--against", "baseline"]).output().unwrap();
    assert_eq!(none.status.code(), Some(3), "there is no build before it");
    todo.edit(
        "fixtures/todo/backend/todo_api/health.py",
        "import asyncio",
        &format!("# {}\nimport asyncio", "x".repeat(9000)),
    );
    assert_eq!(todo.run(&["build", "backend"]).code, 0);
    let growth = &why(&todo, &["backend", "--against", "baseline"])["growth"];
    let by = |change: &Value| change["is"].as_i64().unwrap_or(0) - change["was"].as_i64().unwrap_or(0);
    assert_eq!(list(growth, "lines").iter().map(by).sum::<i64>(), growth["by"].as_i64().unwrap());
    let first = &list(growth, "files")[0];
    assert_eq!(first["what"], "/app/todo_api/health.py");
    assert!(by(first) >= 9000, "{first}");
}
