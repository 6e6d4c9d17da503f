//! Dockerfiles as text: instructions with their lines, stages, and which base they rest on. Not
//! a frontend: nothing is executed, and variables are resolved only where a base is named.

mod origin;
mod references;
mod scan;

pub use origin::{Origin, origins};
pub use references::{Reference, expand};

/// A Dockerfile, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dockerfile {
    /// `ARG`s before the first `FROM`.
    pub globals: Vec<Instruction>,
    /// Its stages, in order.
    pub stages: Vec<Stage>,
}

/// A stage: a `FROM` and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its name in lower case, if it has one.
    pub name: Option<String>,
    /// What it begins from, as it is written: an image, an earlier stage, or `scratch`.
    pub base: String,
    /// Its `FROM`.
    pub from: Instruction,
    /// The instructions after it.
    pub instructions: Vec<Instruction>,
}

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// In upper case, such as `RUN`.
    pub keyword: String,
    /// Its options, such as `--from=build`.
    pub flags: Vec<String>,
    /// What follows them: continuation lines joined, comments removed.
    pub text: String,
    /// The content of its here-documents, in order.
    pub heredocs: Vec<String>,
    /// The line it begins at, from 1.
    pub line: u32,
}

impl Dockerfile {
    /// Reads a Dockerfile. What is no instruction is kept as one with an unknown keyword: the
    /// builder is who complains.
    pub fn parse(text: &str) -> Self {
        let mut dockerfile = Self::default();
        for instruction in scan::instructions(text) {
            match (instruction.keyword.as_str(), dockerfile.stages.last_mut()) {
                ("FROM", _) => dockerfile.stages.push(Stage::new(instruction)),
                (_, Some(stage)) => stage.instructions.push(instruction),
                (_, None) => dockerfile.globals.push(instruction),
            }
        }
        dockerfile
    }

    /// The place of the stage that is called `name` among the first `before` ones, by name or by
    /// number; the last one of that name.
    pub fn stage_before(&self, name: &str, before: usize) -> Option<usize> {
        let earlier = &self.stages[..before.min(self.stages.len())];
        let named = |stage: &Stage| stage.name.as_deref() == Some(name.to_lowercase().as_str());
        earlier.iter().rposition(named).or_else(|| name.parse().ok().filter(|number| *number < earlier.len()))
    }

    /// The place of the stage that is built: `name`, or the last one.
    pub fn target(&self, name: Option<&str>) -> Option<usize> {
        name.map_or(self.stages.len().checked_sub(1), |name| self.stage_before(name, self.stages.len()))
    }

    /// The place of the stage that the one at `index` begins from, if that is no image.
    pub fn parent(&self, index: usize) -> Option<usize> {
        let base = &self.stages[index].base;
        // A number after FROM is an image's name, unlike after `--from=`.
        self.stage_before(base, index).filter(|_| base.parse::<usize>().is_err())
    }

    /// The stages that `target` (the last stage if none) is built on, first to last: each begins
    /// from the one before it. Empty if there is no such stage.
    pub fn chain(&self, target: Option<&str>) -> Vec<&Stage> {
        let mut chain = Vec::new();
        let mut next = self.target(target);
        while let Some(index) = next {
            chain.push(&self.stages[index]);
            next = self.parent(index);
        }
        chain.reverse();
        chain
    }
}

impl Stage {
    fn new(from: Instruction) -> Self {
        let words: Vec<&str> = from.text.split_whitespace().collect();
        let name = match words[..] {
            [_, word, name, ..] if word.eq_ignore_ascii_case("as") => Some(name.to_lowercase()),
            _ => None,
        };
        let base = words.first().copied().unwrap_or_default().to_owned();
        Self { name, base, from, instructions: Vec::new() }
    }
}

impl Instruction {
    /// The value of the option `--NAME=`.
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().find_map(|flag| flag.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('='))
    }

    /// The images and stages that it takes files from, by `--from=` or `--mount=…,from=`.
    pub fn sources(&self) -> Vec<&str> {
        match self.keyword.as_str() {
            "COPY" => self.flag("from").into_iter().collect(),
            "RUN" => {
                let options = self.mounts().flat_map(|mount| mount.split(','));
                options.filter_map(|option| option.strip_prefix("from=")).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What its options `--mount=` say.
    pub fn mounts(&self) -> impl Iterator<Item = &str> {
        self.flags.iter().filter_map(|flag| flag.strip_prefix("--mount="))
    }

    /// The instruction in one short line, as a report shows it: a `RUN` by its command alone, others with
    /// what they take files from.
    pub fn summary(&self) -> String {
        let words: Vec<&str> = self.text.split_whitespace().collect();
        let from = self.flags.iter().map(String::as_str).find(|flag| flag.starts_with("--from="));
        match self.keyword.as_str() {
            "RUN" => words.join(" "),
            keyword => [keyword].into_iter().chain(from).chain(words).collect::<Vec<_>>().join(" "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# syntax=docker/dockerfile:1\n# escape=`\nARG BASE=python:3.12\n\nFROM ${BASE} AS Build\n\
        RUN --mount=type=cache,target=/c a && `\n  # why\n\n  b\nRUN <<EOF\nFROM nothing\nEOF\n\
        FROM build\nCOPY --from=build <<x <<-\"y\" /d/\none\nx\n\ttwo\n\ty\nuser 1000\n";

    #[test]
    fn instructions_have_their_lines() {
        let file = Dockerfile::parse(TEXT);
        let [build, last] = &file.stages[..] else { panic!("{file:?}") };
        assert_eq!((build.base.as_str(), build.name.as_deref()), ("${BASE}", Some("build")));
        assert_eq!(build.instructions[0].text, "a &&   b");
        assert_eq!(build.instructions[0].flags, ["--mount=type=cache,target=/c"]);
        assert_eq!(build.instructions[1].heredocs, ["FROM nothing\n"]);
        assert_eq!(last.instructions[0].heredocs, ["one\n", "two\n"]);
        assert_eq!((last.instructions[1].keyword.as_str(), last.instructions[1].line), ("USER", 19));
        assert_eq!((file.globals[0].line, build.from.line, last.from.line), (3, 5, 13));
    }

    #[test]
    fn a_chain_ends_at_an_external_base() {
        let file = Dockerfile::parse("FROM a AS x\nFROM x AS y\nFROM x\nFROM Y\nFROM 0\n");
        let bases = |target| file.chain(target).iter().map(|stage| stage.base.clone()).collect::<Vec<_>>();
        assert_eq!(bases(Some("y")), ["a", "x"]);
        assert_eq!(bases(Some("3")), ["a", "x", "Y"]);
        assert_eq!(bases(None), ["0"]);
        assert!(bases(Some("nope")).is_empty());
        assert!(Dockerfile::parse("RUN x").chain(None).is_empty());
    }
}
