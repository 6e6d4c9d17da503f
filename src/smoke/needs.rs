//! What an image needs beside it: started first, waited for, and named if it fails.

use super::fault::{self, Fault, READ_LINES, last_log, seconds};
use super::trial::Trial;
use super::{Error, hints, listeners};
use crate::engine::{ContainerState, Credentials, Environment, Health, ImageSettings};
use crate::event::Event;
use crate::project::Need;
use crate::types::format_duration;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// What is needed is often a database that sets itself up first: a short deadline of the image's
/// own probe is not meant for it.
const SHORTEST_DEADLINE: Duration = Duration::from_secs(30);
/// What says nothing of its readiness is taken for ready when it has run so long.
const SETTLED: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(100);
const CONNECT: Duration = Duration::from_secs(1);
const LONGEST_PULL: Duration = Duration::from_secs(600);

/// Something needed that was started.
pub(super) struct Running<'a> {
    need: &'a Need,
    id: String,
    begun: Instant,
    check: Check<'a>,
}

/// How readiness is told.
#[derive(Debug, PartialEq, Eq)]
enum Check<'a> {
    /// A command in it exits with 0.
    Command(&'a str),
    /// It accepts connections on a port.
    Port(u16),
    /// The image's own health check passes.
    Health,
    /// It has run for a moment.
    Settled,
}

/// Starts all that is needed and waits until all of it is ready, or one clearly never will be.
pub(super) async fn start<'a>(trial: &Trial<'a>) -> Result<Result<Vec<Running<'a>>, Fault>, Error> {
    let mut all = Vec::new();
    for need in &trial.setup.plan.needs {
        match start_one(trial, need).await? {
            Ok(running) => all.push(running),
            Err(fault) => return Ok(Err(fault)),
        }
    }
    for need in &all {
        if let Err(fault) = need.until_ready(trial).await? {
            return Ok(Err(fault));
        }
    }
    Ok(Ok(all))
}

async fn start_one<'a>(trial: &Trial<'a>, need: &'a Need) -> Result<Result<Running<'a>, Fault>, Error> {
    let settings = image(trial, need).await?;
    trial.unless_cancelled()?;
    let spec = trial.setup.need(&trial.place, need);
    let id = trial.engine.create_container(&spec).await.map_err(|error| trial.refused(error))?;
    if let Err(error) = trial.engine.start_container(&id).await {
        let what = format!("not started, because {} ", title(need));
        return fault::not_started(trial, &what, &id, error).await.map(Err);
    }
    Ok(Ok(Running { need, id, begun: Instant::now(), check: Check::of(need, &settings) }))
}

/// What the need's image says of its containers; it is pulled if it is not here, as `docker run`
/// does.
async fn image(trial: &Trial<'_>, need: &Need) -> Result<ImageSettings, Error> {
    let reference = need.image.canonical();
    match trial.engine.image_settings(&reference).await {
        // No registry has what is built here; what it has under that name is something else.
        Err(error) if error.is_not_found() && need.built_here => return Err(absent(trial, need, error)),
        Err(error) if error.is_not_found() => pull(trial, need).await?,
        found => return trial.lost(found),
    }
    trial.lost(trial.engine.image_settings(&reference).await)
}

async fn pull(trial: &Trial<'_>, need: &Need) -> Result<(), Error> {
    let image = trial.setup.plan.name.clone();
    let text = format!("pulling {} for {}", need.image, need.name);
    trial.events.say(Event::Note { image: Some(image.clone()), text: text.clone() });
    let credentials = Credentials::new(Environment::of_process().docker_config);
    let pulling = timeout(LONGEST_PULL, trial.engine.pull(&need.image, &credentials));
    let Some(pulled) = trial.cancel.run_until_cancelled(pulling).await else {
        return Err(Error::Interrupted { image });
    };
    let pulled =
        pulled.unwrap_or_else(|elapsed| Err(crate::engine::Error::Broken { doing: text, source: elapsed.into() }));
    pulled.map_err(|source| absent(trial, need, source))
}

fn absent(trial: &Trial<'_>, need: &Need, source: crate::engine::Error) -> Error {
    Error::NoNeedImage {
        image: trial.setup.plan.name.clone(),
        need: need.name.clone(),
        reference: need.image.to_string(),
        built_here: need.built_here,
        source: Box::new(source),
    }
}

fn title(need: &Need) -> String {
    format!("{} ({})", need.name, need.image)
}

impl<'a> Check<'a> {
    fn of(need: &'a Need, settings: &ImageSettings) -> Self {
        let port = |ready: &str| ready.strip_prefix("tcp:").and_then(|port| port.trim().parse().ok());
        match (need.ready.as_deref(), settings.ports.first()) {
            (Some(ready), _) => port(ready).map_or(Self::Command(ready), Self::Port),
            (None, _) if settings.healthcheck => Self::Health,
            (None, Some(port)) => Self::Port(*port),
            (None, None) => Self::Settled,
        }
    }

    /// What was waited for.
    fn text(&self) -> String {
        match self {
            Self::Command(command) => format!("`{command}` never exited with 0"),
            Self::Port(port) => format!("nothing listens on port {port}"),
            Self::Health => "its health check does not pass".into(),
            Self::Settled => "it does not run".into(),
        }
    }
}

