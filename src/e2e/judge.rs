//! Whether an answer is what it must be, and what later steps need of it.

use super::client::{Answer, leads_to};
use super::json::differences;
use super::plan::{Capture, Expect, From, Header, Step};
use super::values::Values;
use crate::project::join;
use http::{HeaderName, StatusCode, header};
use serde_json::Value;

/// Something about an answer that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// The key in the file that asks for it, below the step; empty if none does.
    pub(super) key: String,
    /// What kind of expectation it is.
    pub(super) rule: &'static str,
    pub(super) expected: String,
    pub(super) found: String,
    pub(super) hint: Option<String>,
}

impl Mismatch {
    pub(super) fn new(key: impl Into<String>, rule: &'static str, expected: String, found: String) -> Self {
        Self { key: key.into(), rule, expected, found, hint: None }
    }
}

/// All that is wrong with `answer`; if nothing is, `values` knows what `step` captures.
pub(super) fn judge(step: &Step, answer: &Answer, values: &mut Values<'_>) -> Result<(), Vec<Mismatch>> {
    // Behind another status lies another kind of answer: the rest would all follow from that.
    if let Some(wrong) = status(step, answer) {
        return Err(vec![wrong]);
    }
    let body = String::from_utf8_lossy(&answer.body);
    let mut wrong = headers(&step.expect, answer, values);
    wrong.extend(json(&step.expect, answer, values));
    wrong.extend(texts(&step.expect, &body, values));
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let captured = step.captures.iter().map(|one| captured(one, answer).map(|value| (one.name.clone(), value)));
    let (captured, missing): (Vec<_>, Vec<_>) = captured.partition(Result::is_ok);
    if !missing.is_empty() {
        return Err(missing.into_iter().filter_map(Result::err).collect());
    }
    captured.into_iter().flatten().for_each(|(name, value)| values.capture(&name, value));
    Ok(())
}

/// A status as a person calls it: `404 Not Found`.
pub(super) fn named(status: StatusCode) -> String {
    status.canonical_reason().map_or_else(|| status.as_u16().to_string(), |name| format!("{} {name}", status.as_u16()))
}

fn status(step: &Step, answer: &Answer) -> Option<Mismatch> {
    let found = answer.status;
    let (holds, key, expected) = match step.expect.status {
        Some(wanted) => (found.as_u16() == wanted, "expect.status", format!("status {wanted}")),
        None => (found.is_success(), "", "status 200 to 299".to_owned()),
    };
    if holds {
        return None;
    }
    let redirects = leads_to(answer).filter(|_| !step.follow_redirects);
    let hint = redirects.map(|to| format!("it redirects to {to}; `follow-redirects = true` follows"));
    Some(Mismatch { hint, ..Mismatch::new(key, "expect.status", expected, named(found)) })
}

fn headers(expect: &Expect, answer: &Answer, values: &Values<'_>) -> Vec<Mismatch> {
    let wrong = expect.headers.iter().filter_map(|Header { name, key, value }| {
        let (wanted, there) = (values.fill(value), header_values(answer, name));
        let found = if there.is_empty() { "no such header".to_owned() } else { there.join(", ") };
        (!there.contains(&wanted)).then(|| {
            let key = join("expect.headers", key);
            Mismatch::new(key, "expect.headers", format!("{name}: {wanted}"), found)
        })
    });
    wrong.collect()
}

