//! `build`: an image of the plan, built by the engine's BuildKit.

mod attributes;
mod diagnosis;
mod error;
mod inputs;
mod lines;
mod reasons;
mod steps;
mod timeline;

pub use error::Error;
pub use inputs::{Differs, Inputs, Unknown};
pub use reasons::{Forecast, Predicted, forecast};

use crate::engine::buildkit::{BuildKit, LocalDirs, SecretValues, Solve, Solved};
use crate::engine::{self, Credentials, Engine, Environment};
use crate::event::{Event, Events};
use crate::evidence::{Timed, Timeline};
use crate::project::{ImagePlan, SecretSource};
use crate::types::{Because, ByteSize, Digest, ImageId, ImageRef};
use lines::Lines;
use reasons::{Changes, Plan, Recipe};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};
use steps::Steps;
use tokio_util::sync::CancellationToken;

/// How to build, beyond what the plan says.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Run every step, whatever the cache holds.
    pub no_cache: bool,
    /// Ask the registry for newer bases.
    pub pull: bool,
    /// The builder keeps a copy of the context for each of these; with a new one it takes all anew.
    pub generation: String,
    /// What decided the build before, if that is known.
    pub before: Option<Arc<Inputs>>,
}

/// An image that was built and that the engine confirmed.
#[derive(Clone, Debug)]
pub struct Built {
    /// Its id: the digest of its config.
    pub id: ImageId,
    /// How the engine names it: `id`, or the manifest's digest where its store is containerd's.
    pub engine_id: String,
    /// The names it was given.
    pub tags: Vec<ImageRef>,
}

/// What a build came to.
pub struct Done {
    /// The image.
    pub built: Built,
    /// What decided it, or why that is not certain.
    pub inputs: Result<Inputs, Unknown>,
    /// What the builder did for it.
    pub timeline: Timeline,
}

