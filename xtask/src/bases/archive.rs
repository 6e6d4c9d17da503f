//! A stand-in as an archive for `docker load`, kept in the cache directory.
//!
//! `docker import` would stamp the moment into the image's config, and with it another id on
//! every engine; here all of it is fixed, so one archive is one id everywhere.

use super::recipe::{Recipe, SUITE};
use crate::host::hex;
use crate::paths::Cache;
use crate::run;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The label that says that an image is none of the official ones.
pub const STAND_IN: &str = "io.loadline.base";
/// The label that says what is really inside.
const VERSION: &str = "io.loadline.base.version";
/// The label that says from which recipe.
pub const KEY: &str = "io.loadline.base.recipe";

/// 2025-01-01: nothing in a stand-in is newer than that.
const EPOCH: &str = "1735689600";
const CREATED: &str = "2025-01-01T00:00:00Z";
const LIMIT: Duration = Duration::from_secs(900);
/// Documentation in other people's languages is not what an image is for.
const EXCLUDED: [&str; 8] = [
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/i18n/*",
    "/usr/share/lintian/*",
    "/usr/share/bug/*",
    "/usr/lib/*/perl/*/CORE/*",
];

/// Raised when this file makes other archives from the same recipes.
const FORM: u32 = 1;
/// How long an archive of another recipe is kept: two checkouts may differ and share a cache.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// What all recipes have in common, as part of their keys.
pub fn form() -> String {
    format!("{FORM} {SUITE} {EPOCH} {STAND_IN} {VERSION} {KEY} {}", EXCLUDED.join(" "))
}

/// An archive in the cache.
#[derive(Serialize, Deserialize)]
pub struct Archive {
    pub path: PathBuf,
    /// As the label has it: `nginx 1.26.3`.
    pub version: String,
    pub bytes: u64,
}

/// The recipe's archive, made if it is not in the cache.
pub fn ensure(cache: &Cache, recipe: &Recipe) -> Result<Archive> {
    let directory = cache.directory("bases")?;
    let note = note(&directory, recipe);
    if let Some(archive) = known(&note) {
        return Ok(archive);
    }
    let start = Instant::now();
    let archive = make(cache, &directory, recipe)?;
    fs::write(&note, serde_json::to_vec(&archive)?).with_context(|| format!("writing `{}`", note.display()))?;
    forget_older(&directory, recipe);
    eprintln!("xtask: made the stand-in for {} in {} s", recipe.tag, start.elapsed().as_secs());
    Ok(archive)
}

/// Whether the archive is in the cache.
pub fn is_made(cache: &Cache, recipe: &Recipe) -> bool {
    known(&note(&cache.file("bases"), recipe)).is_some()
}

fn note(directory: &Path, recipe: &Recipe) -> PathBuf {
    directory.join(format!("{}-{}.json", recipe.name, recipe.key))
}

fn known(note: &Path) -> Option<Archive> {
    let archive: Archive = serde_json::from_slice(&fs::read(note).ok()?).ok()?;
    archive.path.exists().then_some(archive)
}

/// Archives of earlier recipes: nothing asks for them again.
fn forget_older(directory: &Path, recipe: &Recipe) {
    let (prefix, kept) = (format!("{}-", recipe.name), format!("{}-{}.", recipe.name, recipe.key));
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|at| at.elapsed().ok());
        if name.starts_with(&prefix) && !name.starts_with(&kept) && age.is_some_and(|age| age > KEPT) {
            fs::remove_file(entry.path()).ok();
        }
    }
}

fn make(cache: &Cache, directory: &Path, recipe: &Recipe) -> Result<Archive> {
    let root = directory.join(format!("{}-root.tar", recipe.name));
    bootstrap(cache, recipe, &root)?;
    let version = version_inside(&root, &recipe.package)?;
    let path = directory.join(format!("{}-{}.tar", recipe.name, recipe.key));
    write(recipe, &root, &version, &path)?;
    let bytes = fs::metadata(&root)?.len();
    fs::remove_file(&root)?;
    Ok(Archive { path, version: format!("{} {version}", recipe.program), bytes })
}

fn bootstrap(cache: &Cache, recipe: &Recipe, root: &Path) -> Result<()> {
    let hooks = recipe.directory();
    let mut command = Command::new("mmdebstrap");
    command.args(["--variant=essential", "--format=tar", "--skip=cleanup/run"]).env("SOURCE_DATE_EPOCH", EPOCH);
    let exclude = recipe.exclude.iter().map(String::as_str);
    command.args(EXCLUDED.into_iter().chain(exclude).map(|path| format!("--dpkgopt=path-exclude={path}")));
    command.arg("--dpkgopt=path-include=/usr/share/doc/*/copyright");
    command.arg(format!("--include={}", recipe.packages.join(",")));
    if hooks.join("prepare").exists() {
        command.arg(hook("essential", &hooks.join("prepare")));
    }
    command.args([hook("customize", &hooks.join("setup")), hook("customize", &hooks.join("../tidy"))]);
    command.arg(SUITE).arg(root);
    let log = cache.directory("logs")?.join(format!("base-{}.log", recipe.name));
    run::logged(&format!("making the stand-in for {}", recipe.tag), &mut command, LIMIT, &log)
}

