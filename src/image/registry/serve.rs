//! The requests of a push, and their answers.

use super::upload::{Blob, Budget, Upload};
use super::{Answers, Keep, REPOSITORY};
use crate::types::Digest;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, LOCATION, RANGE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// OCI distribution specification, "Pushing Manifests": registries take at least 4 MiB.
const LARGEST_MANIFEST: usize = 4 << 20;
const DIGEST: &str = "docker-content-digest";

type Answer = Response<Full<Bytes>>;

/// What all requests of a push work on.
pub(super) struct Shared {
    keep: Keep,
    budget: Budget,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    answers: Answers,
    uploads: HashMap<String, Upload>,
    begun: u64,
    blobs: HashMap<Digest, Blob>,
    manifests: Vec<Bytes>,
}

impl Shared {
    pub(super) fn new(answers: Answers, keep: Keep) -> Self {
        let inner = Inner { answers, ..Inner::default() };
        Self { keep, budget: Budget::default(), inner: Mutex::new(inner) }
    }

    pub(super) fn answer(&self, answers: Answers) {
        self.inner().answers = answers;
    }

    pub(super) fn blob(&self, digest: &Digest) -> Option<Blob> {
        self.inner().blobs.get(digest).cloned()
    }

    pub(super) fn manifests(&self) -> Vec<Bytes> {
        self.inner().manifests.clone()
    }

    /// No request leaves what is shared half changed, so a panic of one is none of the others'.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The size of the blob `digest`, as the engine is to believe.
    fn size(&self, digest: &Digest) -> Option<u64> {
        let inner = self.inner();
        if let Some(blob) = inner.blobs.get(digest) {
            return Some(blob.size());
        }
        let Answers { there, wanted, others } = &inner.answers;
        // The size goes into the pushed manifest, which nobody but us reads.
        there.get(digest).copied().or_else(|| (*others && !wanted.contains(digest)).then_some(1))
    }
}

