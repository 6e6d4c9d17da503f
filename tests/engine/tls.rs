//! An engine over TLS: found as the docker CLI finds it, and every way in which it does not work.

use crate::harness::{BASE, Project, address};
use crate::relay::Relay;
use crate::site::Site;
use loadline::engine::{Address, ContainerSpec, Engine, Environment, Error, Output, Tls};
use loadline::types::{Explained, Outcome};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// As `DOCKER_HOST` has the engine that listens with TLS.
fn host() -> String {
    std::env::var("LOADLINE_TEST_TLS_HOST")
        .expect("LOADLINE_TEST_TLS_HOST names an engine that listens with TLS; `cargo xtask test engine` sets it")
}

fn certificates() -> PathBuf {
    std::env::var_os("LOADLINE_TEST_TLS_CERT_PATH").expect("LOADLINE_TEST_TLS_CERT_PATH is set with it").into()
}

fn environment(directory: &Path) -> Environment {
    Environment {
        docker_host: Some(host()),
        docker_tls_verify: Some("1".into()),
        docker_cert_path: Some(directory.to_owned()),
        ..Environment::default()
    }
}

fn over_tls() -> Address {
    Address::discover(&environment(&certificates())).unwrap()
}

/// A directory with the named ones of the right files.
fn with(names: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy(names, dir.path());
    dir
}

fn copy(names: &[&str], dir: &Path) {
    for name in names {
        fs::copy(certificates().join(name), dir.join(name)).unwrap();
    }
}

