//! Names, digests, sizes, durations and platforms, as people and registries write them.

use loadline::types::{ByteSize, Digest, ImageId, ImageRef, Platform, format_duration, parse_duration, visible};
use std::fmt::{Debug, Display};
use std::str::FromStr;
use std::time::Duration;

pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for text in [&*text].into_iter().chain(text.lines()) {
        one(text);
    }
}

fn one(text: &str) {
    reference(text);
    again::<Platform>(text);
    if let Some(digest) = again::<Digest>(text) {
        assert_eq!((digest.hex().len(), digest.short().len()), (64, 12));
        assert_eq!(text.parse::<ImageId>().map(|id| id.0).as_ref(), Ok(&digest));
    }
    duration(text);
    size(text);
    let shown = visible(text);
    assert!(!shown.contains(char::is_control), "{shown:?}");
    assert_eq!(visible(&shown), shown);
}

/// What is read of `text`, which is read again from how it is shown.
fn again<T: FromStr + Display + PartialEq + Debug>(text: &str) -> Option<T>
where
    T::Err: Display,
{
    match text.parse::<T>() {
        Ok(read) => {
            let shown = read.to_string();
            assert_eq!(shown.parse::<T>().ok().as_ref(), Some(&read), "{text:?} is shown as {shown:?}");
            Some(read)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

fn reference(text: &str) {
    let Some(name) = again::<ImageRef>(text) else { return };
    assert_eq!(name.canonical().parse::<ImageRef>().as_ref(), Ok(&name), "{text:?}");
    assert_eq!(name.canonical().parse::<ImageRef>().map(|again| again.canonical()), Ok(name.canonical()));
    let tagged = name.with_tag("id-0123456789ab").expect("a tag");
    assert_eq!((tagged.domain(), tagged.path()), (name.domain(), name.path()), "{text:?}");
    assert_eq!((tagged.tag(), tagged.digest()), (Some("id-0123456789ab"), None), "{text:?}");
    let json = serde_json::to_string(&name).expect("a string");
    assert_eq!(serde_json::from_str::<ImageRef>(&json).ok(), Some(name));
}

fn duration(text: &str) {
    let Ok(read) = parse_duration(text) else { return };
    assert!(!format_duration(read).is_empty());
    let written = format!("{}ms", read.as_millis() % 1_000_000_000);
    let rest = Duration::from_millis((read.as_millis() % 1_000_000_000) as u64);
    assert_eq!(parse_duration(&written), Ok(rest));
}

fn size(text: &str) {
    let Ok(read) = text.parse::<ByteSize>() else { return };
    assert_eq!(format!("{} B", read.0).parse(), Ok(read));
    assert_eq!(read.limit().parse(), Ok(read), "{} is another size", read.limit());
    assert!(!read.to_string().is_empty() && !read.of_limit(read).is_empty());
}
