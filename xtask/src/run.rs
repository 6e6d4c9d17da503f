//! Child processes: each has a time limit and no stdin, and a failed one shows its last lines.

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const TAIL: usize = 20;

/// How a child ended.
pub enum Ended {
    With(ExitStatus),
    OutOfTime,
}

/// Runs to success and returns stdout.
pub fn output(what: &str, command: &mut Command, limit: Duration) -> Result<String> {
    let (mut out, mut err) = (scratch()?, scratch()?);
    command.stdout(out.try_clone()?).stderr(err.try_clone()?);
    let ended = start_and_wait(what, command, limit)?;
    let text = read_from_start(&mut out)?;
    check(what, &ended, limit).map_err(|error| {
        let errors = read_from_start(&mut err).unwrap_or_default();
        with_tail(error, if errors.trim().is_empty() { &text } else { &errors })
    })?;
    Ok(text)
}

/// Runs to success with all output in `log`.
pub fn logged(what: &str, command: &mut Command, limit: Duration, log: &Path) -> Result<()> {
    let file = File::create(log).with_context(|| format!("creating the log `{}`", log.display()))?;
    command.stdout(file.try_clone()?).stderr(file);
    let ended = start_and_wait(what, command, limit)?;
    check(what, &ended, limit)
        .map_err(|error| with_tail(error.context(format!("log: {}", log.display())), &read_lossy(log)))
}

/// Runs with our stdout and stderr; how it ended is the caller's to judge.
pub fn shown(what: &str, command: &mut Command, limit: Duration) -> Result<Ended> {
    start_and_wait(what, command, limit)
}

/// Runs and returns how it ended with all that it wrote.
pub fn attempt(what: &str, command: &mut Command, limit: Duration) -> Result<(Ended, String)> {
    let mut all = scratch()?;
    command.stdout(all.try_clone()?).stderr(all.try_clone()?);
    let ended = start_and_wait(what, command, limit)?;
    Ok((ended, read_from_start(&mut all)?))
}

/// Runs to see whether it succeeds; no output.
pub fn succeeds(command: &mut Command, limit: Duration) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    matches!(start_and_wait("", command, limit), Ok(Ended::With(status)) if status.success())
}

fn start_and_wait(what: &str, command: &mut Command, limit: Duration) -> Result<Ended> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command.stdin(Stdio::null()).spawn().with_context(|| format!("{what}: starting `{program}`"))?;
    wait(&mut child, limit)
}

fn wait(child: &mut Child, limit: Duration) -> Result<Ended> {
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ended::With(status));
        }
        if Instant::now() >= end {
            kill_tree(child.id());
            child.wait()?;
            return Ok(Ended::OutOfTime);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

fn check(what: &str, ended: &Ended, limit: Duration) -> Result<()> {
    match ended {
        Ended::With(status) if status.success() => Ok(()),
        Ended::With(status) => bail!("{what}: {status}"),
        Ended::OutOfTime => bail!("{what}: not done within {} s", limit.as_secs()),
    }
}

fn with_tail(error: anyhow::Error, text: &str) -> anyhow::Error {
    let tail = last_lines(text, TAIL);
    if tail.is_empty() { error } else { anyhow!("{error:#}\n{tail}") }
}

/// The last lines, indented, as errors show them.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].iter().map(|line| format!("  | {line}")).collect::<Vec<_>>().join("\n")
}

pub fn read_lossy(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// An unlinked file: unlike a pipe it never fills up, and no grandchild can hold us waiting on it.
pub fn scratch() -> Result<File> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("loadline-xtask-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create_new(true)
        .open(&path)
        .with_context(|| format!("creating `{}`", path.display()))?;
    fs::remove_file(&path)?;
    Ok(file)
}

pub fn read_from_start(file: &mut File) -> Result<String> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Kills a process and all its descendants, children last so that none is adopted unseen.
pub fn kill_tree(root: u32) {
    let mut family = vec![root];
    let parents = parents();
    let mut next = 0;
    while next < family.len() {
        let parent = family[next];
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    family.into_iter().for_each(|pid| kill(pid, Signal::KILL));
}

/// Kills all that this process started and did not detach.
pub fn kill_children() {
    let own = (std::process::id(), stat_field(std::process::id(), SESSION));
    let children = parents().into_iter().filter(|(pid, of)| (*of, stat_field(*pid, SESSION)) == own);
    children.for_each(|(pid, _)| kill_tree(pid));
}

/// A process that is gone already is as good as killed.
pub fn kill(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        kill_process(pid, signal).ok();
    }
}

/// `(pid, parent)` of every process.
fn parents() -> Vec<(u32, u32)> {
    processes().into_iter().filter_map(|pid| Some((pid, stat_field(pid, 1)?.parse().ok()?))).collect()
}

pub fn processes() -> Vec<u32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// Where `stat_field` has the session.
const SESSION: usize = 3;

/// A field of `/proc/PID/stat` counted from the state (0), which comes after the program's name.
pub fn stat_field(pid: u32, field: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(field).map(str::to_owned)
}

/// Waits until `ready` says yes.
pub fn until(limit: Duration, mut ready: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    while !ready() {
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failure_shows_the_last_lines() {
        let error = output("greeting", &mut shell("echo hello >&2; exit 3"), Duration::from_secs(5)).unwrap_err();
        assert_eq!(error.to_string(), "greeting: exit status: 3\n  | hello");
    }

    #[test]
    fn a_child_and_its_children_end_with_their_time() {
        let start = Instant::now();
        let error = output("waiting", &mut shell("sleep 60 & sleep 60"), Duration::from_millis(200)).unwrap_err();
        assert!(error.to_string().starts_with("waiting: not done within"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn more_output_than_a_pipe_holds_is_no_deadlock() {
        let text = output("counting", &mut shell("seq 100000"), Duration::from_secs(20)).unwrap();
        assert_eq!(text.lines().count(), 100_000);
    }
}
