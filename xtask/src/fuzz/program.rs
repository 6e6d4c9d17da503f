//! One target's program, which libFuzzer drives.

use super::home;
use crate::paths::Cache;
use crate::run::{self, Ended};
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// An input that takes longer is a crash, in seconds.
const LONGEST: &str = "-timeout=10";
/// More than the targets themselves allow is taken by coverage and corpus, in MiB.
const MEMORY: &str = "-rss_limit_mb=1500";
/// Beyond its time a run may read its corpus and end.
const GRACE: Duration = Duration::from_secs(300);
const MINIMISING: Duration = Duration::from_secs(60);
/// What a target's directory in the corpus may grow to by inputs that were found, in bytes.
const LARGEST: u64 = 24_000;

/// A target that can be run.
pub struct Program {
    path: PathBuf,
    /// What it begins with, and what is kept: part of the repository.
    pub corpus: PathBuf,
    /// What it has found on this machine.
    found: PathBuf,
    /// What it crashed with in this run.
    artifacts: PathBuf,
}

/// What a run came to.
pub struct Run {
    pub executions: u64,
    pub coverage: u64,
    pub seconds: u64,
    /// The input that it crashed with.
    pub artifact: Option<PathBuf>,
    /// The lines that say why.
    pub why: String,
}

impl Program {
    pub fn new(cache: &Cache, programs: &Path, target: &str) -> Result<Self> {
        let artifacts = cache.directory(&format!("fuzz/crashes/{target}"))?;
        fs::remove_dir_all(&artifacts).ok();
        fs::create_dir_all(&artifacts).with_context(|| format!("creating `{}`", artifacts.display()))?;
        Ok(Self {
            path: programs.join(target),
            corpus: home().join("corpus").join(target),
            found: cache.directory(&format!("fuzz/corpus/{target}"))?,
            artifacts,
        })
    }

    /// Fuzzes for so many seconds, or until it crashes.
    pub fn run(&self, seconds: u64) -> Result<Run> {
        let start = Instant::now();
        let mut fuzz = self.command(&[LONGEST, MEMORY, "-print_final_stats=1", "-reduce_inputs=1"]);
        fuzz.arg(format!("-max_total_time={seconds}")).arg(&self.found).arg(&self.corpus);
        let (ended, text) = run::attempt("fuzzing", &mut fuzz, Duration::from_secs(seconds) + GRACE)?;
        let artifact = files(&self.artifacts)?.into_iter().next();
        match ended {
            Ended::With(status) if status.success() || artifact.is_some() => {}
            _ => bail!("fuzzing `{}` ended early:\n{}", self.path.display(), run::last_lines(&text, 30)),
        }
        Ok(Run {
            executions: number(&text, "stat::number_of_executed_units:"),
            coverage: number(&text, "cov:"),
            seconds: start.elapsed().as_secs(),
            artifact,
            why: why(&text),
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("nice");
        command.args(["-n", "19"]).arg(&self.path).args(arguments).current_dir(&self.artifacts);
        command.arg(format!("-artifact_prefix={}/", self.artifacts.display()));
        command
    }

    /// The smallest input found within a minute that crashes as `artifact` does.
    pub fn minimise(&self, artifact: &Path) -> Result<PathBuf> {
        let small = self.artifacts.join("small");
        let mut command = self.command(&["-minimize_crash=1", LONGEST, MEMORY]);
        command.arg(format!("-max_total_time={}", MINIMISING.as_secs()));
        command.arg(format!("-exact_artifact_path={}", small.display())).arg(artifact);
        run::attempt("minimising", &mut command, MINIMISING + GRACE)?;
        Ok(if small.exists() { small } else { artifact.to_owned() })
    }

    /// How one input is run.
    pub fn replay(&self, input: &Path) -> String {
        format!("{} {}", self.path.display(), input.display())
    }

    /// Adds to the corpus what reaches code that nothing in it reaches, the smallest first; returns how much.
    pub fn keep(&self) -> Result<usize> {
        let merged = self.artifacts.join("merged");
        fs::create_dir_all(&merged).with_context(|| format!("creating `{}`", merged.display()))?;
        for file in files(&self.corpus)? {
            fs::copy(&file, merged.join(file.file_name().unwrap_or_default())).context("copying the corpus")?;
        }
        let before = files(&merged)?;
        let mut merge = self.command(&["-merge=1", LONGEST, MEMORY]);
        run::output("merging", merge.arg(&merged).arg(&self.found), GRACE)?;
        let mut fresh: Vec<(u64, PathBuf)> = Vec::new();
        for file in files(&merged)?.into_iter().filter(|file| !before.contains(file)) {
            fresh.push((size(&file)?, file));
        }
        fresh.sort();
        let (mut kept, mut count) = (self.found_size()?, 0);
        for (size, file) in fresh {
            kept += size;
            if kept > LARGEST {
                break;
            }
            self.add("found", &fs::read(&file).with_context(|| format!("reading `{}`", file.display()))?)?;
            count += 1;
        }
        Ok(count)
    }

    /// What of the corpus was found and not written, in bytes.
    fn found_size(&self) -> Result<u64> {
        let is_found =
            |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("found-"));
        files(&self.corpus)?.iter().filter(|file| is_found(file)).map(|file| size(file)).sum()
    }

    /// Adds `bytes` to the corpus as `KIND-DIGEST`.
    pub fn add(&self, kind: &str, bytes: &[u8]) -> Result<PathBuf> {
        let mut digest = String::new();
        for byte in Sha256::digest(bytes).iter().take(6) {
            write!(digest, "{byte:02x}")?;
        }
        let path = self.corpus.join(format!("{kind}-{digest}"));
        fs::create_dir_all(&self.corpus).with_context(|| format!("creating `{}`", self.corpus.display()))?;
        fs::write(&path, bytes).with_context(|| format!("writing `{}`", path.display()))?;
        Ok(path)
    }
}

fn size(file: &Path) -> Result<u64> {
    Ok(file.metadata().with_context(|| format!("looking at `{}`", file.display()))?.len())
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("listing `{}`", directory.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

/// The last number that follows `word`; 0 if there is none.
fn number(text: &str, word: &str) -> u64 {
    let after = text.rsplit_once(word).map_or("", |(_, after)| after);
    after.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// What a crash says: the panic, or libFuzzer's own words.
fn why(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.iter().position(|line| line.contains("panicked at") || line.contains("ERROR: libFuzzer"));
    start.map_or_else(String::new, |start| lines[start..].iter().take(4).map(|line| format!("  | {line}\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDED: &str = "#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 30Mb\n\
        #4096\tpulse  cov: 250 ft: 300 corp: 20/1Kb exec/s: 2048 rss: 40Mb\n\
        stat::number_of_executed_units: 5000\nstat::average_exec_per_sec:     50\n";

    #[test]
    fn the_last_numbers_count() {
        assert_eq!((number(ENDED, "cov:"), number(ENDED, "stat::number_of_executed_units:")), (250, 5000));
        assert_eq!(number("", "cov:"), 0);
    }

    #[test]
    fn a_crash_says_its_panic() {
        let text =
            format!("{ENDED}thread '<unnamed>' panicked at src/a.rs:1:2:\nx\n==1== ERROR: libFuzzer: deadly signal\n");
        assert!(why(&text).starts_with("  | thread '<unnamed>' panicked at src/a.rs:1:2:\n  | x\n"), "{}", why(&text));
        assert_eq!(why(ENDED), "");
    }
}
