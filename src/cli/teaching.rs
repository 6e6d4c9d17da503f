//! Teaching an engine in the background, once all is said: the next load of a change then needs
//! only what changed. It ends by itself, and at once when a verb has work for the engine.

use crate::cli::facts;
use crate::cli::session::{Session, variable};
use crate::engine::Engine;
use crate::event::Event;
use crate::image::digests::Digests;
use crate::load::{self, Image, Memory};
use crate::types::ImageId;
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// `off` keeps engines untaught; so does `CI`, where nobody waits for the next load.
const SWITCH: &str = "LOADLINE_TEACH";
/// How long is waited for one that was told to end.
const PATIENCE: Duration = Duration::from_secs(5);
const PACE: Duration = Duration::from_millis(10);
/// The lowest priority (setpriority(2)).
const NICE: i32 = 19;

/// What an engine is to learn when the run is over.
#[derive(Default)]
pub struct Lessons(Mutex<Vec<(String, ImageId)>>);

impl Lessons {
    /// Notes `image`, all of which was read or loaded out of `engine`, if there is enough to learn of it.
    pub fn note(&self, engine: &Engine, image: &Image, memory: &Memory) {
        let wanted = variable("CI").is_none_or(|value| value.is_empty()) && variable(SWITCH).as_deref() != Some("off");
        if wanted && load::is_worth_teaching(engine, image, memory) {
            let lesson = (engine.address().to_string(), image.id.clone());
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !all.contains(&lesson) {
                all.push(lesson);
            }
        }
    }

    /// Begins them, in a process that outlives this one.
    pub fn begin(&self, session: &Session) {
        let lessons = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let Some((address, _)) = lessons.first() else { return };
        let ids = lessons.iter().map(|(_, id)| id.to_string());
        if start(address, ids).is_ok() {
            let text =
                "the engine learns its layers' digests in the background: the next change is read and loaded faster";
            session.events.say(Event::Note { image: None, text: text.to_owned() });
        }
    }
}

fn start(address: &str, ids: impl Iterator<Item = String>) -> io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("teach").args(ids).env("DOCKER_HOST", address).env_remove("DOCKER_CONTEXT");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // A group of its own, so that no Ctrl-C for what runs next in the terminal reaches it.
    command.current_dir("/").process_group(0).spawn().map(drop)
}

/// The mark of the one process that teaches an engine; the kernel takes it away if it dies.
pub struct Mark(#[expect(dead_code, reason = "it is held, not read")] File);

impl Mark {
    /// Takes it; `None` if another process has it, or it cannot be had.
    pub fn take(digests: &Digests) -> Option<Self> {
        // It costs the engine the same, but nothing here comes behind it.
        rustix::process::setpriority_process(None, NICE).ok();
        let path = digests.lock_of_teaching();
        fs::create_dir_all(path.parent()?).ok()?;
        let mut file = File::options().write(true).create(true).truncate(false).open(path).ok()?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
        file.set_len(0).ok()?;
        write!(file, "{}", std::process::id()).ok()?;
        Some(Self(file))
    }
}

/// Ends the teaching of `engine`, if there is any, and waits until it is over: what it does in
/// the engine would slow down, or distort, what comes now. What was learned stays.
pub async fn stop(engine: &Engine) {
    let path = facts::digests(engine).lock_of_teaching();
    let ended = async {
        while let Ok(mut file) = File::open(&path) {
            if flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
                return;
            }
            let mut text = String::new();
            file.read_to_string(&mut text).ok();
            if let Some(pid) = text.parse().ok().and_then(Pid::from_raw) {
                kill_process(pid, Signal::TERM).ok();
            }
            tokio::time::sleep(PACE).await;
        }
    };
    // One that does not end is no reason not to go on.
    let _still_there = tokio::time::timeout(PATIENCE, ended).await;
}
