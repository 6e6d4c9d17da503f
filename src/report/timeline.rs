//! What the last build did, step by step.

use super::html::{Html, short};
use super::{date, more};
use crate::blame::line_name;
use crate::evidence::{Timed, Timeline};
use crate::types::format_duration;
use std::time::Duration;

/// Steps beyond these are only counted.
const STEPS: usize = 200;

/// The steps, or why none are known.
pub(super) fn write(html: &mut Html, timeline: &Result<Timeline, String>) {
    html.leaf("h3", &[], "The last build");
    let timeline = match timeline {
        Ok(timeline) => timeline,
        Err(why) => return html.prose("p", &[("class", "none")], &format!("No timeline: {why}.")),
    };
    let whole = timeline.steps.iter().map(end).max().unwrap_or(0).max(1);
    html.element("p", &[], |html| {
        html.text(&sum(timeline));
        html.text(" It was over at ");
        date(html, timeline.at);
        html.text("; starts count from the first step, by the builder's clock.");
    });
    html.element("ol", &[("class", "steps")], |html| {
        timeline.steps.iter().take(STEPS).for_each(|one| step(html, one, whole));
    });
    more(html, timeline.steps.len(), STEPS, "steps");
}

fn end(step: &Timed) -> u64 {
    step.from_ms.unwrap_or(0).saturating_add(step.ms)
}

fn time(ms: u64) -> String {
    format_duration(Duration::from_millis(ms))
}

/// `14 steps, 12 of them from the cache, in 3.1s.`
fn sum(timeline: &Timeline) -> String {
    let own = || timeline.steps.iter().filter(|step| step.instruction);
    let cached = own().filter(|step| step.cached).count();
    format!("{} instructions in {}, {cached} of them from the cache.", own().count(), time(timeline.ms))
}

fn step(html: &mut Html, step: &Timed, whole: u64) {
    let class = match (step.instruction, step.cached) {
        (true, true) => "cached",
        (true, false) => "ran",
        (false, _) => "own",
    };
    html.element("li", &[("class", class)], |html| {
        html.element("div", &[("class", "what")], |html| {
            let own = step.instruction || step.line.is_some();
            let place = if own { line_name(step.line) } else { "builder".to_owned() };
            html.leaf("b", &[], &place);
            html.raw(" ");
            html.leaf("code", &[], &short(&step.text));
        });
        html.element("div", &[("class", "track"), ("aria-hidden", "true")], |html| {
            let part = |ms: u64| ms as f64 / whole as f64 * 100.0;
            let style = format!("left:{:.3}%;width:{:.3}%", part(step.from_ms.unwrap_or(0)), part(step.ms));
            html.leaf("span", &[("style", &style)], "");
        });
        html.prose("div", &[("class", "said")], &said(step));
    });
}

/// When it began, how long it took, and why it ran or did not.
fn said(step: &Timed) -> String {
    let at = step.from_ms.map_or_else(|| "start unknown".to_owned(), |from| format!("at {}", time(from)));
    let ran = format!("{at}, for {}", time(step.ms));
    let because: Vec<String> = step.because.iter().map(ToString::to_string).collect();
    match (step.cached, step.last_ms) {
        (true, Some(last)) => format!("{at}: from the cache; when it ran last it took {}", time(last)),
        (true, None) => format!("{at}: from the cache"),
        (false, _) if !step.instruction => ran,
        (false, _) if because.is_empty() => format!("{ran}: why it ran is not recorded"),
        (false, _) => format!("{ran}: ran because {}", because.join(", and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Because;

    #[test]
    fn each_step_says_why_it_ran_or_did_not() {
        let mut step = Timed {
            text: "RUN x".into(),
            line: Some(3),
            instruction: true,
            cached: false,
            from_ms: Some(1200),
            ms: 40,
            last_ms: None,
            because: vec![Because::Instruction { line: 3 }, Because::Asked],
        };
        assert_eq!(said(&step), "at 1.2s, for 40 ms: ran because line 3 was edited, and every step was to run");
        step = Timed { because: vec![], from_ms: None, ..step };
        assert_eq!(said(&step), "start unknown, for 40 ms: why it ran is not recorded");
        step = Timed { cached: true, last_ms: Some(61_000), ..step };
        assert_eq!(said(&step), "start unknown: from the cache; when it ran last it took 1m01s");
        assert_eq!(said(&Timed { instruction: false, cached: false, ..step }), "start unknown, for 40 ms");
    }
}
