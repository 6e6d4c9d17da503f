//! What is recognised in the log of something that does not work.

use regex::Regex;
use std::sync::LazyLock;

/// Words that errors begin with, in a log of almost anything.
static ERROR: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)^([\w.]*(error|exception)|fatal|panic|critical)\b").ok());
/// A variable's name, in a line that says that it is missing.
static MISSING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)
        \b(?:specify|set|provide|missing|requires?|define|environment\ variable|variable)\s+(?:\S+\s+){0,2}?[`'"$]?([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b
        | \bKeyError:\ ['"]([A-Z][A-Z0-9_]+)['"]
        | \b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b[`'"]?\ +(?:is|was|must|needs)\ +(?:not\ +(?:set|specified|defined|given)|missing|required|be\ +set|unset|undefined|to\ +be\ +set)
        "#,
    )
    .ok()
});

/// A path in a line that says that it cannot be written: the last one before those words, or the
/// first one after them.
static READ_ONLY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let path = r#"(?:^|[\s`'"(=])(/[^\s`'":]+)"#;
    Regex::new(&format!("(?i)^.*{path}.*?read-only file ?system|read-only file ?system.*?{path}")).ok()
});

/// The line that says most: the last one that begins as errors do, else the last one.
pub(super) fn telling(log: &[String]) -> Option<&str> {
    let lines = || log.iter().rev().map(|line| line.trim()).filter(|line| !line.is_empty());
    let is_error = |line: &&str| ERROR.as_ref().is_some_and(|error| error.is_match(line));
    lines().find(is_error).or_else(|| lines().next())
}

/// What helps whatever wrote `log`; `set` says how a variable of its environment is set.
pub(super) fn from_log(log: &[String], set: impl Fn(&str) -> String) -> Option<String> {
    missing_variable(log).map(set).or_else(|| known(log))
}

/// The path that could not be written because the root is read-only.
pub(super) fn read_only_path(log: &[String]) -> Option<String> {
    let read_only = READ_ONLY.as_ref()?;
    let found = log.iter().find_map(|line| read_only.captures(line))?;
    found.iter().skip(1).flatten().next().map(|path| path.as_str().to_owned())
}

fn missing_variable(log: &[String]) -> Option<&str> {
    let missing = MISSING.as_ref()?;
    let found = log.iter().find_map(|line| missing.captures(line))?;
    found.iter().skip(1).flatten().next().map(|name| name.as_str())
}

fn known(log: &[String]) -> Option<String> {
    let has = |words: &[&str]| {
        log.iter().any(|line| {
            let line = line.to_lowercase();
            words.iter().any(|word| line.contains(word))
        })
    };
    if has(&["address already in use", "eaddrinuse"]) {
        return Some(
            "something in the container has taken the port already: see that the server is started once".into(),
        );
    }
    None
}

/// What helps a container that could not be started, from the engine's words.
pub(super) fn from_start(why: &str) -> Option<&'static str> {
    let why = why.to_lowercase();
    let known: [(&[&str], &str); 4] = [
        (&["exec format error"], "the image is for another processor: build it for the engine's platform"),
        (
            &["unable to find user", "no matching entries in passwd", "unable to find group"],
            "set USER to a number, such as `USER 1000:1000`",
        ),
        (
            &["executable file not found", "no such file or directory"],
            "see ENTRYPOINT and CMD: the program, or the interpreter it names, is not in the image",
        ),
        (&["permission denied"], "the program may not be run: `chmod +x` it in the Dockerfile"),
    ];
    known.iter().find(|(words, _)| words.iter().any(|word| why.contains(word))).map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    const POSTGRES: &str = "\
Error: Database is uninitialized and superuser password is not specified.
       You must specify POSTGRES_PASSWORD to a non-empty value for the
       superuser. For example, \"-e POSTGRES_PASSWORD=password\" on \"docker run\".
";

    #[test]
    fn the_line_that_says_most_is_found() {
        let first = "Error: Database is uninitialized and superuser password is not specified.";
        assert_eq!(telling(&lines(POSTGRES)), Some(first));
        let python = "Traceback (most recent call last):\n  File \"x\"\nsqlalchemy.exc.OperationalError: no\n";
        assert_eq!(telling(&lines(python)), Some("sqlalchemy.exc.OperationalError: no"));
        assert_eq!(telling(&lines("one\ntwo\n\n")), Some("two"));
        assert_eq!(telling(&[]), None);
    }

    #[test]
    fn missing_variables_are_recognised() {
        let hint = |text: &str| from_log(&lines(text), |name| format!("set {name}"));
        let set = |name: &str| Some(format!("set {name}"));
        assert_eq!(hint(POSTGRES), set("POSTGRES_PASSWORD"));
        assert_eq!(hint("KeyError: 'DATABASE_URL'"), set("DATABASE_URL"));
        assert_eq!(hint("error: SECRET_KEY is not set"), set("SECRET_KEY"));
        assert_eq!(hint("missing environment variable \"API_TOKEN\""), set("API_TOKEN"));
        assert_eq!(hint("the HTTP_PROXY was used; set to work"), None);
        assert_eq!(hint("listening on PORT 80"), None);
    }

    #[test]
    fn paths_that_could_not_be_written_are_found() {
        let path = |line: &str| read_only_path(&lines(line)).unwrap_or_default();
        let nginx = r#"2026/11/25 [emerg] 1#1: mkdir() "/var/lib/nginx/body" failed (30: Read-only file system)"#;
        assert_eq!(path(nginx), "/var/lib/nginx/body");
        assert_eq!(path("OSError: [Errno 30] Read-only file system: '/srv/a b'"), "/srv/a");
        assert_eq!(path("Error: EROFS: read-only file system, mkdir '/app/.next/cache'"), "/app/.next/cache");
        assert_eq!(path("touch: cannot touch '/x': Read-only file system"), "/x");
        assert_eq!(path("Read-only file system"), "");
    }

    #[test]
    fn a_taken_port_is_recognised() {
        let hint = from_log(&lines("OSError: [Errno 98] Address already in use"), str::to_owned).unwrap();
        assert!(hint.contains("taken the port"), "{hint}");
    }

    #[test]
    fn starts_that_fail_have_hints() {
        let found = |why| from_start(why).unwrap();
        assert!(found("exec: \"x\": executable file not found in $PATH").contains("ENTRYPOINT"));
        assert!(found("unable to find user app: no matching entries in passwd file").contains("USER"));
        assert!(found("exec /app: exec format error").contains("processor"));
        assert!(found("exec: \"/app\": permission denied").contains("chmod"));
        assert_eq!(from_start("something else"), None);
    }
}
