//! Which line of a Dockerfile made which layer: an image's history, matched in order with the
//! instructions that it was built from. What does not match is unknown, never guessed.

use super::{Dockerfile, Instruction};
use crate::image::config::Config;

/// Beyond this many pairs of history entries and instructions nothing is matched.
const MOST_PAIRS: usize = 250_000;

/// Where a layer comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The line of the Dockerfile, from 1; the `FROM` for layers of the base. None is unknown.
    pub line: Option<u32>,
    /// It came with the base.
    pub base: bool,
    /// The instruction; what the history says if it is unknown.
    pub text: String,
}

/// The origin of every layer, bottom first.
pub fn origins(config: &Config, dockerfile: Option<&Dockerfile>, target: Option<&str>) -> Vec<Origin> {
    let layers = config.rootfs.diff_ids.len();
    let history = &config.history;
    let makers: Vec<usize> = (0..history.len()).filter(|index| !history[*index].empty_layer).collect();
    if makers.len() != layers {
        return vec![Origin { line: None, base: false, text: String::new() }; layers];
    }
    let chain = dockerfile.map(|file| file.chain(target)).unwrap_or_default();
    // `ONBUILD` leaves nothing in the history.
    let ours = chain.iter().flat_map(|stage| &stage.instructions).filter(|one| one.keyword != "ONBUILD");
    let instructions: Vec<&Instruction> = ours.collect();
    let shells = shells(config, &instructions);
    let steps: Vec<Step> = history.iter().map(|entry| Step::new(&entry.created_by, &shells)).collect();
    let matched = align(&steps, &instructions);
    let from = chain.first().map(|stage| &stage.from);
    // Layers are the base's only if it is certain where our first instruction is.
    let base_end = match instructions.first() {
        None if from.is_some() => steps.len(),
        None => 0,
        Some(_) => matched.iter().position(|instruction| *instruction == Some(0)).unwrap_or(0),
    };
    let origin = |index: usize| match (matched.get(index).copied().flatten(), from) {
        (Some(found), _) => of_instruction(instructions[found], false),
        (None, Some(from)) if index < base_end => of_instruction(from, true),
        _ => Origin { line: None, base: false, text: steps[index].shown() },
    };
    makers.into_iter().map(origin).collect()
}

fn of_instruction(instruction: &Instruction, base: bool) -> Origin {
    Origin { line: Some(instruction.line), base, text: instruction.summary() }
}

/// The shells that commands may have been run with, as the history shows them.
fn shells(config: &Config, instructions: &[&Instruction]) -> Vec<String> {
    let own = Some(config.config.shell.join(" ")).filter(|shell| !shell.is_empty());
    let set = instructions.iter().filter(|one| one.keyword == "SHELL").filter_map(|one| exec_form(&one.text));
    std::iter::once("/bin/sh -c".to_owned()).chain(own).chain(set).collect()
}

/// A history entry, taken apart.
struct Step {
    keyword: String,
    text: String,
    /// The old builder writes digests in place of sources.
    legacy: bool,
    /// What a `RUN` may have run, squeezed: where its arguments and its shell end is not certain.
    commands: Vec<String>,
}

const KEYWORDS: [&str; 16] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

impl Step {
    fn new(created_by: &str, shells: &[String]) -> Self {
        let mut step = Self::parse(created_by);
        if step.keyword == "RUN" {
            step.commands = step.commands(shells).into_iter().map(squeezed).collect();
        }
        step
    }

    fn parse(created_by: &str) -> Self {
        let text = created_by.trim();
        let (text, buildkit) = text.strip_suffix("# buildkit").map_or((text, false), |text| (text.trim_end(), true));
        if let Some((_, rest)) = text.split_once("#(nop)") {
            let (keyword, rest) = first_word(rest.trim());
            return Self { keyword: keyword.to_owned(), text: rest.to_owned(), legacy: true, commands: Vec::new() };
        }
        let (keyword, rest) = first_word(text);
        if KEYWORDS.contains(&keyword) {
            return Self { keyword: keyword.to_owned(), text: rest.to_owned(), legacy: false, commands: Vec::new() };
        }
        Self { keyword: "RUN".into(), text: text.to_owned(), legacy: !buildkit, commands: Vec::new() }
    }

    /// The command, without the arguments and the shell that the builder puts before it.
    fn commands(&self, shells: &[String]) -> Vec<&str> {
        let mut commands = Vec::new();
        if !self.text.starts_with('|') {
            commands.push(self.text.as_str());
            commands.extend(shells.iter().filter_map(|shell| self.text.strip_prefix(shell.as_str())));
            return commands;
        }
        let count: usize = first_word(&self.text[1..]).0.parse().unwrap_or(0);
        // A history may say any number, however few words follow.
        let exec = (0..=count).try_fold(self.text.as_str(), |rest, _| match rest {
            "" => None,
            rest => Some(first_word(rest).1),
        });
        commands.push(exec.unwrap_or_default());
        // Values may have blanks in them, so the shell is looked for instead.
        let after = |shell: &String| self.text.split_once(&format!(" {shell} ")).map(|(_, rest)| rest);
        commands.extend(shells.iter().filter_map(after));
        commands
    }

