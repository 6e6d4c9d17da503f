//! From what was written to journeys that make sense. Goes on after a problem, so that all of them are
//! said at once.

use super::plan::{Body, Capture, Expect, File, From, Header, Journey, Step};
use super::problem::{Problem, Wrong};
use super::template::{Place, doubled, is_name, only_place, places};
use super::written;
use crate::project::{Source, Spans, join, nearest};
use crate::types::parse_duration;
use http::{HeaderName, Method};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

/// The journeys of `written`, which was read from `source`.
pub(super) fn resolve(written: written::File, source: Source, spans: Spans) -> Result<File, Vec<Problem>> {
    let mut resolver = Resolver { source: &source, spans: &spans, known: Vec::new(), problems: Vec::new() };
    if written.journey.is_empty() {
        resolver.problems.push(Wrong::NoJourney { file: source.name.clone() }.into());
    }
    let service = written.service.as_deref();
    let numbered = written.journey.into_iter().enumerate();
    let journeys: Vec<Journey> =
        numbered.filter_map(|(number, journey)| resolver.journey(number, journey, service)).collect();
    let mut problems = resolver.problems;
    problems.sort_by_key(Problem::line);
    if problems.is_empty() { Ok(File { source, spans, journeys }) } else { Err(problems) }
}

struct Resolver<'a> {
    source: &'a Source,
    spans: &'a Spans,
    /// What the steps so far of this journey capture.
    known: Vec<String>,
    problems: Vec<Problem>,
}

