//! What came from elsewhere, as it may be shown.

/// `text` on one line, cut to `most` characters, without control characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    let clean = || text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut shown: String = clean().take(most).collect();
    if clean().nth(most).is_some() {
        shown.push('…');
    }
    shown
}

/// The first `most` lines of `text` that say something, each cut to `width` characters.
pub(super) fn first_lines(text: &str, most: usize, width: usize) -> Vec<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut shown: Vec<String> = lines.iter().take(most).map(|line| cut(line.trim_end(), width)).collect();
    if lines.len() > most {
        shown.push(format!("… {} more lines", lines.len() - most));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_hostile_texts_stay_short_and_harmless() {
        assert_eq!(cut("a\tb\u{1b}[0m", 3), "a b…");
        assert_eq!(first_lines("one\n\n  two\nthree\nfour", 2, 80), ["one", "  two", "… 2 more lines"]);
        assert_eq!(first_lines("", 2, 80), Vec::<String>::new());
    }
}
