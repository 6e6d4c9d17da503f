//! What went wrong with a container, found out while it is still there: cause first, then what
//! a person would look up next.

use super::listeners::{self, Listening};
use super::needs::Running;
use super::poll::Failed;
use super::probe::{Answer, cut};
use super::tally::Tally;
use super::trial::Trial;
use super::{Error, hints, remedy};
use crate::engine::{self, ContainerState};
use crate::project::ImagePlan;
use crate::types::{ByteSize, format_duration};
use std::net::IpAddr;
use std::time::Duration;

/// How many of the last lines of a log are shown.
const SHOWN_LINES: usize = 10;
/// How many are looked at.
pub(super) const READ_LINES: usize = 200;
const LONGEST_LINE: usize = 300;

/// Why an image did not become ready.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// The cause, in one clause.
    pub(super) cause: String,
    /// Further lines, as name and text.
    pub(super) details: Vec<(String, String)>,
    /// One action that helps, if it was recognised.
    pub(super) hint: Option<String>,
    /// The line of its log that says most.
    pub(super) said: Option<String>,
    /// A path that its log says could not be written on a read-only root.
    pub(super) read_only: Option<String>,
    /// What was done to it may be the cause: a read-only root.
    pub(super) perhaps_hardening: bool,
}

impl Fault {
    /// One whose cause is not what was done to the container.
    pub(super) fn certain(cause: String, details: Vec<(String, String)>, hint: Option<String>) -> Self {
        Self { cause, details, hint, said: None, read_only: None, perhaps_hardening: false }
    }
}

/// A cause, as far as how it ended tells.
struct Cause {
    text: String,
    hint: Option<String>,
    /// Nothing else can be the cause.
    certain: bool,
    /// How it failed is how a program fails that cannot write what it wants.
    perhaps_hardening: bool,
}

/// Finds out why the container `id`, that runs or ran, did not become ready.
pub(super) async fn examine(
    trial: &Trial<'_>,
    id: &str,
    polled: Failed,
    needs: &[Running<'_>],
) -> Result<Fault, Error> {
    let state = trial.lost(trial.engine.container_state(id).await)?;
    let log = trial.lost(trial.engine.container_log(id, READ_LINES).await)?;
    let cause = match &polled {
        Failed::Ended(after, _) => ended(trial, &state, *after),
        Failed::Late(tally) => late(trial, id, &state, tally).await,
    };
    let mut details = last_answer(polled.tally());
    details.extend(last_log(&log));
    details.push(("container".into(), container(trial, id, &state).await));
    let mut need_hint = None;
    for need in needs {
        let (line, hint) = need.now(trial).await?;
        details.push(("needs".into(), line));
        need_hint = need_hint.or(hint);
    }
    let set = |name: &str| remedy::variable(trial.setup.plan, name);
    let hint = cause.hint.or(need_hint).or_else(|| hints::from_log(&log, set));
    let read_only = hints::read_only_path(&log);
    Ok(Fault {
        cause: cause.text,
        details,
        hint,
        said: hints::telling(&log).map(|line| cut(line, LONGEST_LINE)),
        perhaps_hardening: cause.perhaps_hardening || (read_only.is_some() && !cause.certain),
        read_only,
    })
}

/// What the engine says of a container that it could not start. That is the image's fault if it is
/// about the image's program or user, and the engine's if not. `what` begins the sentence.
pub(super) async fn not_started(trial: &Trial<'_>, what: &str, id: &str, error: engine::Error) -> Result<Fault, Error> {
    let engine::Error::Refused { message, .. } = &error else { return trial.lost(Err(error)) };
    let Some(hint) = hints::from_start(message) else { return Err(trial.refused(error)) };
    let state = trial.lost(trial.engine.container_state(id).await)?;
    let cause = format!("{what}cannot be started: {}", cut(innermost(message), LONGEST_LINE));
    let details = vec![("container".into(), format!("never ran, user {}", user(&state)))];
    Ok(Fault::certain(cause, details, Some(hint.into())))
}

/// The part that is about the container: each of the programs in between adds its own words.
fn innermost(message: &str) -> &str {
    let begins = ["starting container process caused: ", "unable to start container process: "];
    let inner = begins.iter().find_map(|begin| message.rsplit_once(begin)).map_or(message, |(_, inner)| inner);
    inner.strip_suffix(": unknown").unwrap_or(inner)
}

fn ended(trial: &Trial<'_>, state: &ContainerState, after: Duration) -> Cause {
    let plan = trial.setup.plan;
    let after = format_duration(after);
    if state.oom_killed {
        let text =
            format!("killed after {after}: it needs more memory than the {} it may use", plan.run.memory.limit());
        return Cause { text, hint: Some(remedy::memory(plan)), certain: true, perhaps_hardening: false };
    }
    let code = state.exit_code;
    let signal = if code > 128 { format!(" (signal {})", code - 128) } else { String::new() };
    let text = format!("exited with {code}{signal} after {after}, before it answered {}", trial.setup.request());
    // A server that ends well has most likely put itself into the background.
    let hint = (code == 0).then(|| "see that the server stays in the foreground".to_owned());
    Cause { text, hint, certain: false, perhaps_hardening: true }
}

async fn late(trial: &Trial<'_>, id: &str, state: &ContainerState, tally: &Tally) -> Cause {
    let (plan, port) = (trial.setup.plan, trial.setup.port);
    let found = if tally.never_answered() { listening(trial, id, state).await } else { None };
    let (why, hint) = match found {
        Some(Listening::LoopbackOnly(address)) => on_loopback(address, port),
        Some(Listening::Elsewhere(ports)) => on_other_ports(&ports, port, plan),
        Some(Listening::No) => (format!("nothing listens on port {port}"), None),
        Some(Listening::Yes) | None => (tally.why(&trial.setup.request(), port), None),
    };
    let text = format!("not ready after {}: {why}", seconds(plan.probe.deadline));
    // Who answers has started, and says itself what is wrong: a second run would only take as long
    // as the first, unless its log blames the root.
    let perhaps_hardening = hint.is_none() && tally.never_answered();
    Cause { text, certain: hint.is_some(), hint, perhaps_hardening }
}

async fn listening(trial: &Trial<'_>, id: &str, state: &ContainerState) -> Option<Listening> {
    let found = listeners::of(trial.engine, &trial.place.route, id, state).await?;
    Some(listeners::judge(&found, trial.setup.port))
}

/// Why, and what helps.
type Told = (String, Option<String>);

fn on_loopback(address: IpAddr, port: u16) -> Told {
    let address = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
    let why = format!("it listens on {address}:{port} only, which nothing outside the container can reach");
    (why, Some("listen on 0.0.0.0, which is every address of the container".into()))
}

fn on_other_ports(ports: &[u16], port: u16, plan: &ImagePlan) -> Told {
    let all: Vec<String> = ports.iter().map(ToString::to_string).collect();
    let why = format!("nothing listens on port {port}; it listens on {}", all.join(", "));
    (why, Some(format!("{}, or listen on {port}", remedy::port(plan, ports[0]))))
}

fn last_answer(tally: &Tally) -> Vec<(String, String)> {
    let text = match &tally.last {
        Some((Answer::Http { body, .. }, _)) if !body.trim().is_empty() => cut(body.trim(), LONGEST_LINE),
        Some((Answer::Http { status, .. }, _)) => format!("{status}, with nothing in its body"),
        _ => return Vec::new(),
    };
    vec![("last answer".into(), text)]
}

/// The last lines of a log, as details.
pub(super) fn last_log(log: &[String]) -> Vec<(String, String)> {
    let lines: Vec<&String> = log.iter().filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return vec![("last log".into(), "it wrote nothing".into())];
    }
    let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
    shown.iter().map(|line| ("last log".into(), cut(line, LONGEST_LINE))).collect()
}

