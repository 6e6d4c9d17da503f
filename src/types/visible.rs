//! Text from elsewhere, made safe to show.

/// `text` without control characters, which could steer a terminal: they are written out.
pub fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_move_the_cursor_is_written_out_and_nothing_is_lost() {
        assert_eq!(visible("etc/a\x1b[2K\rb\n/ü"), "etc/a\\u{1b}[2K\\rb\\n/ü");
    }
}
