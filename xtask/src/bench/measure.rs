//! One run of a command, or of commands joined by pipes: wall time from the first start to the last
//! end, and the memory that the kernel accounted for.

use crate::run;
use anyhow::{Context, Result, bail};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};
use wait4::Wait4;

/// What one run took.
pub struct Sample {
    pub ms: f64,
    /// The peak resident memory in bytes: of each command that of its largest process, added up
    /// over the commands of a pipe.
    pub peak: u64,
    /// All that was written to stdout and stderr.
    pub said: String,
}

/// Runs `commands`, the output of each into the next. All must succeed within `limit`.
pub fn run(what: &str, commands: Vec<Command>, limit: Duration) -> Result<Sample> {
    let mut scratch = run::scratch()?;
    let start = Instant::now();
    let mut children = spawn(what, commands, &scratch)?;
    let ids = children.iter().map(Child::id).collect();
    let (done, ended) = mpsc::channel::<()>();
    // The wait below must not poll: a pause would be part of the time.
    let watch = std::thread::spawn(move || watch(&ended, ids, limit));
    let mut peak = 0;
    let mut failed = None;
    for child in &mut children {
        let end = child.wait4().with_context(|| format!("{what}: waiting"))?;
        peak += end.rusage.maxrss;
        failed = failed.or((!end.status.success()).then_some(end.status));
    }
    let ms = start.elapsed().as_secs_f64() * 1000.0;
    drop(done);
    let in_time = watch.join().unwrap_or(false);
    let said = run::read_from_start(&mut scratch)?;
    match failed {
        None => Ok(Sample { ms, peak, said }),
        Some(status) if in_time => bail!("{what}: {status}\n{}", run::last_lines(&said, 20)),
        Some(_) => bail!("{what}: not done within {} s\n{}", limit.as_secs(), run::last_lines(&said, 20)),
    }
}

fn spawn(what: &str, commands: Vec<Command>, scratch: &std::fs::File) -> Result<Vec<Child>> {
    let mut children: Vec<Child> = Vec::new();
    let count = commands.len();
    for (place, mut command) in commands.into_iter().enumerate() {
        let input = children.last_mut().and_then(|child| child.stdout.take()).map_or_else(Stdio::null, Stdio::from);
        let output = if place + 1 == count { scratch.try_clone()?.into() } else { Stdio::piped() };
        command.stdin(input).stdout(output).stderr(scratch.try_clone()?);
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().with_context(|| format!("{what}: starting `{program}`"));
        children.push(child.inspect_err(|_| children.iter().for_each(|child| run::kill_tree(child.id())))?);
    }
    Ok(children)
}

/// Kills the commands when their time is over; says whether they ended before.
fn watch(ended: &mpsc::Receiver<()>, ids: Vec<u32>, limit: Duration) -> bool {
    let in_time = ended.recv_timeout(limit) != Err(RecvTimeoutError::Timeout);
    if !in_time {
        ids.into_iter().for_each(run::kill_tree);
    }
    in_time
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn time_and_memory_and_output_of_a_pipe_are_taken() {
        let sample = run("counting", vec![shell("seq 3; sleep 0.05"), shell("wc -l; echo odd >&2")], LIMIT).unwrap();
        assert_eq!(sample.said, "3\nodd\n");
        assert!(sample.ms >= 50.0);
        assert!((100_000..1_000_000_000).contains(&sample.peak), "{}", sample.peak);
    }

    #[test]
    fn any_failure_in_a_pipe_is_one_and_shows_what_was_said() {
        let error = run("greeting", vec![shell("echo lost >&2; exit 3"), shell("cat")], LIMIT).err().unwrap();
        assert_eq!(error.to_string(), "greeting: exit status: 3\n  | lost");
    }

    #[test]
    fn what_takes_too_long_is_killed() {
        let error = run("waiting", vec![shell("sleep 60"), shell("cat")], Duration::from_millis(100)).err().unwrap();
        assert!(error.to_string().starts_with("waiting: not done within"), "{error}");
    }
}
