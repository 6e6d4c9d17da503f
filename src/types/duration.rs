//! Durations, written as Go and Kubernetes write them.

use std::time::Duration;

/// What was given is no duration.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a duration (numbers with ms, s, m or h, such as `30s` or `1m30s`)")]
pub struct DurationError(String);

/// Reads `500ms`, `30s`, `1m30s` or `2h`.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let wrong = || DurationError(text.to_owned());
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u32 = rest[..digits].parse().map_err(|_| wrong())?;
        let tail = &rest[digits..];
        let unit_length = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let unit = match &tail[..unit_length] {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            _ => return Err(wrong()),
        };
        total = unit.checked_mul(number).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
        rest = &tail[unit_length..];
    }
    Ok(total)
}

/// Shows a duration with the precision a person wants: `41 ms`, `1.3s`, `2m05s`.
pub fn format_duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{:.1}s", (milliseconds / 100) as f64 / 10.0),
        _ => format!("{}m{:02}s", duration.as_secs() / 60, duration.as_secs() % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_shown() {
        let read = |text: &str| parse_duration(text).ok().map(|d| d.as_millis());
        assert_eq!(read("500ms"), Some(500));
        assert_eq!(read("1m30s"), Some(90_000));
        for bad in ["", "30", "s", "1d", "-1s", "1.5s", "99999999999h"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(format_duration(Duration::from_millis(41)), "41 ms");
        assert_eq!(format_duration(Duration::from_millis(59_999)), "59.9s");
        assert_eq!(format_duration(Duration::from_secs(125)), "2m05s");
    }
}
