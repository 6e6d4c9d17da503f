//! `settings.drift`: what the settings and the pod both say, and say differently. What `smoke` proved,
//! it proved under the settings.

use super::Pod;
use crate::chart::conditions;
use crate::verify::subject::Draft;

pub(super) fn check(pod: &Pod) -> Vec<Draft> {
    let Some(run) = &pod.run else { return Vec::new() };
    let there = conditions(&pod.spec, &pod.container);
    let mut found = Vec::new();
    let mut differ = |what: &str, settings: String, there: Option<String>| {
        if let Some(there) = there.filter(|there| *there != settings) {
            let hint = format!("let `{what}` in loadline.toml and the chart say the same, or only the chart");
            found.push(pod.draft("settings.drift", settings, format!("`{what}` is {there}")).hint(hint));
        }
    };
    let uid = |user: &str| user.split(':').next().unwrap_or_default().to_owned();
    if let Some(user) = &run.user {
        differ("run.user", uid(user), there.user.as_deref().map(uid));
    }
    differ("run.memory", mebibytes(run.memory), there.memory.map(|memory| mebibytes(memory.0)));
    let cores = |cpu: f64| format!("{cpu} cores");
    differ("run.cpu", cores(run.cpu), there.cpu.map(cores));
    let seconds = |seconds: u64| format!("{seconds} s");
    differ("run.grace", seconds(run.grace), there.grace.map(|grace| seconds(grace.as_secs())));
    let words = |words: &[String]| format!("{words:?}");
    let program = |own: &Option<Vec<String>>| own.as_deref().map_or_else(|| "the image's own".to_owned(), words);
    differ("run.command", program(&run.command), there.command.as_deref().map(words));
    differ("run.args", program(&run.args), there.args.as_deref().map(words));
    for (name, value) in &there.env {
        // The value may be a secret in the settings: that it differs is all that is said.
        if run.env.get(name).is_some_and(|settings| settings != value) {
            differ(&format!("run.env.{name}"), "the value of the settings".into(), Some("another".into()));
        }
    }
    differ("probe.path", run.path.clone(), there.path);
    if let Some(port) = run.port {
        differ("probe.port", port.to_string(), there.port.map(|port| port.to_string()));
    }
    found
}

fn mebibytes(bytes: u64) -> String {
    format!("{}MiB", bytes as f64 / 1_048_576.0)
}
