//! A stand-alone buildkitd: the build part of the tests runs against it too.

use crate::go::Program;
use crate::paths::Cache;
use crate::service::Service;
use crate::{cgroup, host};
use anyhow::{Context, Result};
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

const BUILDKITD: Program = Program {
    name: "buildkitd",
    module: "github.com/moby/buildkit",
    version: "v0.34.2",
    package: "./cmd/buildkitd",
    cost: "5 minutes, 60 MB,",
};
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
        let program = BUILDKITD.ensure(cache)?;
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

pub fn is_compiled(cache: &Cache) -> bool {
    BUILDKITD.is_there(cache)
}
