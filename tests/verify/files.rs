//! The merged view of an image's layers, and the user in it.

use crate::images::*;
use loadline::image::ImageFacts;
use loadline::image::accounts::{UserError, resolve};
use loadline::image::files::Kind;
use loadline::image::tree::{Identity, Lost, Tree};
use serde_json::Value;

fn facts(layers: &[Vec<Item>]) -> ImageFacts {
    let layers: Vec<Vec<u8>> = layers.iter().map(|items| layer(items)).collect();
    Image::new(Value::Null, &layers).facts()
}

fn exists(facts: &ImageFacts, path: &str) -> bool {
    Tree::new(&facts.layers).find(path).is_ok()
}

#[test]
fn layers_hide_what_they_delete() {
    let facts = facts(&[
        vec![
            file("a/x", 0o644, ""),
            file("a/y", 0o644, ""),
            file("b/x", 0o644, ""),
            file("c/d/e", 0o644, ""),
            file("f", 0o644, ""),
        ],
        vec![
            // An opaque directory hides what is below, wherever its mark stands in the tar.
            file("b/new", 0o644, ""),
            file("b/.wh..wh..opq", 0o644, ""),
            file("a/.wh.x", 0o644, ""),
            file(".wh.c", 0o644, ""),
            directory("f/", 0o755),
            file("f/g", 0o644, ""),
            file(".wh..wh.plnk", 0o644, ""),
            file("a/.wh...", 0o644, ""),
        ],
        vec![file("a", 0o644, "now a file")],
    ]);
    for (path, there) in
        [("b/new", true), ("b/x", false), ("c/d/e", false), ("c", false), ("f/g", true), ("a", true), ("a/y", false)]
    {
        assert_eq!(exists(&facts, path), there, "{path}");
    }
    assert!(!exists(&facts, "b/.wh..wh..opq"));
    let first = Tree::new(&facts.layers[..2]).find("a/y").map(|found| found.node.layer);
    assert_eq!(first, Ok(0));
    assert!(Tree::new(&facts.layers[..2]).find("a/x").is_err());
}

#[test]
fn links_are_followed_inside_the_image() {
    let facts = facts(&[vec![
        directory("usr/bin/", 0o755),
        file("usr/bin/sh", 0o755, "#!/x"),
        link("bin", "usr/bin"),
        link("up", "../../../usr/bin/./sh"),
        link("abs", "/bin/sh"),
        link("loop", "pool"),
        link("pool", "loop"),
        hard_link("usr/bin/ash", "usr/bin/sh"),
        file("bin/tool", 0o755, ""),
    ]]);
    let tree = Tree::new(&facts.layers);
    for path in ["/bin/sh", "bin/sh", "up", "/abs", "usr/../bin/sh", "/../bin//sh"] {
        assert_eq!(tree.find(path).unwrap().path, "usr/bin/sh", "{path}");
    }
    assert_eq!(tree.find("loop").unwrap_err(), Lost::Loop("loop".into()));
    assert_eq!(tree.find("abs/x").unwrap_err(), Lost::NotADirectory("usr/bin/sh".into()));
    assert_eq!(tree.find("nope/x").unwrap_err(), Lost::Missing("nope".into()));
    // A second name has the mode and the content of the first.
    let ash = tree.find("/bin/ash").unwrap().node.entry.unwrap();
    assert_eq!((ash.mode, ash.text.as_deref(), &ash.kind), (0o755, Some("#!/x"), &Kind::File));
    assert!(tree.find("usr/bin/tool").is_ok(), "through a link of the same layer");
    assert_eq!(tree.find("/").unwrap().path, "");
}

#[test]
fn permission_bits_are_those_of_one_class() {
    let facts = facts(&[vec![file("f", 0o054, "x").owned(5, 6)]]);
    let tree = Tree::new(&facts.layers);
    let node = tree.find("f").unwrap().node;
    let may = |uid, gids: &[u32]| node.may_execute(&Identity { uid, gids: gids.to_vec() });
    // The owner has no x even though his group has.
    assert_eq!([may(5, &[6]), may(7, &[1, 6]), may(7, &[7]), may(0, &[0])], [false, true, false, true]);
}

#[test]
fn users_resolve_as_runc_resolves_them() {
    let passwd =
        "root:x:0:0::/root:/bin/sh\n\n app:x:1000:1001::/:\nshort\nodd:x:abc:7\n7:x:70:70\nhuge:x:9999999999:1\n";
    let group = "root:x:0:\napp:x:1001:\nextra:x:50:other,app\n";
    let facts = facts(&[vec![file("etc/passwd", 0o644, passwd), file("etc/group", 0o644, group)]]);
    let tree = Tree::new(&facts.layers);
    let ids = |written: &str| resolve(written, &tree).map(|user| (user.identity.uid, user.identity.gids));
    assert_eq!(ids("app"), Ok((1000, vec![1001, 50])));
    assert_eq!(ids("1000"), Ok((1000, vec![1001, 50])));
    assert_eq!(ids("app:extra"), Ok((1000, vec![50])));
    assert_eq!(ids("2000"), Ok((2000, vec![0])));
    assert_eq!(ids("2000:3000"), Ok((2000, vec![3000])));
    // A number is a uid even where an account has it for a name.
    assert_eq!(ids("7"), Ok((7, vec![0])));
    for root in ["", "0", "0:1000", "root", "00", "+0", "-0", " 0 ", ":1000", "short", "odd", "root:1000"] {
        assert_eq!(ids(root).map(|(uid, _)| uid), Ok(0), "{root}");
    }
    assert_eq!(ids("nobody"), Err(UserError::NoUser("nobody".into())));
    assert_eq!(ids("app:nope"), Err(UserError::NoGroup("nope".into())));
    for beyond in ["-1", "2147483648", "huge"] {
        assert!(matches!(ids(beyond), Err(UserError::Range(_))), "{beyond}");
    }
    assert!(ids("99999999999999999999").is_err());
    let empty = self::facts(&[]);
    assert_eq!(resolve("1000", &Tree::new(&empty.layers)).unwrap().account, None);
}

#[test]
fn accounts_that_were_not_read_are_not_taken_for_empty() {
    let large = "x".repeat((1 << 20) + 1);
    let facts = facts(&[vec![file("etc/passwd", 0o644, &large), file("etc/group", 0o644, &large)]]);
    let tree = Tree::new(&facts.layers);
    assert_eq!(resolve("app", &tree), Err(UserError::NotRead("/etc/passwd")));
    assert_eq!(resolve("7:app", &tree), Err(UserError::NotRead("/etc/group")));
    assert_eq!(resolve("7", &tree).unwrap().identity, Identity { uid: 7, gids: vec![0] });
}