fn hook(stage: &str, program: &Path) -> String {
    format!("--{stage}-hook='{}' \"$1\"", program.display())
}

/// The upstream part of the version that dpkg has on record in the tree.
fn version_inside(root: &Path, package: &str) -> Result<String> {
    let mut archive = tar::Archive::new(File::open(root)?);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.path_bytes().as_ref() == b"./var/lib/dpkg/status" {
            let mut status = String::new();
            entry.read_to_string(&mut status)?;
            return upstream_version(&status, package)
                .with_context(|| format!("`{package}` is not among the packages in `{}`", root.display()));
        }
    }
    bail!("`{}` has no record of its packages", root.display())
}

fn upstream_version(status: &str, package: &str) -> Option<String> {
    let name = format!("Package: {package}");
    let record = status.split("\n\n").find(|record| record.lines().any(|line| line == name))?;
    let version = record.lines().find_map(|line| line.strip_prefix("Version: "))?;
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let end = version.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(version.len());
    Some(version[..end].to_owned())
}

fn write(recipe: &Recipe, root: &Path, version: &str, path: &Path) -> Result<()> {
    let layer = "layer.tar";
    let config = serde_json::to_vec(&image_config(recipe, version, &digest_of(root)?))?;
    let config_name = format!("{}.json", hex(&Sha256::digest(&config)));
    let manifest = json!([{"Config": config_name, "RepoTags": [recipe.tag], "Layers": [layer]}]);
    let fresh = path.with_extension("new");
    let mut archive =
        tar::Builder::new(File::create(&fresh).with_context(|| format!("creating `{}`", fresh.display()))?);
    archive.append_data(&mut header(config.len() as u64), &config_name, config.as_slice())?;
    archive.append_data(&mut header(fs::metadata(root)?.len()), layer, File::open(root)?)?;
    let manifest = serde_json::to_vec(&manifest)?;
    archive.append_data(&mut header(manifest.len() as u64), "manifest.json", manifest.as_slice())?;
    archive.into_inner()?.sync_all()?;
    fs::rename(&fresh, path).with_context(|| format!("moving the archive to `{}`", path.display()))
}

fn image_config(recipe: &Recipe, version: &str, diff_id: &str) -> Value {
    let mut config = filled(&recipe.config, version);
    config["Labels"] = json!({
        STAND_IN: "stand-in",
        VERSION: format!("{} {version}", recipe.program),
        KEY: recipe.key,
    });
    json!({
        "architecture": architecture(),
        "os": "linux",
        "created": CREATED,
        "config": config,
        "history": [{"created": CREATED, "created_by": format!("loadline xtask: stand-in for {} from Debian {SUITE}", recipe.tag)}],
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
    })
}

/// The config with the version in place of `{version}`.
fn filled(config: &Value, version: &str) -> Value {
    match config {
        Value::String(text) => Value::String(text.replace("{version}", version)),
        Value::Array(items) => items.iter().map(|item| filled(item, version)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), filled(value, version))).collect(),
        other => other.clone(),
    }
}

/// In the words of the OCI image specification.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_size(size);
    header.set_mode(0o644);
    header
}

fn digest_of(path: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hasher).with_context(|| format!("reading `{}`", path.display()))?;
    Ok(format!("sha256:{}", hex(&hasher.finalize())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_upstream_part() {
        let status = "Package: nginx-common\nVersion: 9\n\nPackage: nginx\nVersion: 1.26.3-3+deb13u1\n\nPackage: nodejs\nVersion: 20.19.2+dfsg-1\n\nPackage: e\nVersion: 2:4.5-1\n";
        assert_eq!(upstream_version(status, "nginx").as_deref(), Some("1.26.3"));
        assert_eq!(upstream_version(status, "nodejs").as_deref(), Some("20.19.2"));
        assert_eq!(upstream_version(status, "e").as_deref(), Some("4.5"));
        assert_eq!(upstream_version(status, "absent"), None);
    }

    #[test]
    fn the_version_is_filled_in_everywhere() {
        let config = json!({"Env": ["A=1", "V={version}"], "StopSignal": "SIGQUIT"});
        assert_eq!(filled(&config, "1.2"), json!({"Env": ["A=1", "V=1.2"], "StopSignal": "SIGQUIT"}));
    }
}
