//! What a verb has of the world: the project, the events, the cancellation.

use crate::cli::args::Global;
use crate::cli::browse;
use crate::cli::render::{Mode, Renderer};
use crate::cli::signals::Signals;
use crate::cli::teaching::Lessons;
use crate::cli::terminal::{Terminal, WriteError};
use crate::deploy::Helm;
use crate::event::{Event, Events, Failure};
use crate::project::{Problem, Project, Search};
use crate::types::{Explained, Finding, Outcome, visible};
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

/// How often what is drawn is looked at again.
const TICK: Duration = Duration::from_millis(100);

/// One run of the command.
pub struct Session {
    /// The global options.
    pub global: Global,
    /// Where output goes.
    pub terminal: Terminal,
    /// Where events go.
    pub events: Events,
    /// Cancelled by the first Ctrl-C.
    pub cancel: CancellationToken,
    /// What the engine is to learn when the run is over.
    pub lessons: Lessons,
    /// The working directory.
    pub directory: PathBuf,
    renderer: Arc<Mutex<Renderer>>,
    started: Instant,
    helm: OnceCell<Helm>,
}

/// The runtime or the working directory could not be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what}")]
struct StartError {
    what: &'static str,
    source: std::io::Error,
}

impl Explained for StartError {
    fn outcome(&self) -> Outcome {
        Outcome::Unreachable
    }
}

/// The environment variable `name`, if it is set to text.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn lock(renderer: &Mutex<Renderer>) -> MutexGuard<'_, Renderer> {
    renderer.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    /// The run that `global` asks for; `streams` says that the verb's data are its events.
    pub fn new(global: Global, streams: bool) -> Self {
        let terminal = Terminal::new(global.color, &variable);
        let renderer = Arc::new(Mutex::new(Renderer::new(Mode::of(&global, terminal.live, streams), terminal)));
        let started = Instant::now();
        let receiver = Arc::clone(&renderer);
        let events = Events::new(move |event| lock(&receiver).receive(&event, started.elapsed()));
        let directory = std::env::current_dir().unwrap_or_default();
        Self {
            global,
            terminal,
            events,
            cancel: CancellationToken::new(),
            lessons: Lessons::default(),
            directory,
            renderer,
            started,
            helm: OnceCell::new(),
        }
    }

    /// Helm, for `namespace` of the cluster that the kubeconfig calls `context`. Copies of one know
    /// what each other rendered.
    ///
    /// # Errors
    /// There is none, or one that is too old.
    pub async fn helm(&self, context: &str, namespace: &str) -> Result<Helm, crate::deploy::Error> {
        self.helm.get_or_try_init(Helm::find).await.map(|helm| helm.at(context, namespace))
    }

    /// The project, or how the run ends because there is none.
    pub fn project(&self, rules: &[&str]) -> Result<Project, Outcome> {
        let search = Search { directory: &self.directory, file: self.global.file.as_deref() };
        crate::project::load(&search, rules, &variable).map_err(|problems| self.problems(&problems))
    }

    /// The project, if a settings file says that there is one: a Dockerfile that lies here says nothing of
    /// other images.
    pub fn settings(&self, rules: &[&str]) -> Result<Option<Project>, Outcome> {
        let search = Search { directory: &self.directory, file: self.global.file.as_deref() };
        match crate::project::settings_file(&search) {
            Ok(None) => Ok(None),
            Ok(Some(_)) => self.project(rules).map(Some),
            Err(problem) => Err(self.problems(&[problem])),
        }
    }

    /// Says all of `problems`.
    pub fn problems(&self, problems: &[Problem]) -> Outcome {
        Outcome::worst(problems.iter().map(|problem| self.failed(None, problem)))
    }

    /// Says `text`, which is about no image.
    pub fn note(&self, text: String) {
        self.events.say(Event::Note { image: None, text });
    }

    /// Says that `error` failed `image`, or the run.
    pub fn failed(&self, image: Option<&str>, error: &dyn Explained) -> Outcome {
        self.events.say(Event::Failed(Failure::new(image, error)));
        error.outcome()
    }

    /// Says a finding of `image` to a person. Whoever reads events has it from them.
    pub fn finding(&self, image: &str, finding: &Finding) {
        if self.global.json {
            return;
        }
        let place = finding.place.as_ref().map_or_else(String::new, |place| format!(", at {place}"));
        let Finding { severity, rule, found, .. } = finding;
        // It may tell the name of a file that somebody else made.
        let note = |text: String| self.events.say(Event::Note { image: Some(image.to_owned()), text: visible(&text) });
        note(format!("{severity}: {rule}: {found}{place}"));
        finding.hint.iter().for_each(|hint| note(format!("  hint: {hint}")));
    }

    /// The outcome of having written to stdout.
    pub fn written(&self, result: Result<(), WriteError>) -> Outcome {
        result.map_or_else(|error| self.failed(None, &error), |()| Outcome::Fine)
    }

    /// Runs `verb` with signals watched and progress drawn.
    pub fn block_on(&self, verb: impl Future<Output = Outcome>) -> Outcome {
        // Memory is a promise here: two workers are enough for streams, and little ever blocks.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(4)
            .thread_stack_size(1 << 20)
            .enable_all()
            .build();
        match runtime {
            Ok(runtime) => {
                let outcome = runtime.block_on(self.accompanied(verb));
                // A reader of stdin cannot be cancelled; it must not hold the process.
                runtime.shutdown_background();
                outcome
            }
            Err(source) => self.failed(None, &StartError { what: "start the runtime", source }),
        }
    }

    async fn accompanied(&self, verb: impl Future<Output = Outcome>) -> Outcome {
        let clear = Arc::clone(&self.renderer);
        let leave = move || {
            browse::give_back();
            // Whoever holds it may be what hangs.
            if let Ok(mut renderer) = clear.try_lock() {
                renderer.clear();
            }
        };
        let (cancel, events) = (self.cancel.clone(), self.events.clone());
        let signals = Signals::take().map(|signals| tokio::spawn(signals.watch(cancel, events, leave)));
        let (renderer, started) = (Arc::clone(&self.renderer), self.started);
        let ticking = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(TICK);
            loop {
                ticks.tick().await;
                lock(&renderer).tick(started.elapsed());
            }
        });
        let outcome = verb.await;
        ticking.abort();
        signals.iter().for_each(tokio::task::JoinHandle::abort);
        if self.cancel.is_cancelled() { Outcome::worst([outcome, Outcome::Interrupted]) } else { outcome }
    }

    /// Says the last of it; answers with how the run ends.
    pub fn finish(&self, outcome: Outcome) -> Outcome {
        let ms = self.started.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
        self.events.say(Event::Finished { outcome, code: outcome.code(), ms });
        let lost = lock(&self.renderer).lost();
        match lost {
            None => outcome,
            Some(error) => Outcome::worst([outcome, self.failed(None, &error)]),
        }
    }
}
