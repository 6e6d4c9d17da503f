//! Counts out of what test programs print.

use super::Count;

/// Adds up libtest's summaries: `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; …`.
/// What was filtered out counts as skipped unless a filter was asked for.
pub fn count(text: &str, filtered: bool) -> Count {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("test result: "))
        .map(|summary| summary_count(summary, filtered))
        .fold(Count::default(), Count::plus)
}

fn summary_count(summary: &str, filtered: bool) -> Count {
    let number = |word| number_before(summary, word).unwrap_or(0);
    let left_out = if filtered { 0 } else { number("filtered out") };
    Count { passed: number("passed"), failed: number("failed"), skipped: number("ignored") + left_out }
}

/// The count in the last line that has one: `12 passed`, perhaps with `, 1 failed, 2 skipped`.
pub fn last_count(text: &str) -> Option<Count> {
    text.lines().rev().find_map(|line| {
        let passed = number_before(line, "passed")?;
        let number = |word| number_before(line, word).unwrap_or(0);
        Some(Count { passed, failed: number("failed"), skipped: number("skipped") })
    })
}

fn number_before(text: &str, word: &str) -> Option<usize> {
    let before = text[..text.find(word)?].trim_end();
    let start = before.rfind(|letter: char| !letter.is_ascii_digit()).map_or(0, |index| index + 1);
    before[start..].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMARY: &str = "running 3 tests\n\
        test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s\n\
        test result: FAILED. 3 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";

    #[test]
    fn summaries_add_up() {
        assert_eq!(count(SUMMARY, false), Count { passed: 15, failed: 4, skipped: 3 });
    }

    #[test]
    fn a_wanted_filter_skips_nothing() {
        assert_eq!(count(SUMMARY, true), Count { passed: 15, failed: 4, skipped: 1 });
    }

    #[test]
    fn the_last_count_is_taken() {
        let text = "=== 9 passed in 0.1s ===\n20 passed, 0 failed, 1 skipped\nbye\n";
        assert_eq!(last_count(text), Some(Count { passed: 20, failed: 0, skipped: 1 }));
        assert_eq!(last_count("nothing"), None);
    }
}
