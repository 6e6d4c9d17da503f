//! Records on disk: one JSON file each, replaced whole by a rename.

use super::record::{BuildRecord, Evidence, Step};
use crate::types::{Digest, Explained, ImageId, Outcome};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The end of a name of a file that is not whole yet.
const HALF: &str = ".tmp";

/// The kept records of one project.
#[derive(Clone, Debug)]
pub struct State {
    dir: PathBuf,
}

/// The records could not be kept or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}", path.display())]
pub struct Error {
    doing: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl Error {
    pub(super) fn new(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self { doing, path: path.to_owned(), source }
    }
}

impl Explained for Error {
    fn outcome(&self) -> Outcome {
        Outcome::Unreachable
    }

    fn hint(&self) -> Option<String> {
        Some("see that the directory is yours and its disk has room, or set XDG_STATE_HOME".into())
    }
}

impl State {
    /// The records of the project at `root` (its real path), below `home`, which is
    /// `$XDG_STATE_HOME`.
    pub fn open(home: &Path, root: &Path) -> Result<Self, Error> {
        let state = Self::peek(home, root);
        std::fs::create_dir_all(&state.dir).map_err(|source| Error::new("create", &state.dir, source))?;
        Ok(state)
    }

    /// As `open`, only to read: nothing is made.
    pub fn peek(home: &Path, root: &Path) -> Self {
        let project = Digest::of(root.as_os_str().as_encoded_bytes());
        Self { dir: home.join("loadline").join(project.hex()) }
    }

    /// `$XDG_STATE_HOME`, or what stands for it where it is not set.
    pub fn home() -> PathBuf {
        let read = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        read("XDG_STATE_HOME")
            .or_else(|| read("HOME").map(|home| home.join(".local/state")))
            .unwrap_or_else(std::env::temp_dir)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Removes what a run left half-written that was killed; to be called with the lock held.
    pub(super) fn sweep(&self) -> io::Result<()> {
        let mut folders = vec![self.dir.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                match path.as_os_str().as_encoded_bytes().ends_with(HALF.as_bytes()) {
                    _ if path.is_dir() => folders.push(path),
                    true => std::fs::remove_file(path)?,
                    false => {}
                }
            }
        }
        Ok(())
    }

    /// Keeps the last build of `image`.
    pub fn keep_build(&self, image: &str, record: &BuildRecord) -> Result<(), Error> {
        self.write(&self.build_path(image), record)
    }

    /// The last build of `image`, if one is known.
    pub fn last_build(&self, image: &str) -> Result<Option<BuildRecord>, Error> {
        self.read(&self.build_path(image))
    }

    /// Keeps what decided the last build of `image`, in the builder's own form; `None` forgets it.
    pub fn keep_inputs(&self, image: &str, inputs: Option<&[u8]>) -> Result<(), Error> {
        let path = self.inputs_path(image);
        let done = match inputs {
            Some(bytes) => replace(&path, bytes),
            None => match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        };
        done.map_err(|source| Error::new("write", &path, source))
    }

    /// What decided the last build of `image`, if it is known.
    pub fn inputs(&self, image: &str) -> Option<Vec<u8>> {
        std::fs::read(self.inputs_path(image)).ok()
    }

    /// Keeps a note on the copy that the builder has of the context of `image`.
    pub fn keep_copy(&self, image: &str, note: &str) -> Result<(), Error> {
        let path = self.copy_path(image);
        let dir = path.parent().unwrap_or(&self.dir);
        std::fs::create_dir_all(dir).map_err(|source| Error::new("create", dir, source))?;
        replace(&path, note.as_bytes()).map_err(|source| Error::new("write", &path, source))
    }

    /// The note on the copy that the builder has of the context of `image`.
    pub fn copy(&self, image: &str) -> Option<String> {
        std::fs::read_to_string(self.copy_path(image)).ok()
    }

    /// Keeps what the chart that runs `image` was rendered to.
    pub fn keep_rendered(&self, image: &str, rendered: &impl Serialize) -> Result<(), Error> {
        self.write(&self.rendered_path(image), rendered)
    }

    /// What the chart that runs `image` was rendered to, if that can be read.
    pub fn rendered<T: DeserializeOwned>(&self, image: &str) -> Option<T> {
        self.read(&self.rendered_path(image)).ok()?
    }

    fn rendered_path(&self, image: &str) -> PathBuf {
        self.dir.join("rendered").join(format!("{image}.json"))
    }

