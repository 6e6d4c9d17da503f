//! The plan as a person reads it: a valid `loadline.toml` of every value, its origin as a comment.

mod releases;

use crate::cli::terminal::Paint;
use crate::project::{
    Allowance, Budgets, ImagePlan, NotSet, Origin, Origins, Project, Secret, SecretSource, bare_or_quoted, join,
};
use crate::types::{ByteSize, Severity};
use std::path::Path;
use std::time::Duration;

/// What is shown of `project`: its own settings and `images`.
pub fn text(project: &Project, images: &[ImagePlan], paint: Paint) -> String {
    let (origins, root, not_set) = (&project.origins, &project.plan.root, &project.not_set);
    let mut page = Page { origins, root, not_set, lines: Vec::new() };
    page.project(project);
    images.iter().for_each(|image| page.image(image));
    page.rules(project);
    project.plan.allowances.iter().for_each(|one| page.allowance(one));
    project.plan.deployment.iter().for_each(|deployment| page.deployment(deployment));
    page.journeys(&project.plan.journeys);
    page.aligned(paint)
}

struct Page<'a> {
    origins: &'a Origins,
    root: &'a Path,
    not_set: &'a [NotSet],
    /// A line and the comment that goes beside it.
    lines: Vec<(String, Option<String>)>,
}

impl Page<'_> {
    fn project(&mut self, project: &Project) {
        let of = project.settings.as_deref().map_or_else(
            || "no settings; guessed from the Dockerfiles".to_owned(),
            |file| format!("settings {}", file.display()),
        );
        self.lines.push((format!("# project {}", self.root.display()), None));
        self.lines.push((format!("# {of}"), None));
        self.lines.push(("version = 1".into(), None));
        self.value("", "target", &quoted(&project.plan.target));
    }

    fn image(&mut self, image: &ImagePlan) {
        let path = join("image", &image.name);
        self.table(&path);
        self.value(&path, "context", &self.path(&image.context));
        self.value(&path, "dockerfile", &self.path(&image.dockerfile));
        self.optional(&path, "stage", image.stage.as_deref().map(quoted), "the last");
        let platform = image.platform.as_ref().map(|platform| quoted(&platform.to_string()));
        self.optional(&path, "platform", platform, "the engine's own");
        self.value(&path, "tag", &list(image.tags.iter().map(ToString::to_string)));
        self.args(&path, image);
        for secret in &image.secrets {
            self.nested(&path, "secrets", &secret.id, &self.secret(secret));
        }
        self.optional(&path, "budget", image.budget.map(size), "none");
        self.budgets(&path, &image.budgets);
        self.value(&path, "numeric-user", &image.numeric_user.to_string());
        self.probe(&join(&path, "probe"), image);
        self.run(&join(&path, "run"), image);
        self.needs(&join(&path, "needs"), image);
    }

    /// An argument that the environment fills is shown by its variable: its value may be nothing
    /// for a log.
    fn args(&mut self, path: &str, image: &ImagePlan) {
        for arg in &image.args {
            let value = match self.origins.of(&join(&join(path, "args"), &arg.name)) {
                Origin::Variable { variable, .. } => format!("{{ env = {} }}", quoted(variable)),
                _ => quoted(&arg.value),
            };
            self.nested(path, "args", &arg.name, &value);
        }
        for missing in self.not_set.iter().filter(|missing| missing.image == image.name) {
            let value = format!("{{ env = {} }}", quoted(&missing.variable));
            self.nested(path, "args", &missing.arg, &value);
        }
    }

    fn budgets(&mut self, image: &str, budgets: &Budgets) {
        let path = join(image, "budgets");
        if let Some(growth) = budgets.growth {
            self.nested(image, "budgets", "growth", &size(growth));
        }
        let Budgets { lines, folders, packages, .. } = budgets;
        for (table, all) in [("lines", lines), ("folders", folders), ("packages", packages)] {
            for (name, limit) in all {
                let origin = self.origins.of(&join(&join(&path, table), name)).to_string();
                let line = format!("budgets.{table}.{} = {}", bare_or_quoted(name), size(*limit));
                self.lines.push((line, Some(origin)));
            }
        }
    }

    fn probe(&mut self, path: &str, image: &ImagePlan) {
        let probe = &image.probe;
        self.table(path);
        self.value(path, "path", &quoted(&probe.path));
        self.optional(path, "port", probe.port.map(|port| port.to_string()), "the only one the image exposes");
        self.optional(path, "status", probe.status.map(|status| status.to_string()), "any from 200 to 399");
        self.optional(path, "contains", probe.contains.as_deref().map(quoted), "anything");
        self.value(path, "deadline", &duration(probe.deadline));
    }

    fn run(&mut self, path: &str, image: &ImagePlan) {
        let run = &image.run;
        self.table(path);
        self.optional(path, "user", run.user.as_deref().map(quoted), "the image's own");
        self.value(path, "writable", &list(run.writable.iter().cloned()));
        self.value(path, "memory", &size(run.memory));
        self.value(path, "cpu", &format!("{:?}", run.cpu));
        let words = |words: &Option<Vec<String>>| words.as_ref().map(|words| list(words.iter().cloned()));
        self.optional(path, "command", words(&run.command), "the image's own");
        self.optional(path, "args", words(&run.args), "the image's own");
        self.value(path, "grace", &duration(run.grace));
        for (name, value) in &run.env {
            self.nested(path, "env", name, &quoted(value));
        }
    }

    fn needs(&mut self, path: &str, image: &ImagePlan) {
        for need in &image.needs {
            let path = join(path, &need.name);
            self.lines.push((String::new(), None));
            self.lines.push((format!("[{path}]"), Some(self.origins.of(&path).to_string())));
            if need.built_here {
                self.lines.push((format!("# image: the plan's own, {}", need.image), None));
            } else {
                self.value(&path, "image", &quoted(&need.image.to_string()));
            }
            for (name, value) in &need.env {
                self.nested(&path, "env", name, &quoted(value));
            }
            if let Some(ready) = &need.ready {
                self.value(&path, "ready", &quoted(ready));
            }
        }
    }

    fn allowance(&mut self, one: &Allowance) {
        let Allowance { rule, image, only, reason, until, place } = one;
        self.lines.push((String::new(), None));
        self.lines.push(("[[allow]]".to_owned(), Some(place.to_string())));
        let mut value = |key: &str, value: String| self.lines.push((format!("{key} = {value}"), None));
        value("rule", quoted(rule));
        image.iter().for_each(|image| value("image", quoted(image)));
        if !only.is_empty() {
            value("only", list(only.iter().cloned()));
        }
        value("reason", quoted(reason));
        value("until", quoted(&until.to_string()));
    }

    fn rules(&mut self, project: &Project) {
        if !project.plan.rules.is_empty() {
            self.table("rules");
        }
        for (rule, severity) in &project.plan.rules {
            let level = severity.map_or("off".to_owned(), |severity: Severity| severity.to_string());
            self.value("rules", rule, &quoted(&level));
        }
    }

    fn table(&mut self, path: &str) {
        self.lines.push((String::new(), None));
        self.lines.push((format!("[{path}]"), None));
    }

    fn value(&mut self, table: &str, key: &str, value: &str) {
        let origin = self.origins.of(&join(table, key)).to_string();
        self.lines.push((format!("{} = {value}", bare_or_quoted(key)), Some(origin)));
    }

    /// A value that need not be there; what its absence means is said instead.
    fn optional(&mut self, table: &str, key: &str, value: Option<String>, absent: &str) {
        match value {
            Some(value) => self.value(table, key, &value),
            None => {
                self.lines.push((format!("# {key}: {absent}"), Some(self.origins.of(&join(table, key)).to_string())))
            }
        }
    }

    fn nested(&mut self, table: &str, key: &str, name: &str, value: &str) {
        let origin = self.origins.of(&join(&join(table, key), name)).to_string();
        self.lines.push((format!("{key}.{} = {value}", bare_or_quoted(name)), Some(origin)));
    }

    /// A path as the settings have it: inside the project it is relative.
    fn path(&self, path: &Path) -> String {
        match path.strip_prefix(self.root) {
            Ok(inside) if inside.as_os_str().is_empty() => quoted("."),
            Ok(inside) => quoted(&inside.display().to_string()),
            Err(_) => quoted(&path.display().to_string()),
        }
    }

    fn secret(&self, secret: &Secret) -> String {
        let source = match &secret.source {
            SecretSource::File(file) => format!("file = {}", self.path(file)),
            SecretSource::Env(variable) => format!("env = {}", quoted(variable)),
        };
        let optional = if secret.optional { ", optional = true" } else { "" };
        format!("{{ {source}{optional} }}")
    }

    fn aligned(self, paint: Paint) -> String {
        let width = |line: &str| console::measure_text_width(line);
        let commented = self.lines.iter().filter(|(_, comment)| comment.is_some()).map(|(line, _)| width(line));
        let column = commented.filter(|width| *width <= 44).max().unwrap_or(0);
        let whole = |(line, comment): &(String, Option<String>)| match comment {
            None => format!("{line}\n"),
            Some(comment) => {
                let gap = " ".repeat(column.saturating_sub(width(line)));
                format!("{line}{gap}  {}\n", paint.faint(&format!("# {comment}")))
            }
        };
        self.lines.iter().map(whole).collect()
    }
}

