//! One stream to a node with containerd: a small shell script on its machine (`script.sh`).

use super::intake::Intake;
use super::machine::{Input, Machine, Outputs};
use super::ssh::NOT_IN;
use super::state::{Mute, State, pods_running, present};
use super::transcript::Transcript;
use super::{Error, Found, Wanted};
use crate::engine::{self, Output};
use crate::image::transfer::Chunk;
use crate::types::{Digest, ImageId, ImageRef, chain_ids};
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

const SCRIPT: &str = include_str!("script.sh");
/// `NAME=ID` gives NAME back to the image ID; a NAME alone was not there.
const RESTORE: &str = r#"for word; do case $word in
  *=*) ctr -n k8s.io images tag --force "${word#*=}" "${word%%=*}" ;;
  *) ctr -n k8s.io images rm "$word" ;;
esac; done"#;
/// An inventory takes 0.2 s; a busy node gets a lot more.
const INVENTORY_LIMIT: Duration = Duration::from_secs(60);
/// How long a node may take no byte.
const STALL_LIMIT: Duration = Duration::from_secs(120);
/// After this much silence, whether the machine still runs is asked.
const PATIENCE: Duration = Duration::from_secs(2);
/// Unpacking begins when the last byte is there, and says nothing while it works.
const UNPACK_LIMIT: Duration = Duration::from_secs(900);

/// A node that said what it has.
pub struct Stream {
    node: String,
    machine: Machine,
    wanted: Wanted,
    /// Gone when the node takes no more.
    input: Option<Input>,
    output: Outputs,
    transcript: Transcript,
    state: State,
    found: Found,
    intake: Intake,
}

impl Stream {
    pub(super) async fn open(machine: &Machine, wanted: &Wanted) -> Result<Self, Error> {
        let mut stream = Self::start(machine, "load", std::slice::from_ref(wanted), wanted).await?;
        stream.state = stream.read_state(wanted)?;
        stream.found = compare(&stream.state, wanted);
        stream.intake = Intake::new(format!("import{}\n", more(&stream.found)));
        Ok(stream)
    }

    /// What the machine has of each of `all`, and no more: one command asks for all of them.
    pub(super) async fn ask(machine: &Machine, all: &[Wanted]) -> Result<Vec<Found>, Error> {
        let Some(first) = all.first() else { return Ok(Vec::new()) };
        let stream = Self::start(machine, "ask", all, first).await?;
        all.iter().map(|wanted| stream.read_state(wanted).map(|state| compare(&state, wanted))).collect()
    }

    async fn start(machine: &Machine, verb: &str, all: &[Wanted], wanted: &Wanted) -> Result<Self, Error> {
        machine.must_run().await?;
        let node = machine.name.as_str();
        let names: Vec<String> = all.iter().flat_map(|one| &one.names).map(ImageRef::canonical).collect();
        let ids: Vec<String> = all.iter().map(|one| one.id.to_string()).collect();
        let chains: Vec<String> =
            all.iter().map(|one| top(one).map_or_else(|| "-".into(), |it| it.to_string())).collect();
        let (ids, chains) = (ids.join(" "), chains.join(" "));
        let mut command = vec!["sh", "-c", SCRIPT, "loadline", verb, &ids, &chains];
        command.extend(names.iter().map(String::as_str));
        let slow = || Error::TooSlow { node: node.to_owned(), doing: "opening a stream to it", after: INVENTORY_LIMIT };
        let (input, output) = timeout(INVENTORY_LIMIT, machine.run(&command)).await.map_err(|_| slow())??;
        let mut stream = Self {
            node: node.to_owned(),
            machine: machine.clone(),
            wanted: wanted.clone(),
            input: Some(input),
            output,
            transcript: Transcript::default(),
            state: State::default(),
            found: Found::default(),
            intake: Intake::new(String::new()),
        };
        stream.read_until("ready", "asking what it has", INVENTORY_LIMIT).await?;
        Ok(stream)
    }

    pub(super) fn by(&self) -> String {
        self.machine.by()
    }

    pub(super) fn names(&self) -> &[ImageRef] {
        &self.wanted.names
    }

    pub(super) fn found(&self) -> &Found {
        &self.found
    }

    pub(super) fn knows_any(&self) -> bool {
        self.state.knows_any()
    }

