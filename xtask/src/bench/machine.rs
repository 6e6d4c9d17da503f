//! What was measured on, and with what.

use super::cluster::Cluster;
use super::measure;
use super::node::Node;
use super::peers;
use super::place::Place;
use super::row::megabytes;
use crate::paths::checkout;
use crate::run;
use std::fs;
use std::process::Command;
use std::time::Duration;

const SHORT: Duration = Duration::from_secs(30);

/// Names and values, as the report lists them.
pub fn facts(place: &Place, node: Option<&Node>, cluster: Option<&Cluster>) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Date", said(Command::new("date").args(["--utc", "+%Y-%m-%d"]))),
        ("Machine", format!("{}, {}, Linux {}", processors(), memory(), kernel())),
        ("Loadline", format!("{}, commit {}", said(Command::new(&place.loadline).arg("--version")), commit())),
        ("Engine", said(&mut place.docker(&["version", "--format", "{{.Server.Version}}"]))),
    ];
    facts.extend(node.map(|node| ("Node", node.version())));
    let docker = said(&mut place.docker(&["--version"]));
    facts.push(("Peers", format!("{}, {docker}, {}", peers::versions(), said(Command::new("git").arg("--version")))));
    let helm = |cluster: &Cluster| said(Command::new(&cluster.helm).args(["version", "--template", "{{.Version}}"]));
    facts.extend(cluster.map(|cluster| ("Helm", helm(cluster))));
    facts.push(("Least memory that can be told", floor()));
    facts
}

/// The load averages of 1, 5 and 15 minutes.
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn said(command: &mut Command) -> String {
    run::output("asking for a version", command, SHORT)
        .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

fn commit() -> String {
    said(Command::new("git").args(["describe", "--always", "--dirty"]).current_dir(checkout()))
}

/// The kernel's version, without what its builder added.
fn kernel() -> String {
    let release = said(Command::new("uname").arg("--kernel-release"));
    release.split('-').next().unwrap_or_default().to_owned()
}

fn processors() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':')).map(|(_, name)| name.trim());
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{count} × {}", model.unwrap_or("unknown processor"))
}

fn memory() -> String {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes =
        text.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.map_or_else(|| "unknown memory".to_owned(), |kilobytes| format!("{:.0} GB", kilobytes * 1024.0 / 1e9))
}

/// A command starts as a copy of this process, and the kernel counts that.
fn floor() -> String {
    let sample = measure::run("measuring nothing", vec![Command::new("true")], SHORT);
    sample.map_or_else(|_| "unknown".to_owned(), |sample| megabytes(sample.peak as f64))
}
