//! `[user@]host[:port][/path/of/the/socket]`, what follows `ssh://`.

/// An engine behind an SSH server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Target {
    user: Option<String>,
    host: String,
    port: Option<u16>,
    socket: Option<String>,
}

impl Target {
    /// Reads what follows `ssh://`; an error says what is wrong with it.
    pub(in super::super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (server, socket) = match text.find('/') {
            Some(at) => (&text[..at], Some(&text[at..]).filter(|path| *path != "/")),
            None => (text, None),
        };
        if text.contains(['?', '#']) {
            return Err("ssh takes neither a query nor a fragment");
        }
        let (user, server) = server.rsplit_once('@').map_or((None, server), |(user, server)| (Some(user), server));
        if user.is_some_and(|user| user.contains(':')) {
            return Err("a password cannot be part of it");
        }
        let (host, port) = host_and_port(server)?;
        if host.is_empty() || user == Some("") {
            return Err("the user or the host is missing");
        }
        let own = |text: &str| text.to_owned();
        Ok(Self { user: user.map(own), host: host.to_owned(), port, socket: socket.map(own) })
    }

    /// The host, without anything else.
    pub(in super::super) fn host(&self) -> &str {
        &self.host
    }

    /// What `ssh` is told beside the host.
    pub(super) fn arguments(&self) -> Vec<String> {
        let port = self.port.map(|port| port.to_string());
        let options = [("-l", &self.user), ("-p", &port)];
        let given = options.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value.clone()?]));
        given.flatten().collect()
    }

    /// How a person would try it.
    pub(super) fn by_hand(&self) -> String {
        ["ssh".to_owned()].into_iter().chain(self.arguments()).chain([self.host.clone()]).collect::<Vec<_>>().join(" ")
    }

    /// What is run at the far end, by a shell there.
    pub(super) fn remote_command(&self) -> Vec<String> {
        let host = self.socket.as_ref().map(|path| ["--host".to_owned(), quoted(&format!("unix://{path}"))]);
        let words = ["system", "dial-stdio"].map(str::to_owned);
        ["docker".to_owned()].into_iter().chain(host.into_iter().flatten()).chain(words).collect()
    }
}

fn host_and_port(server: &str) -> Result<(&str, Option<u16>), &'static str> {
    let number = |port: &str| port.parse().map(Some).map_err(|_| "its port is no number up to 65535");
    // The colons of an IPv6 address stand in brackets.
    if let Some(rest) = server.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("a bracket is not closed")?;
        return Ok((host, rest.strip_prefix(':').map(number).transpose()?.flatten()));
    }
    match server.split_once(':') {
        Some((host, port)) => Ok((host, number(port)?)),
        None => Ok((server, None)),
    }
}

/// `word` as one word for a POSIX shell.
pub fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_reaches_ssh_as_it_was_written() {
        let target = Target::parse("me@far:2222/run/it's.sock").unwrap();
        assert_eq!(target.by_hand(), "ssh -l me -p 2222 far");
        assert_eq!(target.remote_command().join(" "), r"docker --host 'unix:///run/it'\''s.sock' system dial-stdio");
        let target = Target::parse("[::1]:22/").unwrap();
        assert_eq!((target.host(), target.by_hand().as_str()), ("::1", "ssh -p 22 ::1"));
        assert_eq!(target.remote_command().join(" "), "docker system dial-stdio");
        for bad in ["me:pass@far", "@far", "far:x", "[::1", "me@", "far?x", ":22"] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
    }
}
