//! Which package a file belongs to, by what the package managers keep in the image: dpkg's lists of files
//! (`dpkg-query(1)`), apk's database of installed packages (apk v2 `installed`), pip's `RECORD` (Python
//! packaging, "Recording installed projects"), and the folders of npm.

use crate::image::files::clean_path;
use crate::image::layers::LONGEST_PATH;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The paths of all packages of an image, in bytes. A database names a folder once for any number of files,
/// so that what it says may be thousands of times as long as itself.
const LARGEST: usize = 64 << 20;

/// A package manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each is what it is called")]
pub enum Manager {
    Apk,
    Dpkg,
    Npm,
    Pip,
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Apk => "apk",
            Self::Dpkg => "dpkg",
            Self::Npm => "npm",
            Self::Pip => "pip",
        })
    }
}

/// An installed package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Package {
    /// What installed it.
    pub manager: Manager,
    /// Its name.
    pub name: String,
    /// Its version, where the database tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Whether the file at `path` tells what belongs to a package.
pub fn is_database(path: &str) -> bool {
    is_dpkg_status(path) || is_apk_database(path) || dpkg_list(path).is_some() || pip_record(path).is_some()
}

/// The files of all packages, by path.
#[derive(Default)]
pub struct Owners {
    packages: Vec<Package>,
    files: BTreeMap<String, usize>,
    /// Bytes of the paths in `files`.
    size: usize,
}

impl Owners {
    /// As the databases among `files` have it, each a path and its content; what a later one says wins.
    pub fn of<'a>(files: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Self {
        let mut owners = Self::default();
        let versions: BTreeMap<String, String> =
            files.clone().filter(|(path, _)| is_dpkg_status(path)).flat_map(|(_, text)| dpkg_versions(text)).collect();
        for (path, text) in files {
            if let Some(name) = dpkg_list(path) {
                // `libc6:amd64` where several architectures may be installed.
                let name = name.split(':').next().unwrap_or(name).to_owned();
                let version = versions.get(&name).cloned();
                let package = Package { manager: Manager::Dpkg, name, version };
                owners.add(package, text.lines().map(|line| ("", line.to_owned())));
            } else if is_apk_database(path) {
                apk_packages(text).into_iter().for_each(|(package, files)| owners.add(package, files.into_iter()));
            } else if let Some((site, package)) = pip_record(path) {
                owners.add(package, text.lines().map(|line| (site, csv_field(line))));
            }
        }
        owners
    }

    /// Adds `package` with its files, each a folder and what follows it.
    fn add<'a>(&mut self, package: Package, files: impl Iterator<Item = (&'a str, String)>) {
        let place = self.packages.len();
        self.packages.push(package);
        for (folder, name) in files.filter(|(folder, name)| folder.len() + name.len() < LONGEST_PATH) {
            let path = clean_path(format!("{folder}/{name}").as_bytes()).filter(|path| !path.is_empty());
            let Some(path) = path.filter(|path| self.size + path.len() <= LARGEST) else { continue };
            self.size += path.len();
            self.files.insert(path, place);
        }
    }

    /// The package that the file at `path` belongs to.
    pub fn owner(&self, path: &str) -> Option<Package> {
        if let Some(package) = npm_package(path) {
            return Some(package);
        }
        let own = |path: &str| self.files.get(path).copied();
        // Lists may speak of `/bin/sh`, which is in `/usr/bin` where both are one.
        let found = own(path).or_else(|| own(path.strip_prefix("usr/")?)).or_else(|| own(&source_of(path)?));
        found.map(|place| self.packages[place].clone())
    }
}

/// The Python source of a compiled file, which is in no list if it was compiled later.
fn source_of(path: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once("/__pycache__/")?;
    let (module, _) = name.split_once('.')?;
    Some(format!("{folder}/{module}.py"))
}

/// The innermost package of `node_modules`.
fn npm_package(path: &str) -> Option<Package> {
    let (_, below) = path.rsplit_once("node_modules/")?;
    let mut parts = below.split('/');
    let first = parts.next().filter(|first| !first.is_empty() && !first.starts_with('.'))?;
    let name = if first.starts_with('@') { format!("{first}/{}", parts.next()?) } else { first.to_owned() };
    // A file of that name, and no folder of a package.
    parts.next()?;
    Some(Package { manager: Manager::Npm, name, version: None })
}

/// The package whose list of files this is.
fn dpkg_list(path: &str) -> Option<&str> {
    path.strip_prefix("var/lib/dpkg/info/")?.strip_suffix(".list")
}

fn is_dpkg_status(path: &str) -> bool {
    path == "var/lib/dpkg/status" || path.starts_with("var/lib/dpkg/status.d/")
}

/// Names and versions of dpkg's stanzas.
fn dpkg_versions(text: &str) -> Vec<(String, String)> {
    let field = |stanza: &str, name: &str| {
        let line = stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(|value| value.trim().to_owned())
    };
    text.split("\n\n").filter_map(|stanza| Some((field(stanza, "Package")?, field(stanza, "Version")?))).collect()
}

fn is_apk_database(path: &str) -> bool {
    path == "lib/apk/db/installed" || path == "usr/lib/apk/db/installed"
}

