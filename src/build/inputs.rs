//! All that decided the last build of an image, as its own solve reported it: the directories the
//! builder asked for and with which patterns, the bases it resolved, the settings. If all of it is
//! the same and the engine still has the image, there is nothing to build.
//!
//! It is kept only if it is certain to be what was built: the record's listing equals the one that
//! was sent, nothing in it changed since shortly before the build, and there is no source that
//! cannot be checked again here (a URL, a remote frontend). Otherwise the builder is asked, which
//! knows.

use super::reasons::Recipe;
use super::{Built, Options, settings};
use crate::context::{Change, Filter, TreeRecord, recheck, record};
use crate::engine::buildkit::Synced;
use crate::engine::{self, Engine};
use crate::project::ImagePlan;
use crate::types::{Digest, FileChange, ImageId, ImageRef};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const VERSION: u32 = 2;

/// All that decided a build.
#[derive(Clone, Debug)]
pub struct Inputs {
    head: Head,
    trees: Vec<TreeRecord>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Head {
    version: u32,
    settings: Digest,
    engine: String,
    id: ImageId,
    engine_id: String,
    /// Each base by its canonical name, and what the engine had under it.
    bases: Vec<(String, Digest)>,
    recipe: Recipe,
    synced: Vec<Synced>,
}

/// Why it is not certain what an image was built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// There is a source that cannot be checked again here.
    Source,
    /// Files changed while they were sent, or so shortly before that their times do not tell.
    Young,
}

/// Why a build now may give something else than the last one did.
#[derive(Debug)]
pub enum Differs {
    /// The options ask the builder anyway.
    Asked,
    /// The settings changed.
    Settings,
    /// It was another engine.
    Engine,
    /// Files changed.
    Files {
        /// The first that did.
        first: PathBuf,
        /// How many did.
        count: usize,
    },
    /// The engine has something else under the name of a base, or nothing.
    Base(String),
    /// The engine has something else under one of the image's names, or nothing.
    Name(String),
    /// The engine could not be asked.
    Silent(engine::Error),
    /// The files could not be compared.
    Unread(String),
}

/// What a build used that is not in its files.
pub(super) struct Sources {
    /// Bases, by canonical name.
    pub(super) bases: Vec<String>,
    /// There is a source that cannot be checked again here.
    pub(super) uncheckable: bool,
    pub(super) recipe: Recipe,
}

/// What of the context is other than when it was recorded.
#[derive(Default)]
pub(super) struct Changed {
    /// By the ignore rules of then.
    pub(super) files: Vec<(String, FileChange)>,
    /// The ignore file that is another one.
    pub(super) ignore: Option<String>,
}

impl Inputs {
    /// What decided the build of `image` that began at `begun_ns`, or why that is not certain.
    /// Files that are surely what `before` has are not read.
    pub(super) async fn of(
        engine: &Engine,
        image: &ImagePlan,
        built: &Built,
        sources: Sources,
        synced: Vec<Synced>,
        begun_ns: i64,
        before: Option<&Self>,
    ) -> Result<Self, Unknown> {
        // For another platform than the engine's own, a base is what the registry has now.
        if sources.uncheckable || image.platform.is_some() {
            return Err(Unknown::Source);
        }
        let mut bases = Vec::new();
        for base in sources.bases {
            let id = engine.inspect(&base).await.map_err(|_| Unknown::Source)?.engine_id;
            bases.push((base, id));
        }
        let trees = {
            let (image, synced, before) = (image.clone(), synced.clone(), before.cloned());
            tokio::task::spawn_blocking(move || record_all(&image, &synced, begun_ns, before.as_ref())).await
        };
        let Ok(Some(trees)) = trees else { return Err(Unknown::Young) };
        let head = Head {
            version: VERSION,
            settings: settings(image),
            engine: engine.address().to_string(),
            id: built.id.clone(),
            engine_id: built.engine_id.clone(),
            bases,
            recipe: sources.recipe,
            synced,
        };
        Ok(Self { head, trees })
    }

    /// The most that is known of `dir`: the builder also asks for single files of it.
    fn tree(&self, dir: &str) -> Option<&TreeRecord> {
        let of_dir = self.head.synced.iter().zip(&self.trees).filter(|(synced, _)| synced.dir == dir);
        of_dir.map(|(_, tree)| tree).max_by_key(|tree| tree.len())
    }

    /// What it was made by, files and bases aside.
    pub(super) fn recipe(&self) -> &Recipe {
        &self.head.recipe
    }

    /// Each base by its canonical name, and what the engine had under it.
    pub(super) fn bases(&self) -> &[(String, Digest)] {
        &self.head.bases
    }

    /// The engine's address.
    pub(super) fn engine(&self) -> &str {
        &self.head.engine
    }

