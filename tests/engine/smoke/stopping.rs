//! How containers end that are asked to.

use super::*;
use loadline::types::Severity;
use std::collections::BTreeMap;

#[tokio::test]
async fn one_that_ignores_sigterm_is_killed_and_told() {
    let mut project = server("signal.signal(signal.SIGTERM, signal.SIG_IGN)");
    project.plan.run.grace = Duration::from_secs(1);
    let report = smoked(&project).await.unwrap();
    assert!(report.passed);
    let finding = &report.findings[0];
    assert_eq!((finding.rule.as_str(), finding.severity), ("stop.sigkill", Severity::Warn));
    assert_eq!(finding.found, "still ran 1s after SIGTERM, and was killed");
    assert!(report.stop >= Duration::from_secs(1));
    let rules = BTreeMap::from([("stop.sigkill".to_owned(), Some(Severity::Error))]);
    let strict = smoke_with(&engine().await, &project, Options { rules, ..Options::default() }).await.unwrap();
    assert!(!strict.passed && strict.failure.is_none());
    let rules = BTreeMap::from([("stop.sigkill".to_owned(), None)]);
    let off = smoke_with(&engine().await, &project, Options { rules, ..Options::default() }).await.unwrap();
    assert!(off.passed && off.findings.is_empty());
}

#[tokio::test]
async fn one_that_ends_with_an_odd_code_is_told() {
    let project = server("signal.signal(signal.SIGTERM, lambda *_: os._exit(7))");
    let report = smoked(&project).await.unwrap();
    assert_eq!(report.findings[0].rule, "stop.exit-code");
    assert!(report.findings[0].found.starts_with("exited with 7"), "{}", report.findings[0].found);
    // To die of the signal itself is to obey it.
    let project = server("signal.signal(signal.SIGTERM, lambda *_: os._exit(143))");
    assert!(smoked(&project).await.unwrap().findings.is_empty());
}
