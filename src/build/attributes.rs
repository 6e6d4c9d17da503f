//! What the plan says, as options of BuildKit's Dockerfile frontend.

use super::Options;
use crate::project::ImagePlan;
use crate::types::Digest;
use std::collections::HashMap;
use std::path::Path;

/// The options of the frontend (`moby/buildkit`, `frontend/dockerfile/builder`).
pub(super) fn frontend(image: &ImagePlan, options: &Options) -> HashMap<String, String> {
    let mut attributes = HashMap::new();
    let mut set = |key: &str, value: String| attributes.insert(key.to_owned(), value);
    set("filename", dockerfile_name(image));
    if let Some(stage) = &image.stage {
        set("target", stage.clone());
    }
    if let Some(platform) = &image.platform {
        set("platform", platform.to_string());
    }
    if options.no_cache {
        // An empty value means every stage.
        set("no-cache", String::new());
    }
    set("image-resolve-mode", if options.pull { "pull" } else { "local" }.to_owned());
    for arg in &image.args {
        set(&format!("build-arg:{}", arg.name), arg.value.clone());
    }
    attributes
}

pub(super) fn dockerfile_dir(image: &ImagePlan) -> &Path {
    image.dockerfile.parent().unwrap_or(Path::new("/"))
}

fn dockerfile_name(image: &ImagePlan) -> String {
    image.dockerfile.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The engine keeps one copy of a context per key and deletes from it what the next build leaves
/// out, so builds that read different parts of one context must not share a key.
pub(super) fn shared_key(image: &ImagePlan, generation: &str) -> String {
    let stage = image.stage.as_deref().unwrap_or_default();
    let (context, dockerfile) = (image.context.as_os_str(), image.dockerfile.as_os_str());
    let parts = [context.as_encoded_bytes(), dockerfile.as_encoded_bytes(), stage.as_bytes(), generation.as_bytes()];
    Digest::of(&parts.join(&0)).hex().to_owned()
}
