//! `entrypoint.*`: what the image runs is there, and its user may execute it.

use crate::image::files::Kind;
use crate::image::tree::{Found, Identity, Lost, Node, Tree};
use crate::verify::subject::{Checked, Draft, NotChecked, Subject};

/// What Docker sets where an image sets none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Scripts whose interpreter is a script; Linux has a similar limit.
const MOST_INTERPRETERS: usize = 5;
/// Words at the start of a shell command that are no programs.
const SHELL_WORDS: [&str; 34] = [
    "cd", "if", "set", "export", "echo", "while", "until", "for", "case", "test", "eval", "source", ".", "trap",
    "umask", "ulimit", "read", "printf", "unset", "wait", "true", "false", "exit", "return", "shift", "local", "alias",
    "command", "type", "pwd", "kill", "function", "time", "let",
];

/// Why something cannot be run.
enum Trouble {
    Missing(String),
    Forbidden(String),
}

struct Runner<'a> {
    tree: &'a Tree<'a>,
    who: Identity,
    path: &'a str,
    directory: &'a str,
}

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    let config = &subject.facts.config;
    let command = config.command();
    let keyword = if config.config.entrypoint.is_empty() { "CMD" } else { "ENTRYPOINT" };
    let place = subject.last_instruction(|one| one.keyword == keyword).or_else(|| subject.last_from());
    let Some(program) = command.first() else {
        return Ok(vec![
            Draft::new("entrypoint.missing", "a program to run", "neither ENTRYPOINT nor CMD is set").at(place),
        ]);
    };
    let runner = Runner {
        tree: &subject.tree,
        // Without a user root stands in: what is missing for root is missing for all.
        who: subject.user.as_ref().map_or(Identity { uid: 0, gids: vec![0] }, |user| user.identity.clone()),
        path: config.env("PATH").unwrap_or(DEFAULT_PATH),
        directory: &config.config.working_dir,
    };
    let inner = shell_command(&command);
    let trouble = runner.run(program, 0).err().or_else(|| runner.run(inner?, 0).err());
    let draft = match trouble {
        Some(Trouble::Missing(found)) => Draft::new("entrypoint.missing", "a program that is in the image", found),
        Some(Trouble::Forbidden(found)) => {
            let expected = format!("uid {} may execute it", runner.who.uid);
            Draft::new("entrypoint.not-executable", expected, found)
        }
        None if subject.user.is_err() => {
            let why = "the user it runs as is not known".to_owned();
            return Err(vec![NotChecked { rule: "entrypoint.not-executable", why }]);
        }
        None => return Ok(Vec::new()),
    };
    Ok(vec![draft.at(place)])
}

/// Why `who` cannot run `command` in `directory` of the image, if that is so.
pub(super) fn trouble(subject: &Subject<'_>, command: &[&str], who: Identity, directory: &str) -> Option<String> {
    let path = subject.facts.config.env("PATH").unwrap_or(DEFAULT_PATH);
    let runner = Runner { tree: &subject.tree, who, path, directory };
    let program = command.first()?;
    let inner = shell_command(command);
    let trouble = runner.run(program, 0).err().or_else(|| runner.run(inner?, 0).err())?;
    Some(match trouble {
        Trouble::Missing(found) | Trouble::Forbidden(found) => found,
    })
}

/// The first program of `sh -c "…"`, if it is a plain word.
fn shell_command<'a>(command: &[&'a str]) -> Option<&'a str> {
    let [shell, "-c", script, ..] = command else {
        return None;
    };
    if !matches!(shell.rsplit('/').next(), Some("sh" | "bash" | "ash" | "dash")) {
        return None;
    }
    let is_assignment = |word: &&str| word.split_once('=').is_some_and(|(name, _)| is_plain(name));
    let word = script.split_whitespace().skip_while(is_assignment).find(|word| *word != "exec")?;
    (is_plain(word) && !SHELL_WORDS.contains(&word)).then_some(word)
}

fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "_./+-".contains(c))
}