/// `text` as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(texts: impl Iterator<Item = String>) -> String {
    let texts: Vec<String> = texts.map(|text| quoted(&text)).collect();
    format!("[{}]", texts.join(", "))
}

/// The size in the largest unit that says it exactly.
fn size(size: ByteSize) -> String {
    const UNITS: [(u64, &str); 6] =
        [(1 << 30, "GiB"), (1_000_000_000, "GB"), (1 << 20, "MiB"), (1_000_000, "MB"), (1 << 10, "KiB"), (1_000, "kB")];
    let exact = UNITS.iter().find(|(unit, _)| size.0 > 0 && size.0.is_multiple_of(*unit));
    exact.map_or_else(|| quoted(&format!("{}B", size.0)), |(unit, name)| quoted(&format!("{}{name}", size.0 / unit)))
}

/// The duration in the largest unit that says it exactly.
fn duration(duration: Duration) -> String {
    match duration.as_millis() {
        ms if ms % 1_000 == 0 => quoted(&format!("{}s", ms / 1_000)),
        ms => quoted(&format!("{ms}ms")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_exactly() {
        assert_eq!(size(ByteSize(400_000_000)), "\"400MB\"");
        assert_eq!(size(ByteSize(512 << 20)), "\"512MiB\"");
        assert_eq!(size(ByteSize(123_456_789)), "\"123456789B\"");
        assert_eq!(duration(Duration::from_millis(1_500)), "\"1500ms\"");
        assert_eq!(duration(Duration::from_secs(90)), "\"90s\"");
    }
}
