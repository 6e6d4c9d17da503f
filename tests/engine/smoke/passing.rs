//! Images that pass.

use super::*;
use loadline::types::Severity;

#[tokio::test]
async fn a_good_image_is_ready_answers_and_ends() {
    let project = server("");
    let report = smoked(&project).await.unwrap();
    assert!(report.passed && report.findings.is_empty(), "{report:?}");
    assert_eq!(report.answer, "200");
    let events = project.events.lock().unwrap();
    assert!(matches!(events.first(), Some(Event::SmokeStarted { .. })));
    assert!(matches!(events.last(), Some(Event::Smoked { passed: true, .. })));
}

#[tokio::test]
async fn it_runs_without_power_on_a_read_only_root_within_limits() {
    let mut project = server(
        r#"
def first(*paths):
    return next(open(path).read().split()[0] for path in paths if os.path.exists(path))
def writes(path):
    try:
        open(path, "w").close()
        return True
    except OSError:
        return False
def answer(request):
    status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
    facts = {
        "uid": os.getuid(),
        "capabilities": status["CapEff"].strip("0") + status["CapBnd"].strip("0"),
        "new privileges": status["NoNewPrivs"],
        "memory": first("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"),
        "processes": first("/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/pids.max"),
        "writes": [path for path in ("/x", "/home/x", "/var/tmp/x", "/tmp/x", "/scratch/x") if writes(path)],
        "env": os.environ.get("GREETING"),
        "agent": request.headers["User-Agent"],
    }
    request.say(200, repr(facts))
"#,
    );
    project.plan.run.writable.push("/scratch".into());
    project.plan.run.env.insert("GREETING".into(), "hello".into());
    project.plan.probe.contains = Some(
        "{'uid': 1000, 'capabilities': '', 'new privileges': '1', 'memory': '134217728', 'processes': '512', \
         'writes': ['/tmp/x', '/scratch/x'], 'env': 'hello', 'agent': 'kube-probe/1.34'}"
            .into(),
    );
    project.plan.probe.deadline = Duration::from_secs(15);
    let report = smoked(&project).await.unwrap();
    assert!(report.passed, "{}", block(&report));
}

#[tokio::test]
async fn an_answer_that_comes_in_time_at_last_passes() {
    let project = server(
        "BEGUN = time.time()\ndef answer(request):\n    request.say(200 if time.time() > BEGUN + 1 else 503, 'wait')",
    );
    let report = smoked(&project).await.unwrap();
    assert!(report.passed);
    let events = project.events.lock().unwrap();
    let answers = events.iter().filter_map(|event| match event {
        Event::Probing { request, answer, .. } => Some((request.as_str(), answer.as_str())),
        _ => None,
    });
    assert!(answers.into_iter().any(|said| said == ("GET /health", "503 wait")));
}

#[tokio::test]
async fn redirects_on_the_same_host_are_followed() {
    let project = server(
        "def answer(request):\n    ok = request.path == '/there?x=1'\n    request.say(200 if ok else 307, Location='there?x=1')",
    );
    assert_eq!(smoked(&project).await.unwrap().answer, "200");
}

#[tokio::test]
async fn a_redirect_to_another_host_passes_with_a_warning() {
    let project = server("def answer(request):\n    request.say(302, Location='https://login.example.com/')");
    let report = smoked(&project).await.unwrap();
    assert!(report.passed);
    assert_eq!((report.findings[0].rule.as_str(), report.findings[0].severity), ("probe.redirect", Severity::Warn));
    assert!(report.findings[0].found.contains("https://login.example.com/"));
}