impl Running<'_> {
    async fn until_ready(&self, trial: &Trial<'_>) -> Result<Result<(), Fault>, Error> {
        let deadline = trial.setup.plan.probe.deadline.max(SHORTEST_DEADLINE);
        tokio::select! {
            ready = self.until_checked(trial) => ready.map(Ok),
            ended = trial.until_cancelled(trial.engine.container_end(&self.id)) => {
                ended?;
                self.fault(trial, None).await.map(Err)
            }
            () = sleep(deadline) => self.fault(trial, Some(deadline)).await.map(Err),
        }
    }

    async fn until_checked(&self, trial: &Trial<'_>) -> Result<(), Error> {
        while !self.is_ready(trial).await? {
            sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn is_ready(&self, trial: &Trial<'_>) -> Result<bool, Error> {
        let state = trial.lost(trial.engine.container_state(&self.id).await)?;
        if !state.running {
            // Whoever waits for its end says so.
            return Ok(false);
        }
        match self.check {
            Check::Settled => Ok(self.begun.elapsed() >= SETTLED),
            Check::Health => Ok(state.health == Some(Health::Healthy)),
            Check::Port(port) => Ok(self.accepts(trial, &state, port).await),
            Check::Command(command) => {
                // It may end between the question and the command.
                let ended = trial.engine.exec(&self.id, &["/bin/sh", "-c", command]).await;
                match ended {
                    Err(error @ crate::engine::Error::Broken { .. }) => trial.lost(Err(error)),
                    ended => Ok(ended.is_ok_and(|ended| ended.code == 0)),
                }
            }
        }
    }

    /// A port that is published accepts connections before anything listens behind it, so from
    /// elsewhere the listeners themselves are looked at.
    async fn accepts(&self, trial: &Trial<'_>, state: &ContainerState, port: u16) -> bool {
        let route = &trial.place.route;
        match (route, state.address) {
            (crate::engine::Route::Direct, Some(address)) => {
                timeout(CONNECT, TcpStream::connect((address, port))).await.is_ok_and(|connected| connected.is_ok())
            }
            _ => listeners::of(trial.engine, route, &self.id, state)
                .await
                .is_some_and(|found| listeners::judge(&found, port) == listeners::Listening::Yes),
        }
    }

    fn hint(&self, trial: &Trial<'_>, log: &[String]) -> Option<String> {
        let table = format!("image.{}.needs.{}.env", trial.setup.plan.name, self.need.name);
        hints::from_log(log, &table)
    }

    /// Why it is not ready: it ended, or the deadline is over.
    async fn fault(&self, trial: &Trial<'_>, deadline: Option<Duration>) -> Result<Fault, Error> {
        let state = trial.lost(trial.engine.container_state(&self.id).await)?;
        let log = trial.lost(trial.engine.container_log(&self.id, READ_LINES).await)?;
        let why = match deadline {
            Some(deadline) => format!("is not ready after {}: {}", seconds(deadline), self.check.text()),
            None => self.ended(&state, &log),
        };
        let hint = self.hint(trial, &log);
        let cause = format!("not started, because {} {why}", title(self.need));
        Ok(Fault::certain(cause, last_log(&log), hint))
    }

    fn ended(&self, state: &ContainerState, log: &[String]) -> String {
        let killed = if state.oom_killed { ", killed for want of memory," } else { "" };
        let after = format_duration(self.begun.elapsed());
        let said = hints::telling(log).map(|line| format!(": {line}")).unwrap_or_default();
        format!("exited with {}{killed} after {after}{said}", state.exit_code)
    }

    /// What it does while the image is not ready, and what helps if that is the cause.
    pub(super) async fn now(&self, trial: &Trial<'_>) -> Result<(String, Option<String>), Error> {
        let state = trial.lost(trial.engine.container_state(&self.id).await)?;
        if state.running {
            return Ok((format!("{} running, was ready", title(self.need)), None));
        }
        let log = trial.lost(trial.engine.container_log(&self.id, READ_LINES).await)?;
        Ok((format!("{} {}", title(self.need), self.ended(&state, &log)), self.hint(trial, &log)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_is_waited_for_is_what_was_written_or_what_the_image_says() {
        let need = |ready: Option<&str>| Need {
            name: "db".into(),
            image: "postgres".parse().unwrap(),
            env: BTreeMap::new(),
            ready: ready.map(str::to_owned),
            built_here: false,
        };
        let settings =
            |ports: &[u16], healthcheck| ImageSettings { ports: ports.into(), healthcheck, ..Default::default() };
        let command = need(Some("pg_isready"));
        assert_eq!(Check::of(&command, &settings(&[1], true)), Check::Command("pg_isready"));
        assert_eq!(Check::of(&need(Some("tcp:5432")), &settings(&[1], true)), Check::Port(5432));
        assert_eq!(Check::of(&need(None), &settings(&[1], true)), Check::Health);
        assert_eq!(Check::of(&need(None), &settings(&[1, 2], false)), Check::Port(1));
        assert_eq!(Check::of(&need(None), &settings(&[], false)), Check::Settled);
    }
}
