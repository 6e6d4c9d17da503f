//! `loadline cache`.

use crate::cli::args::Cache;
use crate::cli::facts;
use crate::cli::session::Session;
use crate::image::store::{DEFAULT_LIMIT, Held, Store};
use crate::types::{ByteSize, Explained, Outcome};
use serde_json::json;
use std::io;
use std::path::PathBuf;

/// The layer store could not be read or pruned.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} the layer store in {}", directory.display())]
struct CacheError {
    doing: &'static str,
    directory: PathBuf,
    source: io::Error,
}

impl Explained for CacheError {
    fn outcome(&self) -> Outcome {
        match self.doing {
            "read" => Outcome::Unreachable,
            _ => Outcome::StepFailed,
        }
    }

    fn hint(&self) -> Option<String> {
        Some("see that the directory is yours, or set XDG_CACHE_HOME".into())
    }
}

/// Prints what the layer store holds, after pruning it if that was asked.
pub fn run(session: &Session, args: &Cache) -> Outcome {
    let store = facts::store();
    let limit = args.limit.map_or(DEFAULT_LIMIT, |limit| limit.0);
    match look(&store, args.prune.then_some(limit)) {
        Ok((held, freed)) => {
            let text = if session.global.json { json } else { text };
            let text = text(&store, held, freed);
            session.written(session.terminal.data(&text))
        }
        Err(error) => session.failed(None, &error),
    }
}

/// What is there now, and how much was removed if it was pruned.
fn look(store: &Store, prune: Option<u64>) -> Result<(Held, Option<ByteSize>), CacheError> {
    let failed = |doing| move |source| CacheError { doing, directory: store.directory().to_owned(), source };
    let freed = match prune {
        Some(limit) => Some(store.prune_surely(limit).map_err(failed("prune"))?),
        None => None,
    };
    let held = store.held().map_err(failed("read"))?;
    Ok((held, freed.map(|pruned| ByteSize(pruned.removed))))
}

fn text(store: &Store, held: Held, freed: Option<ByteSize>) -> String {
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let (layers, images) = (count(held.layers, "layer"), count(held.images, "image"));
    let freed = freed.map(|freed| format!("freed      {freed}\n")).unwrap_or_default();
    let (bytes, limit) = (ByteSize(held.bytes), ByteSize(DEFAULT_LIMIT));
    let directory = store.directory().display();
    format!("{freed}holds      {layers} of {images}, {bytes}\nlimit      {limit}\ndirectory  {directory}\n")
}

fn json(store: &Store, held: Held, freed: Option<ByteSize>) -> String {
    let mut document = json!({
        "directory": store.directory(),
        "layers": held.layers,
        "images": held.images,
        "bytes": held.bytes,
        "limit": DEFAULT_LIMIT,
    });
    if let Some(freed) = freed {
        document["freed"] = json!(freed);
    }
    format!("{document:#}\n")
}