impl Resolver<'_> {
    /// `wrong` is said of the value at `path`.
    fn wrong(&mut self, path: &str, wrong: Wrong) {
        let at = self.spans.get(path).map(|span| self.source.snippet(&span.value));
        self.problems.push(Problem::new(wrong, at));
    }

    /// `wrong` is said of the key at `path`.
    fn wrong_key(&mut self, path: &str, wrong: Wrong) {
        let at = self.spans.get(path).map(|span| self.source.snippet(&span.key));
        self.problems.push(Problem::new(wrong, at));
    }

    /// `wrong` is said of `part` of the value at `path`.
    fn wrong_part(&mut self, path: &str, part: &str, wrong: Wrong) {
        let at = self.spans.get(path).map(|span| self.source.within(span.value.clone(), part));
        self.problems.push(Problem::new(wrong, at.map(|span| self.source.snippet(&span))));
    }

    fn journey(&mut self, number: usize, written: written::Journey, service: Option<&str>) -> Option<Journey> {
        let path = format!("journey.{number}");
        self.known.clear();
        let Some(name) = written.name.filter(|name| !name.trim().is_empty()) else {
            self.wrong(&path, Wrong::NoName);
            return None;
        };
        if written.step.is_empty() {
            self.wrong(&path, Wrong::NoStep { name: name.clone() });
        }
        let numbered = written.step.into_iter().enumerate();
        let steps = numbered.filter_map(|(number, mut step)| {
            step.service = step.service.or_else(|| service.map(str::to_owned));
            self.step(format!("{path}.step.{number}"), &name, step)
        });
        let steps = steps.collect();
        Some(Journey { name, steps, path })
    }

    fn step(&mut self, path: String, journey: &str, written: written::Step) -> Option<Step> {
        let Some(request) = written.request.clone() else {
            self.wrong(&path, Wrong::NoRequest { journey: journey.to_owned() });
            return None;
        };
        let asked = self.request(&format!("{path}.request"), &request);
        let headers = self.headers(&format!("{path}.headers"), written.headers);
        let body = self.body(&path, written.json, written.form, written.body);
        let timeout = self.time(&format!("{path}.timeout"), written.timeout).unwrap_or(TIMEOUT);
        let within = self.time(&format!("{path}.within"), written.within);
        let expect = self.expect(&format!("{path}.expect"), written.expect);
        let captures = self.captures(&format!("{path}.capture"), written.capture);
        let (method, target) = asked?;
        let step = Step {
            title: written.name.unwrap_or(request),
            method,
            target,
            service: written.service,
            headers,
            body,
            follow_redirects: written.follow_redirects,
            timeout,
            within,
            expect,
            captures,
            path,
        };
        step.texts().into_iter().for_each(|(path, text)| self.text(&path, text));
        // What a step captures is known to the steps after it.
        self.known.extend(step.captures.iter().map(|capture| capture.name.clone()));
        Some(step)
    }

    fn request(&mut self, path: &str, text: &str) -> Option<(Method, String)> {
        let read = text.split_once(' ').and_then(|(method, target)| {
            let target = target.trim();
            let upper = !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase());
            let good = target.starts_with('/') || only_place(target).is_some();
            let clean = !target.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#');
            let method = Method::from_bytes(method.as_bytes()).ok().filter(|_| upper && good && clean)?;
            Some((method, target.to_owned()))
        });
        if read.is_none() {
            self.wrong(path, Wrong::Request { text: text.to_owned() });
        }
        read
    }

    fn headers(&mut self, path: &str, written: BTreeMap<String, String>) -> Vec<Header> {
        let mut headers = Vec::new();
        for (key, value) in written {
            match key.parse::<HeaderName>() {
                Ok(name) => headers.push(Header { name, key, value }),
                Err(_) => self.wrong_key(&join(path, &key), Wrong::HeaderName { name: key }),
            }
        }
        headers
    }

    fn body(
        &mut self,
        path: &str,
        json: Option<Value>,
        form: Option<BTreeMap<String, String>>,
        text: Option<String>,
    ) -> Body {
        let given = [("`json`", json.is_some()), ("`form`", form.is_some()), ("`body`", text.is_some())];
        let given: Vec<&str> = given.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect();
        if given.len() > 1 {
            self.wrong(path, Wrong::Bodies(given));
        }
        match (json, form, text) {
            (Some(json), ..) => {
                self.json(&format!("{path}.json"), &json);
                Body::Json(json)
            }
            (_, Some(form), _) => Body::Form(form.into_iter().collect()),
            (.., Some(text)) => Body::Text(text),
            _ => Body::None,
        }
    }

    fn expect(&mut self, path: &str, written: written::Expect) -> Expect {
        if let Some(json) = &written.json {
            self.json(&format!("{path}.json"), json);
        }
        Expect {
            status: written.status,
            headers: self.headers(&format!("{path}.headers"), written.headers),
            json: written.json,
            contains: texts(written.contains),
            absent: texts(written.absent),
        }
    }

    fn captures(&mut self, path: &str, written: BTreeMap<String, String>) -> Vec<Capture> {
        let mut captures = Vec::new();
        for (name, text) in written {
            let path = join(path, &name);
            if !is_name(&name) || name == "random" {
                self.wrong_key(&path, Wrong::CaptureName { name: name.clone() });
            }
            match from(&text) {
                Some(from) => captures.push(Capture { name, from }),
                None => self.wrong(&path, Wrong::Capture { text }),
            }
        }
        captures
    }

    fn time(&mut self, path: &str, written: Option<String>) -> Option<Duration> {
        let read = parse_duration(&written?);
        match read {
            Ok(time) if time.is_zero() => self.wrong(path, Wrong::NoTime),
            Ok(time) => return Some(time),
            Err(error) => self.wrong(path, error.into()),
        }
        None
    }

    /// Checks the places of `text`, which is, or is in, the value at `path`.
    fn text(&mut self, path: &str, text: &str) {
        if let Some(name) = doubled(text) {
            return self.wrong_part(path, &format!("{{{{{name}}}}}"), Wrong::Braces { name: name.to_owned() });
        }
        for place in places(text) {
            if let Place::Captured(name) = place
                && !self.known.iter().any(|known| known == name)
            {
                self.wrong_part(path, &format!("{{{name}}}"), self.not_captured(name));
            }
        }
    }

    fn not_captured(&self, name: &str) -> Wrong {
        let known: Vec<String> = self.known.iter().cloned().chain(["random".to_owned()]).collect();
        let nearest = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        Wrong::NotCaptured { name: name.to_owned(), nearest, known }
    }

    /// Checks that `json`, which is the value at `path`, can be written as JSON.
    fn json(&mut self, path: &str, json: &Value) {
        match json {
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(number, item)| self.json(&join(path, &number.to_string()), item));
            }
            // TOML has no null: it stands for a float that JSON does not know.
            Value::Null => self.wrong(path, Wrong::NotJson { what: "`nan` and no `inf`" }),
            // The parser's way to say that it read a date.
            Value::Object(all) if all.contains_key(DATE) => self.wrong(path, Wrong::NotJson { what: "dates" }),
            Value::Object(all) => all.iter().for_each(|(key, value)| self.json(&join(path, key), value)),
            Value::String(_) | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

const DATE: &str = "$__toml_private_datetime";

fn texts(written: Option<written::Texts>) -> Vec<String> {
    match written {
        None => Vec::new(),
        Some(written::Texts::One(text)) => vec![text],
        Some(written::Texts::Many(texts)) => texts,
    }
}

/// Where `text` says that something is to be captured.
fn from(text: &str) -> Option<From> {
    let (kind, what) = text.split_once(':')?;
    match kind {
        "json" if what.is_empty() || what.starts_with('/') => Some(From::Json(what.to_owned())),
        "header" => what.trim().parse().ok().map(From::Header),
        "cookie" if !what.trim().is_empty() => Some(From::Cookie(what.trim().to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_captured_is_said_in_three_ways() {
        assert_eq!(from("json:/a/0"), Some(From::Json("/a/0".into())));
        assert_eq!(from("json:"), Some(From::Json(String::new())));
        assert_eq!(from("header:Location"), Some(From::Header(http::header::LOCATION)));
        assert_eq!(from("cookie:session"), Some(From::Cookie("session".into())));
        for bad in ["", "json", "json:a", "header:", "header:a b", "cookie:", "body:x"] {
            assert_eq!(from(bad), None, "{bad}");
        }
    }
}
