//! Engines that are not there, are no engines, or go away in the middle.

use crate::harness::{BASE, Project, address};
use crate::proxy::{Fault, Proxy};
use loadline::engine::buildkit::BuildKit;
use loadline::engine::{Address, Engine, Error};
use loadline::types::{Explained, Outcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

/// Something at a socket that gives one answer to whatever it is asked.
fn answering(answer: &'static str) -> (Address, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _: Result<usize, _> = stream.read(&mut [0; 4096]).await;
            stream.write_all(answer.as_bytes()).await.ok();
        }
    });
    (Address::Unix(path), dir)
}

async fn refused(address: &Address) -> Error {
    match Engine::connect(address).await {
        Ok(_) => panic!("{address} is taken for an engine"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn nothing_there_is_said_with_the_address() {
    let error = refused(&Address::Unix("/nowhere/docker.sock".into())).await;
    assert_eq!(error.to_string(), "no container engine answers at unix:///nowhere/docker.sock");
    assert_eq!(error.outcome(), Outcome::Unreachable);
    assert!(error.hint().unwrap().contains("DOCKER_HOST"));
}

#[tokio::test]
async fn what_is_no_engine_is_not_taken_for_one() {
    for answer in ["", "garbage", "HTTP/1.1 404 Not Found\r\n\r\n", "HTTP/1.1 200 OK\r\nApi-Version: x\r\n\r\n"] {
        let (address, _dir) = answering(answer);
        let error = refused(&address).await;
        assert!(matches!(error, Error::NotAnEngine { .. }), "{answer:?}: {error:?}");
    }
}

#[tokio::test]
async fn an_engine_without_buildkit_is_refused_with_a_hint() {
    let (address, _dir) = answering("HTTP/1.1 200 OK\r\nApi-Version: 1.30\r\nServer: Docker/17.06.2 (linux)\r\n\r\n");
    let error = refused(&address).await;
    assert!(matches!(&error, Error::NoBuildKit { version, .. } if version == "17.06.2"), "{error:?}");
    assert!(error.hint().unwrap().contains("20.10"));
    // It has the API version, but answers neither way of asking for BuildKit.
    let (address, _dir) = answering("HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 0\r\n\r\n");
    let engine = Engine::connect(&address).await.unwrap();
    let error = BuildKit::of_engine(&engine).await.err().unwrap();
    assert!(matches!(error, Error::NoBuildKit { .. }), "{error:?}");
}

#[tokio::test]
async fn through_a_proxy_that_does_nothing_a_build_is_the_same() {
    let project = Project::new(&format!("FROM {BASE}\nCOPY a /a\nRUN cat /a\n"));
    project.write("a", "through\n");
    let direct = project.build().await.unwrap();
    let proxy = Proxy::start(None);
    assert_ne!(proxy.address, address());
    let through = project.build_at(&proxy.address).await.unwrap();
    assert_eq!(direct.id, through.id);
}

#[tokio::test]
async fn an_engine_that_goes_away_in_the_middle_is_said_to_be_lost() {
    for fault in [Fault { path: "/grpc", after: 3_000 }, Fault { path: "/session", after: 600 }] {
        let project = Project::new(&format!("FROM {BASE}\nCOPY big /big\nRUN cat /big | wc -c; sleep 1\n"));
        project.write("big", &"x".repeat(2_000_000));
        let proxy = Proxy::start(Some(fault.clone()));
        let built = tokio::time::timeout(std::time::Duration::from_secs(60), project.build_at(&proxy.address)).await;
        let Ok(built) = built else { panic!("hangs when {} is cut", fault.path) };
        let error = built.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unreachable, "{}: {error:?}", fault.path);
    }
}