    /// The blobs and layers that need not be sent.
    pub(super) async fn present(&mut self) -> Result<HashSet<Digest>, Error> {
        self.transcript.clear();
        self.write(b"list\n").await?;
        self.read_until("listed", "asking what it has", INVENTORY_LIMIT).await?;
        let counts = self.transcript.section("counts").is_some_and(|counts| counts.code == 0);
        self.intake.take_blobs(counts);
        present(&self.transcript, &self.wanted.diff_ids).map_err(|mute| self.mute(mute))
    }

    pub(super) fn begin(&mut self) {
        self.transcript.clear();
    }

    pub(super) fn takes_blobs(&self) -> bool {
        self.intake.takes_blobs()
    }

    pub(super) async fn take(&mut self, chunk: Chunk) -> Result<(), Error> {
        for bytes in self.intake.take(chunk) {
            self.write(&bytes).await?;
        }
        Ok(())
    }

    /// Ends the archive.
    pub(super) async fn end(&mut self, tail: &[u8]) -> Result<(), Error> {
        let first = self.intake.end();
        self.write(&first).await?;
        self.write(tail).await
    }

    /// Names what is there; the proof is the same as after an import.
    pub(super) async fn name(mut self) -> Result<Vec<String>, Error> {
        let manifest = self.state.manifest(&self.wanted.id).cloned();
        self.begin();
        self.write(format!("name{}\n", more(&self.found)).as_bytes()).await?;
        match manifest {
            Some(manifest) => self.finish(&manifest).await,
            None => Err(self.ended("naming the image").await),
        }
    }

