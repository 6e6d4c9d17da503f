//! One run at a time in one project: the second waits, and can say for whom.

use super::store::{Error, State};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::time::Duration;

/// Held while a verb changes a project's state; the kernel frees it if the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, for `holder` (such as `up, process 4711`). If another run has it, calls
    /// `waiting` once with that run's holder and waits.
    pub async fn take(state: &State, holder: &str, waiting: impl FnOnce(&str)) -> Result<Self, Error> {
        let path = state.dir().join("lock");
        let failed = |source| Error::new("lock", &path, source);
        let mut file = open(&path).map_err(failed)?;
        if !try_lock(&file).map_err(failed)? {
            waiting(&read_holder(&mut file));
            while !try_lock(&file).map_err(failed)? {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        write_holder(&mut file, holder).map_err(failed)?;
        state.sweep().map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn open(path: &std::path::Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

fn try_lock(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn read_holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(200).read_to_string(&mut text));
    if read.is_ok() && !text.is_empty() { text } else { "another run".to_owned() }
}

fn write_holder(file: &mut File, holder: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(holder.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[tokio::test]
    async fn the_second_waits_and_is_told_for_whom() {
        let home = tempfile::tempdir().unwrap();
        let state = State::open(home.path(), Path::new("/a")).unwrap();
        let first = Lock::take(&state, "up, process 1", |_| panic!("nobody has it")).await.unwrap();
        let (told, hears) = tokio::sync::oneshot::channel();
        let second = {
            let state = state.clone();
            tokio::spawn(async move {
                Lock::take(&state, "up, process 2", |holder| told.send(holder.to_owned()).unwrap()).await
            })
        };
        assert_eq!(hears.await.unwrap(), "up, process 1");
        assert!(!second.is_finished());
        drop(first);
        second.await.unwrap().unwrap();
    }
}
