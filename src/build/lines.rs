//! From the name of a build step to its line in the Dockerfile.

use crate::image::dockerfile::Dockerfile;

/// The instructions of a Dockerfile that become steps of a build.
pub(super) struct Lines {
    stages: Vec<StageLines>,
}

struct StageLines {
    name: Option<String>,
    /// The lines of `FROM` and of each instruction that makes a step, in order.
    lines: Vec<u32>,
}

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let stages = Dockerfile::parse(text).stages.into_iter().map(|stage| StageLines {
            name: stage.name.clone(),
            lines: std::iter::once(stage.from.line)
                .chain(stage.instructions.iter().filter(|one| makes_step(&one.keyword)).map(|one| one.line))
                .collect(),
        });
        Self { stages: stages.collect() }
    }

    /// The line of the step that BuildKit names `[STAGE K/N]`: the Kth of its stage, counted from
    /// `FROM`, which counts only if it names an image and no stage. No line, rather than a wrong
    /// one, if the counts do not agree.
    pub(super) fn find(&self, stage: &str, number: usize, of: usize) -> Option<u32> {
        let stage = self.stage(stage)?;
        let uncounted = stage.lines.len().checked_sub(of).filter(|more| *more <= 1)?;
        stage.lines.get((uncounted + number).checked_sub(1)?).copied()
    }

    /// The line of the `FROM` that BuildKit names `[STAGE 1/N] FROM …`, where it is counted. Builds side by side
    /// share the step of a base that they have in common, under the name that it has in one of them.
    pub(super) fn find_from(&self, stage: &str, of: usize) -> Option<u32> {
        self.stage(stage).filter(|stage| stage.lines.len() == of)?.lines.first().copied()
    }

    /// BuildKit names a stage by its name, by `stage-INDEX`, or not at all if it is the only one.
    fn stage(&self, name: &str) -> Option<&StageLines> {
        if name.is_empty() {
            return self.stages.last();
        }
        let named = |stage: &&StageLines| stage.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name));
        let indexed = || self.stages.get(name.strip_prefix("stage-")?.parse::<usize>().ok()?);
        self.stages.iter().rev().find(named).or_else(indexed)
    }
}

/// `dispatch` in BuildKit's `dockerfile2llb` gives a step to these.
pub(super) fn makes_step(keyword: &str) -> bool {
    ["RUN", "COPY", "ADD", "WORKDIR"].iter().any(|one| keyword.eq_ignore_ascii_case(one))
}

/// `[linux/amd64 builder 2/5] RUN npm ci` → (`builder`, 2, 5, `RUN npm ci`)
pub(super) fn split_name(name: &str) -> Option<(&str, usize, usize, &str)> {
    let (inside, rest) = name.strip_prefix('[')?.split_once("] ")?;
    let (before, count) = inside.rsplit_once(' ').unwrap_or(("", inside));
    let (number, of) = count.split_once('/')?;
    let stage = before.rsplit(' ').next().unwrap_or_default();
    let stage = if stage.contains('/') { "" } else { stage };
    Some((stage, number.parse().ok()?, of.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_names_are_taken_apart() {
        assert_eq!(split_name("[builder 2/5] RUN npm ci"), Some(("builder", 2, 5, "RUN npm ci")));
        assert_eq!(split_name("[2/3] COPY . ."), Some(("", 2, 3, "COPY . .")));
        assert_eq!(split_name("[linux/arm64 stage-1 10/12] RUN x"), Some(("stage-1", 10, 12, "RUN x")));
        assert_eq!(split_name("[linux/arm64 1/2] FROM x"), Some(("", 1, 2, "FROM x")));
        for other in ["[internal] load build context", "exporting to image", "[auth] x", ""] {
            assert_eq!(split_name(other), None);
        }
    }

    #[test]
    fn a_base_that_another_build_names_has_no_line() {
        let lines = Lines::of("FROM a\nARG X\nWORKDIR /x\nCOPY . .\nRUN x\n");
        assert_eq!((lines.find_from("", 4), lines.find_from("", 3)), (Some(1), None));
    }

    #[test]
    fn steps_find_their_lines() {
        let text = "FROM a AS build\nENV X=1\nRUN one \\\n  two\n\nFROM b\nWORKDIR /x\nCOPY . .\nUSER 1\n";
        let lines = Lines::of(text);
        assert_eq!(lines.find("build", 2, 2), Some(3));
        assert_eq!(lines.find("stage-1", 3, 3), Some(8));
        assert_eq!(lines.find("stage-1", 1, 3), Some(6));
        assert_eq!(lines.find("build", 1, 1), Some(3));
        assert_eq!(lines.find("stage-1", 3, 4), None);
        assert_eq!(lines.find("other", 1, 3), None);
    }
}
