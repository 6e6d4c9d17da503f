//! What came of measuring an image, as a page.

use crate::cli::render::text;
use crate::cli::terminal::Paint;
use crate::types::{
    Answers, ByteSize, Measured, MemoryMeasured, ProbeMeasured, Restarts, StopMeasured, WritesMeasured, visible,
};

/// The page.
pub fn page(measured: &Measured, paint: Paint) -> String {
    let limits = format!("under {} CPU and {}", measured.cpu, measured.memory.limit.limit());
    let starts = text::count(measured.starts_ms.len(), "start");
    let id = measured.id.short();
    let mut lines = vec![format!("{}  {starts} {limits} ({id})", paint.strong(&measured.image))];
    let mut say = |name: &str, text: String| {
        let mut rest = text.lines();
        lines.push(format!("  {name:<10} {}", rest.next().unwrap_or_default()));
        lines.extend(rest.map(|line| format!("  {:<10} {line}", "")));
    };
    say("start-up", start_up(&measured.starts_ms));
    for (index, probe) in measured.probes.iter().enumerate() {
        let same = |other: &&ProbeMeasured| other.action == probe.action && other.timeout_ms == probe.timeout_ms;
        let said = measured.probes[..index].iter().find(same);
        say(&probe.probe, self::probe(probe, said));
    }
    say("memory", memory(&measured.memory));
    say("writes", measured.writes.as_ref().map_or_else(not_ready_open, |writes| self::writes(writes, &measured.image)));
    say("stop", stop(&measured.stop));
    lines.join("\n") + "\n"
}

fn start_up(starts: &[Option<u64>]) -> String {
    let mut ready: Vec<u64> = starts.iter().flatten().copied().collect();
    ready.sort_unstable();
    let failed = starts.len() - ready.len();
    let (Some(fastest), Some(slowest)) = (ready.first(), ready.last()) else { return "never ready".to_owned() };
    let median = ready[(ready.len() - 1) / 2];
    let failed = if failed == 0 { String::new() } else { format!(", {failed} of {} failed", starts.len()) };
    let first =
        starts.first().copied().flatten().map_or_else(String::new, |first| format!("; the first {}", text::ms(first)));
    format!(
        "{} fastest, {} median, {} slowest{first}{failed}",
        text::ms(*fastest),
        text::ms(median),
        text::ms(*slowest)
    )
}

/// `said` is an earlier one that does the same.
fn probe(probe: &ProbeMeasured, said: Option<&ProbeMeasured>) -> String {
    let action = text::cut(&visible(&probe.action), 60);
    if probe.passed_ms.is_empty() {
        return format!("{action}: not measured, it cannot be asked from here");
    }
    let slowest = probe.passed_ms.iter().copied().max().unwrap_or_default();
    let restarts = probe.restarts.zip(probe.budget_ms).map_or_else(String::new, |(restarts, (least, most))| {
        let often = match restarts {
            Restarts::Never => "never restarts it",
            Restarts::Perhaps => "may restart it",
            Restarts::Always => "always restarts it",
        };
        let last = if least == most { text::ms(least) } else { format!("{} to {}", text::ms(least), text::ms(most)) };
        format!(": {often}, passes {} after the start; its last try is after {last}", text::ms(slowest))
    });
    match said {
        Some(said) => format!("{action}{restarts}, answers as {}", said.probe),
        None => format!("{action}{restarts}\nanswers {}, of {}", answers(probe), text::ms(probe.timeout_ms)),
    }
}