    /// For a person: build arguments are left out, they may be secret.
    fn shown(&self) -> String {
        let shells = ["/bin/sh -c".to_owned()];
        let command = self.commands(&shells).pop().unwrap_or_default();
        let words: Vec<&str> = command.split_whitespace().collect();
        match self.keyword.as_str() {
            "RUN" => words.join(" "),
            keyword => format!("{keyword} {}", words.join(" ")),
        }
    }

    /// How well `instruction` explains it; 0 is not at all.
    fn score(&self, instruction: &Instruction) -> u32 {
        if self.keyword != instruction.keyword {
            return 0;
        }
        let same = match instruction.keyword.as_str() {
            "RUN" => self.is_command(instruction),
            "COPY" | "ADD" => self.is_copy(instruction),
            "WORKDIR" => is_directory(&self.text, &instruction.text),
            // They make no layer; their order still helps to align the others.
            _ => return 1,
        };
        if same { 4 } else { 0 }
    }

    fn is_command(&self, instruction: &Instruction) -> bool {
        let wanted = command_forms(instruction);
        self.commands.iter().any(|command| wanted.contains(command))
    }

    fn is_copy(&self, instruction: &Instruction) -> bool {
        let written = exec_form(&instruction.text).unwrap_or_else(|| instruction.text.clone());
        if self.legacy {
            let place = self.text.rsplit_once(" in ").map(|(_, place)| place.trim());
            return place.is_some() && place == written.split_whitespace().last();
        }
        let mut text = self.text.as_str();
        while text.starts_with("--") {
            text = first_word(text).1;
        }
        // The history names here-documents without the dash that strips their tabs.
        matches_with_variables(&squeezed(text), &squeezed(&written).replace("<<-", "<<"))
    }
}

/// The forms that BuildKit's history gives a `RUN`, squeezed.
fn command_forms(instruction: &Instruction) -> Vec<String> {
    let text = &instruction.text;
    let mut forms = vec![squeezed(text)];
    forms.extend(exec_form(text).map(|command| squeezed(&command)));
    let Some(first) = instruction.heredocs.first() else {
        return forms;
    };
    if text.split_whitespace().count() == 1 {
        // Alone it is the script itself, or a file that is run.
        let name = text.trim_start_matches(['<', '-']);
        let script = if first.starts_with("#!") { format!("/dev/pipes/{name}") } else { first.clone() };
        forms.push(squeezed(&script));
    }
    let words = text.split_whitespace().filter_map(|word| Some(word.split_once("<<")?.1.trim_start_matches('-')));
    let bodies: Vec<String> =
        instruction.heredocs.iter().zip(words).map(|(body, name)| format!("{body}{name}")).collect();
    forms.push(squeezed(&format!("{text}{}", bodies.concat())));
    forms
}

fn is_directory(found: &str, written: &str) -> bool {
    let (found, written) = (squeezed(found), squeezed(written));
    let written = written.trim_end_matches('/').trim_start_matches("./");
    let found = found.trim_end_matches('/');
    matches_with_variables(found, written)
        || (!written.is_empty() && !written.starts_with('/') && found.ends_with(&format!("/{written}")))
}

fn first_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

/// Without blanks and quotes, which builders and continuation lines change.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\'')).collect()
}

/// The words of a JSON list, joined by blanks.
fn exec_form(text: &str) -> Option<String> {
    serde_json::from_str::<Vec<String>>(text.trim()).ok().map(|words| words.join(" "))
}

/// `pattern` with anything in place of its variables.
fn matches_with_variables(text: &str, pattern: &str) -> bool {
    let mut literals = Vec::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('$') {
        literals.push(before);
        rest = match after.strip_prefix('{') {
            Some(inner) => inner.split_once('}').map_or("", |(_, rest)| rest),
            None => after.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_'),
        };
    }
    let Some(first) = literals.first() else {
        return text == pattern;
    };
    let Some(mut left) = text.strip_prefix(first) else {
        return false;
    };
    for literal in &literals[1..] {
        match left.find(literal) {
            Some(at) => left = &left[at + literal.len()..],
            None => return false,
        }
    }
    left.ends_with(rest)
}

/// For each step the instruction that made it: the pairs of the highest score that keep the
/// order of both; of equal ones those that come last, because a base's steps come first.
fn align(steps: &[Step], instructions: &[&Instruction]) -> Vec<Option<usize>> {
    let (rows, columns) = (steps.len() + 1, instructions.len() + 1);
    let mut matched = vec![None; steps.len()];
    if rows.saturating_mul(columns) > MOST_PAIRS {
        return matched;
    }
    let score = |row: usize, column: usize| steps[row - 1].score(instructions[column - 1]);
    let mut best = vec![0u32; rows * columns];
    for row in 1..rows {
        for column in 1..columns {
            let skip = best[(row - 1) * columns + column].max(best[row * columns + column - 1]);
            let pair = score(row, column);
            let with = if pair == 0 { 0 } else { best[(row - 1) * columns + column - 1] + pair };
            best[row * columns + column] = skip.max(with);
        }
    }
    let (mut row, mut column) = (steps.len(), instructions.len());
    while row > 0 && column > 0 {
        let here = best[row * columns + column];
        let pair = score(row, column);
        if pair > 0 && here == best[(row - 1) * columns + column - 1] + pair {
            matched[row - 1] = Some(column - 1);
            (row, column) = (row - 1, column - 1);
        } else if here == best[row * columns + column - 1] {
            column -= 1;
        } else {
            row -= 1;
        }
    }
    matched
}
