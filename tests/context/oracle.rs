//! The Go program: built once a run, asked over its standard streams.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Question {
    pub ask: &'static str,
    /// In base64.
    pub content: String,
    pub patterns: Vec<String>,
    pub paths: Vec<String>,
    pub root: String,
    pub include: Vec<String>,
    pub exclude: Vec<String>,
    /// fsutil takes an empty list for something else than none.
    pub follow: Option<Vec<String>>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
pub struct Answer {
    pub error: String,
    pub lines: Option<Vec<String>>,
    pub matches: Option<Vec<String>>,
    pub entries: Option<Vec<EntryAnswer>>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
pub struct EntryAnswer {
    pub path: String,
    pub mode: u32,
    pub size: u64,
    pub mtime: i64,
    pub link: String,
    pub major: u32,
    pub minor: u32,
    pub uid: u32,
    pub gid: u32,
    pub xattrs: Option<BTreeMap<String, String>>,
}

impl Answer {
    /// That something was refused, whatever the words.
    pub fn refused() -> Self {
        Self { error: "refused".to_owned(), ..Self::default() }
    }

    pub fn without_text(self) -> Self {
        if self.error.is_empty() { self } else { Self::refused() }
    }
}

pub fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Asks all at once; one answer for each question.
pub fn ask(questions: &[Question]) -> Vec<Answer> {
    let mut child = Command::new(program())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Go's scanner complains there of NUL bytes.
        .stderr(Stdio::null())
        .spawn()
        .expect("the oracle starts");
    let mut stdin = child.stdin.take().expect("it has a stdin");
    let stdout = BufReader::new(child.stdout.take().expect("it has a stdout"));
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        scope.spawn(move || {
            for question in questions {
                let line = serde_json::to_string(question).expect("questions are JSON");
                writeln!(stdin, "{line}").expect("the oracle reads");
            }
        });
        let answers = serde_json::Deserializer::from_reader(stdout).into_iter();
        answers.map(|answer| answer.expect("answers are JSON")).collect()
    });
    assert!(child.wait().expect("the oracle ends").success());
    assert_eq!(answers.len(), questions.len());
    answers
}

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("context-oracle");
        let built = Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/patternmatcher"))
            .output()
            .expect("this test compares with BuildKit's own libraries and needs `go` (1.26 or later) in PATH");
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "the oracle does not build: {said}");
        program
    })
}
