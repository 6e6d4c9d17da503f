//! Whether the kubelet restarts a container that needs some time to pass a probe
//! (`pkg/kubelet/prober/worker.go` of Kubernetes).
//!
//! A worker ticks every `periodSeconds` from when the pod is admitted, so that the first tick of a container
//! falls anywhere within a period. Ticks before `initialDelaySeconds` count nothing; the container is
//! restarted at the `failureThreshold`-th failure in a row. Until a startup probe has passed, the others do
//! not count.

use super::start::Pass;
use crate::project::PodProbe;
use crate::types::Restarts;
use std::time::Duration;

/// When a probe fails for the last time, from the start of its container, at the earliest and at the
/// latest.
pub type LastTry = (Duration, Duration);

/// Whether the kubelet restarts a container that passes `probe` from `ready` after its start on, and when
/// the probe's last try is. `begins` is when its startup probe passes, at the earliest and at the latest;
/// zero without one. `hung` is how long a try waits in vain.
pub fn fate(probe: &PodProbe, ready: Duration, begins: (Duration, Duration), hung: Duration) -> (Restarts, LastTry) {
    let seconds = |number: u32| Duration::from_secs(number.into());
    let (delay, period) = (seconds(probe.initial_delay), seconds(probe.period));
    let least = delay.max(begins.0) + period * probe.failures.saturating_sub(1);
    // A try that hangs holds up the next.
    let most = delay.max(begins.1) + period.max(hung) * probe.failures;
    let restarts = match ready {
        ready if ready <= least => Restarts::Never,
        ready if ready < most => Restarts::Perhaps,
        _ => Restarts::Always,
    };
    (restarts, (least, most))
}

/// The worst that becomes of starts that passed so; `startup` is the period of the startup probe and when
/// it could first pass in each of them.
pub(super) fn of_all(probe: &PodProbe, passes: &[Pass], startup: Option<(u32, &[Pass])>) -> (Restarts, LastTry) {
    let begins = |index: usize| {
        let (period, passes) = startup?;
        let at = passes.get(index)?.after;
        Some((at, at + Duration::from_secs(period.into())))
    };
    let one = |(index, pass): (usize, &Pass)| fate(probe, pass.after, begins(index).unwrap_or_default(), pass.hung);
    let all: Vec<(Restarts, LastTry)> = passes.iter().enumerate().map(one).collect();
    let worst = all.iter().map(|(restarts, _)| *restarts).max().unwrap_or(Restarts::Never);
    let least = all.iter().map(|(_, (least, _))| *least).min().unwrap_or_default();
    let most = all.iter().map(|(_, (_, most))| *most).max().unwrap_or_default();
    (worst, (least, most))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::ProbeAction;

    fn probe(initial_delay: u32, period: u32, failures: u32) -> PodProbe {
        PodProbe { action: ProbeAction::Tcp { port: 80 }, initial_delay, period, timeout: 1, failures }
    }

    fn at(seconds: &[u64]) -> Vec<Pass> {
        let pass = |seconds: &u64| Pass { after: Duration::from_secs(*seconds), hung: Duration::ZERO };
        seconds.iter().map(pass).collect()
    }

    #[test]
    fn the_last_failure_falls_within_a_period() {
        let fate =
            |ready| super::fate(&probe(5, 10, 3), Duration::from_millis(ready), Default::default(), Duration::ZERO);
        let budget = (Duration::from_secs(25), Duration::from_secs(35));
        let all = [25_000, 25_001, 34_999, 35_000].map(|ready| fate(ready).0);
        assert_eq!(all, [Restarts::Never, Restarts::Perhaps, Restarts::Perhaps, Restarts::Always]);
        assert_eq!(fate(0).1, budget);
    }

    #[test]
    fn a_single_failure_may_be_at_once() {
        let (restarts, budget) = fate(&probe(0, 10, 1), Duration::from_millis(1), Default::default(), Duration::ZERO);
        assert_eq!((restarts, budget), (Restarts::Perhaps, (Duration::ZERO, Duration::from_secs(10))));
    }

    #[test]
    fn tries_that_hang_hold_up_the_others() {
        let (_, budget) = fate(&probe(0, 10, 3), Duration::ZERO, Default::default(), Duration::from_secs(20));
        assert_eq!(budget, (Duration::from_secs(20), Duration::from_secs(60)));
    }

    #[test]
    fn liveness_counts_from_when_the_startup_probe_has_passed() {
        let probe = probe(0, 1, 2);
        let (alone, _) = of_all(&probe, &at(&[9, 10]), None);
        let (after, budget) = of_all(&probe, &at(&[9, 10]), Some((2, &at(&[9, 9]))));
        assert_eq!((alone, after), (Restarts::Always, Restarts::Never));
        assert_eq!(budget, (Duration::from_secs(10), Duration::from_secs(13)));
    }

    #[test]
    fn any_numbers_of_a_chart_can_be_reckoned_with() {
        let most = probe(u32::MAX, u32::MAX, u32::MAX);
        let (restarts, (least, last)) = fate(&most, Duration::from_secs(5), Default::default(), Duration::ZERO);
        assert!(restarts == Restarts::Never && least < last);
    }

    #[test]
    fn the_worst_start_decides() {
        assert_eq!(of_all(&probe(0, 1, 5), &at(&[1, 5, 2]), None).0, Restarts::Always);
        assert_eq!(of_all(&probe(0, 1, 5), &[], None).0, Restarts::Never);
    }
}
