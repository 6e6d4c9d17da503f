//! What is made from the code is the same in the repository: `BLESS=1 cargo test` makes it anew.

use super::Shop;
use std::path::Path;

const VERBS: [&str; 11] =
    ["build", "verify", "smoke", "load", "up", "e2e", "status", "cache", "config", "completions", "man"];

/// Compares `text` with the file at `path` in the repository.
fn same(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("BLESS").is_some() && std::env::var_os("CI").is_none() {
        std::fs::write(&file, text).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == text, "{path} is out of date: run `BLESS=1 cargo test --test cli generated`");
}

fn out(args: &[&str]) -> String {
    let ran = Shop::empty().run(args);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    ran.out
}

#[test]
fn the_schema_of_the_settings() {
    same("docs/loadline.schema.json", &out(&["config", "--schema"]));
}

#[test]
fn the_schema_of_the_events() {
    let schema = schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<loadline::event::Line<'static>>();
    same("docs/events.schema.json", &format!("{:#}\n", schema.as_value()));
}

#[test]
fn the_schema_of_journeys() {
    same("docs/journeys.schema.json", &out(&["e2e", "--schema"]));
}

#[test]
fn the_reference_of_the_command_line() {
    let mut text = "# Command line\n\nMade from `--help`; a test compares.\n".to_owned();
    let sections = std::iter::once(vec!["--help"]).chain(VERBS.map(|verb| vec![verb, "--help"]));
    for args in sections {
        let title = if args.len() > 1 { format!("loadline {}", args[0]) } else { "loadline".into() };
        text += &format!("\n## {title}\n\n```text\n{}\n```\n", out(&args).trim_end());
    }
    let trimmed: Vec<&str> = text.lines().map(str::trim_end).collect();
    same("docs/cli.md", &format!("{}\n", trimmed.join("\n")));
}

#[test]
fn every_verb_is_in_help_completions_and_manual() {
    let help = out(&["--help"]);
    let texts = [help, out(&["man"])];
    let shells = ["bash", "zsh", "fish", "elvish", "powershell"].map(|shell| out(&["completions", shell]));
    for text in texts.iter().chain(&shells) {
        for verb in VERBS {
            assert!(text.contains(verb), "`{verb}` is missing in:\n{text}");
        }
    }
}

#[test]
fn every_verb_has_a_manual_page() {
    let shop = Shop::empty();
    assert_eq!(shop.run(&["man", "--out", "man"]).code, Some(0));
    for verb in VERBS {
        let page = std::fs::read_to_string(shop.root.join(format!("man/loadline-{verb}.1"))).unwrap();
        assert!(page.contains(".TH") && page.contains(verb), "{page}");
    }
    assert!(shop.root.join("man/loadline.1").is_file());
}

#[test]
fn the_documents_name_every_key_and_code() {
    let read = |path: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let settings = read("docs/settings.md");
    let schema: serde_json::Value = serde_json::from_str(&out(&["config", "--schema"])).unwrap();
    let tables = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    for key in tables.filter_map(|table| table["properties"].as_object()).flat_map(|table| table.keys()) {
        assert!(settings.contains(&format!("`{key}`")), "docs/settings.md does not name `{key}`");
    }
    let journeys = read("docs/journeys.md");
    let schema: serde_json::Value = serde_json::from_str(&out(&["e2e", "--schema"])).unwrap();
    let tables = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    for key in tables.filter_map(|table| table["properties"].as_object()).flat_map(|table| table.keys()) {
        assert!(journeys.contains(&format!("`{key}`")), "docs/journeys.md does not name `{key}`");
    }
    let codes = read("docs/exit-codes.md");
    for code in [0, 1, 2, 3, 4, 5, 130] {
        assert!(codes.contains(&format!("| {code} |")), "docs/exit-codes.md does not name {code}");
    }
}
