//! The second transport, gRPC on the socket itself, against a stand-alone buildkitd. It has no
//! images, so what is built there rests on `scratch`.

use crate::credentials::private_base;
use crate::harness::{Project, engine};
use crate::registry::Registry;
use loadline::engine::buildkit::{BuildKit, LocalDirs, Progress, Solve, SolveError, Solved};
use loadline::engine::{Address, Credentials, is_denied};

/// A directory that `COPY` itself makes would carry the time of the build, so it makes none.
const DOCKERFILE: &str = "FROM scratch\nCOPY --chmod=644 big /big\nCOPY . /\nENV A=b\n";

async fn stand_alone() -> BuildKit {
    let host = std::env::var("LOADLINE_TEST_BUILDKIT_HOST")
        .expect("LOADLINE_TEST_BUILDKIT_HOST names a stand-alone buildkitd; `cargo xtask test engine` sets it");
    let address = Address::parse(&host, "LOADLINE_TEST_BUILDKIT_HOST", None).expect("a valid address");
    BuildKit::stand_alone(&address).await.expect("buildkitd answers")
}

async fn solve(buildkit: &BuildKit, project: &Project) -> Result<(Solved, usize), SolveError> {
    solve_with(buildkit, project, Credentials::default()).await
}

async fn solve_with(
    buildkit: &BuildKit,
    project: &Project,
    credentials: Credentials,
) -> Result<(Solved, usize), SolveError> {
    let mut dirs = LocalDirs::default();
    dirs.insert("context", project.dir.path().to_owned());
    dirs.insert("dockerfile", project.dir.path().to_owned());
    let attributes = [("filename", "Dockerfile"), ("build-arg:SOURCE_DATE_EPOCH", "1735689600")];
    let solve = Solve {
        dirs,
        shared_key: project.salt.clone(),
        attributes: attributes.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        names: vec![project.plan.tags[0].canonical()],
        credentials,
        ..Solve::default()
    };
    let mut cached = std::collections::BTreeSet::new();
    let solved = buildkit.solve(solve, |progress| {
        if let Progress::Vertex(vertex) = progress
            && vertex.cached
            && vertex.name.contains("COPY")
        {
            cached.insert(vertex.name);
        }
    });
    let solved = solved.await?;
    Ok((solved, cached.len()))
}

fn project() -> Project {
    let project = Project::new(DOCKERFILE);
    project.write("big", &project.salt.repeat(100_000));
    project.write("dir/file", "x");
    project.write(".dockerignore", "ignored\n");
    project.write("ignored", &"y".repeat(500_000));
    project
}

#[tokio::test]
async fn it_builds_and_the_second_build_is_cached() {
    let (buildkit, project) = (stand_alone().await, project());
    let (first, _) = solve(&buildkit, &project).await.unwrap();
    assert!((1_200_000..1_300_000).contains(&first.sent), "{} bytes were sent", first.sent);
    let (second, cached) = solve(&buildkit, &project).await.unwrap();
    assert_eq!(first.config, second.config);
    assert_eq!(cached, 2);
    assert!(second.sent < 20_000, "{} bytes were sent again", second.sent);
}

#[tokio::test]
async fn one_context_is_one_image_on_either_transport() {
    let project = project();
    let (alone, _) = solve(&stand_alone().await, &project).await.unwrap();
    // Layers keep whole seconds: what takes its time from the build must not be equal by chance.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let inside = BuildKit::of_engine(&engine().await).await.unwrap();
    let (within, _) = solve(&inside, &project).await.unwrap();
    // BuildKit before 0.11 writes the time of the build into the config, so there the id differs.
    if std::env::var("LOADLINE_TEST_ENGINE").is_ok_and(|kind| kind == "containerd") {
        assert_eq!(alone.config, within.config);
    }
}

#[tokio::test]
async fn what_fails_is_said() {
    let buildkit = stand_alone().await;
    let project = Project::new("FROM scratch\nCOPY gone /\n");
    let error = solve(&buildkit, &project).await.unwrap_err();
    assert!(matches!(&error, SolveError::Failed { message } if message.contains("gone")), "{error:?}");
    let engine_only = BuildKit::stand_alone(&Address::Unix("/nowhere.sock".into())).await;
    assert!(engine_only.is_err());
}

#[tokio::test]
async fn a_private_base_is_fetched_with_the_login() {
    let registry = Registry::start();
    let base = private_base(&registry);
    let (buildkit, project) = (stand_alone().await, project());
    project.write("Dockerfile", &format!("FROM {}\nCOPY big /big\n", base.tag));
    let error = solve(&buildkit, &project).await.unwrap_err();
    assert!(matches!(&error, SolveError::Failed { message } if is_denied(message)), "{error:?}");
    let credentials = Credentials::new(Some(registry.logged_in().into()));
    let (solved, _) = solve_with(&buildkit, &project, credentials).await.unwrap();
    assert!(solved.sent > 1_000_000, "{} bytes were sent", solved.sent);
}