fn header_values(answer: &Answer, name: &HeaderName) -> Vec<String> {
    let all = answer.headers.get_all(name).into_iter();
    all.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

fn json(expect: &Expect, answer: &Answer, values: &Values<'_>) -> Vec<Mismatch> {
    let Some(wanted) = &expect.json else { return Vec::new() };
    let found: Value = match serde_json::from_slice(&answer.body) {
        Ok(found) => found,
        Err(error) => return vec![not_json("expect.json", "expect.json", &error)],
    };
    let all = differences(&values.fill_json(wanted), &found).into_iter().map(|one| {
        let key = if one.key.is_empty() { "expect.json".to_owned() } else { format!("expect.json.{}", one.key) };
        Mismatch::new(key, "expect.json", one.expected, one.found)
    });
    all.collect()
}

fn not_json(key: &str, rule: &'static str, error: &serde_json::Error) -> Mismatch {
    Mismatch::new(key, rule, "a body in JSON".to_owned(), format!("one that is not: {error}"))
}

fn texts(expect: &Expect, body: &str, values: &Values<'_>) -> Vec<Mismatch> {
    let missing = expect.contains.iter().map(|text| values.fill(text)).filter(|text| !body.contains(text.as_str()));
    let missing = missing.map(|text| {
        let (expected, found) = (format!("{text:?} in the body"), "it is not there".to_owned());
        Mismatch::new("expect.contains", "expect.contains", expected, found)
    });
    let there = expect.absent.iter().map(|text| values.fill(text)).filter_map(|text| {
        let line = body[..body.find(text.as_str())?].matches('\n').count() + 1;
        let (expected, found) = (format!("no {text:?} in the body"), format!("it is in line {line}"));
        Some(Mismatch::new("expect.absent", "expect.absent", expected, found))
    });
    missing.chain(there).collect()
}

fn captured(capture: &Capture, answer: &Answer) -> Result<Value, Mismatch> {
    let key = join("capture", &capture.name);
    let missing = |expected: String| Mismatch::new(key.clone(), "capture", expected, "nothing there".to_owned());
    match &capture.from {
        From::Json(pointer) => {
            let body: Value =
                serde_json::from_slice(&answer.body).map_err(|error| not_json(&key, "capture", &error))?;
            body.pointer(pointer).cloned().ok_or_else(|| missing(format!("something at {pointer} to capture")))
        }
        From::Header(name) => {
            let value = header_values(answer, name).into_iter().next();
            value.map(Value::from).ok_or_else(|| missing(format!("a header {name} to capture")))
        }
        From::Cookie(name) => {
            let cookies = header_values(answer, &header::SET_COOKIE);
            let value = cookies.iter().find_map(|cookie| {
                let (found, value) = cookie.split(';').next()?.split_once('=')?;
                (found.trim() == name).then(|| value.trim().to_owned())
            });
            value.map(Value::from).ok_or_else(|| missing(format!("a cookie {name} to capture")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::e2e::plan::Body;
    use crate::e2e::values::Env;
    use bytes::Bytes;
    use http::{HeaderMap, Method};
    use serde_json::json;
    use std::time::Duration;

    fn step() -> Step {
        let expect = Expect { status: None, headers: vec![], json: None, contains: vec![], absent: vec![] };
        Step {
            title: String::new(),
            method: Method::GET,
            target: "/".into(),
            service: None,
            headers: vec![],
            body: Body::None,
            follow_redirects: false,
            timeout: Duration::from_secs(1),
            within: None,
            expect,
            captures: vec![],
            path: String::new(),
        }
    }

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: map,
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    fn said(step: &Step, answer: &Answer) -> Vec<String> {
        let env = Env::new();
        let mut values = Values::new(&env);
        values.capture("id", json!(7));
        let wrong = judge(step, answer, &mut values).err().unwrap_or_default();
        wrong.into_iter().map(|one| format!("{}: {}, not {}", one.key, one.expected, one.found)).collect()
    }

    #[test]
    fn without_a_wish_a_success_is_wanted_and_another_status_hides_the_rest() {
        let mut step = step();
        step.expect.contains = vec!["x".into()];
        assert_eq!(said(&step, &answer(204, &[], "x")), [] as [&str; 0]);
        assert_eq!(said(&step, &answer(302, &[], "")), [": status 200 to 299, not 302 Found"]);
        step.expect.status = Some(404);
        assert_eq!(said(&step, &answer(404, &[], "x")), [] as [&str; 0]);
        assert_eq!(said(&step, &answer(599, &[], "")), ["expect.status: status 404, not 599"]);
    }

    #[test]
    fn a_redirect_that_was_not_followed_says_how_it_is() {
        let answer = answer(302, &[("location", "/login")], "");
        let hint = status(&step(), &answer).unwrap().hint.unwrap();
        assert_eq!(hint, "it redirects to /login; `follow-redirects = true` follows");
        assert_eq!(status(&Step { follow_redirects: true, ..step() }, &answer).unwrap().hint, None);
    }

    #[test]
    fn all_that_is_wrong_is_said() {
        let mut step = step();
        let wanted = |name: HeaderName, value: &str| Header { key: name.to_string(), name, value: value.into() };
        step.expect.headers = vec![wanted(header::ETAG, "\"{id}\""), wanted(header::VARY, "Accept")];
        step.expect.json = Some(json!({ "id": "{id}", "title": "Milk" }));
        step.expect.contains = vec!["Milk".into()];
        step.expect.absent = vec!["no. 8".into()];
        let answer = answer(200, &[("vary", "Origin"), ("vary", "Accept")], r#"{"id":8,"title":"no. 8"}"#);
        assert_eq!(
            said(&step, &answer),
            [
                "expect.headers.etag: etag: \"7\", not no such header",
                "expect.json.id: /id: 7, not 8",
                "expect.json.title: /title: \"Milk\", not \"no. 8\"",
                "expect.contains: \"Milk\" in the body, not it is not there",
                "expect.absent: no \"no. 8\" in the body, not it is in line 1",
            ]
        );
    }

    #[test]
    fn what_is_captured_is_known_afterwards_and_what_cannot_be_is_said() {
        let mut step = step();
        let capture = |name: &str, from| Capture { name: name.into(), from };
        step.captures = vec![
            capture("token", From::Json("/t".into())),
            capture("to", From::Header(header::LOCATION)),
            capture("sid", From::Cookie("sid".into())),
        ];
        let good = answer(
            201,
            &[("location", "/x"), ("set-cookie", "a=1"), ("set-cookie", "sid=s=1; Path=/")],
            r#"{"t":"u"}"#,
        );
        let env = Env::new();
        let mut values = Values::new(&env);
        judge(&step, &good, &mut values).unwrap();
        assert_eq!(values.fill("{token} {to} {sid}"), "u /x s=1");
        let missing = said(&step, &answer(201, &[], "{}"));
        assert_eq!(missing.len(), 3, "{missing:?}");
        assert_eq!(missing[0], "capture.token: something at /t to capture, not nothing there");
        let no_json = said(&step, &answer(201, &[], "<html>"));
        assert!(
            no_json[0].starts_with("capture.token: a body in JSON, not one that is not: expected value"),
            "{no_json:?}"
        );
    }

    #[test]
    fn a_body_that_is_not_json_is_said_once() {
        let mut step = step();
        step.expect.json = Some(json!({ "a": 1, "b": 2 }));
        assert_eq!(said(&step, &answer(200, &[], "")).len(), 1);
    }
}
