//! Where a redirect leads, as the kubelet's HTTP client sees it.

use http::Uri;

/// An `http` URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) host: String,
    pub(super) port: u16,
    /// Path and query.
    pub(super) path: String,
}

/// Where a redirect leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// To the same host: it is followed.
    Here(Url),
    /// To another host: it ends the probe.
    Elsewhere(String),
    /// Where we cannot follow, and why.
    Nowhere(String),
}

impl Url {
    /// The value of the `Host` header.
    pub(super) fn authority(&self) -> String {
        if self.port == 80 { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// Where the `Location` header of an answer to this URL leads (RFC 3986, section 5.2).
    pub(super) fn follow(&self, location: &str) -> Leads {
        if location.starts_with("//") {
            return self.absolute(&format!("http:{location}"));
        }
        if location.split(['/', '?', '#']).next().is_some_and(|first| first.contains(':')) {
            return self.absolute(location);
        }
        let location = location.split('#').next().unwrap_or_default();
        let path = match location.as_bytes().first() {
            None => self.path.clone(),
            Some(b'/') => location.to_owned(),
            Some(b'?') => format!("{}{location}", self.path.split('?').next().unwrap_or_default()),
            Some(_) => {
                let path = self.path.split('?').next().unwrap_or_default();
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                format!("{folder}/{location}")
            }
        };
        Leads::Here(Self { path: without_dots(&path), ..self.clone() })
    }

    fn absolute(&self, location: &str) -> Leads {
        let nowhere = |why: &str| Leads::Nowhere(format!("it redirects to `{location}`, {why}"));
        let Ok(uri) = location.split('#').next().unwrap_or_default().parse::<Uri>() else {
            return nowhere("which is no URL");
        };
        let Some(host) = uri.host() else { return nowhere("which names no host") };
        // Only the name decides: another port of the same host is followed.
        if !host.eq_ignore_ascii_case(&self.host) {
            return Leads::Elsewhere(location.to_owned());
        }
        match uri.scheme_str() {
            Some("http") => Leads::Here(Self {
                host: self.host.clone(),
                port: uri.port_u16().unwrap_or(80),
                path: uri.path_and_query().map_or_else(|| "/".into(), |path| path.as_str().to_owned()),
            }),
            _ => nowhere("and smoke speaks plain HTTP only"),
        }
    }
}

/// Removes `.` and `..` from a path (RFC 3986, section 5.2.4).
fn without_dots(path: &str) -> String {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let mut kept: Vec<&str> = Vec::new();
    let last = path.rsplit('/').next().unwrap_or_default();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => drop(kept.pop()),
            part => kept.push(part),
        }
    }
    if matches!(last, "." | "..") {
        kept.push("");
    }
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(path: &str) -> Url {
        Url { host: "10.0.0.2".into(), port: 8000, path: path.into() }
    }

    #[test]
    fn relative_locations_are_resolved() {
        let path = |location: &str| match url("/a/b?q=1").follow(location) {
            Leads::Here(url) => {
                assert_eq!((url.host.as_str(), url.port), ("10.0.0.2", 8000));
                url.path
            }
            other => panic!("{other:?}"),
        };
        let cases = [
            ("/health/", "/health/"),
            ("c", "/a/c"),
            ("./c?x=1", "/a/c?x=1"),
            ("../c", "/c"),
            ("..", "/"),
            ("?r=2", "/a/b?r=2"),
            ("#top", "/a/b?q=1"),
            ("/c:d", "/c:d"),
        ];
        for (location, expected) in cases {
            assert_eq!(path(location), expected, "{location}");
        }
    }

    #[test]
    fn the_hosts_name_decides_whether_it_is_the_same() {
        let here = |location: &str| url("/").follow(location);
        let other_port = Url { port: 9000, ..url("/x") };
        assert_eq!(here("http://10.0.0.2:9000/x"), Leads::Here(other_port));
        assert_eq!(here("http://10.0.0.2"), Leads::Here(Url { port: 80, ..url("/") }));
        assert_eq!(here("http://example.com/x"), Leads::Elsewhere("http://example.com/x".into()));
        assert_eq!(here("//example.com/x"), Leads::Elsewhere("http://example.com/x".into()));
        assert_eq!(here("https://example.com/"), Leads::Elsewhere("https://example.com/".into()));
        assert!(matches!(here("https://10.0.0.2/x"), Leads::Nowhere(_)));
        assert!(matches!(here("http://a b/"), Leads::Nowhere(_)));
        // What has no host at all is not the same host.
        assert_eq!(here("mailto:x"), Leads::Elsewhere("mailto:x".into()));
    }
}
