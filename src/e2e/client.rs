//! One request over HTTP/1.1, and its answer.

use super::address::Address;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::error::Error as StdError;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

/// The largest answer that is looked at, in MiB.
const LARGEST: usize = 4;
const MOST_REDIRECTS: usize = 10;
/// What no request line may hold as it stands.
const NOT_IN_A_PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'<').add(b'>').add(b'`').add(b'\\').add(b'^');

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: Bytes,
    pub(super) content_type: Option<&'static str>,
    pub(super) follow_redirects: bool,
    pub(super) timeout: Duration,
}

/// What came back.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    /// There is no connection.
    #[error("{0}")]
    Unreached(String),
    /// There is one, and no answer to be judged; what is wrong.
    #[error("{0}")]
    Broken(String),
}

/// Asks `address`.
pub(super) async fn ask(address: &Address, request: Request) -> Result<Answer, NoAnswer> {
    let timeout = request.timeout;
    let mut connected = false;
    let answer = tokio::time::timeout(timeout, follow(address, request, &mut connected)).await;
    let limit = crate::types::format_duration(timeout);
    answer.unwrap_or_else(|_| {
        Err(match connected {
            true => NoAnswer::Broken(format!("no answer within {limit}")),
            false => NoAnswer::Unreached(format!("no connection within {limit}")),
        })
    })
}

async fn follow(address: &Address, mut request: Request, connected: &mut bool) -> Result<Answer, NoAnswer> {
    let broken = |why: String| NoAnswer::Broken(why);
    for _ in 0..=MOST_REDIRECTS {
        let url: Url = request.url.parse().map_err(|_| broken(format!("`{}` is no URL", request.url)))?;
        let answer = exchange(&url, &request, connected).await?;
        let Some(to) = leads_to(&answer).filter(|_| request.follow_redirects) else { return Ok(answer) };
        let next = url.join(&to).map_err(|_| broken(format!("it redirects to `{to}`, which is no URL")))?;
        // Headers may hold what is meant for this server only.
        if next.origin() != url.origin() {
            return Err(broken(format!("it redirects from {address} to {next}, which is not followed")));
        }
        request = redirected(request, answer.status, next);
    }
    Err(broken(format!("it redirects more than {MOST_REDIRECTS} times")))
}

/// Where `answer` redirects to, if it does.
pub(super) fn leads_to(answer: &Answer) -> Option<String> {
    let is_redirect = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let to = answer.headers.get(header::LOCATION).filter(|_| is_redirect)?;
    Some(String::from_utf8_lossy(to.as_bytes()).into_owned())
}

/// What is asked after a redirect (RFC 9110, section 15.4; for 301 and 302 what browsers do).
fn redirected(request: Request, status: StatusCode, to: Url) -> Request {
    let as_get = match status.as_u16() {
        303 => request.method != Method::HEAD,
        301 | 302 => request.method == Method::POST,
        _ => false,
    };
    let url = to.to_string();
    if as_get {
        Request { method: Method::GET, url, body: Bytes::new(), content_type: None, ..request }
    } else {
        Request { url, ..request }
    }
}

async fn exchange(url: &Url, request: &Request, connected: &mut bool) -> Result<Answer, NoAnswer> {
    let broken = |error: hyper::Error| NoAnswer::Broken(innermost(&error));
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, url.port_or_known_default().unwrap_or(80))).await;
    let stream = stream.map_err(|error| NoAnswer::Unreached(error.to_string()))?;
    *connected = true;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let _driver = AbortOnDropHandle::new(tokio::spawn(connection));
    let message = message(url, request).map_err(|why| NoAnswer::Broken(format!("it cannot be sent: {why}")))?;
    let (head, body) = sender.send_request(message).await.map_err(broken)?.into_parts();
    let body = Limited::new(body, LARGEST << 20).collect().await.map_err(|error| unread(&*error))?;
    Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
}

fn message(url: &Url, request: &Request) -> Result<http::Request<Full<Bytes>>, http::Error> {
    let target = target(&request.url, url);
    let mut message =
        http::Request::builder().method(&request.method).uri(target).body(Full::new(request.body.clone()))?;
    let headers = message.headers_mut();
    headers.insert(header::HOST, HeaderValue::try_from(&url[url::Position::BeforeHost..url::Position::AfterPort])?);
    headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("loadline/", env!("CARGO_PKG_VERSION"))));
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    if let Some(kind) = request.content_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    for (name, value) in &request.headers {
        headers.insert(name, HeaderValue::from_bytes(value.as_bytes())?);
    }
    Ok(message)
}

/// Path and query as they were written: `..` in them may be what is to be tried.
fn target(written: &str, url: &Url) -> String {
    let origin = &url[..url::Position::AfterPort];
    let path = written
        .strip_prefix(origin)
        .filter(|rest| rest.starts_with('/'))
        .unwrap_or(&url[url::Position::BeforePath..url::Position::AfterQuery]);
    utf8_percent_encode(path, NOT_IN_A_PATH).to_string()
}

fn unread(error: &(dyn StdError + Send + Sync + 'static)) -> NoAnswer {
    if error.is::<LengthLimitError>() {
        return NoAnswer::Broken(format!("the answer is larger than {LARGEST} MiB"));
    }
    let why = error.downcast_ref::<hyper::Error>().map_or_else(|| error.to_string(), innermost);
    NoAnswer::Broken(format!("the answer broke off: {why}"))
}

/// The HTTP library wraps what happened, and says less itself.
fn innermost(error: &hyper::Error) -> String {
    if error.is_incomplete_message() {
        return "the connection was closed before an answer came".into();
    }
    let last = std::iter::successors(StdError::source(error), |cause| (**cause).source()).last();
    last.map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_asked_for_as_they_are_written() {
        let target = |text: &str| target(text, &text.parse().unwrap());
        assert_eq!(target("http://h:81/a/../b?c=%2F#"), "/a/../b?c=%2F#");
        assert_eq!(target("http://h:81"), "/");
        assert_eq!(target("http://h:81/ü <x>"), "/%C3%BC%20%3Cx%3E");
    }

    #[test]
    fn a_redirect_keeps_the_request_or_makes_it_a_get() {
        let method = |method: Method, status: u16| {
            let request = Request {
                method,
                url: "http://h/a".into(),
                headers: vec![],
                body: Bytes::from_static(b"x"),
                content_type: None,
                follow_redirects: true,
                timeout: Duration::from_secs(1),
            };
            let next = redirected(request, StatusCode::from_u16(status).unwrap(), "http://h/b".parse().unwrap());
            assert_eq!(next.url, "http://h/b");
            (next.method, next.body.len())
        };
        assert_eq!(method(Method::POST, 303), (Method::GET, 0));
        assert_eq!(method(Method::POST, 302), (Method::GET, 0));
        assert_eq!(method(Method::PATCH, 302), (Method::PATCH, 1));
        assert_eq!(method(Method::POST, 308), (Method::POST, 1));
        assert_eq!(method(Method::HEAD, 303), (Method::HEAD, 1));
    }
}