impl<'a> Runner<'a> {
    /// `program` is there and may be executed, and so may its interpreter.
    fn run(&self, program: &str, depth: usize) -> Result<(), Trouble> {
        let found = self.locate(program)?;
        let text = found.node.entry.and_then(|entry| entry.text.as_deref());
        let Some(line) = text.and_then(|text| text.strip_prefix("#!")) else {
            return Ok(());
        };
        if !found.node.may_read(&self.who) {
            return Err(Trouble::Forbidden(format!("`/{}` is a script, and {}", found.path, self.mode(&found.node))));
        }
        if depth >= MOST_INTERPRETERS {
            return Err(Trouble::Forbidden(format!("`/{}` has too many interpreters", found.path)));
        }
        let line = line.trim_matches([' ', '\t']);
        let (interpreter, argument) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let wanted = self.run(interpreter, depth + 1).and_then(|()| match interpreter.rsplit('/').next() {
            Some("env") => env_program(argument).map_or(Ok(()), |program| self.run(program, depth + 1)),
            _ => Ok(()),
        });
        wanted.map_err(|trouble| trouble.of_script(&found.path, line))
    }

    fn locate(&self, program: &str) -> Result<Found<'a>, Trouble> {
        if program.contains('/') {
            let path = if program.starts_with('/') { program.into() } else { format!("{}/{program}", self.directory) };
            return self.executable(&path);
        }
        let mut forbidden = None;
        for directory in self.path.split(':').filter(|directory| directory.starts_with('/')) {
            match self.executable(&format!("{directory}/{program}")) {
                Ok(found) => return Ok(found),
                Err(Trouble::Forbidden(why)) => forbidden = forbidden.or(Some(Trouble::Forbidden(why))),
                Err(Trouble::Missing(_)) => {}
            }
        }
        let missing = || Trouble::Missing(format!("`{program}` is in no directory of PATH ({})", self.path));
        Err(forbidden.unwrap_or_else(missing))
    }

    fn executable(&self, path: &str) -> Result<Found<'a>, Trouble> {
        let found = self.tree.find(path).map_err(|lost| match &lost {
            Lost::Missing(at) if path.trim_start_matches('/') != at => {
                Trouble::Missing(format!("`{path}` leads to `/{at}`, which does not exist"))
            }
            _ => Trouble::Missing(lost.to_string()),
        })?;
        let closed = found.through.iter().find(|(_, node)| !node.may_execute(&self.who));
        if let Some((directory, node)) = closed {
            return Err(Trouble::Forbidden(format!("`{path}` is in `/{directory}`, and that {}", self.mode(node))));
        }
        match found.node.kind() {
            Kind::Directory => Err(Trouble::Forbidden(format!("`{path}` is a directory"))),
            _ if found.node.may_execute(&self.who) => Ok(found),
            _ => Err(Trouble::Forbidden(format!("`/{}` {}", found.path, self.mode(&found.node)))),
        }
    }

    fn mode(&self, node: &Node<'_>) -> String {
        let (mode, uid, gid) = node.entry.map_or((0o755, 0, 0), |entry| (entry.mode, entry.uid, entry.gid));
        format!("has mode {mode:04o} and owner {uid}:{gid}")
    }
}

impl Trouble {
    /// The same, as the trouble of a script with this first line.
    fn of_script(self, script: &str, line: &str) -> Self {
        let line = line.escape_debug();
        let ends = if line.to_string().ends_with("\\r") { "; its lines end with CR LF" } else { "" };
        match self {
            Self::Missing(why) => Self::Missing(format!("`/{script}` begins with `#!{line}`{ends}: {why}")),
            Self::Forbidden(why) => Self::Forbidden(format!("`/{script}` begins with `#!{line}`{ends}: {why}")),
        }
    }
}

/// The program that `env` starts.
fn env_program(arguments: &str) -> Option<&str> {
    arguments.split([' ', '\t']).find(|word| !word.is_empty() && !word.starts_with('-') && !word.contains('='))
}