/// Answers until it is dropped, and all its connections with it.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        // A connection that failed before it was accepted is the engine's to notice.
        let Ok((wire, _)) = listener.accept().await else { continue };
        let _slower = wire.set_nodelay(true);
        let shared = shared.clone();
        connections.spawn(async move {
            let service = hyper::service::service_fn(move |request| respond(shared.clone(), request));
            let _ended = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(wire), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn respond(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let answer = route(&shared, request).await;
    Ok(answer.unwrap_or_else(|error| refusal(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", &error.to_string())))
}

async fn route(shared: &Shared, request: Request<Incoming>) -> io::Result<Answer> {
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    if path == "/v2/" {
        return Ok(plain(StatusCode::OK));
    }
    let inside = path.strip_prefix("/v2/").and_then(|path| path.strip_prefix(REPOSITORY));
    let parts: Vec<&str> = inside.unwrap_or_default().split('/').skip(1).collect();
    match (method, parts.as_slice()) {
        (Method::POST, ["blobs", "uploads", ""]) => begin(shared, request).await,
        (Method::PATCH, ["blobs", "uploads", upload]) => append(shared, upload, request).await,
        (Method::PUT, ["blobs", "uploads", upload]) => finish(shared, upload, request).await,
        (Method::HEAD, ["blobs", digest]) => Ok(head(shared, digest)),
        (Method::PUT, ["manifests", _]) => manifest(shared, request).await,
        _ => Ok(refusal(StatusCode::NOT_FOUND, "NOT_FOUND", "a push needs nothing here")),
    }
}

fn head(shared: &Shared, digest: &str) -> Answer {
    match digest.parse().ok().and_then(|digest| shared.size(&digest)) {
        Some(size) => with(plain(StatusCode::OK), &[(CONTENT_LENGTH.as_str(), &size.to_string()), (DIGEST, digest)]),
        None => plain(StatusCode::NOT_FOUND),
    }
}

/// `POST`: an upload begins; with `mount` the blob may be there, with `digest` it comes whole.
async fn begin(shared: &Shared, request: Request<Incoming>) -> io::Result<Answer> {
    let mounted = query(&request, "mount").and_then(|digest| digest.parse::<Digest>().ok());
    if let Some(digest) = mounted.filter(|digest| shared.size(digest).is_some()) {
        return Ok(created(&digest));
    }
    let name = {
        let mut inner = shared.inner();
        inner.begun += 1;
        let name = inner.begun.to_string();
        inner.uploads.insert(name.clone(), Upload::new(shared.keep));
        name
    };
    if query(&request, "digest").is_some() {
        return finish(shared, &name, request).await;
    }
    Ok(accepted(&name, 0))
}

async fn append(shared: &Shared, name: &str, request: Request<Incoming>) -> io::Result<Answer> {
    match take(shared, name, request).await? {
        None => Ok(no_upload()),
        Some(upload) => {
            let size = upload.size();
            shared.inner().uploads.insert(name.to_owned(), upload);
            Ok(accepted(name, size))
        }
    }
}

async fn finish(shared: &Shared, name: &str, request: Request<Incoming>) -> io::Result<Answer> {
    let expected = query(&request, "digest");
    let Some(upload) = take(shared, name, request).await? else { return Ok(no_upload()) };
    let (digest, blob) = upload.finish().await?;
    if expected.as_deref() != Some(digest.as_str()) {
        let expected = expected.unwrap_or_default();
        let text = format!("what came is {digest}, not `{expected}`");
        return Ok(refusal(StatusCode::BAD_REQUEST, "DIGEST_INVALID", &text));
    }
    shared.inner().blobs.insert(digest.clone(), blob);
    Ok(created(&digest))
}

/// The upload `name` with the request's bytes added; nobody else has it meanwhile.
async fn take(shared: &Shared, name: &str, request: Request<Incoming>) -> io::Result<Option<Upload>> {
    let Some(mut upload) = shared.inner().uploads.remove(name) else { return Ok(None) };
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        if let Ok(bytes) = frame.map_err(io::Error::other)?.into_data() {
            upload.write(&bytes, &shared.budget).await?;
        }
    }
    Ok(Some(upload))
}

async fn manifest(shared: &Shared, request: Request<Incoming>) -> io::Result<Answer> {
    let bytes =
        Limited::new(request.into_body(), LARGEST_MANIFEST).collect().await.map_err(io::Error::other)?.to_bytes();
    let digest = Digest::of(&bytes);
    shared.inner().manifests.push(bytes);
    Ok(created(&digest))
}

/// A parameter of the request's query, decoded.
fn query(request: &Request<Incoming>, name: &str) -> Option<String> {
    let pairs = request.uri().query()?.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.into_iter().find(|(key, _)| *key == name)?.1;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

fn plain(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    with(answer, &[("docker-distribution-api-version", "registry/2.0")])
}

fn with(mut answer: Answer, headers: &[(&'static str, &str)]) -> Answer {
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            answer.headers_mut().insert(*name, value);
        }
    }
    answer
}

fn accepted(upload: &str, size: u64) -> Answer {
    let location = format!("/v2/{REPOSITORY}/blobs/uploads/{upload}");
    let range = format!("0-{}", size.saturating_sub(1));
    with(plain(StatusCode::ACCEPTED), &[(LOCATION.as_str(), &location), (RANGE.as_str(), &range)])
}

fn created(digest: &Digest) -> Answer {
    let location = format!("/v2/{REPOSITORY}/blobs/{digest}");
    with(plain(StatusCode::CREATED), &[(LOCATION.as_str(), &location), (DIGEST, digest.as_str())])
}

fn no_upload() -> Answer {
    refusal(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", "there is no such upload")
}

/// OCI distribution specification, "Error Codes".
fn refusal(status: StatusCode, code: &str, message: &str) -> Answer {
    let body = serde_json::json!({"errors": [{"code": code, "message": message}]}).to_string();
    let mut answer = plain(status);
    *answer.body_mut() = Full::new(body.into());
    answer
}
