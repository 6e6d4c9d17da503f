//! What a container wrote to its own layer, as directories that would have to be writable.

use super::trial::Trial;
use super::{Error, remedy};
use crate::engine::{Change, Content};
use crate::project::ImagePlan;
use std::collections::BTreeSet;

/// Directories that hold nothing of an image that is missed when they are empty.
const SCRATCH: [&str; 6] = ["/tmp", "/run", "/var/run", "/var/tmp", "/var/lock", "/dev/shm"];
/// What engines change themselves.
const ENGINES_OWN: [&str; 8] =
    ["/dev", "/proc", "/sys", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab", "/.dockerenv"];

/// What was written, and what to do so that it can be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Writes {
    /// The paths, without what is inside them.
    pub(super) paths: BTreeSet<String>,
    /// Directories to make writable.
    pub(super) directories: BTreeSet<String>,
    /// Paths beside files of the image, which an empty directory in their place would hide.
    pub(super) beside: BTreeSet<String>,
}

/// What the container `id` wrote to its own layer, beyond what is in `writable`.
pub(super) async fn of(trial: &Trial<'_>, id: &str, writable: &[String]) -> Result<Writes, Error> {
    let changes = trial.lost(trial.engine.container_changes(id).await)?;
    let mut writes = Writes::default();
    for (path, added) in outermost(&changes, writable) {
        // What was deleted cannot be read, and is as a file to us.
        let directory = matches!(trial.engine.container_content(id, &path).await, Ok(Content::Directory(_)));
        let place = if directory && !added { path.as_str() } else { parent(&path) };
        if is_coverable(trial, id, place, &changes).await {
            writes.directories.insert(place.to_owned());
        } else if directory && added {
            writes.directories.insert(path.clone());
        } else {
            writes.beside.insert(path.clone());
        }
        writes.paths.insert(path);
    }
    writes.directories = without_inner(&writes.directories);
    Ok(writes)
}

/// Nothing is missed when an empty directory is there instead.
async fn is_coverable(trial: &Trial<'_>, id: &str, directory: &str, changes: &[Change]) -> bool {
    let own = |content: Content| own(&content, directory, changes);
    SCRATCH.contains(&directory)
        || (directory != "/" && trial.engine.container_content(id, directory).await.is_ok_and(own))
}

/// All that is in the directory was put there by the container.
fn own(content: &Content, directory: &str, changes: &[Change]) -> bool {
    let Content::Directory(names) = content else { return false };
    let added = |name: &String| {
        let path = format!("{directory}/{name}");
        changes.iter().any(|change| change.added && change.path == path)
    };
    names.iter().all(added)
}

/// The changes that no other change contains, and whether each was added. A directory counts as
/// changed when something in it is, so what matters of those is only what is in them.
fn outermost(all: &[Change], writable: &[String]) -> Vec<(String, bool)> {
    let matters = |change: &&Change| {
        let path = change.path.as_str();
        !writable.iter().any(|directory| is_in(path, directory) || is_in(directory, path))
            && !ENGINES_OWN.iter().any(|own| is_in(path, own))
            // Python does without these where it cannot write them.
            && !path.split('/').any(|part| part == "__pycache__")
    };
    let has_inner =
        |change: &Change| all.iter().any(|other| other.path != change.path && is_in(&other.path, &change.path));
    let mattering: Vec<&Change> = all.iter().filter(matters).collect();
    let in_added = |change: &Change| {
        mattering.iter().any(|other| other.added && other.path != change.path && is_in(&change.path, &other.path))
    };
    let outer = |change: &&&Change| !in_added(change) && (change.added || !has_inner(change));
    mattering.iter().filter(outer).map(|change| (change.path.clone(), change.added)).collect()
}

fn without_inner(directories: &BTreeSet<String>) -> BTreeSet<String> {
    let inner = |one: &String| directories.iter().any(|other| other != one && is_in(one, other));
    directories.iter().filter(|one| !inner(one)).cloned().collect()
}

pub(super) fn is_in(path: &str, directory: &str) -> bool {
    let directory = directory.trim_end_matches('/');
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

impl Writes {
    /// What makes the directories writable, too.
    pub(super) fn remedy(&self, plan: &ImagePlan) -> Option<String> {
        let all = plan.run.writable.iter().chain(&self.directories);
        (!self.directories.is_empty()).then(|| remedy::writable(plan, all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(text: &str) -> Vec<Change> {
        text.split_whitespace()
            .map(|one| match one.split_at(1) {
                ("A", path) => Change { path: path.into(), added: true },
                (_, path) => Change { path: path.into(), added: false },
            })
            .collect()
    }

    fn outer(text: &str, writable: &[&str]) -> Vec<String> {
        let writable: Vec<String> = writable.iter().map(|path| (*path).to_owned()).collect();
        outermost(&changes(text), &writable).into_iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn only_what_was_written_itself_remains() {
        let nginx =
            "C/run A/run/nginx.pid C/var C/var/cache C/var/cache/nginx A/var/cache/nginx/one A/var/cache/nginx/one/x";
        assert_eq!(outer(nginx, &["/tmp"]), ["/run/nginx.pid", "/var/cache/nginx/one"]);
        assert_eq!(outer("C/etc C/etc/app.conf", &[]), ["/etc/app.conf"]);
    }

    #[test]
    fn what_is_writable_or_does_not_matter_is_left_out() {
        assert_eq!(outer("C/tmp A/tmp/x", &["/tmp"]), [] as [&str; 0]);
        assert_eq!(outer("A/srv A/srv/data", &["/srv/data"]), [] as [&str; 0]);
        assert_eq!(outer("C/app A/app/__pycache__ A/app/__pycache__/x.pyc", &[]), [] as [&str; 0]);
        assert_eq!(outer("A/.dockerenv C/etc/hosts C/proc", &[]), [] as [&str; 0]);
    }

    #[test]
    fn a_directory_is_coverable_if_all_in_it_is_new() {
        let changes = changes("C/c A/c/a");
        let content = |names: &[&str]| Content::Directory(names.iter().map(|name| (*name).to_owned()).collect());
        assert!(own(&content(&["a"]), "/c", &changes));
        assert!(!own(&content(&["a", "b"]), "/c", &changes));
        assert!(!own(&Content::File, "/c", &changes));
    }

    #[test]
    fn the_settings_to_add_are_whole() {
        let directories = BTreeSet::from(["/var/cache/nginx".to_owned(), "/run".to_owned()]);
        let writes = Writes { directories, ..Writes::default() };
        let plan = ImagePlan { described: true, ..ImagePlan::undescribed("app") };
        let lines = writes.remedy(&plan).unwrap();
        assert_eq!(lines, "[image.app.run]\nwritable = [\"/tmp\", \"/run\", \"/var/cache/nginx\"]");
        assert_eq!(Writes::default().remedy(&plan), None);
    }

    #[test]
    fn directories_in_others_are_dropped() {
        let all: BTreeSet<String> = ["/a", "/a/b", "/ab"].map(str::to_owned).into();
        assert_eq!(without_inner(&all), ["/a", "/ab"].map(str::to_owned).into());
        assert_eq!((parent("/a"), parent("/a/b")), ("/", "/a"));
    }
}