    /// What of the context is other now than then; `None` if it cannot be compared.
    pub(super) fn changed(&self, image: &ImagePlan) -> Option<Changed> {
        let (mut files, mut largest, mut ignore) = (Vec::new(), 0, None);
        for (synced, tree) in self.head.synced.iter().zip(&self.trees) {
            let (root, filter) = place(image, synced)?;
            let changed = recheck(tree, root, &filter).ok()?.list;
            ignore = ignore.or_else(|| changed.iter().map(|(path, _)| path).find(|path| is_ignore(path)).cloned());
            // The builder also asks for single files of the context.
            if synced.dir == "context" && tree.len() >= largest {
                largest = tree.len();
                files = changed.into_iter().map(|(path, change)| (path, told(change))).collect();
            }
        }
        Some(Changed { files, ignore })
    }

    /// Whether a file has other content than then, but the same size and time. The builder compares
    /// only these: it would keep what it has.
    pub fn deceives(&self, image: &ImagePlan) -> bool {
        self.head
            .synced
            .iter()
            .zip(&self.trees)
            .any(|(synced, tree)| place(image, synced).is_some_and(|(root, filter)| same_times(tree, root, &filter)))
    }

    /// What a build would give now, and from how many files, if it is what was built last.
    pub async fn hold(&self, engine: &Engine, image: &ImagePlan, options: &Options) -> Option<(Built, usize)> {
        self.compare(engine, image, options).await.ok()
    }

    /// As `hold`, or the first reason why it is not certain that a build would give the same.
    pub async fn compare(
        &self,
        engine: &Engine,
        image: &ImagePlan,
        options: &Options,
    ) -> Result<(Built, usize), Differs> {
        let head = &self.head;
        if options.no_cache || options.pull {
            return Err(Differs::Asked);
        }
        if head.settings != settings(image) {
            return Err(Differs::Settings);
        }
        if head.engine != engine.address().to_string() {
            return Err(Differs::Engine);
        }
        let trees = {
            let (image, inputs) = (image.clone(), self.clone());
            tokio::task::spawn_blocking(move || inputs.compare_trees(&image)).await
        };
        trees.unwrap_or_else(|_| Err(Differs::Unread("they were not read to the end".to_owned())))?;
        for (base, id) in &head.bases {
            if found(engine, base).await?.is_none_or(|found| found != *id) {
                return Err(Differs::Base(base.clone()));
            }
        }
        // Every name must still be the image's: another build may have taken one.
        for tag in &image.tags {
            let found = found(engine, &tag.canonical()).await?;
            if found.is_none_or(|found| found.as_str() != head.engine_id) {
                return Err(Differs::Name(tag.to_string()));
            }
        }
        let built = Built { id: head.id.clone(), engine_id: head.engine_id.clone(), tags: image.tags.clone() };
        Ok((built, self.trees.iter().map(TreeRecord::len).sum()))
    }

    fn compare_trees(&self, image: &ImagePlan) -> Result<(), Differs> {
        let unread = |what: String| Differs::Unread(what);
        let mut changed = Vec::new();
        for (synced, tree) in self.head.synced.iter().zip(&self.trees) {
            let place = place(image, synced);
            let (root, filter) = place.ok_or_else(|| unread(format!("`{}` is not known", synced.dir)))?;
            let changes = recheck(tree, root, &filter).map_err(|error| unread(error.to_string()))?;
            changed.extend(changes.list.into_iter().map(|(path, _)| root.join(path)));
        }
        let Some(first) = changed.first().cloned() else { return Ok(()) };
        // A Dockerfile may be in the context, too.
        let count = changed.into_iter().collect::<BTreeSet<_>>().len();
        Err(Differs::Files { first, count })
    }

    /// The form on disk: the head as a line of JSON, then each tree after its length.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(&self.head).unwrap_or_default();
        bytes.push(b'\n');
        for tree in &self.trees {
            let tree = tree.to_bytes();
            bytes.extend_from_slice(&(tree.len() as u64).to_le_bytes());
            bytes.extend_from_slice(&tree);
        }
        bytes
    }

    /// Reads the form on disk; nothing if it is damaged or another version's.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
        let mut rest = &bytes[end + 1..];
        let mut trees = Vec::new();
        for _ in &head.synced {
            let (length, after) = rest.split_first_chunk::<8>()?;
            let (tree, after) = after.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
            trees.push(TreeRecord::from_bytes(tree).ok()?);
            rest = after;
        }
        (head.version == VERSION && rest.is_empty()).then_some(Self { head, trees })
    }
}

fn is_ignore(path: &str) -> bool {
    path == ".dockerignore" || path.ends_with(".dockerignore")
}