/// A CA that has signed nothing of the engine's, and a client's certificate of it.
fn strangers(dir: &Path) {
    let (key, own) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut authority = CertificateParams::new(vec![]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    fs::write(dir.join("ca.pem"), authority.self_signed(&key).unwrap().pem()).unwrap();
    let client = CertificateParams::new(vec![]).unwrap().signed_by(&own, &Issuer::new(authority, key)).unwrap();
    fs::write(dir.join("cert.pem"), client.pem()).unwrap();
    fs::write(dir.join("key.pem"), own.serialize_pem()).unwrap();
}

async fn refused(address: &Address) -> Error {
    match Engine::connect(address).await {
        Ok(_) => panic!("{address} is taken for an engine that can be used"),
        Err(error) => error,
    }
}

async fn refused_in(directory: &Path) -> (String, String) {
    said(refused(&Address::discover(&environment(directory)).unwrap()).await)
}

/// What an error says and advises.
fn said(error: Error) -> (String, String) {
    assert_eq!(error.outcome(), Outcome::Unreachable, "{error:?}");
    (error.to_string(), error.hint().unwrap_or_default())
}

fn bare_host() -> String {
    host().trim_start_matches("tcp://").to_owned()
}

#[tokio::test]
async fn a_build_is_the_same_over_tls() {
    let project = Project::new(&format!("FROM {BASE}\nCOPY a /a\nRUN cat /a\n"));
    project.write("a", &"through TLS\n".repeat(100_000));
    let built = project.build_at(&over_tls()).await.unwrap();
    let engine = Engine::connect(&over_tls()).await.unwrap();
    assert_eq!(engine.inspect(&built.engine_id).await.unwrap().engine_id.to_string(), built.engine_id);
    assert!(project.output().contains("through TLS"));
    engine.untag(&project.plan.tags[0].canonical()).await.unwrap();
}

#[tokio::test]
async fn streams_end_on_both_sides_over_tls() {
    let engine = Engine::connect(&over_tls()).await.unwrap();
    let name = format!("loadline-test-{}", hex::encode(rand::random::<[u8; 6]>()));
    let spec = ContainerSpec { name, image: BASE.into(), ..ContainerSpec::default() };
    let id = engine.create_container(&spec).await.unwrap();
    engine.start_container(&id).await.unwrap();
    let (mut input, mut output) = engine.attach(&id, &["sh", "-c", "wc -c; exit 7"]).await.unwrap();
    let sent = tokio::spawn(async move {
        for _ in 0..64 {
            input.write(&[b'x'; 65_536]).await.unwrap();
        }
        input.close().await.unwrap();
    });
    let mut text = Vec::new();
    while let Some(piece) = output.next().await {
        if let Output::Out(bytes) = piece.unwrap() {
            text.extend_from_slice(&bytes);
        }
    }
    sent.await.unwrap();
    let code = output.exit_code().await.unwrap();
    engine.remove_container(&id).await.unwrap();
    assert_eq!((String::from_utf8(text).unwrap().trim(), code), ("4194304", 7));
}

#[test]
fn the_command_builds_verifies_and_smokes_over_tls() {
    let site = Site::new();
    site.is_built_verified_and_smoked(&[
        ("DOCKER_HOST", host()),
        ("DOCKER_TLS_VERIFY", "1".into()),
        ("DOCKER_CERT_PATH", certificates().display().to_string()),
    ]);
    site.remove_from(&over_tls());
}

#[tokio::test]
async fn contexts_bring_their_own_certificates() {
    let config = tempfile::tempdir().unwrap();
    let folder = hex::encode(Sha256::digest("far"));
    let (meta, files) =
        (config.path().join("contexts/meta").join(&folder), config.path().join("contexts/tls").join(&folder));
    fs::create_dir_all(&meta).unwrap();
    fs::create_dir_all(files.join("docker")).unwrap();
    let describe = |skip: bool| {
        let text =
            format!(r#"{{"Name":"far","Endpoints":{{"docker":{{"Host":"{}","SkipTLSVerify":{skip}}}}}}}"#, host());
        fs::write(meta.join("meta.json"), text).unwrap();
    };
    let mut here = Environment { docker_config: Some(config.path().to_owned()), ..Environment::default() };
    here.docker_context = Some("far".into());
    let address = || Address::discover(&here).unwrap();
    describe(false);
    // Nothing there is a certificate of ours: the context is what has to be changed.
    let (located, origin) = Address::locate(&here).unwrap();
    let (error, hint) = said(origin.explain(refused(&located).await));
    assert!(error.ends_with(" (from docker context `far`)"), "{error}");
    assert!(hint.contains("`docker context update far"), "{hint}");
    copy(&["cert.pem", "key.pem"], &files.join("docker"));
    // Without a CA of its own, the system's are asked; they have not signed it.
    let (error, _) = said(refused(&address()).await);
    assert_eq!(
        error,
        format!("the certificate of {} is not signed by the CA in the system's certificates", bare_host())
    );
    describe(true);
    Engine::connect(&address()).await.unwrap();
    describe(false);
    copy(&["ca.pem"], &files.join("docker"));
    Engine::connect(&address()).await.unwrap();
}

#[tokio::test]
async fn docker_tls_alone_takes_any_certificate() {
    let dir = with(&["cert.pem", "key.pem"]);
    let mut here = environment(dir.path());
    (here.docker_tls_verify, here.docker_tls) = (None, Some("1".into()));
    let address = Address::discover(&here).unwrap();
    Engine::connect(&address).await.unwrap();
    strangers(dir.path());
    copy(&["cert.pem", "key.pem"], dir.path());
    Engine::connect(&address).await.unwrap();
    // Both: verified.
    here.docker_tls_verify = Some("1".into());
    assert!(refused(&Address::discover(&here).unwrap()).await.to_string().contains("is not signed by the CA in"));
}

#[tokio::test]
async fn a_file_that_is_missing_or_is_no_certificate_is_named() {
    for (there, missing, role) in [
        (&["cert.pem", "key.pem"][..], "ca.pem", "the CA certificate"),
        (&["ca.pem", "key.pem"], "cert.pem", "the client certificate"),
        (&["ca.pem", "cert.pem"], "key.pem", "the client key"),
    ] {
        let dir = with(there);
        let path = dir.path().join(missing);
        let expected = format!("cannot read {role} `{}` for the engine at {}", path.display(), host());
        for text in [None, Some("no certificate")] {
            if let Some(text) = text {
                fs::write(&path, text).unwrap();
            }
            let (error, hint) = refused_in(dir.path()).await;
            assert_eq!(error, expected);
            assert!(hint.contains("DOCKER_CERT_PATH"), "{hint}");
        }
    }
}

#[tokio::test]
async fn a_key_of_another_certificate_is_said() {
    let dir = with(&["ca.pem", "cert.pem"]);
    fs::write(dir.path().join("key.pem"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let (error, hint) = refused_in(dir.path()).await;
    assert!(
        error.starts_with("the client certificate `") && error.contains("cannot be used with the key `"),
        "{error}"
    );
    assert!(hint.contains("openssl x509"), "{hint}");
}

#[tokio::test]
async fn a_certificate_of_another_ca_is_said_with_the_file() {
    let dir = tempfile::tempdir().unwrap();
    strangers(dir.path());
    let (error, hint) = refused_in(dir.path()).await;
    let ca = dir.path().join("ca.pem");
    assert_eq!(error, format!("the certificate of {} is not signed by the CA in `{}`", bare_host(), ca.display()));
    assert!(hint.contains("ca.pem"), "{hint}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_said_with_its_names() {
    let relay = Relay::tcp(&Address::Tcp(bare_host())).await;
    let Address::Tcp(host) = relay.address.clone() else { panic!("the relay listens on TCP") };
    let tls = Tls::in_directory(&certificates(), true);
    let (error, hint) = said(refused(&Address::Tls { host: host.clone(), tls }).await);
    let address = bare_host();
    let names = format!("{}, loadline-engine", address.split(':').next().unwrap());
    assert_eq!(error, format!("the certificate of {host} is not for that name but for {names}"));
    assert_eq!(hint, format!("write the address with one of these names: {names}"));
}

#[tokio::test]
async fn an_engine_that_demands_a_certificate_or_another_one_is_said() {
    let (error, hint) = refused_in(with(&["ca.pem"]).path()).await;
    assert_eq!(error, format!("the engine at {} demands a client certificate, and there is none", host()));
    assert!(hint.contains("cert.pem and key.pem"), "{hint}");
    let dir = tempfile::tempdir().unwrap();
    strangers(dir.path());
    fs::copy(certificates().join("ca.pem"), dir.path().join("ca.pem")).unwrap();
    let (error, hint) = refused_in(dir.path()).await;
    let cert = dir.path().join("cert.pem");
    assert_eq!(error, format!("the engine at {} refuses the client certificate `{}`", host(), cert.display()));
    assert!(hint.contains("dockerd --tlscacert"), "{hint}");
}

#[tokio::test]
async fn plain_http_and_tls_at_the_wrong_port_are_said() {
    let (error, hint) = said(refused(&Address::Tcp(bare_host())).await);
    assert_eq!(error, format!("what answers at {} speaks TLS, and plain HTTP is expected there", host()));
    assert!(hint.contains("DOCKER_TLS_VERIFY=1"), "{hint}");
    let relay = Relay::tcp(&address()).await;
    let Address::Tcp(plain) = relay.address.clone() else { panic!("the relay listens on TCP") };
    let tls = Tls::in_directory(&certificates(), true);
    let (error, hint) = said(refused(&Address::Tls { host: plain.clone(), tls }).await);
    assert_eq!(error, format!("what answers at tcp://{plain} does not speak TLS, which is expected there"));
    assert!(hint.contains("unset DOCKER_TLS_VERIFY"), "{hint}");
}
