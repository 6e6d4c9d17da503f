//! What the script on a node writes: sections between marks, each with an exit code.

const MARK: &str = "@loadline ";
/// More than any command of the script writes on a node of any size.
const LONGEST_SECTION: usize = 8 << 20;

/// What one command on the node wrote, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) code: i32,
}

/// All that came from the node so far.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    /// The line that is not yet whole.
    partial: Vec<u8>,
    open: Option<Section>,
    closed: Vec<Section>,
    /// The last word outside of sections: `ready`, `done`, `lacks ctr`.
    word: Option<String>,
    /// What belongs to no section: complaints of the shell or the engine.
    stray: String,
}

impl Transcript {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                let line = String::from_utf8_lossy(&std::mem::take(&mut self.partial)).into_owned();
                self.line(line.trim_end_matches('\r'));
            } else if self.partial.len() < LONGEST_SECTION {
                self.partial.push(*byte);
            }
        }
    }

    /// The last word outside of sections.
    pub(super) fn word(&self) -> Option<&str> {
        self.word.as_deref()
    }

    /// The last closed section of this name.
    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.closed.iter().rev().find(|section| section.name == name)
    }

    /// Forgets all sections: what comes next is news.
    pub(super) fn clear(&mut self) {
        self.closed.clear();
        self.word = None;
    }

    /// What the node said last, for an error: its complaints, or the section it stopped in.
    pub(super) fn last_words(&self) -> String {
        let open = self.open.as_ref().map_or("", |section| section.text.trim());
        let rest = String::from_utf8_lossy(&self.partial);
        let parts = [self.stray.trim(), open, rest.trim()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
    }

    pub(super) fn complain(&mut self, bytes: &[u8]) {
        const MOST: usize = 4 << 10;
        if self.stray.len() < MOST {
            self.stray.push_str(&String::from_utf8_lossy(bytes));
        }
    }

    fn line(&mut self, line: &str) {
        let Some(mark) = line.strip_prefix(MARK) else {
            match &mut self.open {
                Some(section) if section.text.len() < LONGEST_SECTION => {
                    section.text.push_str(line);
                    section.text.push('\n');
                }
                Some(_) => {}
                None => self.complain(format!("{line}\n").as_bytes()),
            }
            return;
        };
        match mark.split_once(' ') {
            Some(("begin", name)) => {
                self.open = Some(Section { name: name.to_owned(), text: String::new(), code: 0 });
            }
            Some(("end", code)) => {
                if let Some(mut section) = self.open.take() {
                    section.code = code.parse().unwrap_or(-1);
                    self.closed.push(section);
                }
            }
            _ => self.word = Some(mark.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "warning: x\n@loadline begin names\nREF  DIGEST\n\n@loadline end 0\n\
        @loadline begin cri a:1\nno such image\n\n@loadline end 1\n@loadline ready\n";

    #[test]
    fn sections_are_read_however_the_bytes_are_cut() {
        for size in 1..TEXT.len() {
            let mut transcript = Transcript::default();
            TEXT.as_bytes().chunks(size).for_each(|chunk| transcript.feed(chunk));
            assert_eq!(transcript.word(), Some("ready"));
            assert_eq!(transcript.section("names").unwrap().text.trim(), "REF  DIGEST");
            assert_eq!(transcript.section("cri a:1").unwrap().code, 1);
            assert_eq!(transcript.last_words(), "warning: x");
        }
    }

    #[test]
    fn the_section_that_was_not_finished_is_the_last_word() {
        let mut transcript = Transcript::default();
        transcript.feed(b"@loadline begin import\nctr: no space left on device\nand");
        assert_eq!(transcript.last_words(), "ctr: no space left on device; and");
        assert_eq!(transcript.section("import"), None);
    }
}
