//! What a release gets as values, and that its chart makes use of them.

use super::Error;
use crate::cluster::Object;
use crate::project::Release;
use crate::types::{ImageId, ImageRef};
use serde_json::{Map, Value, json};

/// An image of the plan as a release runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipped {
    /// Its name in the plan.
    pub name: String,
    /// Its repository, as nodes know it, such as `docker.io/library/shop-api`.
    pub repository: String,
    /// The tag of its id, which never moves.
    pub tag: String,
    /// Its id.
    pub id: ImageId,
    /// What the engine knows it by.
    pub engine_id: String,
}

impl Shipped {
    /// The image `name` of the plan, whose own tag is `own` and whose id is `id`, `engine_id` in the
    /// engine.
    pub fn of(name: &str, own: &ImageRef, id: &ImageId, engine_id: &str) -> Self {
        let repository = format!("{}/{}", own.domain(), own.path());
        let tag = format!("id-{}", id.short());
        Self { name: name.to_owned(), repository, tag, id: id.clone(), engine_id: engine_id.to_owned() }
    }

    /// The whole name.
    pub fn reference(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }
}

/// The values of `release`: its own, and where its image is.
pub fn values(release: &Release, image: Option<&Shipped>) -> Value {
    let mut values = release.set.clone();
    if let Some(Shipped { repository, tag, .. }) = image {
        let place = values.entry("image").or_insert_with(|| Value::Object(Map::new()));
        if !place.is_object() {
            *place = json!({});
        }
        place["repository"] = json!(repository);
        place["tag"] = json!(tag);
    }
    Value::Object(values)
}

/// That what was rendered runs `image`, and lets no node look for it elsewhere.
///
/// # Errors
/// No container has it, or one that has it is to be pulled always.
pub fn check(release: &Release, image: &Shipped, objects: &[Object]) -> Result<(), Error> {
    let (mut found, mut others) = (false, Vec::new());
    for (object, container) in objects.iter().flat_map(|object| containers(object).map(move |one| (object, one))) {
        if !runs(container, image) {
            others.push(image_of(container).to_owned());
            continue;
        }
        found = true;
        if container.get("imagePullPolicy").and_then(Value::as_str) == Some("Always") {
            let (release, name) = (release.name.clone(), object.name().to_owned());
            return Err(Error::PulledAlways { release, image: image.reference(), workload: name });
        }
    }
    if found {
        return Ok(());
    }
    let (release, chart) = (release.name.clone(), release.chart.clone());
    Err(Error::OtherImage { release, chart, image: image.reference(), found: others })
}

/// The `spec` of the pods that `object` makes, if it makes any.
fn pod_spec(object: &Object) -> Option<&Value> {
    object.value.pointer(match object.kind() {
        "Pod" => "/spec",
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        _ => "/spec/template/spec",
    })
}

/// A container that runs an image: the kind and name of what makes it, the `spec` of its pod, and
/// itself.
pub type Running<'a> = (String, &'a Value, &'a Value);

/// The containers of `objects` that run `image`.
pub fn running<'a>(objects: &'a [Object], image: &Shipped) -> Vec<Running<'a>> {
    let mut found = Vec::new();
    for object in objects {
        let Some(spec) = pod_spec(object) else { continue };
        let name = format!("{} `{}`", object.kind(), object.name());
        found
            .extend(containers(object).filter(|one| runs(one, image)).map(|container| (name.clone(), spec, container)));
    }
    found
}

fn image_of(container: &Value) -> &str {
    container.get("image").and_then(Value::as_str).unwrap_or_default()
}

/// Whether `container` runs `image`, however its chart writes the name.
fn runs(container: &Value, image: &Shipped) -> bool {
    let names = image_of(container).parse::<ImageRef>().ok().zip(image.reference().parse().ok());
    names.is_some_and(|(one, wanted)| one == wanted)
}

/// The containers of a workload, those that run first included.
pub fn containers(object: &Object) -> impl Iterator<Item = &Value> {
    let list = move |name: &str| pod_spec(object)?.get(name)?.as_array();
    ["initContainers", "containers"].into_iter().filter_map(list).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn release(set: Value) -> Release {
        let set = set.as_object().cloned().unwrap_or_default();
        Release {
            name: "api".into(),
            chart: PathBuf::new(),
            image: None,
            values: vec![],
            set,
            needs: vec![],
            on_request: false,
        }
    }

    fn shipped() -> Shipped {
        let id = ImageId(crate::types::Digest::of(b"api"));
        let (repository, tag) = ("docker.io/library/shop".into(), "id-0123456789ab".into());
        Shipped { name: "api".into(), repository, tag, id, engine_id: String::new() }
    }

    fn deployment(image: &str, policy: &str) -> Object {
        let container = json!({"image": image, "imagePullPolicy": policy});
        let value = json!({
            "kind": "Deployment", "metadata": {"name": "d"},
            "spec": {"template": {"spec": {"containers": [container]}}},
        });
        Object { value }
    }

    #[test]
    fn the_image_wins_over_what_is_set_and_leaves_the_rest() {
        let set = json!({"image": {"tag": "x", "pullPolicy": "Never"}, "replicas": 2});
        let values = values(&release(set), Some(&shipped()));
        assert_eq!(values["image"]["tag"], "id-0123456789ab");
        assert_eq!(values["image"]["repository"], "docker.io/library/shop");
        assert_eq!(values["image"]["pullPolicy"], "Never");
        assert_eq!(values["replicas"], 2);
        assert_eq!(super::values(&release(json!({})), None), json!({}));
    }

    #[test]
    fn a_chart_that_runs_another_image_is_refused() {
        let (release, image) = (release(json!({})), shipped());
        // However the chart writes it.
        for name in ["shop:id-0123456789ab", "docker.io/library/shop:id-0123456789ab"] {
            assert!(check(&release, &image, &[deployment(name, "Never")]).is_ok(), "{name}");
        }
        let other = check(&release, &image, &[deployment("shop:dev", "Never")]);
        assert!(matches!(other, Err(Error::OtherImage { found, .. }) if found == ["shop:dev"]));
        let always = check(&release, &image, &[deployment("shop:id-0123456789ab", "Always")]);
        assert!(matches!(always, Err(Error::PulledAlways { .. })));
    }
}
