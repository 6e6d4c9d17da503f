//! A stand-alone buildkitd: the build part of the tests runs against it too.

use crate::paths::Cache;
use crate::service::Service;
use crate::{cgroup, host, run};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const VERSION: &str = "v0.34.2";
const CGROUP: &str = "loadline-buildkit";

fn service(cache: &Cache) -> Service {
    Service { name: "buildkitd", home: cache.file("buildkitd") }
}

fn socket(service: &Service) -> PathBuf {
    service.home.join("buildkitd.sock")
}

/// The address of buildkitd, compiled and started if it is not up.
pub fn ensure(cache: &Cache) -> Result<String> {
    let _lock = cache.lock("buildkitd")?;
    let service = service(cache);
    let socket = socket(&service);
    let answers = || UnixStream::connect(&socket).is_ok();
    if !(service.runs() && answers()) {
        host::require_root("buildkitd")?;
        host::ensure_packages(&[host::package("runc", "runc")])?;
        let program = program(cache)?;
        service.stop();
        let config = config(cache, &service)?;
        let arguments = [program, "--config".into(), config].map(|word: PathBuf| word.display().to_string());
        service.start("exec \"$@\"", &arguments, answers)?;
    }
    Ok(format!("unix://{}", socket.display()))
}

pub fn down(cache: &Cache) {
    service(cache).stop();
    cgroup::remove(CGROUP);
}

fn config(cache: &Cache, service: &Service) -> Result<PathBuf> {
    let home = service.home.display();
    let runtime = if host::lacks_sys_resource() { host::runc_within(cache)? } else { "runc".into() };
    let text = format!(
        "root = \"{home}/root\"\n\n[grpc]\naddress = [\"unix://{home}/buildkitd.sock\"]\n\n[worker.oci]\nenabled = true\n\
         binary = \"{}\"\nnetworkMode = \"host\"\nsnapshotter = \"overlayfs\"\ndefaultCgroupParent = \"{CGROUP}\"\n\n\
         [worker.containerd]\nenabled = false\n",
        runtime.display()
    );
    fs::create_dir_all(&service.home).with_context(|| format!("creating `{home}`"))?;
    let path = service.home.join("buildkitd.toml");
    fs::write(&path, text).with_context(|| format!("writing `{}`", path.display()))?;
    Ok(path)
}

fn path(cache: &Cache) -> PathBuf {
    cache.file("tools").join(format!("buildkitd-{VERSION}"))
}

pub fn is_compiled(cache: &Cache) -> bool {
    path(cache).exists()
}

/// Compiled in the module's own directory: it has `exclude` lines, which `go install` refuses.
fn program(cache: &Cache) -> Result<PathBuf> {
    let program = path(cache);
    if !program.exists() {
        cache.directory("tools")?;
        eprintln!("xtask: compiling buildkitd {VERSION} (5 minutes the first time, 60 MB)");
        let fresh = program.with_extension("new");
        compile(&module_directory()?, &fresh)?;
        fs::rename(&fresh, &program).with_context(|| format!("moving the program to `{}`", program.display()))?;
    }
    Ok(program)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Module {
    dir: PathBuf,
}

fn module_directory() -> Result<PathBuf> {
    let mut go = Command::new("go");
    go.args(["mod", "download", "-json", &format!("github.com/moby/buildkit@{VERSION}")])
        .env("GOFLAGS", "")
        .current_dir("/");
    let text = run::output("downloading buildkitd's source", &mut go, Duration::from_secs(300))?;
    let module: Module = serde_json::from_str(&text).context("reading what `go mod download` printed")?;
    Ok(module.dir)
}

fn compile(source: &Path, program: &Path) -> Result<()> {
    let mut go = Command::new("nice");
    go.args(["go", "build", "-trimpath", "-ldflags", "-s -w", "-o"]).arg(program).arg("./cmd/buildkitd");
    go.env("CGO_ENABLED", "0").env("GOFLAGS", "-mod=readonly").current_dir(source);
    run::output("compiling buildkitd", &mut go, Duration::from_secs(1800)).map(drop)
}
