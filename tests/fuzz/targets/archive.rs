//! An archive with one image: read, proven, checked and shown.

use super::made::{made, summed};
use super::shown;
use loadline::image::ImageFacts;
use loadline::image::archive::{Archive, ArchiveError, Choice};
use loadline::types::{Digest, Explained, Outcome};

pub fn check(bytes: &[u8]) {
    for archive in [bytes, &summed(bytes)] {
        match read(archive) {
            Ok(facts) => image(&facts, None),
            Err(error) => refused(&error),
        }
    }
    let made = made(bytes);
    match read(&made.archive()) {
        Ok(facts) => {
            assert_eq!(facts.config_bytes, made.config);
            assert_eq!(facts.config.rootfs.diff_ids, made.diff_ids);
            image(&facts, made.beside.get("dockerfile").and_then(|text| text.as_str()));
        }
        Err(error) => refused(&error),
    }
}

fn read(archive: &[u8]) -> Result<ImageFacts, ArchiveError> {
    Archive::read("archive", archive, None)?.image(&Choice::default())
}

/// It could not be checked, which is neither a pass nor a fault of the image's maker.
fn refused(error: &ArchiveError) {
    assert_eq!(error.outcome(), Outcome::Unreachable, "{error}");
    assert!(!error.to_string().is_empty());
}

/// What was read is what the digests say, and nothing that is done with it fails.
fn image(facts: &ImageFacts, dockerfile: Option<&str>) {
    assert_eq!(facts.id.0, Digest::of(&facts.config_bytes));
    let diff_ids = facts.layers.iter().map(|layer| &layer.diff_id);
    assert!(diff_ids.eq(&facts.config.rootfs.diff_ids), "layers are not those of the config");
    shown::everywhere(facts, dockerfile, Vec::new());
}
