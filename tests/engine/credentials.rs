//! Private registries: credentials found as the docker CLI finds them, used, and told to nobody.

use crate::harness::{address, untag};
use crate::registry::{Registry, USER};
use crate::site::Site;
use crate::todo::Ran;
use std::fs;
use std::path::Path;

/// An image that is nothing but a file, in the registry.
pub fn private_base(registry: &Registry) -> Site {
    let base = Site::tagged(format!("{}/base:1", registry.host));
    base.write("project/Dockerfile", "FROM scratch\nCOPY loadline.toml server.py /\n");
    registry.publish(&base);
    base
}

fn environment(config: &str) -> Vec<(&'static str, String)> {
    vec![("DOCKER_HOST", address().to_string()), ("DOCKER_CONFIG", config.to_owned())]
}

/// The password is in nothing that was said, and in no file that was kept.
fn assert_secret(registry: &Registry, site: &Site, ran: &Ran) {
    let kept = all_files(&site.home());
    for secret in [&registry.password, &registry.encoded()] {
        for said in [&ran.stderr, &format!("{:?}", ran.events), &kept] {
            assert!(!said.contains(secret.as_str()), "the password is told: {said}");
        }
    }
}

fn all_files(dir: &Path) -> String {
    let entries = fs::read_dir(dir).unwrap().flatten().map(|entry| entry.path());
    let text = |path: std::path::PathBuf| match path.is_dir() {
        true => all_files(&path),
        false => String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned(),
    };
    entries.map(text).collect()
}

#[test]
fn a_private_base_needs_a_login_and_every_way_to_keep_one_works() {
    let registry = Registry::start();
    let base = private_base(&registry);
    let site = Site::new();
    let dockerfile = |salt: &str| {
        site.write("project/Dockerfile", &format!("FROM {}\nENV SALT={salt}\nCOPY server.py /\n", base.tag));
    };
    let wrong = format!(r#"{{"auths":{{"{}":{{"username":"{USER}","password":"wrong"}}}}}}"#, registry.host);
    for (name, text) in [("none", "{}"), ("wrong", &wrong)] {
        dockerfile(name);
        let ran = site.run(&["build"], &environment(&registry.config(name, text)));
        assert_eq!(ran.code, 4, "{name}: {}", ran.stderr);
        let failed = ran.events.iter().find(|event| event["event"] == "failed").unwrap().to_string();
        assert!(failed.contains(&format!("cannot get the base image `{}`", base.tag)), "{name}: {failed}");
        assert!(failed.contains(&format!("`docker login {}`", registry.host)), "{name}: {failed}");
        assert_secret(&registry, &site, &ran);
    }
    let bin = registry.helper("loadline-test");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let for_host = format!(r#"{{"credHelpers":{{"{}":"loadline-test"}}}}"#, registry.host);
    for (name, text) in [("helper", for_host.as_str()), ("store", r#"{"credsStore":"loadline-test"}"#)] {
        dockerfile(name);
        let mut environment = environment(&registry.config(name, text));
        environment.push(("PATH", path.clone()));
        let ran = site.run(&["build"], &environment);
        assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
        assert_secret(&registry, &site, &ran);
    }
    dockerfile("auths");
    let ran = site.run(&["build"], &environment(&registry.logged_in()));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_secret(&registry, &site, &ran);
    untag(site.tag.clone());
}

#[test]
fn a_private_base_that_changes_in_its_registry_is_built_on_anew() {
    let registry = Registry::start();
    let base = private_base(&registry);
    let site = Site::new();
    site.write("project/Dockerfile", &format!("FROM {}\nCOPY server.py /\n", base.tag));
    let build = || {
        let ran = site.run(&["build"], &environment(&registry.logged_in()));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let id = ran.events.iter().find_map(|event| event["id"].as_str()).unwrap();
        id.to_owned()
    };
    let first = build();
    assert_eq!(first, build());
    base.write("project/server.py", "changed");
    registry.publish(&base);
    assert_ne!(first, build());
    untag(site.tag.clone());
}

#[test]
fn what_an_image_needs_is_pulled_with_the_login() {
    let registry = Registry::start();
    let need = Site::tagged(format!("{}/need:1", registry.host));
    registry.publish(&need);
    let site = Site::new();
    site.append_settings(&format!("[image.site.needs.other]\nimage = \"{}\"\n", need.tag));
    let ran = site.run(&["build"], &environment(&registry.logged_in()));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let ran = site.run(&["smoke"], &environment(&registry.config("none", "{}")));
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let failed = ran.events.iter().find(|event| event["event"] == "failed").unwrap().to_string();
    assert!(failed.contains(&format!("the registry {} does not give `{}`", registry.host, need.tag)), "{failed}");
    assert!(failed.contains(&format!("`docker login {}`", registry.host)), "{failed}");
    let ran = site.run(&["smoke"], &environment(&registry.logged_in()));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_secret(&registry, &site, &ran);
    untag(site.tag.clone());
    untag(need.tag.clone());
}
