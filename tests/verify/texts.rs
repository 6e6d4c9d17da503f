//! The text of every error.

use loadline::image::accounts::UserError;
use loadline::image::archive::{ArchiveError, Problem};
use loadline::image::layers::{LayerError, TarError};
use loadline::image::tree::Lost;
use loadline::types::{Digest, Explained};
use std::error::Error;
use std::io;

/// An error with its causes, a line each.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}\n    caused by: {cause}");
        next = cause.source();
    }
    text
}

fn problems() -> Vec<Problem> {
    let broken = || io::Error::other("disk on fire");
    let json = || serde_json::from_str::<serde_json::Value>("{").unwrap_err();
    let digest = |text: &str| Digest::of(text.as_bytes());
    let path = || String::from("blobs/x");
    vec![
        Problem::Open(broken()),
        Problem::Stream(broken()),
        Problem::Tar { after: "a".into(), source: TarError::Cut { at: 512 } },
        Problem::Tar { after: "a".into(), source: TarError::Header { at: 512, why: "its checksum is wrong" } },
        Problem::Tar { after: "a".into(), source: TarError::Read { at: 512, source: broken() } },
        Problem::Cut { after: "a".into() },
        Problem::NoImage,
        Problem::TooMany(9),
        Problem::Missing { path: path(), what: " (layer 3)".into() },
        Problem::TooLarge { path: path(), limit: 8 },
        Problem::Json { path: path(), source: json() },
        Problem::Digest { path: path(), found: digest("a") },
        Problem::Layer { path: path(), what: " (layer 3)".into(), source: LayerError::Stream(broken()) },
        Problem::DiffId { number: 3, path: path(), expected: digest("a"), found: digest("b") },
        Problem::LayerCount { image: path(), expected: 1, found: 2 },
        Problem::MediaType { path: path(), media_type: "text/plain".into() },
        Problem::Nested,
        Problem::Several(vec!["a:1".into(), "b:1".into()]),
        Problem::NotThere { wanted: "c:1".into(), there: vec!["a:1".into(), "b:1".into()] },
    ]
}

#[test]
fn archive_errors() {
    let mut text = String::new();
    for problem in problems() {
        let error = ArchiveError { archive: "a.tar".into(), problem: Box::new(problem) };
        let hint = error.hint().map_or(String::new(), |hint| format!("\n    hint: {hint}"));
        text += &format!("{} {}{hint}\n", error.outcome().code(), chain(&error));
    }
    insta::assert_snapshot!(text, @r"
    3 archive `a.tar`: it cannot be opened
        caused by: disk on fire
    3 archive `a.tar`: it cannot be read or decompressed to its end
        caused by: disk on fire
    3 archive `a.tar`: it is not a valid tar after `a`
        caused by: it is cut short at byte 512
        hint: write the archive again
    3 archive `a.tar`: it is not a valid tar after `a`
        caused by: there is no valid tar header at byte 512: its checksum is wrong
    3 archive `a.tar`: it is not a valid tar after `a`
        caused by: reading failed at byte 512
        caused by: disk on fire
    3 archive `a.tar`: it is cut short after `a`: the end of the tar is missing
        hint: write the archive again
    3 archive `a.tar`: it holds no image: neither `manifest.json` nor `index.json` is in it
        hint: write it with `docker save` (what `docker export` writes has no config)
    3 archive `a.tar`: it has more than 9 documents, layers and links
    3 archive `a.tar`: `blobs/x` is not in it (layer 3)
    3 archive `a.tar`: `blobs/x` is larger than a document may be (8 bytes)
    3 archive `a.tar`: `blobs/x` is not valid
        caused by: EOF while parsing an object at line 1 column 1
    3 archive `a.tar`: `blobs/x` is damaged: its digest is `sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb`
        hint: write the archive again
    3 archive `a.tar`: layer `blobs/x` (layer 3) cannot be read
        caused by: it cannot be decompressed or read to its end
        caused by: disk on fire
    3 archive `a.tar`: layer 3 (`blobs/x`) has diff id `sha256:3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d`, but the config says `sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb`
        hint: write the archive again
    3 archive `a.tar`: image `blobs/x` has 2 layers, but its config lists 1
    3 archive `a.tar`: `blobs/x` has media type `text/plain`, which is not an image
    3 archive `a.tar`: its indexes are nested too deeply
    2 archive `a.tar`: it holds 2 images: a:1, b:1
        hint: say which one with `--image`
    2 archive `a.tar`: it has no image `c:1`; it has a:1, b:1
    ");
}

#[test]
fn layer_errors_and_what_leads_nowhere() {
    let errors: Vec<Box<dyn Error>> = vec![
        Box::new(LayerError::Tar { after: "etc".into(), source: TarError::Cut { at: 7 } }),
        Box::new(LayerError::Escapes { path: "../x".into() }),
        Box::new(LayerError::LongPath),
        Box::new(LayerError::TooMany),
        Box::new(LayerError::Unknown),
        Box::new(Lost::Missing("a".into())),
        Box::new(Lost::NotADirectory("a".into())),
        Box::new(Lost::Loop("a".into())),
        Box::new(UserError::NoUser("app".into())),
        Box::new(UserError::NoGroup("app".into())),
        Box::new(UserError::Range("-1".into())),
        Box::new(UserError::NotRead("/etc/passwd")),
    ];
    let text: Vec<String> = errors.iter().map(|error| chain(error.as_ref())).collect();
    insta::assert_snapshot!(text.join("\n"), @r"
    its tar is not valid after `etc`
        caused by: it is cut short at byte 7
    its entry `../x` leads out of the image
    an entry has a path or link of more than 4096 bytes
    it has more than 4000000 entries or 512 MiB of names
    it is neither a tar nor a tar compressed with gzip or zstd
    `/a` does not exist
    `/a` is not a directory
    `/a` leads through more than 40 links
    user `app` is not in the image's /etc/passwd
    group `app` is not in the image's /etc/group
    `-1` is not an id (0 to 2147483647)
    `/etc/passwd` is a link, larger than 1 MiB, or executable, and was not read
    ");
}
