//! Machines with an address of their own, as virtual machines have: containerd behind SSH, and a
//! Docker Engine behind TLS.

use crate::harness::*;
use crate::real::{Profile, Real};
use loadline::engine::{Address, Engine, Tls};
use loadline::event::Event;
use loadline::load::{Error, Image};
use loadline::node;
use loadline::types::{Explained, Outcome};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};

async fn sample(extra: &[u8]) -> Image {
    make(&format!("loadline-test-{}:1", salt()), &[&vec![8; 700_000], salt().as_bytes(), extra]).await
}

fn reached(run: &Run) -> &str {
    fn by(event: &Event) -> Option<&str> {
        if let Event::Reached { by, .. } = event { Some(by) } else { None }
    }
    run.events.iter().find_map(by).expect("the node said what it has")
}

fn node_error(run: &Run) -> &node::Error {
    match &run.result {
        Err(Error::Node { source, .. }) => source,
        other => panic!("{other:?}"),
    }
}

/// A machine that is reached by SSH, and its profile.
async fn behind_ssh() -> (Real, Profile, String) {
    let profile = Profile::new("kvm2", "containerd");
    let key = profile.key();
    let ready = "crictl images && socat -u OPEN:/dev/null TCP:127.0.0.1:22";
    let machine = Real::start(profile.name.clone(), &["ssh", &key], json!({}), ready).await;
    let address = machine.address().await;
    profile.write_machine(json!({"IPAddress": address, "SSHUser": "docker", "SSHPort": 22}));
    (machine, profile, address)
}

#[tokio::test]
async fn a_machine_behind_ssh_is_loaded_like_one_in_a_container() {
    let (machine, profile, address) = behind_ssh().await;
    let nodes = profile.nodes().await;
    let image = sample(b"one").await;
    let first = load_to(&image, &nodes).await;
    assert!(first.sent() > 700_000, "{:?}", first.arrived());
    assert_eq!(reached(&first), format!("ssh://docker@{address}:22"));
    assert_eq!(machine.cri(&image.tags[0].to_string()).await, image.id.to_string());
    assert_eq!(load_to(&image, &nodes).await.sent(), 0);
    let newer = make(&image.tags[0].to_string(), &[&vec![8; 700_000], salt().as_bytes()]).await;
    let run = load_to(&newer, &nodes).await;
    assert!(run.sent() < 20_000, "only what it lacks: {:?}", run.arrived());
    assert_eq!(run.arrived()[0].moved[0].from, image.id);
    forget(&[&image, &newer]).await;
}

