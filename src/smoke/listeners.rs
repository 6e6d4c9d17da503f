//! What a container listens on, read where the kernel says it: nothing is needed in the image if
//! the engine runs here, and `cat` if it does not.

use crate::engine::{ContainerState, Engine, Route};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The engine's own name server, which it puts into every container of a network.
const NAME_SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));

/// A TCP socket that accepts connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Listener {
    pub(super) address: IpAddr,
    pub(super) port: u16,
}

/// How what listens relates to the port that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Listening {
    /// On the port, where it can be reached.
    Yes,
    /// On the port, but on addresses that only the container itself can reach.
    LoopbackOnly(IpAddr),
    /// On other ports only.
    Elsewhere(Vec<u16>),
    /// On nothing.
    No,
}

/// The listeners of a running container; none if they cannot be had.
pub(super) async fn of(engine: &Engine, route: &Route, id: &str, state: &ContainerState) -> Option<Vec<Listener>> {
    let here = state.pid.filter(|_| *route == Route::Direct).and_then(|pid| from_here(pid, id));
    if here.is_some() {
        return here;
    }
    // The second file is absent where IPv6 is; the first is enough then.
    let shown = engine.exec(id, &["cat", "/proc/net/tcp", "/proc/net/tcp6"]).await.ok()?;
    shown.output.contains("local_address").then(|| parse(&shown.output))
}

/// Reads them as the kernel shows them for the container's first process. The id in its control
/// group's name shows that the process is the container's, and not another of the same number
/// in our namespace.
fn from_here(pid: u32, id: &str) -> Option<Vec<Listener>> {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}"));
    read("cgroup").ok().filter(|group| group.contains(id))?;
    let mut text = read("net/tcp").ok()?;
    text.push_str(&read("net/tcp6").unwrap_or_default());
    Some(parse(&text))
}

fn parse(text: &str) -> Vec<Listener> {
    const LISTEN: &str = "0A";
    let listener = |line: &str| {
        let mut fields = line.split_whitespace();
        let local = fields.nth(1)?;
        (fields.nth(1)? == LISTEN).then_some(())?;
        let (address, port) = local.split_once(':')?;
        Some(Listener { address: parse_address(address)?, port: u16::from_str_radix(port, 16).ok()? })
    };
    let mut all: Vec<Listener> = text.lines().filter_map(listener).filter(|one| one.address != NAME_SERVER).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Words of 32 bits, each as the processor reads it from memory.
fn parse_address(text: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(text.get(at * 8..at * 8 + 8)?, 16).ok()?.to_ne_bytes());
    match text.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let bytes: Vec<u8> = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical())
        }
        _ => None,
    }
}

/// What `listeners` mean for who asks `port` from outside.
pub(super) fn judge(listeners: &[Listener], port: u16) -> Listening {
    let on_port: Vec<&Listener> = listeners.iter().filter(|one| one.port == port).collect();
    if on_port.iter().any(|one| !one.address.is_loopback()) {
        return Listening::Yes;
    }
    if let Some(first) = on_port.first() {
        return Listening::LoopbackOnly(first.address);
    }
    let mut others: Vec<u16> = listeners.iter().filter(|one| !one.address.is_loopback()).map(|one| one.port).collect();
    others.sort_unstable();
    others.dedup();
    if others.is_empty() { Listening::No } else { Listening::Elsewhere(others) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0B00007F:A567 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 247508
   1: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 249092
   2: 0100007F:1F41 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 249093
";
    const TCP6: &str = "\
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:0 00:0 0 0 0 1
   1: 00000000000000000000000001000000:0051 00000000000000000000000000000000:0000 0A 00000000:0 00:0 0 0 0 1
";

    #[test]
    #[cfg(target_endian = "little")]
    fn the_kernels_tables_are_read() {
        let listener = |address: &str, port| Listener { address: address.parse().unwrap(), port };
        assert_eq!(parse(TCP), [listener("127.0.0.1", 8000)]);
        assert_eq!(parse(TCP6), [listener("::", 80), listener("::1", 81)]);
        assert_eq!(parse("garbage\n 1: x:y z 0A\n"), []);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn what_listens_is_judged_from_outside() {
        let both = parse(&format!("{TCP}{TCP6}"));
        assert_eq!(judge(&both, 80), Listening::Yes);
        assert_eq!(judge(&both, 8000), Listening::LoopbackOnly([127, 0, 0, 1].into()));
        assert_eq!(judge(&both, 1), Listening::Elsewhere(vec![80]));
        assert_eq!(judge(&parse(TCP), 1), Listening::No);
    }
}
