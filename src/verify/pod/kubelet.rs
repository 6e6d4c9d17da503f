//! What the kubelet would refuse, or the container could not do.

use super::Pod;
use crate::chart::{items, text};
use crate::image::accounts::User;
use crate::image::tree::Identity;
use crate::verify::entrypoint;
use crate::verify::subject::{Draft, Subject};
use serde_json::Value;

/// Ports below it need a capability (Linux, `ip_unprivileged_port_start`).
const FIRST_FREE_PORT: u64 = 1024;

pub(super) fn check(subject: &Subject<'_>, pod: &Pod) -> Vec<Draft> {
    let rules = [user, program, ports, probes, writes, secrets, pull, architecture];
    rules.iter().flat_map(|rule| rule(subject, pod)).collect()
}

/// `runAsNonRoot` is checked before the container starts: root and names are refused.
fn user(subject: &Subject<'_>, pod: &Pod) -> Vec<Draft> {
    if pod.security("runAsNonRoot") != Some(&Value::Bool(true)) {
        return Vec::new();
    }
    let found = match (pod.uid(), &subject.user) {
        (Some(0), _) => "`runAsUser: 0` with `runAsNonRoot: true`".to_owned(),
        (Some(_), _) => return Vec::new(),
        (None, Ok(User { identity: Identity { uid: 0, .. }, .. })) => {
            "`runAsNonRoot: true`, and the image runs as root".to_owned()
        }
        (None, Ok(User { numeric: true, .. })) => return Vec::new(),
        (None, _) => {
            let written = &subject.facts.config.config.user;
            format!("`runAsNonRoot: true`, and the image's user `{written}` is a name, which the kubelet cannot check")
        }
    };
    let draft = pod.draft("pod.user", "a user that the kubelet lets run", found);
    vec![draft.hint("set `runAsUser` to a number, such as 1000")]
}

/// What the container runs, as the user that the pod gives it.
fn program(subject: &Subject<'_>, pod: &Pod) -> Vec<Draft> {
    let config = &subject.facts.config;
    let own: Vec<&str> = items(&pod.container, "/command").filter_map(Value::as_str).collect();
    let command = if own.is_empty() { config.command() } else { own };
    let Some(uid) = pod.uid() else { return Vec::new() };
    let group = pod.security("runAsGroup").and_then(Value::as_u64);
    let id = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    // The groups are those of the image's own account for this uid, which is what a container gets.
    let account = subject.user.as_ref().ok().filter(|user| u64::from(user.identity.uid) == uid);
    let mut gids = account.map(|user| user.identity.gids.clone()).unwrap_or_default();
    gids.insert(0, group.map_or_else(|| gids.first().copied().unwrap_or(0), id));
    let who = Identity { uid: id(uid), gids };
    let directory = text(&pod.container, "/workingDir").unwrap_or(&config.config.working_dir);
    let Some(trouble) = entrypoint::trouble(subject, &command, who, directory) else { return Vec::new() };
    vec![pod.draft("pod.entrypoint", format!("uid {uid} may execute what the container runs"), trouble)]
}

fn ports(_: &Subject<'_>, pod: &Pod) -> Vec<Draft> {
    let may = |list: &str| items(&pod.container, list).any(|one| one == "NET_BIND_SERVICE" || one == "ALL");
    if pod.uid() == Some(0) || may("/securityContext/capabilities/add") {
        return Vec::new();
    }
    let sysctls = items(&pod.spec, "/securityContext/sysctls");
    if sysctls.into_iter().any(|one| text(one, "/name") == Some("net.ipv4.ip_unprivileged_port_start")) {
        return Vec::new();
    }
    let low = items(&pod.container, "/ports").filter_map(|port| port.get("containerPort")?.as_u64());
    let draft = |port: u64| {
        let found = format!("containerPort {port}, without root or NET_BIND_SERVICE");
        pod.draft("pod.port", format!("a port from {FIRST_FREE_PORT} on"), found)
            .hint("let the image listen on a port such as 8080, and the service map it")
    };
    low.filter(|port| *port < FIRST_FREE_PORT).map(draft).collect()
}

