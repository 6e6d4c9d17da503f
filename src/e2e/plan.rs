//! Journeys as they were read and found to make sense.

use crate::project::{Snippet, Source, Spans, join};
use http::{HeaderName, Method};
use serde_json::Value;
use std::time::Duration;

/// A file of journeys.
#[derive(Debug)]
pub(super) struct File {
    pub(super) source: Source,
    pub(super) spans: Spans,
    pub(super) journeys: Vec<Journey>,
}

/// What one visitor does.
#[derive(Debug)]
pub(super) struct Journey {
    pub(super) name: String,
    pub(super) steps: Vec<Step>,
    /// Its path in the file, such as `journey.0`.
    pub(super) path: String,
}

/// One request, and what its answer must be.
#[derive(Debug)]
pub(super) struct Step {
    /// What it is called: its name, or its request.
    pub(super) title: String,
    pub(super) method: Method,
    /// Path and query, to be filled in; or a single place, which is a whole path or URL.
    pub(super) target: String,
    /// The service that is asked; the only one if none.
    pub(super) service: Option<String>,
    pub(super) headers: Vec<Header>,
    pub(super) body: Body,
    pub(super) follow_redirects: bool,
    pub(super) timeout: Duration,
    pub(super) within: Option<Duration>,
    pub(super) expect: Expect,
    pub(super) captures: Vec<Capture>,
    /// Its path in the file, such as `journey.0.step.2`.
    pub(super) path: String,
}

/// A header to send or to expect.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: HeaderName,
    /// The name as it is written, in which case matters.
    pub(super) key: String,
    pub(super) value: String,
}

#[derive(Debug)]
pub(super) enum Body {
    None,
    Json(Value),
    Form(Vec<(String, String)>),
    Text(String),
}

/// What an answer must be.
#[derive(Debug)]
pub(super) struct Expect {
    pub(super) status: Option<u16>,
    pub(super) headers: Vec<Header>,
    pub(super) json: Option<Value>,
    pub(super) contains: Vec<String>,
    pub(super) absent: Vec<String>,
}

/// What later steps need of an answer.
#[derive(Debug)]
pub(super) struct Capture {
    pub(super) name: String,
    pub(super) from: From,
}

/// Where in an answer it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum From {
    /// A JSON Pointer into the body.
    Json(String),
    Header(HeaderName),
    Cookie(String),
}

impl File {
    /// Where `key`, or what it is a part of, stands below `path`; the request if it is not written.
    pub(super) fn snippet(&self, path: &str, key: &str) -> Option<Snippet> {
        let mut key = key;
        while !key.is_empty() {
            if let Some(span) = self.spans.get(&format!("{path}.{key}")) {
                return Some(self.source.snippet(&span.value));
            }
            key = key.rsplit_once('.').map_or("", |(before, _)| before);
        }
        let span = self.spans.get(&format!("{path}.request")).or_else(|| self.spans.get(path))?;
        Some(self.source.snippet(&span.value))
    }
}

impl Step {
    /// All texts that may have places to be filled in, each with its path in the file.
    pub(super) fn texts(&self) -> Vec<(String, &str)> {
        let at = |key: &str| format!("{}.{key}", self.path);
        let mut all = vec![(at("request"), self.target.as_str())];
        all.extend(header_texts(at("headers"), &self.headers));
        match &self.body {
            Body::None => {}
            Body::Json(json) => json_texts(at("json"), json, &mut all),
            Body::Form(form) => all.extend(form.iter().map(|(name, value)| (join(&at("form"), name), value.as_str()))),
            Body::Text(text) => all.push((at("body"), text)),
        }
        all.extend(header_texts(at("expect.headers"), &self.expect.headers));
        self.expect.json.iter().for_each(|json| json_texts(at("expect.json"), json, &mut all));
        all.extend(self.expect.contains.iter().map(|text| (at("expect.contains"), text.as_str())));
        all.extend(self.expect.absent.iter().map(|text| (at("expect.absent"), text.as_str())));
        all
    }
}

fn header_texts(path: String, headers: &[Header]) -> impl Iterator<Item = (String, &str)> {
    headers.iter().map(move |header| (join(&path, &header.key), header.value.as_str()))
}

fn json_texts<'v>(path: String, json: &'v Value, all: &mut Vec<(String, &'v str)>) {
    match json {
        Value::String(text) => all.push((path, text)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(number, item)| json_texts(join(&path, &number.to_string()), item, all));
        }
        Value::Object(members) => members.iter().for_each(|(key, value)| json_texts(join(&path, key), value, all)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
