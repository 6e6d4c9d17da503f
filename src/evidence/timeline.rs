//! What a builder did for an image, step by step.

use crate::types::Because;
use serde::{Deserialize, Serialize};

/// One build, as its builder told it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// When it was over, in seconds since 1970.
    pub at: u64,
    /// How long all of it took, in milliseconds: sending, steps, the export and the engine's answer.
    pub ms: u64,
    /// What the builder did, in the order in which it began.
    pub steps: Vec<Timed>,
}

/// A step of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timed {
    /// The instruction as the Dockerfile has it, or what the builder does of its own accord.
    pub text: String,
    /// Its line in the Dockerfile, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// It is an instruction of the Dockerfile, and no `FROM`.
    pub instruction: bool,
    /// It was taken from the build cache.
    pub cached: bool,
    /// When it began, in milliseconds from the first step that did; none if the builder does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_ms: Option<u64>,
    /// How long it ran, in milliseconds.
    pub ms: u64,
    /// How long it took when it ran last, in milliseconds: for what came from the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_ms: Option<u64>,
    /// Why it ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<Because>,
}

#[cfg(test)]
mod tests {
    use crate::evidence::BuildRecord;
    use crate::types::{Because, FileChange};
    use serde_json::json;

    #[test]
    fn a_record_of_before_has_none_and_one_of_now_is_read_whole() {
        let digest = format!("sha256:{:064x}", 7);
        let mut record = json!({"id": digest, "engine_id": "x", "engine": "unix:///x", "settings": digest, "at": 1});
        let read = |record: &serde_json::Value| serde_json::from_value::<BuildRecord>(record.clone()).unwrap();
        assert_eq!(read(&record).timeline, None);
        let files = Because::Files { path: "a".into(), change: FileChange::Content, count: 2 };
        let because = [files, Because::Step { line: 3 }, Because::CacheGone];
        let step = json!({"text": "RUN a", "line": 4, "instruction": true, "cached": false, "from_ms": 3, "ms": 5,
            "because": because});
        record["timeline"] = json!({"at": 2, "ms": 9, "steps": [step]});
        let whole = read(&record);
        assert_eq!(whole.timeline.as_ref().unwrap().steps[0].because, because);
        assert_eq!(read(&serde_json::to_value(&whole).unwrap()), whole);
    }
}