    fn copy_path(&self, image: &str) -> PathBuf {
        self.dir.join("builds").join(format!("{image}.copy"))
    }

    fn inputs_path(&self, image: &str) -> PathBuf {
        self.dir.join("builds").join(format!("{image}.inputs"))
    }

    /// Keeps what `evidence` says; it replaces what was known of that step, image id and place.
    pub fn keep(&self, evidence: &Evidence) -> Result<(), Error> {
        self.write(&self.evidence_path(evidence.step, &evidence.id, &evidence.place), evidence)
    }

    /// The evidence for `step` of the image `id` in `place`.
    pub fn evidence(&self, step: Step, id: &ImageId, place: &str) -> Result<Option<Evidence>, Error> {
        self.read(&self.evidence_path(step, id, place))
    }

    fn build_path(&self, image: &str) -> PathBuf {
        // Image names are short words; a digest would only make the directory unreadable.
        self.dir.join("builds").join(format!("{image}.json"))
    }

    fn evidence_path(&self, step: Step, id: &ImageId, place: &str) -> PathBuf {
        let file = format!("{}-{}.json", id.0.hex(), Digest::of(place.as_bytes()).short());
        self.dir.join("evidence").join(step.to_string()).join(file)
    }

    fn write(&self, path: &Path, record: &impl Serialize) -> Result<(), Error> {
        let dir = path.parent().unwrap_or(&self.dir);
        std::fs::create_dir_all(dir).map_err(|source| Error::new("create", dir, source))?;
        let text = serde_json::to_vec_pretty(record).map_err(|error| Error::new("write", path, error.into()))?;
        replace(path, &text).map_err(|source| Error::new("write", path, source))
    }

    fn read<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, Error> {
        match std::fs::read(path) {
            // A record that another version wrote, or that a full disk cut, is none: the step is
            // done again.
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::new("read", path, source)),
        }
    }
}

/// Writes beside the file and renames, so that a reader sees the old text or the new, and a killed
/// run leaves no half.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    // Who writes holds the lock, so the name need not be this process's own.
    let mut beside = path.as_os_str().to_owned();
    beside.push(HALF);
    let beside = PathBuf::from(beside);
    let written = std::fs::File::create(&beside).and_then(|mut file| file.write_all(text));
    written.and_then(|()| std::fs::rename(&beside, path)).inspect_err(|_| {
        std::fs::remove_file(&beside).ok();
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> BuildRecord {
        BuildRecord {
            id: ImageId(Digest::of(b"image")),
            engine_id: "sha256:1".into(),
            engine: "unix:///x".into(),
            settings: Digest::of(b"settings"),
            at: 7,
            earlier: Vec::new(),
            timeline: None,
            before_ms: None,
        }
    }

    #[test]
    fn records_are_kept_per_project_and_replaced_whole() {
        let home = tempfile::tempdir().unwrap();
        let state = State::open(home.path(), Path::new("/a")).unwrap();
        assert_eq!(state.last_build("x").unwrap(), None);
        state.keep_build("x", &record()).unwrap();
        state.keep_build("x", &BuildRecord { at: 8, ..record() }).unwrap();
        assert_eq!(state.last_build("x").unwrap().unwrap().at, 8);
        let other = State::open(home.path(), Path::new("/b")).unwrap();
        assert_eq!(other.last_build("x").unwrap(), None);
        let files = std::fs::read_dir(state.dir().join("builds")).unwrap().count();
        assert_eq!(files, 1, "no temporary file is left");
    }

    #[test]
    fn what_a_killed_run_left_half_written_is_swept() {
        let home = tempfile::tempdir().unwrap();
        let state = State::open(home.path(), Path::new("/a")).unwrap();
        state.keep_build("x", &record()).unwrap();
        std::fs::write(state.dir().join("builds/y.json.tmp"), "{").unwrap();
        state.sweep().unwrap();
        let left: Vec<_> = std::fs::read_dir(state.dir().join("builds")).unwrap().flatten().collect();
        assert_eq!(left.len(), 1);
    }

    #[test]
    fn a_damaged_record_is_none() {
        let home = tempfile::tempdir().unwrap();
        let state = State::open(home.path(), Path::new("/a")).unwrap();
        state.keep_build("x", &record()).unwrap();
        std::fs::write(state.build_path("x"), "{\"id\":").unwrap();
        assert_eq!(state.last_build("x").unwrap(), None);
    }
}