fn told(change: Change) -> FileChange {
    match change {
        Change::Added => FileChange::Added,
        Change::Removed => FileChange::Removed,
        Change::Kind => FileChange::Kind,
        Change::Mode => FileChange::Mode,
        Change::Content => FileChange::Content,
    }
}

/// What the engine has under `name`.
async fn found(engine: &Engine, name: &str) -> Result<Option<Digest>, Differs> {
    match engine.inspect(name).await {
        Ok(summary) => Ok(Some(summary.engine_id)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(Differs::Silent(error)),
    }
}

/// Records all directories, if what is there now is certain to be what was sent.
fn record_all(image: &ImagePlan, synced: &[Synced], begun_ns: i64, before: Option<&Inputs>) -> Option<Vec<TreeRecord>> {
    let one = |synced: &Synced| {
        let (root, filter) = place(image, synced)?;
        let tree = record(root, &filter, before.and_then(|before| before.tree(&synced.dir))).ok()?;
        (tree.listing() == synced.listing && tree.is_older_than(begun_ns)).then_some(tree)
    };
    synced.iter().map(one).collect()
}

/// Whether the tree below `root` has a file that only its content tells from what it was.
fn same_times(tree: &TreeRecord, root: &Path, filter: &Filter) -> bool {
    let Ok(changes) = recheck(tree, root, filter) else { return false };
    let content = changes.list.iter().filter(|(_, change)| *change == Change::Content);
    content.into_iter().any(|(path, _)| tree.has_size_and_time_of(path, &root.join(path)))
}

/// The directory, and what of it the builder asked for.
fn place<'a>(image: &'a ImagePlan, synced: &Synced) -> Option<(&'a Path, Filter)> {
    let root = match synced.dir.as_str() {
        "context" => &image.context,
        "dockerfile" => super::attributes::dockerfile_dir(image),
        _ => return None,
    };
    Some((root, Filter::new(root, &synced.include, &synced.exclude, &synced.follow).ok()?))
}

/// Takes what a build used from the names of its vertices.
pub(super) fn sources<'a>(names: impl Iterator<Item = &'a str>, recipe: Recipe) -> Sources {
    const HARMLESS: [&str; 5] = [
        "[internal] load build definition",
        "[internal] load .dockerignore",
        "[internal] load build context",
        "exporting to image",
        "[auth] ",
    ];
    let mut sources = Sources { bases: Vec::new(), uncheckable: false, recipe };
    for name in names {
        match name.strip_prefix("[internal] load metadata for ") {
            Some(base) => match base.trim().parse::<ImageRef>() {
                Ok(base) => sources.bases.push(base.canonical()),
                Err(_) => sources.uncheckable = true,
            },
            // An instruction's inputs are vertices of their own.
            None if super::lines::split_name(name).is_some() => {}
            None => sources.uncheckable |= !HARMLESS.iter().any(|harmless| name.starts_with(harmless)),
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_that_cannot_be_checked_again_are_seen() {
        let known = [
            "[internal] load build definition from Dockerfile",
            "[internal] load metadata for docker.io/library/nginx:alpine",
            "[1/2] FROM docker.io/library/nginx:alpine",
            "[2/2] COPY . .",
            "exporting to image",
        ];
        let found = sources(known.into_iter(), Recipe::default());
        assert_eq!(found.bases, ["docker.io/library/nginx:alpine"]);
        assert!(!found.uncheckable);
        for other in ["https://example.org/x.tgz", "resolve image config for docker.io/docker/dockerfile:1", "git://x"]
        {
            assert!(sources([other].into_iter(), Recipe::default()).uncheckable, "{other}");
        }
    }

    #[test]
    fn the_form_on_disk_is_read_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("f"), "x").unwrap();
        let tree = record(dir.path(), &Filter::default(), None).unwrap();
        let synced = Synced {
            dir: "context".into(),
            include: vec![],
            exclude: vec!["*.log\nx".into()],
            follow: vec![],
            listing: tree.listing(),
        };
        let head = Head {
            version: VERSION,
            settings: Digest::of(b"s"),
            engine: "e".into(),
            id: ImageId(Digest::of(b"i")),
            engine_id: "i".into(),
            bases: vec![("b".into(), Digest::of(b"b"))],
            recipe: Recipe::of(&ImagePlan::undescribed("a"), "FROM a\nRUN b\n", [("RUN b".into(), 7)].into()),
            synced: vec![synced],
        };
        let bytes = Inputs { head, trees: vec![tree] }.to_bytes();
        assert_eq!(Inputs::from_bytes(&bytes).unwrap().to_bytes(), bytes);
        for end in 0..bytes.len() {
            assert!(Inputs::from_bytes(&bytes[..end]).is_none(), "{end}");
        }
    }
}
