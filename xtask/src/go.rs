//! Programs of public Go modules, compiled once for each version into the cache's `tools`.

use crate::paths::Cache;
use crate::run;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const DOWNLOAD: Duration = Duration::from_secs(600);
const COMPILE: Duration = Duration::from_secs(1800);

/// A program and where it comes from.
pub struct Program {
    pub name: &'static str,
    pub module: &'static str,
    pub version: &'static str,
    /// Its directory in the module.
    pub package: &'static str,
    /// What compiling it costs the first time, for whoever waits.
    pub cost: &'static str,
}

impl Program {
    fn path(&self, cache: &Cache) -> PathBuf {
        cache.file("tools").join(format!("{}-{}", self.name, self.version))
    }

    pub fn is_there(&self, cache: &Cache) -> bool {
        self.path(cache).exists()
    }

    /// The program. It is compiled in its module's own directory: not every module can be given to
    /// `go install`, which refuses `exclude` and `replace` lines.
    pub fn ensure(&self, cache: &Cache) -> Result<PathBuf> {
        let _lock = cache.lock(&format!("tools-{}", self.name))?;
        let program = self.path(cache);
        if !program.exists() {
            let fresh = cache.directory("tools")?.join(format!("{}.new", self.name));
            eprintln!("xtask: compiling {} {} ({} the first time)", self.name, self.version, self.cost);
            self.compile(&self.source()?, &fresh)?;
            fs::rename(&fresh, &program).with_context(|| format!("moving the program to `{}`", program.display()))?;
        }
        Ok(program)
    }

    fn source(&self) -> Result<PathBuf> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Module {
            dir: PathBuf,
        }
        let mut go = Command::new("go");
        go.args(["mod", "download", "-json", &format!("{}@{}", self.module, self.version)]);
        go.env("GOFLAGS", "").current_dir("/");
        let text = run::output(&format!("downloading {}", self.name), &mut go, DOWNLOAD)?;
        let module: Module = serde_json::from_str(&text).context("reading what `go mod download` printed")?;
        Ok(module.dir)
    }

    fn compile(&self, source: &Path, program: &Path) -> Result<()> {
        let mut go = Command::new("nice");
        go.args(["go", "build", "-trimpath", "-ldflags", "-s -w", "-o"]).arg(program).arg(self.package);
        go.env("CGO_ENABLED", "0").env("GOFLAGS", "-mod=readonly").current_dir(source);
        run::output(&format!("compiling {}", self.name), &mut go, COMPILE).map(drop)
    }
}
