//! An image that was read before and has another layer now: only that one is read.

use crate::harness::address;
use crate::site::{SERVER, Site};
use serde_json::Value;

/// All that was found of the image, and whether the engine exported it.
fn verified(site: &Site, environment: &[(&str, String)]) -> (Value, bool) {
    let ran = site.run(&["verify"], environment);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut verdict = ran.one("verified", "site").clone();
    for time in ["at_ms", "ms", "read_ms"] {
        verdict.as_object_mut().unwrap().remove(time);
    }
    (verdict, !ran.of("reading", "site").is_empty())
}

#[test]
fn only_layers_that_are_new_are_read_of_an_engine_that_was_taught() {
    let (site, host) = (Site::new(), ("DOCKER_HOST", address().to_string()));
    let build = |text: &str| {
        site.write("project/server.py", &format!("# {} {text}\n{SERVER}", site.tag));
        let ran = site.run(&["build"], std::slice::from_ref(&host));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.one("built", "site")["id"].as_str().unwrap().to_owned()
    };
    let first = build("one");
    assert!(verified(&site, std::slice::from_ref(&host)).1, "an image that was never seen is exported");
    let stores_blobs = std::env::var("LOADLINE_TEST_ENGINE").unwrap() == "containerd";
    if !stores_blobs {
        let taught = site.command(&["teach", &first], std::slice::from_ref(&host)).output().unwrap();
        assert!(taught.status.success(), "{}", String::from_utf8_lossy(&taught.stderr));
    }
    build("two");
    let (verdict, exported) = verified(&site, std::slice::from_ref(&host));
    // A store of blobs tells by which digests it pushes only when an image is loaded.
    assert_eq!(exported, stores_blobs);
    let afresh = [host, ("XDG_CACHE_HOME", site.home().join("other").display().to_string())];
    assert_eq!(verified(&site, &afresh), (verdict, true), "read whole it is the same");
    site.remove_from(&address());
}
