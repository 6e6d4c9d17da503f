//! What is measured of an image: starts, probes, writes, and its end while it is busy.

use super::*;
use loadline::project::{PodProbe, PodProbes, ProbeAction};
use loadline::smoke::{Measuring, measure};
use loadline::types::{Finding, Measured, Restarts};

async fn measured_with(project: &Project, measuring: &Measuring) -> Result<Option<Measured>, Error> {
    let built = project.build().await.expect("the image is built");
    let options = Options { project: project.salt.clone(), ..Options::default() };
    let image = Image { id: &built.id, engine_id: &built.engine_id };
    let all = project.events.clone();
    let events = Events::new(move |event| all.lock().unwrap().push(event));
    let how = (&options, measuring);
    let done = measure(&engine().await, image, &project.plan, how, &events, &project.cancel).await;
    assert_eq!(left_behind(project).await, [] as [String; 0]);
    done
}

async fn measured(project: &Project, starts: usize) -> Measured {
    let measuring = Measuring { starts, slow: None };
    measured_with(project, &measuring).await.unwrap().expect("it becomes ready")
}

fn http(path: &str, period: u32, failures: u32) -> Option<PodProbe> {
    let action = ProbeAction::Http { path: path.into(), port: 8000 };
    Some(PodProbe { action, initial_delay: 0, period, timeout: 1, failures })
}

fn of<'a>(measured: &'a Measured, rule: &str) -> &'a Finding {
    let found = measured.findings.iter().find(|finding| finding.rule == rule);
    found.unwrap_or_else(|| panic!("no {rule} in {:?}", measured.findings))
}

#[tokio::test]
async fn starts_are_held_against_the_probes_of_the_pod() {
    let mut project = server("time.sleep(2.5)");
    let exec = |command: &[&str]| ProbeAction::Exec { command: command.iter().map(|&word| word.to_owned()).collect() };
    let liveness =
        PodProbe { action: exec(&["python3", "-c", ""]), initial_delay: 0, period: 1, timeout: 5, failures: 9 };
    let readiness = PodProbe { action: ProbeAction::Tcp { port: 8000 }, ..liveness.clone() };
    project.plan.pod_probes =
        PodProbes { startup: http("/live", 1, 30), liveness: Some(liveness), readiness: Some(readiness) };
    let seen = measured(&project, 3).await;
    assert!(seen.passed && !seen.findings.iter().any(|one| one.rule == "probe.restart"), "{:?}", seen.findings);
    assert_eq!(seen.starts_ms.iter().flatten().filter(|ms| **ms >= 2500).count(), 3, "{:?}", seen.starts_ms);
    let names: Vec<&str> = seen.probes.iter().map(|probe| probe.probe.as_str()).collect();
    assert_eq!(names, ["startup", "liveness", "readiness"]);
    let [startup, liveness, readiness] = &seen.probes[..] else { panic!("{:?}", seen.probes) };
    assert_eq!((startup.restarts, startup.budget_ms), (Some(Restarts::Never), Some((29_000, 30_000))));
    // The command needs no server.
    assert!(liveness.passed_ms.iter().all(|ms| *ms < 2500) && liveness.rest.count == 20, "{liveness:?}");
    assert_eq!((readiness.restarts, readiness.budget_ms, readiness.rest.failed), (None, None, 0));
    let peak = seen.memory.peak.unwrap();
    assert!(seen.memory.rest.unwrap() <= peak && peak < ByteSize(128 << 20), "{:?}", seen.memory);

    project.plan.pod_probes = PodProbes { startup: http("/live", 1, 2), ..PodProbes::default() };
    let seen = measured(&project, 1).await;
    let finding = of(&seen, "probe.restart");
    assert!(!seen.passed && finding.found.contains("restarts it between 1.0s and 2.0s"), "{finding:?}");
    let hint = finding.hint.as_deref().unwrap();
    let failures =
        hint.strip_prefix("set `failureThreshold: ").and_then(|rest| rest.strip_suffix("` in its startup probe"));
    assert!(failures.and_then(|number| number.parse::<u32>().ok()).is_some_and(|number| number >= 9), "{hint}");

    project.plan.pod_probes = PodProbes { liveness: http("/live", 30, 1), ..PodProbes::default() };
    let seen = measured(&project, 1).await;
    assert!(seen.passed && of(&seen, "probe.restart").found.contains("may restart it"), "{:?}", seen.findings);
}

