//! Where the bytes of an image come from: nothing is lost, nothing counted twice.

use crate::images::*;
use loadline::blame::{Blame, Growth, Owner, blame};
use loadline::image::ImageFacts;
use loadline::image::dockerfile::{Dockerfile, origins};
use serde_json::json;

fn built(base: &[Item], copied: &[Item], changed: &[Item]) -> ImageFacts {
    built_to_run(base, copied, changed, json!({}))
}

fn blamed(facts: &ImageFacts) -> Blame {
    let found = blame(facts, &origins(&facts.config, Some(&Dockerfile::parse(DOCKERFILE)), None));
    let sum = |sizes: &mut dyn Iterator<Item = u64>| sizes.sum::<u64>();
    assert_eq!(found.size, facts.size());
    assert_eq!(sum(&mut found.lines.iter().map(|line| line.size.0)), found.size.0);
    assert_eq!(sum(&mut found.layers.iter().map(|layer| layer.size.0)), found.size.0);
    assert_eq!(
        sum(&mut found.layers.iter().map(|layer| layer.hidden.0)),
        sum(&mut found.lines.iter().map(|line| line.hidden.0))
    );
    for line in &found.lines {
        let parts = sum(&mut line.parts.iter().map(|part| part.size.0));
        assert_eq!(parts + line.framing.0, line.size.0, "{line:?}");
        assert_eq!(sum(&mut line.parts.iter().map(|part| part.hidden.0)), line.hidden.0, "{line:?}");
        assert!(line.hidden <= line.size);
    }
    assert_eq!(sum(&mut found.hidden.iter().map(|one| one.size.0)), sum(&mut found.lines.iter().map(|l| l.hidden.0)));
    found
}

fn big(path: &str, letter: char) -> Item {
    file(path, 0o644, &letter.to_string().repeat(5000))
}

/// The parts of the line with this number: what they are called, and their entries.
fn parts(blame: &Blame, line: u32) -> Vec<(String, usize)> {
    let line = blame.lines.iter().find(|one| one.line == Some(line)).unwrap();
    let name = |owner: &Owner| match owner {
        Owner::Package(package) => format!("{} {}", package.manager, package.name),
        Owner::Folder(path) => format!("/{path}"),
    };
    let mut parts: Vec<(String, usize)> = line.parts.iter().map(|part| (name(&part.owner), part.entries)).collect();
    parts.sort();
    parts
}

#[test]
fn every_byte_is_counted_once_whatever_is_in_the_layers() {
    a_hundred_times(|random| {
        let layers: Vec<Vec<Item>> = (0..3).map(|_| (0..random(40)).map(|_| item(random)).collect()).collect();
        blamed(&built(&layers[0], &layers[1], &layers[2]));
    });
}

/// Runs `test` a hundred times, with other random numbers below a bound.
fn a_hundred_times(test: impl Fn(&mut dyn FnMut(usize) -> usize)) {
    use rand::{Rng, SeedableRng};
    for seed in 0..100 {
        let mut random = rand::rngs::StdRng::seed_from_u64(seed);
        test(&mut |below| random.random_range(0..below));
    }
}

fn item(random: &mut dyn FnMut(usize) -> usize) -> Item {
    let names = ["a", "b", "c/d", "c/e", "c", "usr/share/x", "node_modules/left-pad/index.js"];
    let mut path = names[random(names.len())].to_owned();
    if random(8) == 0 {
        // A name that needs a header of its own.
        path = format!("{path}/{}", "long/".repeat(40) + "name");
    }
    match random(8) {
        0 => directory(&format!("{path}/"), 0o755),
        1 => link(&path, names[random(names.len())]),
        2 => hard_link(&path, names[random(names.len())]),
        3 => file(".wh.c", 0o644, ""),
        4 => file("c/.wh..wh..opq", 0o644, ""),
        _ => file(&path, 0o644, &"x".repeat(random(3000))),
    }
}

