//! What happened, typed: the only thing a verb says aloud. Renderers make a live terminal,
//! plain lines or JSON lines of it.

use crate::types::{Because, ByteSize, Finding, ImageId, Measured, Outcome};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

/// One thing that happened. In `--json` each is one line; times are milliseconds, sizes bytes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A build was handed to an engine.
    BuildStarted {
        /// The image in the plan.
        image: String,
        /// Engine version, such as `28.5.2`.
        engine: String,
    },
    /// The builder said how many steps an image has. May come more than once, with more.
    StepsKnown {
        /// The image in the plan.
        image: String,
        /// How many.
        steps: usize,
    },
    /// A step of a build began to run.
    StepStarted {
        /// The image in the plan.
        image: String,
        /// The step.
        step: Step,
    },
    /// A step of a build wrote a line.
    StepLog {
        /// The image in the plan.
        image: String,
        /// The step.
        step: Step,
        /// The line, without its end.
        text: String,
    },
    /// A step of a build ended.
    StepFinished {
        /// The image in the plan.
        image: String,
        /// The step.
        step: Step,
        /// It was taken from the build cache.
        cached: bool,
        /// How long it ran.
        ms: u64,
        /// What failed, if it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// A step of a build ran, and why; said when the image is built.
    StepRan {
        /// The image in the plan.
        image: String,
        /// The step.
        step: Step,
        /// All causes that are known.
        because: Vec<Because>,
        /// How long it ran.
        ms: u64,
    },
    /// The builder warns of something in the Dockerfile.
    BuildWarning {
        /// The image in the plan.
        image: String,
        /// What it says.
        text: String,
        /// The line of the Dockerfile, from 1.
        #[serde(skip_serializing_if = "Option::is_none")]
        line: Option<u32>,
    },
    /// An image is built, and the engine confirmed its id.
    Built {
        /// The image in the plan.
        image: String,
        /// Its id.
        id: ImageId,
        /// The names it was given.
        tags: Vec<String>,
        /// Uncompressed sum of its layers' tar sizes, when it was read.
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<ByteSize>,
        /// How many steps it has.
        steps: usize,
        /// How many of them came from the build cache.
        cached: usize,
        /// How many bytes of the context were sent to the engine.
        sent: ByteSize,
        /// How long all of it took.
        ms: u64,
    },
    /// There is nothing to build: all that decided the last build is the same, and the engine has
    /// the image.
    UpToDate {
        /// The image in the plan.
        image: String,
        /// Its id.
        id: ImageId,
        /// How many files and directories were looked at.
        files: usize,
        /// How long all of it took.
        ms: u64,
    },
    /// An image is being read, for its sizes and files.
    Reading {
        /// The image.
        image: String,
        /// Bytes read so far.
        done: ByteSize,
    },
    /// An image was checked.
    Verified {
        /// The image.
        image: String,
        /// Its id.
        id: ImageId,
        /// Uncompressed sum of its layers' tar sizes.
        size: ByteSize,
        /// What it must stay under.
        #[serde(skip_serializing_if = "Option::is_none")]
        budget: Option<ByteSize>,
        /// The user it runs as: the resolved uid, or the name if it resolves to none.
        user: String,
        /// The stand-in that the image rests on instead of the official base, if it does.
        #[serde(skip_serializing_if = "Option::is_none")]
        stand_in: Option<String>,
        /// All findings.
        findings: Vec<Finding>,
        /// No finding is an error.
        passed: bool,
        /// How long reading it took.
        read_ms: u64,
        /// How long all of it took.
        ms: u64,
    },
    /// A container was started to be probed.
    SmokeStarted {
        /// The image.
        image: String,
    },
    /// The probe does not pass yet.
    Probing {
        /// The image.
        image: String,
        /// What is asked, such as `GET /health`.
        request: String,
        /// The last answer, or why there was none.
        answer: String,
    },
    /// The probe passed, and the container was asked to end.
    Stopping {
        /// The image.
        image: String,
        /// The signal, such as `SIGTERM`.
        signal: String,
    },
    /// An image was smoked.
    Smoked {
        /// The image.
        image: String,
        /// Its id.
        id: ImageId,
        /// The answer that made it ready, such as `200`.
        answer: String,
        /// From the start of the container to the first answer that passed.
        ready_ms: u64,
        /// From SIGTERM to the end of the container.
        stop_ms: u64,
        /// All findings.
        findings: Vec<Finding>,
        /// No finding is an error.
        passed: bool,
        /// How long all of it took.
        ms: u64,
    },
    /// An image was measured.
    Measured(Box<Measured>),
    /// A node that is to get an image said what it has of it.
    Reached {
        /// The image.
        image: String,
        /// The node.
        node: String,
        /// How it is reached, such as ``container `minikube` of unix:///var/run/docker.sock``.
        by: String,
    },
    /// An image is on its way into a node.
    Loading {
        /// The image.
        image: String,
        /// The node.
        node: String,
        /// Bytes written to the node.
        done: ByteSize,
        /// Bytes to write in all, as far as they are known.
        total: ByteSize,
    },
    /// An image is in a node, and the node confirmed it.
    Loaded {
        /// The image.
        image: String,
        /// The node.
        node: String,
        /// Its id.
        id: ImageId,
        /// Bytes written to the node; 0 if it had everything.
        sent: ByteSize,
        /// How it went there, and why.
        how: String,
        /// How long all of it took.
        ms: u64,
    },
    /// A journey through the application began.
    JourneyStarted {
        /// Its name.
        journey: String,
        /// The file that it is written in.
        file: String,
        /// How many steps it has.
        steps: usize,
    },
    /// A step of a journey passed: the answer is as it must be.
    StepPassed {
        /// The journey.
        journey: String,
        /// The step's number in its journey, from 1.
        step: usize,
        /// What it is called: its name, or its request as it is written.
        name: String,
        /// What was asked, such as `GET http://10.0.0.2:30000/api/tasks`.
        request: String,
        /// The answer's status.
        status: u16,
        /// How often it was tried.
        tries: usize,
        /// How long all of it took.
        ms: u64,
    },
    /// A journey ended: with its last step, or with the first that failed.
    JourneyFinished {
        /// The journey.
        journey: String,
        /// All of its steps passed.
        passed: bool,
        /// How many steps it has.
        steps: usize,
        /// What is wrong with the step that failed.
        findings: Vec<Finding>,
        /// How long all of it took.
        ms: u64,
    },
    /// A release is being installed or upgraded.
    ReleaseStarted {
        /// The release.
        release: String,
        /// The namespace.
        namespace: String,
        /// The id tag of the image that it runs, if it runs one of the plan.
        #[serde(skip_serializing_if = "Option::is_none")]
        image: Option<String>,
    },
    /// A release is in the cluster, and is not ready yet.
    Waiting {
        /// The release.
        release: String,
        /// For what, such as ``Deployment `backend` 0 of 1 ready``.
        text: String,
    },
    /// All of a release runs, and nothing older than it.
    Deployed {
        /// The release.
        release: String,
        /// Its revision, from 1.
        revision: u32,
        /// This run made that revision; otherwise all of it was there, and ran.
        changed: bool,
        /// The namespace.
        namespace: String,
        /// The workloads that are ready, such as ``Deployment `backend` ``.
        workloads: Vec<String>,
        /// How long all of it took.
        ms: u64,
    },
    /// Something worth a line.
    Note {
        /// The image it is about, if it is about one.
        #[serde(skip_serializing_if = "Option::is_none")]
        image: Option<String>,
        /// The line.
        text: String,
    },
    /// A verb failed for an image, or as a whole.
    Failed(Failure),
    /// The run ended. Always the last event.
    Finished {
        /// How.
        outcome: Outcome,
        /// The exit code that goes with it.
        code: u8,
        /// How long all of it took.
        ms: u64,
    },
}

