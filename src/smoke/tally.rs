//! All answers of a probe that did not pass, told in one clause.

use super::probe::{Answer, Fail};
use std::collections::BTreeMap;

/// The answers so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    fails: BTreeMap<Fail, usize>,
    /// The last answer that came over HTTP, or the last of all if none did.
    pub(super) last: Option<(Answer, Fail)>,
}

impl Tally {
    pub(super) fn add(&mut self, answer: Answer, fail: Fail) {
        *self.fails.entry(fail.clone()).or_default() += 1;
        self.last = Some((answer, fail));
    }

    /// No try got any answer, in time or late.
    pub(super) fn never_answered(&self) -> bool {
        self.fails.keys().all(|fail| matches!(fail, Fail::Refused | Fail::Broken(_)))
    }

    /// Why it is not ready, `request` being what was asked.
    pub(super) fn why(&self, request: &str, port: u16) -> String {
        if self.fails.is_empty() {
            return format!("{request} was not answered");
        }
        // While a server starts, nothing listens; that is no news once something does.
        let told: Vec<&Fail> = self.fails.keys().filter(|fail| **fail != Fail::Refused).collect();
        match (&told[..], self.last.as_ref().map(|(_, fail)| fail)) {
            ([], _) | (_, None) => format!("nothing listens on port {port}"),
            (_, Some(Fail::Refused)) => format!("nothing listens on port {port} any more"),
            ([one], _) => every(one, request),
            (_, Some(last)) => format!("{}; before that, {}", lately(last, request), others(&told, last)),
        }
    }
}

fn every(fail: &Fail, request: &str) -> String {
    match fail {
        Fail::Status(status) => format!("every answer of {request} was {status}"),
        Fail::Unlike(what) => format!("every answer of {request} was {what}"),
        Fail::Late => format!("no answer of {request} came within 1s"),
        Fail::Broken(what) => format!("{request} failed every time: {what}"),
        Fail::Refused => "nothing listens".into(),
    }
}

fn lately(fail: &Fail, request: &str) -> String {
    match fail {
        Fail::Late => format!("the last answer of {request} did not come within 1s"),
        Fail::Broken(what) => format!("the last {request} failed: {what}"),
        other => format!("the last answer of {request} was {}", word(other)),
    }
}

fn others(told: &[&Fail], last: &Fail) -> String {
    let words: Vec<String> = told.iter().filter(|fail| **fail != last).map(|fail| word(fail)).collect();
    words.join(", ")
}

fn word(fail: &Fail) -> String {
    match fail {
        Fail::Status(status) => status.to_string(),
        Fail::Unlike(what) | Fail::Broken(what) => what.clone(),
        Fail::Late => "none within 1s".into(),
        Fail::Refused => "refused".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(fails: &[Fail]) -> String {
        let mut tally = Tally::default();
        for fail in fails {
            tally.add(Answer::Refused, fail.clone());
        }
        tally.why("GET /health", 80)
    }

    #[test]
    fn answers_are_told_in_one_clause() {
        let status = Fail::Status(503);
        let cases = [
            (vec![], "GET /health was not answered"),
            (vec![Fail::Refused, Fail::Refused], "nothing listens on port 80"),
            (vec![Fail::Refused, status.clone(), status.clone()], "every answer of GET /health was 503"),
            (vec![status.clone(), Fail::Refused], "nothing listens on port 80 any more"),
            (vec![Fail::Late], "no answer of GET /health came within 1s"),
            (vec![Fail::Broken("reset".into())], "GET /health failed every time: reset"),
            (
                vec![Fail::Late, status.clone(), Fail::Status(500)],
                "the last answer of GET /health was 500; before that, 503, none within 1s",
            ),
        ];
        for (fails, expected) in cases {
            assert_eq!(why(&fails), expected);
        }
    }
}