#[tokio::test]
async fn the_smallest_set_of_writable_directories_is_found_and_proven() {
    let behaviour = "open('/data/state', 'w').write('x'); open('/var/app/x', 'w').write('x')";
    let folders = "RUN mkdir -m 777 /data /cache && mkdir -p /var/app && chmod 777 /var/app && echo old > /var/app/old";
    let mut project = image(behaviour, folders);
    project.plan.run.writable = vec!["/cache".into(), "/data".into(), "/var/app".into()];
    let writes = measured(&project, 1).await.writes.unwrap();
    assert_eq!(writes.paths, ["/data/state", "/var/app/x"]);
    assert_eq!(writes.writable, ["/data"]);
    assert_eq!(writes.unused, ["/cache"]);
    // An empty directory in its place would hide what is there.
    assert_eq!(writes.beside, ["/var/app/x"]);
    assert!(!writes.proven);

    let mut project = image("open('/data/state', 'w').write('x')", folders);
    project.plan.run.writable = vec!["/cache".into(), "/data".into()];
    let writes = measured(&project, 1).await.writes.unwrap();
    assert!(writes.proven && writes.writable == ["/data"] && writes.beside.is_empty(), "{writes:?}");
}

/// Answers `/slow` after a second.
const SLOW: &str = "
def answer(request):
    time.sleep(1 if request.path == '/slow' else 0)
    request.say(200, 'ok')
";

#[tokio::test]
async fn requests_that_are_under_way_at_sigterm_are_counted() {
    let slow = Measuring { starts: 1, slow: Some("/slow".into()) };
    let cutting = server(&format!("{SLOW}\nsignal.signal(signal.SIGTERM, lambda *_: os._exit(0))"));
    let seen = measured_with(&cutting, &slow).await.unwrap().unwrap();
    // Not all of them get into the server's queue at once.
    assert!(seen.stop.in_flight > 0 && seen.stop.served == 0, "{:?}", seen.stop);
    assert_eq!((seen.stop.code, seen.stop.zombies), (Some(0), Some(0)), "{:?}", seen.stop);
    assert!(of(&seen, "stop.cut").found.ends_with("got no answer"));

    let end = "import threading\nend = threading.Timer(3, lambda: os._exit(0))";
    let waiting = format!("{SLOW}\n{end}\nsignal.signal(signal.SIGTERM, lambda *_: end.start())");
    let seen = measured_with(&server(&waiting), &slow).await.unwrap().unwrap();
    assert!(seen.stop.in_flight > 0 && seen.stop.served == seen.stop.in_flight, "{:?}", seen.stop);
    assert!(seen.stop.end_ms >= 2900 && seen.passed, "{:?}", seen.stop);
}

#[tokio::test]
async fn what_is_slow_or_left_unwaited_for_is_told() {
    let behaviour = "
import subprocess, threading
child = subprocess.Popen(['true'])
lock = threading.Lock()
def answer(request):
    with lock:
        time.sleep(0.3)
        request.say(200, 'ok')
";
    let mut project = server(behaviour);
    project.plan.pod_probes.readiness = http("/health", 1, 3);
    let seen = measured(&project, 1).await;
    assert!(of(&seen, "probe.timeout").found.contains("under load did not pass in time"), "{:?}", seen.findings);
    assert_eq!(of(&seen, "process.zombie").found, "1 ended and are still there");
    // None of them is an error unless settings say so.
    assert!(seen.passed);
}

#[tokio::test]
async fn one_that_nearly_uses_up_its_memory_is_told() {
    let seen = measured(&server("hold = b'x' * (110 << 20)"), 1).await;
    assert!(of(&seen, "memory.margin").found.ends_with("of 128 MiB"), "{:?}", seen.findings);
}

#[tokio::test]
async fn one_that_is_never_ready_is_left_to_the_smoke_test() {
    let mut project = server("sys.exit(3)");
    project.plan.probe.deadline = Duration::from_secs(2);
    let measuring = Measuring { starts: 2, slow: None };
    assert!(measured_with(&project, &measuring).await.unwrap().is_none());
}

#[tokio::test]
async fn nothing_is_left_when_it_is_interrupted() {
    let project = server("");
    let (events, cancel) = (project.events.clone(), project.cancel.clone());
    tokio::spawn(async move {
        let started = || {
            events
                .lock()
                .unwrap()
                .iter()
                .any(|event| matches!(event, Event::Note { text, .. } if text.starts_with("start 1")))
        };
        while !started() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        cancel.cancel();
    });
    let measuring = Measuring { starts: 50, slow: None };
    let error = measured_with(&project, &measuring).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Interrupted);
}
