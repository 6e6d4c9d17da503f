//! What a build would run, and why, as a page.

use crate::build::{Forecast, Predicted};
use crate::cli::render::text::{count, cut, ms};
use crate::cli::terminal::Paint;
use crate::types::{Because, visible};
use serde_json::{Value, json};

/// How many characters of an instruction are shown.
const WIDTH: usize = 60;

/// For a person.
pub fn text(all: &[(&str, &Forecast)], paint: Paint) -> String {
    let mut lines = Vec::new();
    for (image, forecast) in all {
        lines.push(format!("{}  {}", paint.strong(image), head(forecast)));
        // That nothing is known is said once.
        lines.extend(forecast.steps.iter().filter(|one| !is_unknown(one)).flat_map(step));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// One document: a list of the images.
pub fn json(all: &[(&str, &Forecast)]) -> String {
    let one = |(image, forecast): &(&str, &Forecast)| json!({"image": image, "steps": forecast.steps, "of": forecast.of, "unknown": forecast.unknown, "holds": forecast.holds});
    format!("{:#}\n", Value::from(all.iter().map(one).collect::<Vec<_>>()))
}

fn is_unknown(step: &Predicted) -> bool {
    step.because == [Because::Unknown]
}

fn head(Forecast { steps, of, unknown, holds }: &Forecast) -> String {
    if steps.is_empty() {
        let made = format!("none of {} would run; the image is made anew of what the builder has", count(*of, "step"));
        return if *holds { "nothing to build".to_owned() } else { made };
    }
    let known = steps.iter().filter_map(|step| step.ms);
    let cost = match (known.clone().count(), known.sum()) {
        (0, _) => String::new(),
        (all, sum) if all == steps.len() => format!(", {} when they ran last", ms(sum)),
        (some, sum) => format!(", {} when {some} of them ran last", ms(sum)),
    };
    let maybe = if *unknown { "may run" } else { "would run" };
    let why = if steps.iter().all(is_unknown) { format!(": {}", Because::Unknown) } else { String::new() };
    format!("{} of {of} {maybe}{cost}{why}", count(steps.len(), "step"))
}

fn step(Predicted { line, text, because, ms: took }: &Predicted) -> Vec<String> {
    let took = took.map_or_else(String::new, ms);
    let because: Vec<String> = because.iter().map(|one| visible(&one.to_string())).collect();
    vec![
        format!("{took:>10}  line {line:<4} {}", cut(&visible(text), WIDTH)),
        format!("{:>22} {}", "", because.join("; ")),
    ]
}