#[test]
fn what_a_later_line_replaces_or_deletes_is_named_with_both_lines() {
    let facts = built(
        &[big("base", 'b'), big("gone/x", 'g'), big("kept", 'k'), big("first", 'f')],
        &[big("a/one", 'o'), big("a/two", 't'), hard_link("a/other", "a/two")],
        &[file("gone/.wh.x", 0o644, ""), big("a/one", 'o').owned(1000, 1000), big("a/two", 'T'), big("first", 'F')],
    );
    let found = blamed(&facts);
    let hidden: Vec<_> = found.hidden.iter().map(|one| (one.path.as_str(), one.line, one.by, one.same)).collect();
    // `a/two` is still seen, as `a/other`.
    let expected =
        [("a/one", Some(2), Some(3), true), ("first", Some(1), Some(3), false), ("gone/x", Some(1), Some(3), false)];
    assert_eq!(hidden, expected);
    // Header, content and padding.
    assert!(found.hidden.iter().all(|one| one.size.0 == 512 + 5120));
}

#[test]
fn files_that_are_there_twice_are_named() {
    let facts = built(
        &[big("lib/x", 'x'), big("lib/hidden", 'h'), file("small", 0o644, "same")],
        &[big("a/x", 'x'), big("a/hidden", 'h'), file("a/small", 0o644, "same")],
        &[big("lib/hidden", 'n'), hard_link("a/link", "a/x")],
    );
    let found = blamed(&facts);
    assert_eq!(found.twins.len(), 1, "{:?}", found.twins);
    assert_eq!(found.twins[0].paths, ["a/x", "lib/x"]);
    assert_eq!((found.twins[0].content.0, found.twins[0].wasted.0), (5000, 512 + 5120));
}

#[test]
fn files_belong_to_their_package_or_to_their_folder() {
    let status = "Package: bash\nStatus: install ok installed\nVersion: 5.2\n";
    let site = "venv/lib/python3.12/site-packages";
    let facts = built(
        &[
            directory("usr/", 0o755),
            big("usr/bin/bash", 'b'),
            big("usr/share/doc/bash/copyright", 'c'),
            file("var/lib/dpkg/status", 0o644, status),
            file("var/lib/dpkg/info/bash.list", 0o644, "/.\n/bin\n/bin/bash\n/usr/share/doc/bash/copyright\n"),
        ],
        &[
            big(&format!("{site}/flask/app.py"), 'f'),
            big(&format!("{site}/flask/__pycache__/app.cpython-312.pyc"), 'p'),
            file(&format!("{site}/flask-3.1.0.dist-info/RECORD"), 0o644, "flask/app.py,sha256=x,5000\n"),
            big("app/node_modules/@scope/name/index.js", 'j'),
            big("srv/app/main.py", 'm'),
        ],
        &[],
    );
    let found = blamed(&facts);
    let named =
        |parts: &[(&str, usize)]| parts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<Vec<_>>();
    assert_eq!(parts(&found, 1), named(&[("/", 1), ("/var/lib/dpkg", 2), ("dpkg bash", 2)]));
    assert_eq!(
        parts(&found, 2),
        named(&[
            ("/srv/app", 1),
            (&format!("/{site}/flask-3.1.0.dist-info"), 1),
            ("npm @scope/name", 1),
            ("pip flask", 2)
        ])
    );
}

#[test]
fn growth_is_told_by_line_package_and_file() {
    let before = built(&[big("base", 'b')], &[big("a/x", 'x'), big("a/gone", 'g')], &[]);
    let now = built(&[big("base", 'b')], &[big("a/x", 'x'), big("a/new", 'n'), big("a/newer", 'N')], &[]);
    let (was, is) = (blamed(&before), blamed(&now));
    let growth = Growth::between((&was, &before), (&is, &now));
    assert_eq!(growth.by, now.size().0.cast_signed() - before.size().0.cast_signed());
    assert_eq!(growth.lines.iter().map(loadline::blame::Change::by).sum::<i64>(), growth.by);
    assert_eq!(growth.lines.len(), 1);
    let files: Vec<(&str, i64)> = growth.files.iter().map(|change| (change.what.as_str(), change.by())).collect();
    assert_eq!(files, [("/a/gone", -5000), ("/a/new", 5000), ("/a/newer", 5000)]);
    let same = Growth::between((&was, &before), (&was, &before));
    assert!(same.by == 0 && same.lines.is_empty() && same.parts.is_empty() && same.files.is_empty());
}
