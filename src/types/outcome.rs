//! How a run ends: the exit codes, and errors that know theirs.

use schemars::JsonSchema;
use serde::Serialize;

/// How a verb ended; each has one exit code, the same for every verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// 0: all that was asked is done and holds.
    Fine,
    /// 1: a check found something that fails.
    Findings,
    /// 2: the command line or the settings are wrong.
    Usage,
    /// 3: could not check, or could not reach what must be asked.
    Unreachable,
    /// 4: a step failed: a build, a load, a deployment.
    StepFailed,
    /// 5: refused, because evidence is missing or stale.
    NoEvidence,
    /// 130: interrupted.
    Interrupted,
}

impl Outcome {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::StepFailed => 4,
            Self::NoEvidence => 5,
            Self::Interrupted => 130,
        }
    }

    /// The outcome of a run over several images: the first that applies of 130, 2, 3, 4, 5, 1, 0.
    pub fn worst(all: impl IntoIterator<Item = Self>) -> Self {
        const ORDER: [Outcome; 6] = [
            Outcome::Interrupted,
            Outcome::Usage,
            Outcome::Unreachable,
            Outcome::StepFailed,
            Outcome::NoEvidence,
            Outcome::Findings,
        ];
        let all: Vec<Self> = all.into_iter().collect();
        ORDER.into_iter().find(|one| all.contains(one)).unwrap_or(Self::Fine)
    }
}

/// An error that knows how the run ends because of it and what to type next. `Display` says only
/// its own layer; causes are `source()`.
pub trait Explained: std::error::Error + Send + Sync + 'static {
    /// How a run ends that fails with this.
    fn outcome(&self) -> Outcome;

    /// One action that helps, without a leading `hint:`.
    fn hint(&self) -> Option<String> {
        None
    }

    /// Further lines of the block that is shown, as name and text: `last log`, `container`, …
    fn details(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_outcome_wins_in_the_documented_order() {
        use Outcome::*;
        assert_eq!(Outcome::worst([]), Fine);
        assert_eq!(Outcome::worst([Fine, Findings, NoEvidence]), NoEvidence);
        assert_eq!(Outcome::worst([Findings, StepFailed, Unreachable]), Unreachable);
        assert_eq!(Outcome::worst([Unreachable, Usage, Interrupted]), Interrupted);
        let codes = [Fine, Findings, Usage, Unreachable, StepFailed, NoEvidence, Interrupted].map(Outcome::code);
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 130]);
    }
}
