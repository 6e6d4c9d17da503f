//! What is foretold of probes, against what a real kubelet does.

use crate::harness::{Place, top};
use loadline::chart::conditions;
use loadline::smoke::fate;
use loadline::types::Restarts;
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

/// Answers paths, listens and writes a file only some time after its start.
const SERVER: &str = r#"
import http.server, os, sys, time
begun = time.monotonic()
after = dict(pair.split("=") for pair in sys.argv[1:])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if time.monotonic() - begun > float(after.get(self.path, 0)) else 503)
        self.end_headers()
    def log_message(self, *words):
        pass
time.sleep(float(after.get("listen", 0)))
open("/tmp/ready", "w").close()
http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"#;

/// A pod: its name, what its server is told, its probes, when they pass (startup, liveness), and what
/// becomes of it.
type Setting = (&'static str, &'static [&'static str], Value, (u64, u64), Restarts);

fn settings() -> Vec<Setting> {
    let probe = |action: Value, delay: u32, period: u32, failures: u32| {
        let mut probe = json!({"initialDelaySeconds": delay, "periodSeconds": period, "failureThreshold": failures});
        probe.as_object_mut().unwrap().extend(action.as_object().unwrap().clone());
        probe
    };
    let get = |path: &str| json!({"httpGet": {"path": path, "port": "http"}});
    let tcp = || json!({"tcpSocket": {"port": 8000}});
    let exec = || json!({"exec": {"command": ["cat", "/tmp/ready"]}});
    let startup = |probe: Value| json!({ "startupProbe": probe });
    let liveness = |probe: Value| json!({ "livenessProbe": probe });
    let both = |one: Value, other: Value| json!({"startupProbe": one, "livenessProbe": other});
    use Restarts::{Always, Never};
    vec![
        ("startup-enough", &["listen=2"], startup(probe(get("/"), 0, 1, 14)), (2, 0), Never),
        ("startup-short", &["listen=9"], startup(probe(get("/"), 0, 1, 2)), (9, 0), Always),
        ("startup-delay-enough", &["/a=2"], startup(probe(get("/a"), 8, 1, 3)), (2, 0), Never),
        ("startup-delay-short", &["/a=13"], startup(probe(get("/a"), 1, 2, 2)), (13, 0), Always),
        ("startup-exec", &["listen=2"], startup(probe(exec(), 0, 1, 14)), (2, 0), Never),
        ("liveness-short", &["listen=10"], liveness(probe(tcp(), 0, 1, 3)), (0, 10), Always),
        ("liveness-delay", &["listen=2"], liveness(probe(tcp(), 12, 1, 2)), (0, 2), Never),
        ("liveness-period", &["/a=2"], liveness(probe(get("/a"), 0, 6, 3)), (0, 2), Never),
        ("startup-guards", &["/a=4"], both(probe(get("/a"), 0, 1, 20), probe(get("/a"), 0, 1, 1)), (4, 4), Never),
        (
            "startup-guards-not",
            &["/b=15"],
            both(probe(get("/a"), 0, 1, 14), probe(get("/b"), 0, 1, 2)),
            (0, 15),
            Always,
        ),
    ]
}

fn container((name, told, probes, ..): &Setting) -> Value {
    let command: Vec<&str> = ["python3", "-c", SERVER].iter().chain(told.iter()).copied().collect();
    let mut container = json!({
        "name": name, "image": "python:3.12-slim", "imagePullPolicy": "Never", "command": command,
        "ports": [{"name": "http", "containerPort": 8000}],
    });
    container.as_object_mut().unwrap().extend(probes.as_object().unwrap().clone());
    container
}

/// What is foretold of `setting`.
fn foretold(setting: &Setting) -> Restarts {
    let probes = conditions(&json!({}), &container(setting)).probes;
    let (started, lives) = (Duration::from_secs(setting.3.0), Duration::from_secs(setting.3.1));
    let of_startup = probes.startup.as_ref().map(|probe| fate(probe, started, Default::default(), Duration::ZERO).0);
    let begins = probes.startup.as_ref().map(|probe| (started, started + Duration::from_secs(probe.period.into())));
    let begins = begins.unwrap_or_default();
    let of_liveness = probes.liveness.as_ref().map(|probe| fate(probe, lives, begins, Duration::ZERO).0);
    of_startup.max(of_liveness).unwrap()
}

#[test]
fn ten_settings_of_probes_end_as_foretold() {
    let settings = settings();
    assert_eq!(settings.len(), 10);
    let place = Place::of(&top().join("fixtures/failures"), "probes");
    place.run(&["load", "--image", "python:3.12-slim"]).fine();
    let pods = settings.iter().map(|setting| {
        assert_eq!(foretold(setting), setting.4, "{}", setting.0);
        // A container that is to be ended is not waited for.
        let spec = json!({"containers": [container(setting)], "terminationGracePeriodSeconds": 1});
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": setting.0}, "spec": spec})
    });
    let list = json!({"apiVersion": "v1", "kind": "List", "items": pods.collect::<Vec<_>>()});
    let file = place.home.path().join("pods.json");
    fs::write(&file, list.to_string()).unwrap();
    place.kubectl(&["create", "namespace", &place.namespace]);
    place.kubectl(&["create", "--filename", file.to_str().unwrap()]);
    // All that is ended is ended by then; what starts again is counted, not waited for.
    let until = Instant::now() + Duration::from_secs(60);
    let pod = |setting: &Setting| place.object(&["get", "pod", setting.0])["status"]["containerStatuses"][0].clone();
    let wanted = |setting: &Setting| match setting.4 {
        Restarts::Always => pod(setting)["restartCount"].as_u64() > Some(0),
        _ => pod(setting)["started"] == true,
    };
    while !settings.iter().all(wanted) && Instant::now() < until {
        std::thread::sleep(Duration::from_secs(1));
    }
    // Liveness probes that come late have come by now.
    std::thread::sleep(Duration::from_secs(20));
    let wrong = settings.iter().filter_map(|setting| {
        let restarts = pod(setting)["restartCount"].as_u64()?;
        let as_foretold = (restarts > 0) == (setting.4 == Restarts::Always);
        (!as_foretold).then(|| format!("{}: {restarts} restarts, {:?} foretold", setting.0, setting.4))
    });
    assert_eq!(wrong.collect::<Vec<_>>(), [] as [String; 0]);
    let started = settings.iter().filter(|setting| pod(setting)["containerID"].is_string()).count();
    assert_eq!(started, 10);
}
