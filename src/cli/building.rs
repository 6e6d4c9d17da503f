//! Builds for the verbs that build: the builder is asked only if what is kept of the last build does
//! not answer, and only then connected to.

use crate::build::{self, Built, Done, Forecast, Inputs, Options, Unknown};
use crate::cli::kept;
use crate::cli::session::Session;
use crate::engine::Engine;
use crate::engine::buildkit::BuildKit;
use crate::event::Event;
use crate::evidence::{Error, State};
use crate::project::ImagePlan;
use crate::types::{Explained, Outcome};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::OnceCell;

/// What builds the images of a project.
pub struct Builder<'a> {
    session: &'a Session,
    engine: &'a Engine,
    state: &'a State,
    buildkit: OnceCell<BuildKit>,
}

impl<'a> Builder<'a> {
    /// Builds with `engine`, and keeps in `state` what was built from what.
    pub fn new(session: &'a Session, engine: &'a Engine, state: &'a State) -> Self {
        Self { session, engine, state, buildkit: OnceCell::new() }
    }

    /// Builds `image`, if it is not built already.
    pub async fn build(&self, image: &ImagePlan, options: &Options) -> Result<Built, Outcome> {
        // A secret that is missing is missing whether the builder has to be asked or not.
        build::check_secrets(image).map_err(|error| self.session.failed(Some(&image.name), &error))?;
        match self.unchanged(image, options).await {
            Some(built) => Ok(built),
            None => self.ask(image, options).await,
        }
    }

    async fn unchanged(&self, image: &ImagePlan, options: &Options) -> Option<Built> {
        let begun = Instant::now();
        let inputs = Inputs::from_bytes(&self.state.inputs(&image.name)?)?;
        let (built, files) = inputs.hold(self.engine, image, options).await?;
        // What the other verbs go by may have been lost on its own.
        kept::keep_build(self.state, self.engine, image, &built, None).ok()?;
        let ms = begun.elapsed().as_millis() as u64;
        self.session.events.say(Event::UpToDate { image: image.name.clone(), id: built.id.clone(), files, ms });
        Some(built)
    }

    /// What a build of `image` would run, and why; nothing is built.
    pub async fn forecast(&self, image: &ImagePlan, options: &Options) -> Result<Forecast, Outcome> {
        let before = self.state.inputs(&image.name).and_then(|bytes| Inputs::from_bytes(&bytes)).map(Arc::new);
        let holds = match &before {
            Some(inputs) => inputs.hold(self.engine, image, options).await.is_some(),
            None => false,
        };
        let forecast = build::forecast(self.engine, image, options, before).await;
        let mut forecast = forecast.map_err(|error| self.session.failed(Some(&image.name), &error))?;
        if holds {
            forecast.steps.clear();
        }
        Ok(Forecast { holds, ..forecast })
    }

    async fn ask(&self, image: &ImagePlan, options: &Options) -> Result<Built, Outcome> {
        let before = self.state.inputs(&image.name).and_then(|bytes| Inputs::from_bytes(&bytes)).map(Arc::new);
        let copy = Copy::of(self.state, image, before.as_deref());
        let copy = copy.map_err(|error| self.session.failed(Some(&image.name), &error))?;
        let options = &Options { generation: copy.generation.clone(), before, ..options.clone() };
        let failed = |error: &dyn Explained| self.session.failed(Some(&image.name), error);
        let buildkit = self.buildkit.get_or_try_init(|| BuildKit::of_engine(self.engine)).await;
        let buildkit = buildkit.map_err(|error| failed(&error))?;
        let Session { events, cancel, .. } = self.session;
        let done = build::build(self.engine, buildkit, image, options, events, cancel).await;
        let done = done.map_err(|error| failed(&error))?;
        let timeline = Some(done.timeline.clone());
        kept::keep_build(self.state, self.engine, image, &done.built, timeline).map_err(|error| failed(&error))?;
        copy.keep(self.state, image, &done).map_err(|error| failed(&error))?;
        Ok(done.built)
    }
}

/// Why it is not kept what decided the last build of `image`.
pub fn uncertain(state: &State, image: &ImagePlan) -> &'static str {
    match state.copy(&image.name).as_deref().and_then(|note| note.split_once(' ')) {
        Some((_, SOURCE)) => "only the builder can check a source of it, such as a URL or a remote frontend",
        Some((_, BEGUN)) => "a build has begun and did not end well yet",
        _ => "files changed so shortly before the last build that their times do not tell",
    }
}

/// What is known of the copy that the builder keeps of an image's context. It compares sizes and
/// times only, so what it has is certain only if each build since the copy was made is known.
struct Copy {
    generation: String,
    /// Every build since the copy was made is known.
    known: bool,
}

/// A build with the copy has begun, and no more is known.
const BEGUN: &str = "begun";
/// What the last build with the copy was built from is known.
const KNOWN: &str = "known";
/// It cannot be known, because of a source that cannot be checked again.
const SOURCE: &str = "source";
/// It is not known, because files were too young or the build before ended badly.
const UNKNOWN: &str = "unknown";

impl Copy {
    /// The copy to build with. Until that build has ended well, what becomes of the copy is unknown.
    fn of(state: &State, image: &ImagePlan, before: Option<&Inputs>) -> Result<Self, Error> {
        let note = state.copy(&image.name);
        let (generation, last) = note.as_deref().and_then(|note| note.split_once(' ')).unwrap_or_default();
        let anew = match last {
            KNOWN => before.is_none_or(|inputs| inputs.deceives(image)),
            // Whoever repairs a failing build should not wait for all of the context each time.
            BEGUN | SOURCE => false,
            _ => true,
        };
        let generation = if anew { hex::encode(rand::random::<[u8; 8]>()) } else { generation.to_owned() };
        state.keep_copy(&image.name, &format!("{generation} {BEGUN}"))?;
        Ok(Self { generation, known: anew || last == KNOWN })
    }

    /// Keeps what the build that has ended tells.
    fn keep(self, state: &State, image: &ImagePlan, done: &Done) -> Result<(), Error> {
        let (last, inputs) = match &done.inputs {
            Ok(inputs) if self.known => (KNOWN, Some(inputs.to_bytes())),
            Err(Unknown::Source) => (SOURCE, None),
            Ok(_) | Err(Unknown::Young) => (UNKNOWN, None),
        };
        state.keep_inputs(&image.name, inputs.as_deref())?;
        state.keep_copy(&image.name, &format!("{} {last}", self.generation))
    }
}
