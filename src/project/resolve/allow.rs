//! Findings that are accepted for a time.

use super::Resolver;
use crate::project::keys::nearest;
use crate::project::plan::Allowance;
use crate::project::problem::Wrong;
use crate::project::spans::join;
use crate::project::written;
use crate::types::Place;
use jiff::civil::Date;

impl Resolver<'_> {
    pub(super) fn allowances(&mut self, all: Vec<written::Allow>, rules: &[&str], images: &[String]) -> Vec<Allowance> {
        let one = |(number, one)| self.allowance(&join("allow", &usize::to_string(&number)), one, rules, images);
        all.into_iter().enumerate().filter_map(one).collect()
    }

    fn allowance(&mut self, path: &str, one: written::Allow, rules: &[&str], images: &[String]) -> Option<Allowance> {
        let written::Allow { rule, image, only, reason, until } = one;
        self.written(path);
        for (key, missing) in [("rule", rule.is_empty()), ("reason", reason.trim().is_empty())] {
            if missing {
                self.wrong(path, Wrong::Allowance { key });
            }
        }
        if !rule.is_empty() && !rules.contains(&rule.as_str()) {
            let near = nearest(&rule, rules.iter().copied()).map(str::to_owned);
            let known = rules.iter().map(|rule| (*rule).to_owned()).collect();
            self.wrong(&join(path, "rule"), Wrong::UnknownRule { rule: rule.clone(), nearest: near, known });
        }
        if let Some(name) = image.as_ref().filter(|name| !images.contains(name)) {
            let near = nearest(name, images.iter().map(String::as_str)).map(str::to_owned);
            let unknown = Wrong::UnknownImage { name: name.clone(), nearest: near, known: images.to_vec() };
            self.wrong(&join(path, "image"), unknown);
        }
        let place = self.spans.get(path).map(|span| self.source.line(span.key.start));
        let place = Place { file: self.file_name(), line: place.and_then(|line| u32::try_from(line).ok()) };
        let until = self.until(path, &until)?;
        Some(Allowance { rule, image, only, reason, until, place })
    }

    fn until(&mut self, path: &str, text: &str) -> Option<Date> {
        if text.is_empty() {
            self.wrong(path, Wrong::Allowance { key: "until" });
            return None;
        }
        let date = text.parse().ok();
        if date.is_none() {
            self.wrong(&join(path, "until"), Wrong::Date { text: text.to_owned() });
        }
        date
    }
}