/// `running, user 1000, 61 MB of 512 MB, not killed`
async fn container(trial: &Trial<'_>, id: &str, state: &ContainerState) -> String {
    let limit = trial.setup.plan.run.memory;
    let doing = if state.running { "running".into() } else { format!("exited with {}", state.exit_code) };
    // It may end in this moment, and then nobody knows what it used.
    let used = if state.running { trial.engine.container_memory(id).await.ok().flatten() } else { None };
    let killed = match (state.oom_killed, state.running) {
        (true, true) => "a process of it was killed for want of memory",
        (true, false) => "killed for want of memory",
        (false, _) => "not killed for want of memory",
    };
    format!("{doing}, user {}, {}, {killed}", user(state), memory(used, limit))
}

fn memory(used: Option<ByteSize>, limit: ByteSize) -> String {
    used.map_or_else(|| format!("up to {}", limit.limit()), |used| used.of_limit(limit))
}

fn user(state: &ContainerState) -> &str {
    if state.user.is_empty() { "root" } else { &state.user }
}

/// A duration that somebody wrote, as it was written: `30s`, not `30.0s`.
pub(super) fn seconds(duration: Duration) -> String {
    if duration.subsec_millis() == 0 && duration.as_secs() < 60 {
        return format!("{}s", duration.as_secs());
    }
    format_duration(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_words_are_cut_to_what_matters() {
        let new = "failed to create task for container: OCI runtime create failed: runc create failed: unable to start container process: exec: \"/x\": stat /x: no such file or directory: unknown";
        assert_eq!(innermost(new), "exec: \"/x\": stat /x: no such file or directory");
        assert_eq!(innermost("unable to find user app"), "unable to find user app");
    }

    #[test]
    fn only_the_last_lines_are_shown() {
        let log: Vec<String> = (0..30).map(|number| format!("line {number}")).collect();
        let shown = last_log(&log);
        assert_eq!((shown.len(), shown[9].1.as_str()), (10, "line 29"));
        assert_eq!(last_log(&[" ".into()])[0].1, "it wrote nothing");
    }

    #[test]
    fn addresses_and_ports_are_named() {
        let (why, hint) = on_loopback([127, 0, 0, 1].into(), 8000);
        assert_eq!(why, "it listens on 127.0.0.1:8000 only, which nothing outside the container can reach");
        assert_eq!(hint.as_deref(), Some("listen on 0.0.0.0, which is every address of the container"));
        assert!(on_loopback(std::net::Ipv6Addr::LOCALHOST.into(), 80).0.starts_with("it listens on [::1]:80 only"));
        let plan = ImagePlan { described: true, ..ImagePlan::undescribed("app") };
        let (why, hint) = on_other_ports(&[80, 81], 8000, &plan);
        assert_eq!(why, "nothing listens on port 8000; it listens on 80, 81");
        assert_eq!(hint.as_deref(), Some("set `port = 80` in [image.app.probe], or listen on 8000"));
    }

    #[test]
    fn written_durations_are_shown_as_written() {
        assert_eq!(seconds(Duration::from_secs(30)), "30s");
        assert_eq!(seconds(Duration::from_millis(1500)), "1.5s");
        assert_eq!(seconds(Duration::from_secs(90)), "1m30s");
    }
}