/// A probe asks a port that the container says it has, or that `smoke` found open.
fn probes(subject: &Subject<'_>, pod: &Pod) -> Vec<Draft> {
    let ports: Vec<&Value> = items(&pod.container, "/ports").collect();
    let exposed = |number: u64| {
        subject.facts.config.config.exposed_ports.iter().any(|port| port.split('/').next() == Some(&number.to_string()))
    };
    let smoked = pod.run.as_ref().and_then(|run| run.port).map(u64::from);
    let known = |port: &Value| match port {
        Value::String(name) => ports.iter().any(|one| text(one, "/name") == Some(name)),
        number => number.as_u64().is_some_and(|number| {
            let listed = ports.iter().any(|one| one.get("containerPort").and_then(Value::as_u64) == Some(number));
            listed || exposed(number) || smoked == Some(number)
        }),
    };
    let mut found = Vec::new();
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        for kind in ["httpGet", "tcpSocket", "grpc"] {
            let Some(port) = pod.container.pointer(&format!("/{probe}/{kind}/port")) else { continue };
            if !known(port) {
                let what = format!("{probe} asks port {port}, which neither the container nor the image names");
                found.push(pod.draft("pod.probe", "a probe of a port that the container listens on", what));
            }
        }
    }
    found
}

/// What `smoke` had to let it write to must be writable in the pod, too.
fn writes(_: &Subject<'_>, pod: &Pod) -> Vec<Draft> {
    if pod.security("readOnlyRootFilesystem") != Some(&Value::Bool(true)) {
        return Vec::new();
    }
    let mounts: Vec<&str> = items(&pod.container, "/volumeMounts")
        .filter(|mount| mount.get("readOnly") != Some(&Value::Bool(true)))
        .filter_map(|mount| text(mount, "/mountPath"))
        .collect();
    let below = |path: &str, mount: &str| {
        let mount = mount.trim_end_matches('/');
        path.strip_prefix(mount).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let closed =
        pod.run.iter().flat_map(|run| &run.writable).filter(|path| !mounts.iter().any(|mount| below(path, mount)));
    let draft = |path: &String| {
        let found = format!("`{path}` is read-only, and `smoke` lets it be written to");
        pod.draft("pod.writable", "a volume for each path that is written to", found)
            .hint(format!("mount an emptyDir at `{path}`, or take it from `run.writable`"))
    };
    closed.map(draft).collect()
}

/// Keys of secrets that the settings make, and do not make with that key.
fn secrets(_: &Subject<'_>, pod: &Pod) -> Vec<Draft> {
    let mut wanted: Vec<(&str, &str)> = Vec::new();
    for variable in items(&pod.container, "/env") {
        let Some(reference) = variable.pointer("/valueFrom/secretKeyRef") else { continue };
        if reference.get("optional") != Some(&Value::Bool(true)) {
            wanted.extend(text(reference, "/name").zip(text(reference, "/key")));
        }
    }
    for volume in items(&pod.spec, "/volumes") {
        let Some(secret) = volume.get("secret") else { continue };
        let name = text(secret, "/secretName").unwrap_or_default();
        wanted.extend(items(secret, "/items").filter_map(|item| Some((name, text(item, "/key")?))));
    }
    let lacks = |(name, key): &(&str, &str)| pod.secrets.get(*name).is_some_and(|keys| !keys.contains(*key));
    let draft = |(name, key): (&str, &str)| {
        pod.draft("pod.secret", "keys that the secret has", format!("the secret `{name}` will have no key `{key}`"))
            .hint(format!("add `{key}` to `[secret.{name}]` in loadline.toml"))
    };
    wanted.into_iter().filter(lacks).map(draft).collect()
}

/// A loaded image is no use to a pod that asks a registry for it.
fn pull(_: &Subject<'_>, pod: &Pod) -> Vec<Draft> {
    let image = text(&pod.container, "/image").unwrap_or_default();
    let name = image.rsplit('/').next().unwrap_or_default();
    let latest = !image.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest");
    let found = match text(&pod.container, "/imagePullPolicy") {
        Some("Always") => "`imagePullPolicy: Always`".to_owned(),
        // The API's own default for such a name.
        None if latest => format!("no `imagePullPolicy`, and `{image}` has no other tag than latest"),
        _ => return Vec::new(),
    };
    let draft = pod.draft("pod.pull", "a pull policy under which the loaded image runs", found);
    vec![draft.hint("set `imagePullPolicy` to `Never` or `IfNotPresent`")]
}

fn architecture(subject: &Subject<'_>, pod: &Pod) -> Vec<Draft> {
    let wanted = pod.spec.get("nodeSelector").and_then(|labels| labels.get("kubernetes.io/arch")?.as_str());
    let Some((wanted, own)) = wanted.zip(subject.facts.config.platform()) else { return Vec::new() };
    if own.architecture == wanted {
        return Vec::new();
    }
    let found = format!("nodes of {wanted} only, and the image is for {own}");
    vec![pod.draft("pod.architecture", "nodes that can run the image", found)]
}
