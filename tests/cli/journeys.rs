//! `e2e`: what is seen of journeys that hold, of those that do not, and of files that are wrong.

use super::site::Site;
use super::{Ran, Shop};
use serde_json::Value;

/// A file of one journey with these steps.
fn journey(steps: &str) -> Shop {
    Shop::empty().file("a.toml", &format!("[[journey]]\nname = \"a visitor\"\n{steps}"))
}

/// What is said of it, with the site's address and all times made the same.
fn said(shop: &Shop, site: &Site, more: &[&str]) -> Ran {
    let url = format!("web={}", site.url);
    let mut command = shop.command(&[&["e2e", "a.toml", "--url", &url], more].concat());
    command.env("KEY", "k3y/ s\"cret").env("PIN", "0451");
    let mut ran = shop.ran(command);
    ran.err = without_times(&ran.err.replace(&site.url, "http://SITE"));
    ran
}

fn without_times(text: &str) -> String {
    let times = regex::Regex::new(r"\b\d+ times in ").unwrap().replace_all(text, "N times in ").into_owned();
    regex::Regex::new(r"\b(\d+ ms|\d+\.\d+s)\b").unwrap().replace_all(&times, "TIME").into_owned()
}

/// What is said of a journey of these steps that fails as a finding.
fn fails(steps: &str) -> String {
    let ran = said(&journey(steps), &Site::start(), &[]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{}", ran.all());
    ran.err
}

/// What is said of a file that is wrong.
fn wrong(text: &str) -> String {
    let shop = Shop::empty().file("a.toml", text);
    let ran = shop.run(&["e2e", "a.toml", "--url", "web=http://127.0.0.1:1"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.all());
    ran.err
}

const CREATE: &str = r#"
[[journey.step]]
name = "create"
request = "POST /tasks"
json = { title = "Buy milk", tags = ["{random}"] }
expect = { status = 201, headers = { Location = "/tasks/7" } }
capture = { id = "json:/id", to = "header:location", sid = "cookie:sid", token = "json:/token" }
"#;

#[test]
fn what_holds_has_one_line() {
    let (shop, site) = (
        journey(&format!(
            r#"{CREATE}
[[journey.step]]
request = "GET /tasks/{{id}}"
headers = {{ Authorization = "Bearer {{token}}", Cookie = "sid={{sid}}" }}
expect.json = {{ id = "{{id}}", tags = ["home", "soon"], "/tags/0" = "home" }}

[[journey.step]]
request = "GET {{to}}"
expect = {{ contains = ["milk", "home"], absent = "beer" }}

[[journey.step]]
request = "GET /slow-start"
within = "20s"
expect.contains = "ready"

[[journey.step]]
request = "POST /form"
form = {{ q = "a b&c", r = "{{id}}" }}
follow-redirects = true
expect.json.title = "Buy milk"

[[journey]]
name = "another visitor"
[[journey.step]]
request = "GET /page"
"#
        )),
        Site::start(),
    );
    let ran = said(&shop, &site, &[]);
    insta::assert_snapshot!(ran.all());
    let came = site.came("GET /tasks/7").remove(0);
    assert_eq!((came.headers["authorization"].as_str(), came.headers["cookie"].as_str()), ("Bearer t0", "sid=s1"));
    assert!(came.headers["user-agent"].starts_with("loadline/"), "{came:?}");
    let form = site.came("POST /form").remove(0);
    assert_eq!(form.body, "q=a%20b%26c&r=7");
    assert_eq!(form.headers["content-type"], "application/x-www-form-urlencoded");
    let sent: Value = serde_json::from_str(&site.came("POST /tasks")[0].body).unwrap();
    assert_eq!(sent["title"], "Buy milk");
    assert_eq!(sent["tags"][0].as_str().unwrap().len(), 12);
    assert_eq!(site.came("GET /slow-start").len(), 3);
}

#[test]
fn events_say_all_of_it() {
    let shop = journey(&format!("{CREATE}\n[[journey.step]]\nrequest = \"GET /tasks/8\"\n"));
    let site = Site::start();
    let ran = said(&shop, &site, &["--json"]);
    let mut events: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for event in &mut events {
        let fields = event.as_object_mut().unwrap();
        fields.iter_mut().filter(|(name, _)| name.ends_with("ms")).for_each(|(_, ms)| *ms = 0.into());
    }
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    insta::assert_snapshot!(lines.join("\n").replace(&site.url, "http://SITE"));
    assert!(ran.err.starts_with("error: the journey `a visitor` failed at step 2 of 2: GET /tasks/8\n"), "{}", ran.err);
}

#[test]
fn a_status_that_is_another_is_all_that_is_said() {
    insta::assert_snapshot!(fails(
        "[[journey.step]]\nrequest = \"GET /tasks/8\"\nexpect = { status = 200, contains = \"milk\" }\n"
    ));
}

#[test]
fn all_that_is_wrong_with_an_answer_is_said() {
    let steps = format!(
        "{CREATE}\n[[journey.step]]\nrequest = \"GET /tasks/{{id}}\"\n[journey.step.expect]\n\
         json = {{ title = \"Buy beer\", done = false, id = \"7\", tags = [\"home\"], \"/owner/name\" = \"Ada\" }}\n\
         contains = \"beer\"\nabsent = [\"wine\", \"milk\"]\nheaders.ETag = \"x\"\n"
    );
    insta::assert_snapshot!(fails(&steps));
}

#[test]
fn an_answer_that_is_no_json_is_shown() {
    insta::assert_snapshot!(fails("[[journey.step]]\nrequest = \"GET /page\"\nexpect.json = { a = 1 }\n"));
}

#[test]
fn what_cannot_be_captured_ends_the_journey() {
    let steps = "[[journey.step]]\nrequest = \"GET /tasks/7\"\ncapture.owner = \"json:/owner\"\n[[journey.step]]\n\
        request = \"GET /tasks/{owner}\"\n";
    insta::assert_snapshot!(fails(steps));
}

#[test]
fn what_never_passes_says_how_often_it_was_tried() {
    insta::assert_snapshot!(fails("[[journey.step]]\nrequest = \"GET /never\"\nwithin = \"300ms\"\n"));
}

#[test]
fn redirects_are_followed_when_asked_and_only_here() {
    insta::assert_snapshot!(fails("[[journey.step]]\nrequest = \"GET /old\"\n"));
    let to = |path: &str| fails(&format!("[[journey.step]]\nrequest = \"GET {path}\"\nfollow-redirects = true\n"));
    assert!(to("/away").contains("it redirects from http://SITE to http://127.0.0.1:1/x, which is not followed"));
    assert!(to("/round").contains("it redirects more than 10 times"));
}

#[test]
fn no_answer_is_never_a_pass() {
    let found = |path: &str, more: &str| fails(&format!("[[journey.step]]\nrequest = \"GET {path}\"\n{more}\n"));
    let closed = found("/closed", "");
    assert!(closed.contains("found     the connection was closed before an answer came"), "{closed}");
    let late = found("/hangs", "timeout = \"200ms\"");
    assert!(late.contains("found     no answer within TIME"), "{late}");
    let huge = found("/huge", "");
    assert!(huge.contains("found     the answer is larger than 4 MiB"), "{huge}");
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_ends_the_wait_for_an_answer() {
    let site = Site::start();
    let shop = journey("[[journey.step]]\nrequest = \"GET /hangs\"\ntimeout = \"50s\"\n");
    let mut command = shop.command(&["e2e", "a.toml", "--url", &format!("web={}", site.url)]);
    let child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    while site.came("GET /hangs").is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
}

#[test]
fn where_nothing_answers_nothing_is_known() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let file = |name: &str| {
        format!("service = \"web\"\n[[journey]]\nname = \"{name}\"\n[[journey.step]]\nrequest = \"GET /\"\n")
    };
    let shop = Shop::empty().file("a.toml", &(file("one") + &file("two").replace("service = \"web\"\n", "")));
    let shop = shop.file("b.toml", &file("three"));
    let mut ran = shop.run(&["e2e", "a.toml", "b.toml", "--url", &format!("web=http://{nobody}")]);
    ran.err = without_times(&ran.err.replace(&nobody.to_string(), "NOBODY"));
    insta::assert_snapshot!(ran.all());
}

#[test]
fn later_journeys_go_on_and_one_may_be_chosen() {
    let steps = "[[journey.step]]\nrequest = \"GET /closed\"\n[[journey.step]]\nrequest = \"GET /unasked\"\n\
        [[journey]]\nname = \"another\"\n[[journey.step]]\nrequest = \"GET /page\"\n";
    let (shop, site) = (journey(steps), Site::start());
    let both = said(&shop, &site, &[]);
    assert_eq!(both.code, Some(1));
    assert!(both.err.ends_with("another: passed, 1 step in TIME\n 1 of 2 journeys failed, in TIME\n"), "{}", both.err);
    assert_eq!(site.came("GET /unasked").len(), 0);
    let one = said(&shop, &site, &["--only", "another"]);
    assert_eq!(one.all(), "exit 0\n--- stderr\nanother: passed, 1 step in TIME\n 1 journey passed in TIME\n");
    insta::assert_snapshot!(said(&shop, &site, &["--only", "anothr"]).all());
}

#[test]
fn a_variable_of_the_environment_is_used_and_never_said() {
    let site = Site::start();
    let steps = |expect: &str| {
        format!(
            "[[journey.step]]\nrequest = \"GET /echo?key={{env:KEY}}\"\n[[journey.step]]\nrequest = \"GET /echo\"\nheaders.X-Key = \"{{env:KEY}}\"\n{expect}\n"
        )
    };
    // `/echo?…` is another path: the first step fails, and says its request.
    let ran = said(&journey(&steps("")), &site, &[]);
    insta::assert_snapshot!(ran.err);
    assert_eq!(site.came("GET /echo?key=k3y%2F%20s%22cret ").len(), 1);
    let rest = steps("expect.json.key = \"{env:PIN}\"")
        .replace("[[journey.step]]\nrequest = \"GET /echo?key={env:KEY}\"\n", "");
    for more in [&[][..], &["--json"]] {
        let ran = said(&journey(&rest), &site, more);
        let all = ran.all();
        assert_eq!(ran.code, Some(1), "{all}");
        assert!(all.contains("{env:KEY}") && all.contains("{env:PIN}"), "{all}");
        assert!(!all.contains("k3y") && !all.contains("cret") && !all.contains("0451"), "{all}");
    }
    assert_eq!(site.came("GET /echo ").last().unwrap().headers["x-key"], "k3y/ s\"cret");
}

#[test]
fn a_variable_that_is_not_set_is_said_before_anything_is_asked() {
    let site = Site::start();
    let ran =
        said(&journey("[[journey.step]]\nrequest = \"GET /page\"\nheaders.X-Key = \"a {env:KYE} b\"\n"), &site, &[]);
    insta::assert_snapshot!(ran.all());
    assert_eq!(site.came("").len(), 0);
}

#[test]
fn addresses_that_cannot_be_asked() {
    let shop = journey("[[journey.step]]\nrequest = \"GET /\"\n");
    let with = |urls: &[&str]| {
        let urls = urls.iter().flat_map(|url| ["--url", *url]);
        shop.run(&["e2e", "a.toml"].into_iter().chain(urls).collect::<Vec<_>>())
    };
    insta::assert_snapshot!(with(&["web=https://127.0.0.1"]).all());
    insta::assert_snapshot!(with(&["web=http://me:pa55@127.0.0.1"]).all());
    insta::assert_snapshot!(with(&["web=http://h:1", "web=http://h:2"]).all());
    insta::assert_snapshot!(with(&["web=http://h:1", "api=http://h:2"]).all());
    insta::assert_snapshot!(with(&[]).all());
    assert_eq!(with(&["http://127.0.0.1?a=b"]).code, Some(2));
    let named = journey("[[journey.step]]\nrequest = \"GET /\"\nservice = \"wbe\"\n");
    insta::assert_snapshot!(named.run(&["e2e", "a.toml", "--url", "web=http://h:1"]).all());
}

#[test]
fn the_example_of_the_documents_is_a_file_of_journeys() {
    let document = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/journeys.md");
    let text = std::fs::read_to_string(document).unwrap();
    let example = text.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let shop = Shop::empty().file("e2e/tasks.toml", example);
    let ran = shop.run(&["e2e", "e2e/tasks.toml"]);
    assert_eq!(ran.err.matches("error:").count(), 1, "{}", ran.all());
    assert!(ran.err.starts_with("error: no address of the service `frontend` is known\n"), "{}", ran.all());
    // What is shown of it is what it says.
    let (line, column) = (example.lines().nth(17).unwrap(), 42);
    assert!(text.contains(&format!("  18 | {line}\n")) && line[column..].starts_with("\"Buy milk\""), "{line}");
}

#[test]
fn files_that_are_not_there_or_have_the_same_journeys() {
    let shop = journey("[[journey.step]]\nrequest = \"GET /\"\n");
    insta::assert_snapshot!(shop.run(&["e2e", "no.toml"]).all());
    std::fs::copy(shop.root.join("a.toml"), shop.root.join("b.toml")).unwrap();
    insta::assert_snapshot!(shop.run(&["e2e", "a.toml", "b.toml"]).all());
    assert_eq!(shop.run(&["e2e"]).code, Some(2));
}

macro_rules! wrong {
    ($($name:ident: $text:expr;)*) => {
        $(#[test] fn $name() { insta::assert_snapshot!(wrong($text)); })*
    };
}

wrong! {
    nothing_in_it: "";
    malformed: "[[journey]\n";
    single_brackets: "[journey]\nname = \"a\"\n";
    unknown_keys: "servcie = \"web\"\n[[journey]]\nnaem = \"a\"\n[[journey.step]]\nrequest = \"GET /\"\nexpect.body = \"x\"\nexpect.staus = 200\n";
    values_of_another_kind: "[[journey]]\nname = \"a\"\n[[journey.step]]\nrequest = 1\nexpect = { status = \"200\", contains = [1] }\nform.a = 1\nwithin = 10\n";
    what_is_missing: "[[journey]]\n[[journey]]\nname = \"a\"\n[[journey]]\nname = \"b\"\n[[journey.step]]\nexpect.status = 200\n";
    requests: "[[journey]]\nname = \"a\"\n[[journey.step]]\nrequest = \"/tasks\"\n[[journey.step]]\nrequest = \"get /\"\n[[journey.step]]\nrequest = \"GET tasks\"\n[[journey.step]]\nrequest = \"GET /a b\"\n";
    bodies_times_and_headers: "[[journey]]\nname = \"a\"\n[[journey.step]]\nrequest = \"POST /\"\njson = 1\nbody = \"x\"\nwithin = \"soon\"\ntimeout = \"0s\"\nheaders.\"a b\" = \"x\"\n";
    captures: "[[journey]]\nname = \"a\"\n[[journey.step]]\nrequest = \"GET /\"\ncapture = { random = \"json:/a\", b = \"/b\", c = \"json:c\" }\n";
    places: "[[journey]]\nname = \"a\"\n[[journey.step]]\nrequest = \"GET /{id}\"\ncapture.token = \"json:/token\"\n[[journey.step]]\nrequest = \"GET /\"\nheaders.Authorization = \"Bearer {{token}}\"\nexpect = { contains = \"{tokn}\", json = { day = 1979-05-27, ratio = nan, list = [\"{random} {no}\"] } }\n[[journey]]\nname = \"b\"\n[[journey.step]]\nrequest = \"GET /{token}\"\n";
}
