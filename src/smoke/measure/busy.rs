//! The last container: how it answers at rest and while others ask, what memory it needs, and how it ends
//! when it is asked to in the middle of it.

use super::asks::{Ask, Asks, Target};
use super::start::Started;
use super::{Busy, millis};
use crate::project::ProbeAction;
use crate::smoke::Error;
use crate::smoke::probe::{Answer, ask_within};
use crate::smoke::redirect::Url;
use crate::smoke::trial::Trial;
use crate::types::{Answers, ByteSize, MemoryMeasured, StopMeasured};
use futures_util::future::join_all;
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::pending;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// How many requests are under way at a time.
const AT_A_TIME: usize = 8;
/// How often a probe is asked, and how long is waited in between.
const TIMES: usize = 20;
const BETWEEN: Duration = Duration::from_millis(50);
/// What it does once it is ready is over after so long.
const SETTLING: Duration = Duration::from_secs(1);
const SAMPLE: Duration = Duration::from_millis(200);
/// How long it is busy before it is asked to end.
const BUSY: Duration = Duration::from_millis(500);
/// How long the answers of requests are waited for after its end.
const AFTER: Duration = Duration::from_millis(200);

/// Observes the container, which is ready, until its end.
pub(super) async fn observe(
    trial: &Trial<'_>,
    started: &Started,
    asks: &Asks,
    slow: Option<&str>,
) -> Result<Busy, Error> {
    let (peak, url) = (Cell::new(0), requested(trial, started, asks).await?);
    let observed = async {
        trial.meanwhile(sleep(SETTLING)).await?;
        let rest_memory = trial.lost(trial.engine.container_memory(&started.id).await)?;
        let rest = trial.meanwhile(answers(trial, started, asks)).await?;
        let load = under_load(trial, started, asks, url.as_ref()).await?;
        let zombies = trial.meanwhile(zombies(trial, &started.id)).await?;
        let stop = StopMeasured { zombies, ..end(trial, started, url.as_ref(), slow).await? };
        Ok::<_, Error>((rest_memory, rest, load, stop))
    };
    let (rest_memory, rest, load, stop) = tokio::select! {
        observed = observed => observed?,
        never = sample(trial, &started.id, &peak) => match never {},
    };
    let peak = Some(peak.into_inner()).filter(|bytes| *bytes > 0).map(ByteSize).max(rest_memory);
    let memory = MemoryMeasured { rest: rest_memory, peak, limit: trial.setup.plan.run.memory };
    Ok(Busy { rest, load, memory, stop })
}

/// Keeps the largest memory use in `peak`, for ever.
async fn sample(trial: &Trial<'_>, id: &str, peak: &Cell<u64>) -> Infallible {
    loop {
        if let Ok(Some(bytes)) = trial.engine.container_memory(id).await {
            peak.set(peak.get().max(bytes.0));
        }
        sleep(SAMPLE).await;
    }
}

/// How many processes have ended without being waited for; none in an image without `sh` and `cat`. The
/// engine's own list of processes leaves them out.
async fn zombies(trial: &Trial<'_>, id: &str) -> Option<usize> {
    let said = trial.engine.exec(id, &["sh", "-c", "cat /proc/[0-9]*/stat"]).await.ok()?;
    // The program's name may hold anything (proc_pid_stat(5)): its state comes after the last bracket.
    let states = said.output.lines().filter_map(|line| line.rsplit_once(") ")?.1.chars().next());
    let states: Vec<char> = states.collect();
    (!states.is_empty()).then(|| states.into_iter().filter(|state| *state == 'Z').count())
}

/// The answers of all asks, one after the other of each.
async fn answers(trial: &Trial<'_>, started: &Started, asks: &Asks) -> Vec<Answers> {
    join_all(asks.all.iter().zip(&started.targets).map(|(ask, target)| answers_of(trial, started, ask, target))).await
}

async fn answers_of(trial: &Trial<'_>, started: &Started, ask: &Ask, target: &Target) -> Answers {
    if matches!(target, Target::Nowhere) {
        return Answers::default();
    }
    let mut passed = Vec::new();
    for _ in 0..TIMES {
        let begun = Instant::now();
        if ask.passes(trial, &started.id, target).await {
            passed.push(millis(begun.elapsed()));
        }
        sleep(BETWEEN).await;
    }
    passed.sort_unstable();
    let at = |index: usize| passed.get(index).copied().unwrap_or_default();
    Answers {
        count: TIMES,
        median_ms: at(passed.len() / 2),
        slowest_ms: at(passed.len().saturating_sub(1)),
        failed: TIMES - passed.len(),
    }
}

/// The answers while `url` is asked for by others.
async fn under_load(
    trial: &Trial<'_>,
    started: &Started,
    asks: &Asks,
    url: Option<&Url>,
) -> Result<Vec<Answers>, Error> {
    let Some(url) = url else { return Ok(vec![Answers::default(); asks.all.len()]) };
    let sent = RefCell::default();
    tokio::select! {
        never = requests(url, trial.setup.plan.run.grace, &sent) => match never {},
        answers = trial.meanwhile(answers(trial, started, asks)) => answers,
    }
}

