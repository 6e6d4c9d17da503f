//! What each target begins with: small images of the tests' builders, and files of this repository. With
//! `BLESS=1` they are written; otherwise they are compared.

use crate::images::*;
use crate::place;
use serde_json::json;
use std::fs;
use std::path::Path;

/// Name and bytes of a seed.
type Seed = (&'static str, Vec<u8>);

fn base() -> Vec<u8> {
    layer(&[
        directory("etc/", 0o755),
        file("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/app:/bin/sh\n"),
        file("bin/sh", 0o755, "#!/bin/busybox\n"),
        file("lib/apk/db/installed", 0o644, "P:musl\nV:1.2\nF:lib\nR:libc.so\n"),
        link("usr", "bin"),
    ])
}

fn app() -> Vec<u8> {
    layer(&[
        file("app/run", 0o4755, "#!/bin/sh\nexec sleep 1\n"),
        hard_link("app/again", "app/run"),
        file("etc/.wh.passwd", 0o644, ""),
        file("root/.npmrc", 0o600, "//registry/:_authToken=abcdef\n"),
        file(&format!("{}/long", "n".repeat(120)), 0o644, "x").owned(70_000, 5),
    ])
}

fn image() -> Image {
    let mut image = Image::new(json!({"User": "app", "Entrypoint": ["/app/run"], "Env": ["A=b"]}), &[base(), app()]);
    image.history = json!([{"created_by": "ADD rootfs /"}, {"created_by": "RUN |1 A=b /bin/sh -c make # buildkit"}]);
    image
}

/// An image as the targets make it of bytes (`targets/made.rs`).
fn described() -> Vec<u8> {
    let image = image();
    let head = json!({"config": image.run, "history": image.history, "dockerfile": "FROM base\nRUN make\n"});
    [head.to_string().as_bytes(), b"<layers>", &base(), b"<next layer>", &app()].concat()
}

fn layers() -> Vec<Seed> {
    let sparse = layer(&[file("a", 0o644, "text"), file(&"d/".repeat(80), 0o755, "")]);
    vec![("base", base()), ("app.gz", gzip(&app())), ("app.zst", zstd(&app())), ("long", sparse), ("app", app())]
}

fn archives() -> Vec<Seed> {
    let image = image();
    vec![
        ("described", described()),
        ("legacy", image.legacy()),
        ("modern.gz", gzip(&image.modern())),
        ("oci.zst", zstd(&image.oci(&gzip))),
    ]
}

fn of_files(files: &[(&'static str, &str)]) -> Vec<Seed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    files.iter().map(|(name, path)| (*name, fs::read(root.join(path)).unwrap())).collect()
}

fn references() -> Vec<Seed> {
    let names = format!(
        "docker.io/library/nginx:1@sha256:{0}\nlocalhost:5000/a/b__c-d.e:v1\nsha256:{0}\nghcr.io/A/b\n",
        "0a".repeat(32)
    );
    vec![
        ("names", names.into_bytes()),
        ("numbers", b"1.5GiB\n200 MB\n17\n0.1k\n1m30s\n500ms\n9h\nlinux/arm/v7\n\x1b[2J\n".to_vec()),
    ]
}

fn ignores() -> Vec<Seed> {
    let text = "# comment\n*\n!src/**\n**/*.log\n!b/c\n/a\n[a-c]?b\n\\*\n \nnode_modules\n!**/index.js\n[[:alpha:]]\n";
    let files = [("backend", "dockerfiles/backend.Dockerfile.dockerignore")];
    [of_files(&files), vec![("patterns", text.into())]].concat()
}

fn dockerfiles() -> Vec<Seed> {
    let text = "# escape=`\nARG A=1\nFROM ${A:-b}@sha256:0 AS x\nRUN --mount=type=bind,from=y a `\n# b\n  c\nCOPY <<-EOF /a/** /a/b\n\
        \tx\n\tEOF\nFROM x\nWORKDIR $A/b\nCMD [\"a\", \"b\"]\nUSER 1\n";
    let files = [("backend", "dockerfiles/backend.Dockerfile"), ("frontend", "dockerfiles/frontend.Dockerfile")];
    [of_files(&files), vec![("short", text.into())]].concat()
}

fn all() -> Vec<(&'static str, Vec<Seed>)> {
    let manifests = ["backend", "database", "frontend"].map(|name| (name, format!("k8s/manifests/{name}.yaml")));
    let manifests = manifests.each_ref().map(|(name, path)| (*name, path.as_str()));
    vec![
        ("archive", archives()),
        ("chart", of_files(&manifests)),
        ("dockerfile", dockerfiles()),
        ("ignore", ignores()),
        ("layer", layers()),
        ("reference", references()),
        ("settings", of_files(&[("todo", "loadline.toml"), ("failures", "fixtures/failures/loadline.toml")])),
        ("transfer", vec![("described", described()), ("legacy", image().legacy())]),
    ]
}

#[test]
fn seeds_are_what_the_builders_make() {
    for (target, seeds) in all() {
        for (name, bytes) in seeds {
            let path = place("corpus").join(target).join(format!("seed-{name}"));
            if std::env::var_os("BLESS").is_some() {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, &bytes).unwrap();
            }
            assert!(fs::read(&path).is_ok_and(|kept| kept == bytes), "{}: BLESS=1 writes it anew", path.display());
        }
    }
}