fn answers(probe: &ProbeMeasured) -> String {
    let one = |answers: &Answers, when: &str| {
        (answers.count > 0).then(|| {
            let failed = if answers.failed == 0 { String::new() } else { format!(", {} failed", answers.failed) };
            format!(
                "{when} in {} median, {} slowest{failed}",
                text::ms(answers.median_ms),
                text::ms(answers.slowest_ms)
            )
        })
    };
    let both = [one(&probe.rest, "at rest"), one(&probe.load, "under load")];
    both.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn memory(memory: &MemoryMeasured) -> String {
    let (Some(rest), Some(peak)) = (memory.rest, memory.peak) else { return "the engine does not tell".to_owned() };
    let share = peak.0 as f64 / memory.limit.0.max(1) as f64 * 100.0;
    let mib = |size: ByteSize| format!("{:.1} MiB", size.0 as f64 / 1_048_576.0);
    format!("{} at rest, {} at most: {share:.0} % of {}", mib(rest), mib(peak), memory.limit.limit())
}

fn not_ready_open() -> String {
    "not measured: not ready with a writable root".to_owned()
}

fn writes(writes: &WritesMeasured, image: &str) -> String {
    let quoted =
        |paths: &[String]| paths.iter().map(|path| format!("{:?}", visible(path))).collect::<Vec<_>>().join(", ");
    let list = |paths: &[String]| paths.iter().map(|path| visible(path)).collect::<Vec<_>>().join(", ");
    let wrote = if writes.paths.is_empty() { "nothing".to_owned() } else { list(&writes.paths) };
    let mut lines = vec![text::cut(&wrote, 100)];
    if !writes.beside.is_empty() {
        lines.push(format!("beside files of the image: {}", list(&writes.beside)));
    }
    if !writes.unused.is_empty() {
        lines.push(format!("writable, and not written to: {}", list(&writes.unused)));
    }
    let proof =
        if writes.proven { "proven: it is ready with no more" } else { "not enough: it is not ready with that" };
    lines.push(proof.to_owned());
    lines.push(format!("[image.{image}.run]  writable = [{}]", quoted(&writes.writable)));
    if !writes.writable.is_empty() {
        let each = |of: &dyn Fn(&str, &str) -> String| {
            let one = |path: &String| of(&volume(path), &visible(path));
            writes.writable.iter().map(one).collect::<Vec<_>>().join(", ")
        };
        lines.push(format!("volumeMounts: [{}]", each(&|name, path| format!("{{name: {name}, mountPath: {path:?}}}"))));
        lines.push(format!("volumes: [{}]", each(&|name, _| format!("{{name: {name}, emptyDir: {{}}}}"))));
    }
    lines.join("\n")
}

/// The name of a volume for `path`, as Kubernetes lets names be (RFC 1123).
fn volume(path: &str) -> String {
    let clean: String =
        path.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let clean: String = clean.trim_matches('-').chars().take(63).collect();
    if clean.is_empty() { "data".to_owned() } else { clean }
}

fn stop(stop: &StopMeasured) -> String {
    let StopMeasured { request, signal, in_flight, served, end_ms, .. } = stop;
    let request = text::cut(&visible(request), 60);
    let requests = match in_flight {
        0 => format!("no {request} was under way when {signal} came; `--slow PATH` takes one that lasts"),
        _ => format!("{served} of {in_flight} {request} under way when {signal} came were answered"),
    };
    let closed = stop.closed_ms.map_or_else(String::new, |ms| format!("no new connections after {}, ", text::ms(ms)));
    let end = stop.code.map_or_else(|| "killed".to_owned(), |code| format!("exit {code}"));
    let zombies = match stop.zombies {
        None => String::new(),
        Some(0) => ", no process left unwaited for".to_owned(),
        Some(count) => format!(", {} left unwaited for", text::count(count, "process")),
    };
    format!("{requests}\n{closed}{end} after {}{zombies}", text::ms(*end_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Digest, ImageId};

    fn probe(name: &str, action: &str, restarts: Option<Restarts>) -> ProbeMeasured {
        let answers = |slowest_ms, failed| Answers { count: 20, median_ms: 3, slowest_ms, failed };
        ProbeMeasured {
            probe: name.into(),
            action: action.into(),
            passed_ms: vec![900, 1200],
            restarts,
            budget_ms: restarts.map(|_| (9000, 10_000)),
            rest: answers(5, 0),
            load: answers(980, 2),
            timeout_ms: 1000,
        }
    }

    fn measured() -> Measured {
        let mut grpc = probe("readiness", "grpc", None);
        grpc.passed_ms.clear();
        let live = "GET :80/live\u{1b}";
        Measured {
            image: "api".into(),
            id: ImageId(Digest::of(b"api")),
            cpu: 0.5,
            starts_ms: vec![Some(1200), None, Some(900)],
            probes: vec![
                probe("startup", live, Some(Restarts::Perhaps)),
                probe("liveness", live, Some(Restarts::Never)),
                grpc,
            ],
            memory: MemoryMeasured {
                rest: Some(ByteSize(3 << 20)),
                peak: Some(ByteSize(32 << 20)),
                limit: ByteSize(64 << 20),
            },
            writes: Some(WritesMeasured {
                paths: vec!["/data/x".into(), "/tmp/y".into()],
                writable: vec!["/data".into(), "/tmp".into()],
                beside: vec![],
                unused: vec!["/cache".into()],
                proven: true,
            }),
            stop: StopMeasured {
                request: "GET /slow".into(),
                signal: "SIGTERM".into(),
                in_flight: 8,
                served: 5,
                closed_ms: Some(20),
                end_ms: 1500,
                code: Some(0),
                zombies: Some(1),
            },
            findings: vec![],
            passed: true,
            ms: 9000,
        }
    }

    #[test]
    fn all_that_was_measured_is_on_the_page() {
        let expected = "\
api  3 starts under 0.5 CPU and 64 MiB (ID)
  start-up   900 ms fastest, 900 ms median, 1.2s slowest; the first 1.2s, 1 of 3 failed
  startup    GET :80/live\\u{1b}: may restart it, passes 1.2s after the start; its last try is after 9.0s to 10.0s
             answers at rest in 3 ms median, 5 ms slowest; under load in 3 ms median, 980 ms slowest, 2 failed, of 1.0s
  liveness   GET :80/live\\u{1b}: never restarts it, passes 1.2s after the start; its last try is after 9.0s to 10.0s, answers as startup
  readiness  grpc: not measured, it cannot be asked from here
  memory     3.0 MiB at rest, 32.0 MiB at most: 50 % of 64 MiB
  writes     /data/x, /tmp/y
             writable, and not written to: /cache
             proven: it is ready with no more
             [image.api.run]  writable = [\"/data\", \"/tmp\"]
             volumeMounts: [{name: data, mountPath: \"/data\"}, {name: tmp, mountPath: \"/tmp\"}]
             volumes: [{name: data, emptyDir: {}}, {name: tmp, emptyDir: {}}]
  stop       5 of 8 GET /slow under way when SIGTERM came were answered
             no new connections after 20 ms, exit 0 after 1.5s, 1 process left unwaited for
";
        let (measured, paint) = (measured(), Paint(false));
        assert_eq!(page(&measured, paint), expected.replace("ID", measured.id.short()));
    }

    #[test]
    fn what_could_not_be_seen_is_said() {
        let mut measured = measured();
        measured.writes = None;
        measured.memory.peak = None;
        measured.stop =
            StopMeasured { in_flight: 0, served: 0, closed_ms: None, code: None, zombies: None, ..measured.stop };
        let page = page(&measured, Paint(false));
        for said in [
            "  memory     the engine does not tell\n",
            "  writes     not measured: not ready with a writable root\n",
            "  stop       no GET /slow was under way when SIGTERM came; `--slow PATH` takes one that lasts\n             killed after 1.5s\n",
        ] {
            assert!(page.contains(said), "{page}");
        }
    }
}
