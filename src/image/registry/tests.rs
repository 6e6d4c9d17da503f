use super::*;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

type Answer = Response<Bytes>;

/// There are only a few addresses, and tests of other runs may have them.
async fn open(answers: Answers, keep: Keep) -> Registry {
    loop {
        match Registry::open(answers.clone(), keep).await {
            Ok(registry) => return registry,
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::AddrInUse),
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

async fn ask(registry: &Registry, method: Method, path: &str, body: &[u8]) -> Answer {
    let (host, _) = registry.repository().split_once('/').unwrap();
    let wire = tokio::net::TcpStream::connect(host).await.unwrap();
    let (mut send, connection) = hyper::client::conn::http1::handshake(TokioIo::new(wire)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path).header("host", host);
    let answer = send.send_request(request.body(Full::new(Bytes::copy_from_slice(body))).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes())
}

fn header(answer: &Answer, name: &str) -> String {
    answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

fn path(rest: &str) -> String {
    format!("/v2/{REPOSITORY}/{rest}")
}

/// Pushes a blob as Docker does: POST, PATCH with the bytes, PUT with the digest.
async fn push(registry: &Registry, bytes: &[u8]) -> Digest {
    let begun = ask(registry, Method::POST, &path("blobs/uploads/"), b"").await;
    assert_eq!(begun.status(), StatusCode::ACCEPTED);
    let upload = header(&begun, "location");
    let (first, second) = bytes.split_at(bytes.len() / 2);
    for part in [first, second] {
        assert_eq!(ask(registry, Method::PATCH, &upload, part).await.status(), StatusCode::ACCEPTED);
    }
    let digest = Digest::of(bytes);
    let put = format!("{upload}?digest={}", digest.as_str().replace(':', "%3A"));
    assert_eq!(ask(registry, Method::PUT, &put, b"").await.status(), StatusCode::CREATED);
    digest
}

async fn content(blob: &Blob) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let piece = blob.read(all.len() as u64).await.unwrap();
        if piece.is_empty() {
            return all;
        }
        all.extend_from_slice(&piece);
    }
}

#[tokio::test]
async fn blobs_come_in_whole_in_memory_and_in_files() {
    let registry = open(Answers::default(), Keep::Bytes).await;
    assert!(is_ours(registry.repository()));
    assert_eq!(ask(&registry, Method::GET, "/v2/", b"").await.status(), StatusCode::OK);
    let little = push(&registry, b"little").await;
    let large: Vec<u8> = (0..5_000_000_u32).map(|n| n as u8).collect();
    let large_digest = push(&registry, &large).await;
    let (little, spilt) = (registry.blob(&little).unwrap(), registry.blob(&large_digest).unwrap());
    assert!(little.in_memory().is_some() && spilt.in_memory().is_none());
    assert_eq!(content(&little).await, b"little");
    assert!(content(&spilt).await == large);
    let head = ask(&registry, Method::HEAD, &path(&format!("blobs/{large_digest}")), b"").await;
    assert_eq!((head.status(), header(&head, "content-length")), (StatusCode::OK, "5000000".to_owned()));
}

#[tokio::test]
async fn one_request_can_carry_a_blob() {
    let registry = open(Answers::default(), Keep::Bytes).await;
    let digest = Digest::of(b"whole");
    let whole = path(&format!("blobs/uploads/?digest={digest}"));
    assert_eq!(ask(&registry, Method::POST, &whole, b"whole").await.status(), StatusCode::CREATED);
    assert_eq!(content(&registry.blob(&digest).unwrap()).await, b"whole");
}

#[tokio::test]
async fn a_blob_that_is_another_is_refused() {
    let registry = open(Answers::default(), Keep::Bytes).await;
    let wrong = path(&format!("blobs/uploads/?digest={}", Digest::of(b"a")));
    let answer = ask(&registry, Method::POST, &wrong, b"b").await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert!(String::from_utf8_lossy(answer.body()).contains("DIGEST_INVALID"));
    assert!(registry.blob(&Digest::of(b"a")).is_none() && registry.blob(&Digest::of(b"b")).is_none());
    let unknown = ask(&registry, Method::PATCH, &path("blobs/uploads/77"), b"x").await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn it_says_of_each_blob_what_it_was_told() {
    let [there, wanted, other] = ["there", "wanted", "other"].map(|text| Digest::of(text.as_bytes()));
    let answers = |others| Answers {
        there: HashMap::from([(there.clone(), 70)]),
        wanted: HashSet::from([wanted.clone()]),
        others,
    };
    let registry = open(answers(true), Keep::Nothing).await;
    let ask_for = async |digest: &Digest| {
        let answer = ask(&registry, Method::HEAD, &path(&format!("blobs/{digest}")), b"").await;
        (answer.status().as_u16(), header(&answer, "content-length"))
    };
    assert_eq!(ask_for(&there).await, (200, "70".to_owned()));
    assert_eq!(ask_for(&wanted).await.0, 404);
    assert_eq!(ask_for(&other).await.0, 200);
    let mount = |digest: &Digest| path(&format!("blobs/uploads/?mount={digest}&from=a/b"));
    assert_eq!(ask(&registry, Method::POST, &mount(&there), b"").await.status(), StatusCode::CREATED);
    assert_eq!(ask(&registry, Method::POST, &mount(&wanted), b"").await.status(), StatusCode::ACCEPTED);
    registry.answer(answers(false));
    assert_eq!(ask_for(&other).await.0, 404);
}

#[tokio::test]
async fn the_layers_are_those_of_the_image_that_was_asked_for() {
    let registry = open(Answers::default(), Keep::Nothing).await;
    let layer = push(&registry, b"layer").await;
    let (config, absent) = (Digest::of(b"config"), Digest::of(b"absent"));
    let blob = |digest: &Digest, kind: &str| serde_json::json!({"mediaType": kind, "size": 5, "digest": digest});
    let manifest = serde_json::json!({
        "schemaVersion": 2, "config": blob(&config, "c"), "layers": [blob(&layer, "l+gzip"), blob(&absent, "l")],
    });
    for text in ["{}".to_owned(), manifest.to_string(), serde_json::json!({"manifests": []}).to_string()] {
        let put = ask(&registry, Method::PUT, &path("manifests/tag"), text.as_bytes()).await;
        assert_eq!(put.status(), StatusCode::CREATED);
    }
    let pushed = |digest: &Digest, media_type: &str, size| PushedLayer {
        digest: digest.clone(),
        media_type: media_type.to_owned(),
        size,
    };
    let expected = vec![pushed(&layer, "l+gzip", Some(5)), pushed(&absent, "l", None)];
    assert_eq!(registry.layers(&ImageId(config)), Some(expected));
    assert_eq!(registry.layers(&ImageId(absent)), None);
    assert!(registry.blob(&layer).unwrap().read(0).await.is_err(), "its bytes were not kept");
}

#[tokio::test]
async fn nothing_but_a_push_into_the_one_repository_is_answered() {
    let registry = open(Answers::default(), Keep::Bytes).await;
    let digest = push(&registry, b"x").await;
    for (method, path) in [
        (Method::GET, path(&format!("blobs/{digest}"))),
        (Method::GET, path("manifests/tag")),
        (Method::POST, "/v2/other/blobs/uploads/".to_owned()),
        (Method::GET, "/".to_owned()),
    ] {
        assert_eq!(ask(&registry, method, &path, b"").await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}