/// Builds `image` with the BuildKit of `engine`. Cancelling, or dropping the future, ends the
/// engine's work.
///
/// # Errors
/// What is wrong with the plan's files, the Dockerfile or a step; or that the engine was lost.
pub async fn build(
    engine: &Engine,
    buildkit: &BuildKit,
    image: &ImagePlan,
    options: &Options,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Done, Error> {
    let begun = Instant::now();
    let begun_ns = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
    let text = read_dockerfile(image)?;
    diagnosis::has_stage(image, &text)?;
    let dirs = local_dirs(image)?;
    let solve = Solve {
        dirs: dirs.clone(),
        shared_key: attributes::shared_key(image, &options.generation),
        attributes: attributes::frontend(image, options),
        names: image.tags.iter().map(ImageRef::canonical).collect(),
        secrets: secrets(image)?,
        credentials: Credentials::new(Environment::of_process().docker_config),
    };
    events.say(Event::BuildStarted { image: image.name.clone(), engine: engine.version().to_owned() });
    // Beside the build: what it is told apart from is what was there when it began.
    let changes = reasons::compare(engine, image, options, options.before.clone());
    let mut steps = Steps::new(&image.name, Lines::of(&text), events.clone());
    let solved = tokio::select! {
        solved = buildkit.solve(solve, |progress| steps.take(progress)) => solved,
        () = cancel.cancelled() => return Err(Error::Interrupted),
    };
    let solved = solved.map_err(|error| diagnosis::diagnose(image, &text, &steps, error))?;
    let engine_id = confirm(engine, image, &solved).await?;
    let built = Built { id: ImageId(solved.config), engine_id, tags: image.tags.clone() };
    let (times, timed) = say_why(engine, image, &text, changes.await, options, &steps, events).await;
    let ms = begun.elapsed().as_millis() as u64;
    events.say(Event::Built {
        image: image.name.clone(),
        id: built.id.clone(),
        tags: image.tags.iter().map(ToString::to_string).collect(),
        size: None,
        steps: steps.count(),
        cached: steps.cached(),
        sent: ByteSize(solved.sent),
        ms,
    });
    let timeline = timeline::of(timed, ms);
    let sources = inputs::sources(steps.names(), Recipe::of(image, &text, times));
    let inputs = Inputs::of(engine, image, &built, sources, dirs.synced(), begun_ns, options.before.as_deref()).await;
    Ok(Done { built, inputs, timeline })
}

/// Says of each step that ran why it did; gives how long each step took when it ran last, and all that was done.
async fn say_why(
    engine: &Engine,
    image: &ImagePlan,
    text: &str,
    mut changes: Changes,
    options: &Options,
    steps: &Steps,
    events: &Events,
) -> (BTreeMap<String, u64>, Vec<Timed>) {
    if let Some(before) = &options.before {
        changes.look_at_bases(before, engine).await;
    }
    let plan = Plan::new(text, image, &changes);
    let ran = steps.ran();
    let lines: BTreeSet<u32> = ran.iter().filter_map(|(step, _)| step.line).collect();
    let mut times = options.before.as_ref().map(|before| before.recipe().times.clone()).unwrap_or_default();
    let mut reasons = BTreeMap::new();
    for (step, ms) in ran {
        let known = step.line.map(|line| plan.because(line, &lines)).unwrap_or_default();
        let because = if known.is_empty() { vec![Because::Unknown] } else { known };
        times.extend(step.line.and_then(|line| plan.key(line)).map(|key| (key.to_owned(), ms)));
        reasons.insert(step.number, because.clone());
        events.say(Event::StepRan { image: image.name.clone(), step, because, ms });
    }
    times.retain(|key, _| plan.has(key));
    let timed = timeline::steps(steps, &plan, &times, &reasons);
    (times, timed)
}

/// The digest of the settings that decide what is built, files aside.
pub fn settings(image: &ImagePlan) -> Digest {
    let mut parts: Vec<String> =
        attributes::frontend(image, &Options::default()).iter().map(|(key, value)| format!("{key}={value}")).collect();
    parts.sort_unstable();
    parts.push(image.context.display().to_string());
    parts.push(image.dockerfile.display().to_string());
    parts.extend(image.tags.iter().map(ImageRef::canonical));
    Digest::of(parts.join("\0").as_bytes())
}

fn read_dockerfile(image: &ImagePlan) -> Result<String, Error> {
    std::fs::read(&image.dockerfile)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .map_err(|source| Error::Unreadable { what: "the Dockerfile", path: image.dockerfile.clone(), source })
}

fn local_dirs(image: &ImagePlan) -> Result<LocalDirs, Error> {
    let resolved = |what, path: &Path| {
        path.canonicalize().map_err(|source| Error::Unreadable { what, path: path.to_owned(), source })
    };
    let mut dirs = LocalDirs::default();
    dirs.insert("context", resolved("the build context", &image.context)?);
    dirs.insert("dockerfile", resolved("the Dockerfile's directory", attributes::dockerfile_dir(image))?);
    Ok(dirs)
}

/// That every secret of `image` that must have a value has one.
///
/// # Errors
/// One has none.
pub fn check_secrets(image: &ImagePlan) -> Result<(), Error> {
    secrets(image).map(drop)
}

/// Reads the secrets when the build begins, so that they are nowhere before and after.
fn secrets(image: &ImagePlan) -> Result<SecretValues, Error> {
    let mut values = SecretValues::default();
    for secret in &image.secrets {
        let read = match &secret.source {
            SecretSource::File(path) => std::fs::read(path).map_err(|error| format!("{}: {error}", path.display())),
            SecretSource::Env(name) => std::env::var(name)
                .map(String::into_bytes)
                .map_err(|_| format!("the environment has no variable {name}")),
        };
        match read {
            Ok(value) => values.insert(&secret.id, value),
            Err(_) if secret.optional => {}
            Err(why) => {
                return Err(Error::NoSecret { image: image.name.clone(), secret: secret.id.clone(), why });
            }
        }
    }
    Ok(values)
}

/// A builder's word is not enough: the engine must have the image, under its own name.
async fn confirm(engine: &Engine, image: &ImagePlan, solved: &Solved) -> Result<String, Error> {
    let name = image.tags.first().map_or_else(|| solved.config.to_string(), ImageRef::canonical);
    let found = engine
        .inspect(&name)
        .await
        .map_err(|source| Error::NotThere { name: name.clone(), source: Box::new(source) })?;
    let known = [Some(&solved.config), solved.manifest.as_ref()];
    if known.contains(&Some(&found.engine_id)) {
        Ok(found.engine_id.to_string())
    } else {
        let source = Box::new(engine::Error::NoSuchImage { image: solved.config.to_string() });
        Err(Error::NotThere { name, source })
    }
}