    /// Writes, and listens at the same time: a node that gave up no longer reads, and what it
    /// said is the cause, not the broken pipe.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Some(mut input) = self.input.take() else { return Err(self.gave_up().await) };
        let since = Instant::now();
        let written = {
            let mut writing = std::pin::pin!(input.write(bytes));
            loop {
                tokio::select! {
                    written = &mut writing => break written.is_ok(),
                    piece = self.output.next() => if !self.hear(piece)? || self.transcript.section("taken").is_some() {
                        break false;
                    },
                    () = sleep(PATIENCE) => self.must_go_on(since, "taking a piece of the image", STALL_LIMIT).await?,
                }
            }
        };
        if !written {
            return Err(self.gave_up().await);
        }
        self.input = Some(input);
        Ok(())
    }

    /// Silence is no fault of a busy node, up to a limit; a machine that was stopped or paused will
    /// never say anything.
    async fn must_go_on(&self, since: Instant, doing: &'static str, limit: Duration) -> Result<(), Error> {
        self.machine.must_run().await?;
        if since.elapsed() < limit { Ok(()) } else { Err(self.slow(doing, limit)) }
    }

    pub(super) async fn finish(mut self, manifest: &Digest) -> Result<Vec<String>, Error> {
        if let Some(input) = self.input.take() {
            // If this fails the node is gone, and what it said last tells more.
            let _closed = input.close().await.is_ok();
        }
        self.read_until("done", "unpacking the image", UNPACK_LIMIT).await?;
        let state = self.read_state(&self.wanted)?;
        if let Some(what) = state.lacks(&self.wanted.id, &self.wanted.names, Some(manifest)) {
            return Err(Error::Unproven { node: self.node, what });
        }
        let old: Vec<ImageId> = self.found.moving.iter().map(|(_, id)| id.clone()).collect();
        Ok(self.transcript.section("pods").map(|pods| pods_running(&pods.text, &old)).unwrap_or_default())
    }

    fn read_state(&self, wanted: &Wanted) -> Result<State, Error> {
        State::read(&self.transcript, &wanted.names, top(wanted).as_ref()).map_err(|mute| self.mute(mute))
    }

    fn mute(&self, Mute { asked, answer }: Mute) -> Error {
        Error::Mute { node: self.node.clone(), asked: asked.to_owned(), answer }
    }

    /// Reads until the script says `word`; it ends by itself when it cannot go on.
    async fn read_until(&mut self, word: &str, doing: &'static str, limit: Duration) -> Result<(), Error> {
        let mut since = Instant::now();
        while self.transcript.word() != Some(word) {
            let Ok(piece) = timeout(PATIENCE, self.output.next()).await else {
                self.must_go_on(since, doing, limit).await?;
                continue;
            };
            since = Instant::now();
            if !self.hear(piece)? {
                return Err(self.ended(doing).await);
            }
        }
        Ok(())
    }

    /// Takes in what came from the node; false if nothing more will.
    fn hear(&mut self, piece: Option<Result<Output, engine::Error>>) -> Result<bool, Error> {
        match piece {
            Some(Ok(Output::Out(bytes))) => self.transcript.feed(&bytes),
            Some(Ok(Output::Err(bytes))) => self.transcript.complain(&bytes),
            Some(Err(source)) => return Err(Error::engine(&self.node, source)),
            None => return Ok(false),
        }
        Ok(true)
    }

    fn slow(&self, doing: &'static str, after: Duration) -> Error {
        Error::TooSlow { node: self.node.clone(), doing, after }
    }

    async fn gave_up(&mut self) -> Error {
        let doing = "taking the image";
        // Never `done`: a node that took no more has not taken all.
        match self.read_until("", doing, STALL_LIMIT).await {
            Err(error) => error,
            Ok(()) => self.ended(doing).await,
        }
    }

    /// containerd gives an import its names before it unpacks it: if that fails, they are left on an
    /// image that no pod can run. They become what they were.
    async fn restore_names(&self) {
        let Wanted { id, names, .. } = &self.wanted;
        let old = |name: &ImageRef| match self.state.image(name) {
            Some(image) => Some(format!("{}={image}", name.canonical())),
            None => Some(name.canonical()).filter(|_| !self.state.has(&name.canonical())),
        };
        let alias = Some(id.to_string()).filter(|alias| !self.state.has(alias));
        let words: Vec<String> = names.iter().filter_map(old).chain(alias).collect();
        let mut command = vec!["sh", "-c", RESTORE, "loadline"];
        command.extend(words.iter().map(String::as_str));
        // The import's failure is what is said; if this fails, too, there is nothing more to do.
        let Ok((_input, mut output)) = self.machine.run(&command).await else { return };
        let ended = async { while output.next().await.is_some_and(|piece| piece.is_ok()) {} };
        let _too_slow = timeout(PATIENCE, ended).await;
    }

    /// Why the stream ended before the script did.
    async fn ended(&mut self, doing: &'static str) -> Error {
        let node = self.node.clone();
        if let Some(tool) = self.transcript.word().and_then(|word| word.strip_prefix("lacks ")) {
            return Error::NoTool { node, tool: tool.to_owned() };
        }
        if let Some(taken) = self.transcript.section("taken").filter(|taken| taken.code != 0) {
            let refused = Error::refused_or_full(&node, complaint(&taken.text), self.machine.prune());
            self.restore_names().await;
            return refused;
        }
        // 126 and 127: the command itself could not be started.
        match self.output.exit_code().await {
            Some(126 | 127) => Error::NoTool { node, tool: "sh".into() },
            Some(NOT_IN) => {
                let (start, to) = (self.machine.start.clone(), self.machine.by().into());
                Error::NotIn { node, to, start, said: self.transcript.last_words().into() }
            }
            _ => Error::Ended { node, doing, said: self.transcript.last_words() },
        }
    }
}

/// What the script is to say besides, for names that move.
fn more(found: &Found) -> &'static str {
    if found.moving.is_empty() { "" } else { " moved" }
}

/// The chain id of its top layer, if it has layers.
fn top(wanted: &Wanted) -> Option<Digest> {
    chain_ids(&wanted.diff_ids).pop()
}

fn compare(state: &State, Wanted { id, names, .. }: &Wanted) -> Found {
    let other = |name: &ImageRef| {
        let image = state.image(name).filter(|image| *image != id)?;
        Some((name.clone(), image.clone()))
    };
    Found {
        complete: state.lacks(id, names, None).is_none(),
        content: state.unpacked() && state.manifest(id).is_some(),
        moving: names.iter().filter_map(other).collect(),
    }
}

/// The last word of `ctr`, without the log that it writes on the way there.
fn complaint(text: &str) -> String {
    let own = text.lines().rev().find(|line| line.starts_with("ctr: "));
    own.unwrap_or(text.trim()).to_owned()
}
