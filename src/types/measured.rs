//! What came of measuring an image: how it starts, answers, writes and ends.

use super::{ByteSize, Finding, ImageId};
use schemars::JsonSchema;
use serde::Serialize;

/// What came of measuring an image. Times are milliseconds, sizes bytes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Measured {
    /// The image.
    pub image: String,
    /// Its id.
    pub id: ImageId,
    /// The CPU limit, in cores.
    pub cpu: f64,
    /// From the start of the container until all probes passed, for each start; none for one that ended
    /// or was not ready in time.
    pub starts_ms: Vec<Option<u64>>,
    /// The probes.
    pub probes: Vec<ProbeMeasured>,
    /// Its memory.
    pub memory: MemoryMeasured,
    /// What it wrote; none if it was not ready with a writable root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writes: Option<WritesMeasured>,
    /// How it ended.
    pub stop: StopMeasured,
    /// All findings.
    pub findings: Vec<Finding>,
    /// No finding is an error.
    pub passed: bool,
    /// How long all of it took.
    pub ms: u64,
}

/// What came of measuring a probe.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ProbeMeasured {
    /// `startup`, `liveness` or `readiness`; `smoke` for the one of the settings.
    pub probe: String,
    /// What it does, such as `GET :8080/live`.
    pub action: String,
    /// From the start of the container to its first pass, for each start that was ready; empty if it
    /// cannot be measured from here.
    pub passed_ms: Vec<u64>,
    /// How often the kubelet would restart the container because of it; none if it would not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restarts: Option<Restarts>,
    /// When it has failed for the last time, at the earliest and at the latest, from the start of the
    /// container; none for a probe that restarts nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_ms: Option<(u64, u64)>,
    /// Its answers while nothing else was asked.
    pub rest: Answers,
    /// Its answers while others sent requests.
    pub load: Answers,
    /// How long an answer may take.
    pub timeout_ms: u64,
}

/// Whether the kubelet restarts a container that needs so long to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Restarts {
    /// In no start.
    Never,
    /// It depends on when the kubelet's clock ticks.
    Perhaps,
    /// In each such start.
    Always,
}

/// Answers of a probe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Answers {
    /// How many.
    pub count: usize,
    /// The middle one of those that passed.
    pub median_ms: u64,
    /// The slowest of those that passed.
    pub slowest_ms: u64,
    /// Those that did not pass, or not in time.
    pub failed: usize,
}

/// The memory that a container used, without the file cache that can be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MemoryMeasured {
    /// When it was ready and nothing was asked; none if the engine does not tell.
    pub rest: Option<ByteSize>,
    /// At most, as far as samples show.
    pub peak: Option<ByteSize>,
    /// The limit.
    pub limit: ByteSize,
}

/// What a container wrote until it was ready and had answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WritesMeasured {
    /// The paths, with a writable root; a directory stands for all in it.
    pub paths: Vec<String>,
    /// The smallest set of directories that must be writable.
    pub writable: Vec<String>,
    /// Paths beside files of the image, which no empty directory can take the place of.
    pub beside: Vec<String>,
    /// Directories that are writable, and that it wrote nothing to.
    pub unused: Vec<String>,
    /// It was ready with nothing but `writable` writable.
    pub proven: bool,
}

/// How a container ended that was asked to while it was busy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StopMeasured {
    /// What it was asked for.
    pub request: String,
    /// The signal.
    pub signal: String,
    /// How many requests it was working on when the signal came.
    pub in_flight: usize,
    /// How many of these it answered.
    pub served: usize,
    /// From the signal to the first connection that it did not accept; none if it ended first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_ms: Option<u64>,
    /// From the signal to its end.
    pub end_ms: u64,
    /// What it ended with; none if it had to be killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// Processes that had ended, and that its first process did not wait for; none if the image has no
    /// shell to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zombies: Option<usize>,
}
