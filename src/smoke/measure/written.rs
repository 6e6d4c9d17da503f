//! What the image writes: all of it with a writable root, and the proof that no more than that must be
//! writable.

use super::asks::Asks;
use super::start::{Start, Started};
use crate::smoke::Error;
use crate::smoke::trial::Trial;
use crate::smoke::writes::{self, is_in};
use crate::types::WritesMeasured;
use std::time::Duration;
use tokio::time::sleep;

/// What is written in the background once it is ready is waited for so long.
const SETTLING: Duration = Duration::from_secs(1);

/// What it writes until it is ready and has answered its probes; none if it is not ready so.
pub(super) async fn of(trial: &Trial<'_>, asks: &Asks) -> Result<Option<WritesMeasured>, Error> {
    let open = |confinement: &mut crate::engine::Confinement| {
        confinement.read_only = false;
        confinement.writable.clear();
    };
    let Some(started) = Started::begin(trial, asks, open).await? else { return Ok(None) };
    if !matches!(started.until_passed(trial, asks).await?, Start::Ready(_)) {
        started.remove(trial).await?;
        return Ok(None);
    }
    trial.meanwhile(sleep(SETTLING)).await?;
    let found = writes::of(trial, &started.id, &[]).await?;
    started.remove(trial).await?;
    let writable: Vec<String> = found.directories.into_iter().collect();
    let proven = proof(trial, asks, &writable).await?;
    let declared = &trial.setup.plan.run.writable;
    let is_used = |directory: &String| found.paths.iter().any(|path| is_in(path, directory));
    Ok(Some(WritesMeasured {
        unused: declared.iter().filter(|directory| !is_used(directory)).cloned().collect(),
        paths: found.paths.into_iter().collect(),
        beside: found.beside.into_iter().collect(),
        writable,
        proven,
    }))
}

/// Whether it is ready with nothing but `writable` writable.
async fn proof(trial: &Trial<'_>, asks: &Asks, writable: &[String]) -> Result<bool, Error> {
    let only = |confinement: &mut crate::engine::Confinement| confinement.writable = writable.to_vec();
    let Some(started) = Started::begin(trial, asks, only).await? else { return Ok(false) };
    let start = started.until_passed(trial, asks).await?;
    started.remove(trial).await?;
    Ok(matches!(start, Start::Ready(_)))
}