#[tokio::test]
async fn a_machine_that_lets_nobody_in_says_why() {
    let (machine, profile, address) = behind_ssh().await;
    let image = sample(b"").await;
    run_in(&machine.name, "echo 'docker ALL=(ALL) ALL' >/etc/sudoers.d/docker").await;
    let run = load_to(&image, &profile.nodes().await).await;
    let error = node_error(&run);
    assert!(matches!(error, node::Error::Ended { said, .. } if said.contains("sudo")), "{error:?}");
    run_in(&machine.name, "echo >/home/docker/.ssh/authorized_keys").await;
    let run = load_to(&image, &profile.nodes().await).await;
    let error = node_error(&run);
    let name = &profile.name;
    assert_eq!(error.to_string(), format!("{name}: the connection to ssh://docker@{address}:22 failed"));
    assert!(error.details()[0].1.contains("Permission denied"), "{:?}", error.details());
    assert_eq!(error.hint().unwrap(), format!("`minikube start -p {name}` starts it, and writes down where it is"));
    assert_eq!(error.outcome(), Outcome::Unreachable);
    profile.write_machine(json!({"IPAddress": address, "SSHPort": 24}));
    let run = load_to(&image, &profile.nodes().await).await;
    assert!(node_error(&run).details()[0].1.contains("Connection refused"), "{:?}", run.result);
    profile.write_machine(json!({}));
    let target: node::Target = format!("minikube:{name}").parse().unwrap();
    let surroundings =
        node::Surroundings { minikube_home: Some(profile.path("").parent().unwrap().to_owned()), ..Default::default() };
    let Err(error) = target.nodes(&engine().await, &surroundings).await else { panic!("it has no address") };
    assert_eq!(error.to_string(), format!("{name}: Minikube has no address of it"));
    forget(&[&image]).await;
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_ends_the_load() {
    let (machine, profile, _) = behind_ssh().await;
    let image = make(&format!("loadline-test-{}:1", salt()), &[&vec![8; 30_000_000], salt().as_bytes()]).await;
    let done = AtomicBool::new(false);
    let name = machine.name.clone();
    let cut = move |event: &Event| {
        if matches!(event, Event::Loading { done, .. } if done.0 > 0) && !done.swap(true, Ordering::Relaxed) {
            crate::machine::act_now(&name, "kill");
        }
    };
    let run = load_watched(&engine().await, &image, &profile.nodes().await, cut).await;
    let error = node_error(&run);
    assert_eq!(error.outcome(), Outcome::Unreachable, "{error:?}");
    assert!(error.to_string().starts_with(&format!("{}: ", profile.name)));
    forget(&[&image]).await;
}

/// A machine with the Docker runtime, and its profile with the client's certificates.
async fn with_docker(driver: &str) -> (Real, Profile) {
    let profile = Profile::new(driver, "docker");
    let labels = json!({
        "created_by.minikube.sigs.k8s.io": "true", "name.minikube.sigs.k8s.io": profile.name,
        "mode.minikube.sigs.k8s.io": profile.name, "role.minikube.sigs.k8s.io": "",
    });
    let machine = Real::start(profile.name.clone(), &["docker"], labels, "docker version").await;
    for file in ["ca.pem", "cert.pem", "key.pem"] {
        profile.write(&format!("certs/{file}"), &run_in(&machine.name, &format!("cat /certs/{file}")).await);
    }
    (machine, profile)
}

async fn in_its_engine(machine: &Real, image: &Image) -> String {
    let tag = image.tags[0].to_string();
    run_in(&machine.name, &format!("docker image inspect --format '{{{{.Id}}}}' {tag}")).await.trim().to_owned()
}

#[tokio::test]
async fn minikubes_engine_is_reached_over_tls_or_through_its_machine() {
    let (machine, profile) = with_docker("docker").await;
    let nodes = profile.nodes().await;
    let image = sample(b"one").await;
    let first = load_to(&image, &nodes).await;
    assert!(first.sent() > 700_000, "{:?}", first.arrived());
    assert!(reached(&first).starts_with("tcp://127.0.0.1:"), "{}", reached(&first));
    assert_eq!(in_its_engine(&machine, &image).await, image.id.to_string());
    assert_eq!(load_to(&image, &nodes).await.sent(), 0);
    // As `eval $(minikube docker-env)` names it: what is built there is there.
    let host = reached(&first).trim_start_matches("tcp://").to_owned();
    let own = Engine::connect(&Address::Tls { host, tls: Tls::in_directory(&profile.path("certs"), true) }).await;
    let run = load_from(&own.unwrap(), &image, &nodes).await;
    assert_eq!(run.sent(), 0);
    // Somebody else's authority: the machine itself still knows a way.
    let other_authority = std::fs::read_to_string(profile.path("certs/cert.pem")).unwrap();
    profile.write("certs/ca.pem", &other_authority);
    let other = load_to(&image, &nodes).await;
    assert!(reached(&other).ends_with(&format!(" in container `{}`", machine.name)), "{}", reached(&other));
    assert_eq!(other.sent(), 0);
    std::fs::remove_dir_all(profile.path("certs")).unwrap();
    let without = load_to(&image, &nodes).await;
    assert!(reached(&without).ends_with(&format!(" in container `{}`", machine.name)), "{}", reached(&without));
    forget(&[&image]).await;
}

#[tokio::test]
async fn an_engine_in_a_virtual_machine_is_reached_at_its_address() {
    let (machine, profile) = with_docker("kvm2").await;
    let address = machine.address().await;
    profile.write_machine(json!({"IPAddress": address, "SSHUser": "docker", "SSHPort": 22}));
    let image = sample(b"one").await;
    let first = load_to(&image, &profile.nodes().await).await;
    assert_eq!(reached(&first), format!("tcp://{address}:2376"));
    assert!(first.sent() > 700_000);
    assert_eq!(in_its_engine(&machine, &image).await, image.id.to_string());
    profile.write_machine(json!({"IPAddress": address, "EnginePort": 2377}));
    let run = load_to(&image, &profile.nodes().await).await;
    let error = node_error(&run);
    assert_eq!(error.to_string(), format!("{}: no engine can be used there", profile.name));
    assert!(error.hint().unwrap().contains(&format!("`minikube start -p {}`", profile.name)), "{error:?}");
    assert_eq!(error.outcome(), Outcome::Unreachable);
    forget(&[&image]).await;
}
