//! One try of an HTTP probe, with the kubelet's rules (`pkg/probe/http` of Kubernetes): one
//! second for all of it, redirects followed on the same host only, 200 to 399 passes.

use super::redirect::{Leads, Url};
use crate::project::Probe;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

/// How long a try may take: the default of a probe's `timeoutSeconds`.
pub(super) const TRY: Duration = Duration::from_secs(1);
const MOST_REDIRECTS: usize = 10;
const LONGEST_BODY: usize = 10 << 10;
/// Applications tell probes from people by this.
const USER_AGENT: &str = "kube-probe/1.34";

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// An HTTP answer, after the redirects that were followed.
    Http {
        /// Its status.
        status: u16,
        /// The beginning of its body.
        body: String,
        /// The other host that it redirects to, if it does.
        elsewhere: Option<String>,
    },
    /// Nothing accepts connections.
    Refused,
    /// Nothing came in time.
    Late,
    /// Something else, and what.
    Broken(String),
}

/// Why a try did not pass.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fail {
    /// The status does not pass.
    Status(u16),
    /// The status passes for the kubelet, but not for the settings; what is wrong with it.
    Unlike(String),
    /// Nothing accepts connections.
    Refused,
    /// Nothing came in time.
    Late,
    /// Something else, and what.
    Broken(String),
}

/// Asks once.
pub(super) async fn ask(url: &Url) -> Answer {
    ask_within(url, TRY).await
}

/// Asks once, and waits no longer than `time` for the answer.
pub(super) async fn ask_within(url: &Url, time: Duration) -> Answer {
    tokio::time::timeout(time, follow(url.clone())).await.unwrap_or(Answer::Late)
}

async fn follow(mut url: Url) -> Answer {
    // Go's client gives up when it has made ten requests.
    for _ in 0..MOST_REDIRECTS {
        let (status, location, body) = match exchange(&url).await {
            Ok(found) => found,
            Err(answer) => return answer,
        };
        let leads = location.filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308)).map(|to| url.follow(&to));
        match leads {
            None => return Answer::Http { status, body, elsewhere: None },
            Some(Leads::Elsewhere(to)) => return Answer::Http { status, body, elsewhere: Some(to) },
            Some(Leads::Nowhere(why)) => return Answer::Broken(why),
            Some(Leads::Here(next)) => url = next,
        }
    }
    Answer::Broken(format!("it redirects more than {MOST_REDIRECTS} times"))
}

type Exchanged = (u16, Option<String>, String);

async fn exchange(url: &Url) -> Result<Exchanged, Answer> {
    let stream = TcpStream::connect((url.host.as_str(), url.port)).await.map_err(unreached)?;
    let broken = |error: hyper::Error| Answer::Broken(innermost(&error));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let _driver = AbortOnDropHandle::new(tokio::spawn(connection));
    let request = http::Request::get(&url.path)
        .header("Host", url.authority())
        .header("User-Agent", USER_AGENT)
        .header("Accept", "*/*")
        .header("Connection", "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| Answer::Broken(format!("`{}` cannot be asked for: {error}", url.path)))?;
    let answer = sender.send_request(request).await.map_err(broken)?;
    let status = answer.status().as_u16();
    let location = answer.headers().get("Location").map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned());
    let body = beginning(answer.into_body()).await.map_err(broken)?;
    Ok((status, location, body))
}

async fn beginning(mut body: Incoming) -> Result<String, hyper::Error> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() >= LONGEST_BODY {
            bytes.truncate(LONGEST_BODY);
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn unreached(error: io::Error) -> Answer {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Answer::Refused,
        _ => Answer::Broken(format!("no connection: {error}")),
    }
}

/// The HTTP library wraps what happened, and says less itself.
fn innermost(error: &hyper::Error) -> String {
    if error.is_incomplete_message() {
        return "the connection was closed before an answer came".into();
    }
    let last = std::iter::successors(std::error::Error::source(error), |cause| cause.source()).last();
    last.map_or_else(|| error.to_string(), ToString::to_string)
}

impl Answer {
    /// Whether it passes.
    pub(super) fn judge(&self, probe: &Probe) -> Result<(), Fail> {
        match self {
            Self::Refused => Err(Fail::Refused),
            Self::Late => Err(Fail::Late),
            Self::Broken(why) => Err(Fail::Broken(why.clone())),
            Self::Http { status, body, .. } => judge_http(*status, body, probe),
        }
    }

    /// In a line, with the beginning of what came.
    pub(super) fn brief(&self, port: u16) -> String {
        match self {
            Self::Refused => format!("nothing listens on port {port}"),
            Self::Late => "nothing within 1s".into(),
            Self::Broken(why) => why.clone(),
            Self::Http { status, body, .. } => format!("{status} {}", first_line(body, 60)).trim_end().to_owned(),
        }
    }
}

fn judge_http(status: u16, body: &str, probe: &Probe) -> Result<(), Fail> {
    match (probe.status, &probe.contains) {
        (None, _) if !(200..400).contains(&status) => Err(Fail::Status(status)),
        (Some(wanted), _) if wanted != status => {
            Err(Fail::Unlike(format!("{status}, and `status = {wanted}` is wanted")))
        }
        (_, Some(text)) if !body.contains(text.as_str()) => {
            Err(Fail::Unlike(format!("{status} without {text:?} in its body")))
        }
        _ => Ok(()),
    }
}

/// The first line that says something, cut to `most` characters.
pub(super) fn first_line(text: &str, most: usize) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    cut(line, most)
}

/// `line`, cut to `most` characters, without control characters.
pub(super) fn cut(line: &str, most: usize) -> String {
    let clean = || line.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut shown: String = clean().take(most).collect();
    if clean().nth(most).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(status: u16, body: &str) -> Answer {
        Answer::Http { status, body: body.into(), elsewhere: None }
    }

    #[test]
    fn without_wishes_the_kubelets_range_passes() {
        let probe = Probe::default();
        for passes in [200, 204, 302, 399] {
            assert_eq!(http(passes, "").judge(&probe), Ok(()), "{passes}");
        }
        for fails in [100, 199, 400, 503] {
            assert_eq!(http(fails, "").judge(&probe), Err(Fail::Status(fails)));
        }
        assert_eq!(Answer::Late.judge(&probe), Err(Fail::Late));
    }

    #[test]
    fn wishes_are_stricter() {
        let probe = Probe { status: Some(200), contains: Some("\"ok\"".into()), ..Probe::default() };
        assert_eq!(http(200, r#"{"status":"ok"}"#).judge(&probe), Ok(()));
        let why = |answer: Answer| match answer.judge(&probe) {
            Err(Fail::Unlike(why)) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(why(http(204, "")), "204, and `status = 200` is wanted");
        assert_eq!(why(http(200, "no")), r#"200 without "\"ok\"" in its body"#);
        let probe = Probe { status: Some(404), ..Probe::default() };
        assert_eq!(http(404, "").judge(&probe), Ok(()));
    }

    #[test]
    fn answers_fit_a_line() {
        assert_eq!(http(503, "\n  database not ready\nmore").brief(80), "503 database not ready");
        assert_eq!(http(200, "").brief(80), "200");
        assert_eq!(cut("a\tb\u{1b}[0m", 3), "a b…");
    }
}