/// Packages and their files, each a folder and a name: `P` is a package's name, `V` its version, `F` a folder,
/// `R` a file in it.
fn apk_packages(text: &str) -> Vec<(Package, Vec<(&str, String)>)> {
    let mut all = Vec::new();
    for stanza in text.split("\n\n") {
        let (mut name, mut version, mut folder, mut files) = (None, None, "", Vec::new());
        for line in stanza.lines() {
            match line.split_once(':') {
                Some(("P", value)) => name = Some(value.to_owned()),
                Some(("V", value)) => version = Some(value.to_owned()),
                Some(("F", value)) => folder = value,
                Some(("R", value)) => files.push((folder, value.to_owned())),
                _ => {}
            }
        }
        if let Some(name) = name {
            all.push((Package { manager: Manager::Apk, name, version }, files));
        }
    }
    all
}

/// The folder that the paths of a `RECORD` start in, and the package.
fn pip_record(path: &str) -> Option<(&str, Package)> {
    let info = path.strip_suffix("/RECORD")?;
    let (site, folder) = info.rsplit_once('/').unwrap_or(("", info));
    let (name, version) = folder.strip_suffix(".dist-info")?.rsplit_once('-')?;
    Some((site, Package { manager: Manager::Pip, name: name.to_owned(), version: Some(version.to_owned()) }))
}

/// The first field of a line of comma-separated values.
fn csv_field(line: &str) -> String {
    match line.strip_prefix('"').and_then(|quoted| quoted.split_once("\",")) {
        Some((field, _)) => field.replace("\"\"", "\""),
        None => line.split(',').next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(texts: &[(&str, &str)]) -> Owners {
        Owners::of(texts.iter().copied())
    }

    fn shown(owners: &Owners, path: &str) -> String {
        let Some(Package { manager, name, version }) = owners.owner(path) else { return "none".into() };
        format!("{manager} {name} {}", version.unwrap_or_default())
    }

    #[test]
    fn files_of_dpkg_are_known_where_bin_is_usr_bin() {
        let status = "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\n\nPackage: libc6\nVersion: 2.41\n";
        let owners = owners(&[
            ("var/lib/dpkg/status", status),
            ("var/lib/dpkg/info/bash.list", "/.\n/bin\n/bin/bash\n/usr/share/doc/bash\n"),
            ("var/lib/dpkg/info/libc6:amd64.list", "/usr/lib/x86_64-linux-gnu/libc.so.6\n"),
        ]);
        assert_eq!(shown(&owners, "usr/bin/bash"), "dpkg bash 5.2-1");
        assert_eq!(shown(&owners, "usr/lib/x86_64-linux-gnu/libc.so.6"), "dpkg libc6 2.41");
        assert_eq!(shown(&owners, "usr/bin/other"), "none");
    }

    #[test]
    fn files_of_apk_are_known() {
        let text =
            "C:Q1\nP:musl\nV:1.2.5-r0\nF:lib\nR:ld-musl-x86_64.so.1\n\nP:busybox\nV:1.36\nF:bin\nR:busybox\nR:sh\n";
        let owners = owners(&[("lib/apk/db/installed", text)]);
        assert_eq!(shown(&owners, "lib/ld-musl-x86_64.so.1"), "apk musl 1.2.5-r0");
        assert_eq!(shown(&owners, "bin/sh"), "apk busybox 1.36");
    }

    #[test]
    fn files_of_pip_are_known_with_what_was_compiled_of_them() {
        let site = "venv/lib/python3.12/site-packages";
        let record = "uvicorn/main.py,sha256=x,12\n../../../bin/uvicorn,sha256=y,3\n\"odd,name.py\",,\n";
        let owners = owners(&[(&format!("{site}/uvicorn-0.34.0.dist-info/RECORD"), record)]);
        assert_eq!(shown(&owners, &format!("{site}/uvicorn/main.py")), "pip uvicorn 0.34.0");
        assert_eq!(shown(&owners, &format!("{site}/uvicorn/__pycache__/main.cpython-312.pyc")), "pip uvicorn 0.34.0");
        assert_eq!(shown(&owners, "venv/bin/uvicorn"), "pip uvicorn 0.34.0");
        assert_eq!(shown(&owners, &format!("{site}/odd,name.py")), "pip uvicorn 0.34.0");
    }

    #[test]
    fn a_folder_that_is_named_once_for_many_files_takes_no_memory() {
        let names: String = (0..20_000).map(|n| format!("R:{n}\n")).collect();
        // Of paths, 20 GB in little more than a megabyte, and 80 MB in a seventh of one.
        let text = |folder: usize| format!("P:p\nF:{}\n{names}", "f".repeat(folder));
        assert_eq!(owners(&[("lib/apk/db/installed", &text(1 << 20))]).size, 0);
        let bounded = owners(&[("lib/apk/db/installed", &text(4000))]);
        assert!(bounded.size > LARGEST / 2 && bounded.size <= LARGEST, "{}", bounded.size);
    }

    #[test]
    fn files_of_npm_are_known_by_their_folder() {
        let owners = Owners::default();
        assert_eq!(shown(&owners, "app/node_modules/react/index.js"), "npm react ");
        assert_eq!(shown(&owners, "app/node_modules/a/node_modules/@next/env/dist/x.js"), "npm @next/env ");
        assert_eq!(shown(&owners, "app/node_modules/.package-lock.json"), "none");
        assert_eq!(shown(&owners, "app/node_modules/react"), "none");
    }
}