/// A line of `--json`: an event, and when it was said.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Line<'a> {
    /// The event.
    #[serde(flatten)]
    pub event: &'a Event,
    /// When, from the start of the run.
    pub at_ms: u64,
}

/// A step of a build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Step {
    /// Its number among the image's steps, from 1.
    pub number: usize,
    /// As the Dockerfile has it, such as `RUN npm ci`.
    pub name: String,
    /// Its line in the Dockerfile, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// Why a verb failed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Failure {
    /// The image, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// How the run ends because of it.
    pub outcome: Outcome,
    /// What failed.
    pub message: String,
    /// Why, from the outermost cause to the innermost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// Further lines, as name and text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<(String, String)>,
    /// One action that helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Failure {
    /// The failure that `error` is, for `image`.
    pub fn new(image: Option<&str>, error: &dyn crate::types::Explained) -> Self {
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Wrappers often repeat their cause's text; saying it once is enough.
            if causes.last() != Some(&text) {
                causes.push(text);
            }
            source = cause.source();
        }
        Self {
            image: image.map(str::to_owned),
            outcome: error.outcome(),
            message: error.to_string(),
            causes,
            details: error.details(),
            hint: error.hint(),
        }
    }
}

/// Where events go. Cheap to clone; may be called from any thread.
#[derive(Clone)]
pub struct Events(Arc<dyn Fn(Event) + Send + Sync>);

impl Events {
    /// Events go to `receive`.
    pub fn new(receive: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(receive))
    }

    /// Events go nowhere.
    pub fn none() -> Self {
        Self::new(|_| {})
    }

    /// Says `event`.
    pub fn say(&self, event: Event) {
        (self.0)(event);
    }
}
