//! What is wrong with what was measured.

use crate::smoke::setup::Setup;
use crate::smoke::stop::warning;
use crate::types::{
    Answers, ByteSize, Finding, Measured, MemoryMeasured, ProbeMeasured, Restarts, Severity, StopMeasured,
    format_duration,
};
use std::time::Duration;

/// Above this part of its limit, little is missing until the kernel ends it.
const FULL: f64 = 0.9;
const MIB: u64 = 1 << 20;
/// A budget has room for a start that takes so many times longer than the slowest that was seen.
const ROOM: u64 = 3;

/// All that is wrong.
pub(super) fn of(measured: &Measured, setup: &Setup<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    all.extend(unreliable(&measured.starts_ms));
    all.extend(measured.probes.iter().filter_map(|probe| restarted(probe, setup)));
    all.extend(measured.probes.iter().filter_map(late));
    all.extend(full(&measured.memory));
    all.extend(cut(&measured.stop));
    all.extend(zombies(&measured.stop));
    all
}

/// Whether no finding is an error.
pub(super) fn pass(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.severity != Severity::Error)
}

fn unreliable(starts: &[Option<u64>]) -> Option<Finding> {
    let failed = starts.iter().filter(|start| start.is_none()).count();
    (failed > 0).then(|| {
        let expected = "it becomes ready each time that it is started".to_owned();
        let found = format!("{failed} of {} starts ended or took too long", starts.len());
        let hint = "look at what differs between its starts: what it waits for, what it left behind".to_owned();
        Finding { severity: Severity::Error, ..warning("start.unreliable", expected, found, hint) }
    })
}

fn restarted(probe: &ProbeMeasured, setup: &Setup<'_>) -> Option<Finding> {
    let (restarts, (least, most)) = (probe.restarts?, probe.budget_ms?);
    let severity = match restarts {
        Restarts::Never => return None,
        Restarts::Perhaps => Severity::Warn,
        Restarts::Always => Severity::Error,
    };
    let slowest = probe.passed_ms.iter().copied().max()?;
    let often = if restarts == Restarts::Always { "restarts it" } else { "may restart it" };
    let expected = format!("{} passes before its {} probe has failed for the last time", probe.action, probe.probe);
    let found = format!(
        "it passes {} after the start, and the kubelet {often} between {} and {}",
        shown(slowest),
        shown(least),
        shown(most)
    );
    let hint = format!("set `failureThreshold: {}` in its {} probe", threshold(probe, setup, slowest)?, probe.probe);
    Some(Finding { severity, ..warning("probe.restart", expected, found, hint) })
}

/// How many failures leave room for a start that takes longer than the slowest, which took so many
/// milliseconds.
fn threshold(probe: &ProbeMeasured, setup: &Setup<'_>, slowest: u64) -> Option<u64> {
    let pod = &setup.plan.pod_probes;
    let of_pod = if probe.probe == "startup" { &pod.startup } else { &pod.liveness };
    let period = u64::from(of_pod.as_ref()?.period) * 1000;
    Some((slowest * ROOM).div_ceil(period) + 1)
}

fn late(probe: &ProbeMeasured) -> Option<Finding> {
    let when = |answers: &Answers, when: &str| {
        (answers.failed > 0)
            .then(|| format!("{} of {} answers {when} did not pass in time", answers.failed, answers.count))
    };
    let found: Vec<String> =
        [when(&probe.rest, "at rest"), when(&probe.load, "under load")].into_iter().flatten().collect();
    (!found.is_empty()).then(|| {
        let expected =
            format!("the {} probe {} is answered within {}", probe.probe, probe.action, shown(probe.timeout_ms));
        let hint =
            "answer it without waiting for other work, or raise its `timeoutSeconds` or the CPU limit".to_owned();
        warning("probe.timeout", expected, found.join(", "), hint)
    })
}

fn full(memory: &MemoryMeasured) -> Option<Finding> {
    let peak = memory.peak?;
    let is_full = peak.0 as f64 > memory.limit.0 as f64 * FULL;
    is_full.then(|| {
        let expected = format!("it uses less than {:.0} % of its memory limit", FULL * 100.0);
        let found = format!("it used {:.1} MiB of {}", peak.0 as f64 / MIB as f64, memory.limit.limit());
        let hint = format!("raise the limit to {} or more", ByteSize((peak.0 * 3 / 2).next_multiple_of(MIB)).limit());
        warning("memory.margin", expected, found, hint)
    })
}

fn cut(stop: &StopMeasured) -> Option<Finding> {
    let cut = stop.in_flight - stop.served;
    (cut > 0).then(|| {
        let expected = format!("requests that are under way when {} comes are answered", stop.signal);
        let found = format!("{cut} of {} got no answer", stop.in_flight);
        let hint = "stop accepting connections first, and end when the last answer is sent".to_owned();
        warning("stop.cut", expected, found, hint)
    })
}

fn zombies(stop: &StopMeasured) -> Option<Finding> {
    let zombies = stop.zombies.filter(|count| *count > 0)?;
    let expected = "its first process waits for the processes that have ended".to_owned();
    let found = format!("{zombies} ended and are still there");
    let hint = "wait for children in the first process, or start it by an init such as `tini`".to_owned();
    Some(warning("process.zombie", expected, found, hint))
}

fn shown(ms: u64) -> String {
    format_duration(Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_fails_now_and_then_is_told() {
        assert_eq!(unreliable(&[Some(1), Some(2)]), None);
        let finding = unreliable(&[Some(1), None, Some(2)]).unwrap();
        assert_eq!((finding.severity, &finding.found[..]), (Severity::Error, "1 of 3 starts ended or took too long"));
    }

    #[test]
    fn memory_is_full_above_nine_tenths() {
        let memory = |peak: u64| MemoryMeasured { rest: None, peak: Some(ByteSize(peak)), limit: ByteSize(100 * MIB) };
        assert_eq!(full(&memory(90 * MIB)), None);
        let finding = full(&memory(90 * MIB + 1)).unwrap();
        assert_eq!(finding.found, "it used 90.0 MiB of 100 MiB");
        assert_eq!(finding.hint.as_deref(), Some("raise the limit to 136 MiB or more"));
        assert_eq!(full(&MemoryMeasured { peak: None, ..memory(0) }), None);
    }
}