/// What is asked for while it is busy: what the readiness probe asks, if it asks by HTTP.
async fn requested(trial: &Trial<'_>, started: &Started, asks: &Asks) -> Result<Option<Url>, Error> {
    let plan = trial.setup.plan;
    let ready = asks.named.iter().rev().map(|(_, _, ask)| &asks.all[*ask].action);
    let of_probe = ready.into_iter().find_map(|action| match action {
        ProbeAction::Http { path, port } => Some((path.as_str(), *port)),
        _ => None,
    });
    let (path, port) = of_probe.unwrap_or((plan.probe.path.as_str(), trial.setup.port));
    let state = trial.lost(trial.engine.container_state(&started.id).await)?;
    let target = trial.place.route.target(&state, port);
    Ok(target.map(|(host, port)| Url { host, port, path: path.to_owned() }))
}

/// A request that was sent.
struct Sent {
    begun: Instant,
    done: Instant,
    outcome: Outcome,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Served,
    /// The connection was accepted, and no answer came.
    Cut,
    Refused,
}

/// Sends requests to `url`, a few at a time, for ever.
async fn requests(url: &Url, longest: Duration, sent: &RefCell<Vec<Sent>>) -> Infallible {
    let worker = async |_: usize| {
        loop {
            let begun = Instant::now();
            let outcome = match ask_within(url, longest).await {
                Answer::Http { status, .. } if status < 500 => Outcome::Served,
                Answer::Refused => Outcome::Refused,
                Answer::Http { .. } | Answer::Late | Answer::Broken(_) => Outcome::Cut,
            };
            sent.borrow_mut().push(Sent { begun, done: Instant::now(), outcome });
            if outcome != Outcome::Served {
                sleep(BETWEEN).await;
            }
        }
    };
    let _: Vec<()> = join_all((0..AT_A_TIME).map(worker)).await;
    pending().await
}

/// Asks the container to end while it is busy with `url`, or with the path `slow` there.
async fn end(
    trial: &Trial<'_>,
    started: &Started,
    url: Option<&Url>,
    slow: Option<&str>,
) -> Result<StopMeasured, Error> {
    let url = url.map(|url| Url { path: slow.unwrap_or(&url.path).to_owned(), ..url.clone() });
    let (sent, grace, signal) = (RefCell::default(), trial.setup.plan.run.grace, trial.setup.stop_signal().to_owned());
    let ended = async {
        trial.meanwhile(sleep(BUSY)).await?;
        let before = Instant::now();
        trial.lost(trial.engine.signal_container(&started.id, &signal).await)?;
        let at = Instant::now();
        let end = trial.until_cancelled(trial.engine.container_end(&started.id));
        let code = timeout(grace, end).await.ok().transpose()?;
        let end_ms = millis(at.elapsed());
        sleep(AFTER).await;
        Ok::<_, Error>(((before, at), end_ms, code))
    };
    let (at, end_ms, code) = match &url {
        None => ended.await?,
        Some(url) => tokio::select! {
            never = requests(url, grace, &sent) => match never {},
            ended = ended => ended?,
        },
    };
    let request = url.map_or_else(|| "nothing".to_owned(), |url| format!("GET {}", url.path));
    let Requests { in_flight, served, closed_ms } = Requests::of(&sent.into_inner(), at, end_ms);
    Ok(StopMeasured { request, signal, in_flight, served, closed_ms, end_ms, code, zombies: None })
}

/// What became of requests around a signal.
#[derive(Debug, PartialEq, Eq)]
struct Requests {
    in_flight: usize,
    served: usize,
    closed_ms: Option<u64>,
}

impl Requests {
    /// The signal was sent after the first of `at`, and had been sent at the second; the container ended
    /// `end_ms` later.
    fn of(sent: &[Sent], at: (Instant, Instant), end_ms: u64) -> Self {
        let is = |one: &Sent, outcome| one.outcome == outcome && one.begun < at.1;
        // What was answered while it was sent may have been answered before.
        let served = sent.iter().filter(|one| is(one, Outcome::Served) && one.done >= at.1).count();
        let cut = sent.iter().filter(|one| is(one, Outcome::Cut) && one.done >= at.0).count();
        let refused = sent.iter().filter(|one| one.begun >= at.1 && one.outcome != Outcome::Served);
        let closed_ms = refused.map(|one| millis(one.begun - at.1)).min().filter(|closed| *closed < end_ms);
        Self { served, in_flight: served + cut, closed_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_in_flight_if_the_signal_comes_before_its_end() {
        let start = Instant::now();
        let at = (start + Duration::from_millis(90), start + Duration::from_millis(100));
        let sent = |begun: u64, done: u64, outcome| Sent {
            begun: start + Duration::from_millis(begun),
            done: start + Duration::from_millis(done),
            outcome,
        };
        let all = [
            sent(0, 50, Outcome::Served),
            sent(0, 60, Outcome::Cut),
            sent(0, 95, Outcome::Served),
            sent(80, 150, Outcome::Served),
            sent(80, 95, Outcome::Cut),
            sent(95, 101, Outcome::Refused),
            sent(120, 130, Outcome::Served),
            sent(170, 171, Outcome::Refused),
            sent(180, 181, Outcome::Cut),
        ];
        assert_eq!(Requests::of(&all, at, 300), Requests { in_flight: 2, served: 1, closed_ms: Some(70) });
        // That nothing accepts connections when it has ended says nothing of it.
        assert_eq!(Requests::of(&all, at, 60).closed_ms, None);
        assert_eq!(Requests::of(&[], at, 300), Requests { in_flight: 0, served: 0, closed_ms: None });
    }
}
