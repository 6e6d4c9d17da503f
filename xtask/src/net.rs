//! The network of an engine of ours: one bridge and three rules, all made here.
//!
//! Two daemons that both manage iptables flush each other's chains, and one without a bridge
//! deletes the other's `docker0`. So ours manages no iptables: it gets a bridge of its own in the
//! host's network namespace, where it shares the loopback with registries and where the host
//! reaches its containers. `remove` takes back exactly what `create` did.

use crate::run;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);
const FORWARD: &str = "/proc/sys/net/ipv4/ip_forward";

/// How many engines of ours a machine can have: each takes a sixteenth of 10.231.0.0/16.
const SHARES: u8 = 16;

/// An engine's share, by its number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Network {
    number: u8,
}

impl Network {
    pub fn numbered(number: u8) -> Option<Self> {
        (number < SHARES).then_some(Self { number })
    }

    /// The first that nobody uses.
    pub fn free() -> Result<Self> {
        let free = (0..SHARES).map(|number| Self { number }).find(|network| !network.bridge_exists());
        free.context("making a network for the engine: all of loadline0 to loadline15 are in use\nhint: `ip link delete` those that no engine needs")
    }

    pub fn number(self) -> u8 {
        self.number
    }

    pub fn bridge(self) -> String {
        format!("loadline{}", self.number)
    }

    /// The control group of the engine's containers: in every hierarchy the bridge's name.
    pub fn cgroup(self) -> String {
        self.bridge()
    }

    /// All addresses of the engine: the bridge's and those of networks that it makes.
    fn range(self) -> String {
        format!("10.231.{}.0/20", self.number * 16)
    }

    fn address(self) -> String {
        format!("10.231.{}.1/24", self.number * 16)
    }

    /// What the engine makes networks from.
    pub fn pool(self) -> String {
        format!("10.231.{}.0/21", self.number * 16 + 8)
    }

    /// Subnets between the bridge's and the pool, for clusters: the first three parts of each.
    pub fn for_nodes(self) -> Vec<String> {
        (4..8).map(|part| format!("10.231.{}", self.number * 16 + part)).collect()
    }

    /// Whether the bridge is there and somebody else's: another user, or another cache directory.
    pub fn is_foreign(self, home: &Path) -> bool {
        let alias = fs::read_to_string(Path::new("/sys/class/net").join(self.bridge()).join("ifalias"));
        alias.is_ok_and(|owner| owner.trim() != home.to_string_lossy())
    }

    fn bridge_exists(self) -> bool {
        Path::new("/sys/class/net").join(self.bridge()).exists()
    }
}

/// Makes what is missing, for the engine at `home`; `saved` remembers the forwarding switch as it was.
pub fn create(network: Network, home: &Path, saved: &Path) -> Result<()> {
    save_forwarding(saved)?;
    let bridge = network.bridge();
    if !network.bridge_exists() {
        ip(&["link", "add", &bridge, "type", "bridge"])?;
        ip(&["address", "add", &network.address(), "dev", &bridge])?;
        ip(&["link", "set", "dev", &bridge, "alias", &home.display().to_string()])?;
    }
    ip(&["link", "set", &bridge, "mtu", &mtu().to_string(), "up"])?;
    for rule in rules(network) {
        if !rule.exists() {
            rule.add()?;
        }
    }
    Ok(())
}

/// Removes the rules, the bridge and every other bridge with an address of ours.
pub fn remove(network: Network) -> Result<()> {
    for rule in rules(network) {
        while rule.exists() {
            rule.delete()?;
        }
    }
    for link in links_within(network)? {
        ip(&["link", "delete", &link])?;
    }
    Ok(())
}

/// Puts the forwarding switch back, unless somebody else's engine of this kind is left.
pub fn restore_forwarding(saved: &Path) -> Result<()> {
    if (0..SHARES).any(|number| Network { number }.bridge_exists()) {
        return Ok(());
    }
    if let Ok(value) = fs::read_to_string(saved) {
        fs::write(FORWARD, value).with_context(|| format!("restoring `{FORWARD}`"))?;
        fs::remove_file(saved)?;
    }
    Ok(())
}

fn save_forwarding(saved: &Path) -> Result<()> {
    let now = fs::read_to_string(FORWARD).with_context(|| format!("reading `{FORWARD}`"))?;
    if now.trim() != "1" {
        fs::write(saved, &now).with_context(|| format!("writing `{}`", saved.display()))?;
        fs::write(FORWARD, "1").with_context(|| format!("writing `{FORWARD}`"))?;
    }
    Ok(())
}

struct Rule {
    table: &'static str,
    chain: &'static str,
    words: Vec<String>,
}

impl Rule {
    fn new(table: &'static str, chain: &'static str, words: &str) -> Self {
        let comment = ["-m", "comment", "--comment", "loadline"].map(str::to_owned);
        let (matches, target) = words.split_once(" -j ").unwrap_or((words, "ACCEPT"));
        let words = matches.split(' ').map(str::to_owned).chain(comment).chain(["-j".to_owned()]);
        Self { table, chain, words: words.chain(target.split(' ').map(str::to_owned)).collect() }
    }

    fn command(&self, action: &str) -> Command {
        let mut command = Command::new("iptables");
        command.args(["-w", "10", "-t", self.table, action, self.chain]).args(&self.words).env("PATH", path());
        command
    }

    fn exists(&self) -> bool {
        run::succeeds(&mut self.command("-C"), LIMIT)
    }

    /// In front: a rule of somebody else may drop what is forwarded.
    fn add(&self) -> Result<()> {
        run::output("adding a rule for our engine", &mut self.command("-I"), LIMIT).map(drop)
    }

    fn delete(&self) -> Result<()> {
        run::output("deleting a rule of our engine", &mut self.command("-D"), LIMIT).map(drop)
    }
}

fn rules(network: Network) -> Vec<Rule> {
    let range = network.range();
    let mut rules = vec![
        Rule::new("nat", "POSTROUTING", &format!("-s {range} ! -d {range} -j MASQUERADE")),
        Rule::new("filter", "FORWARD", &format!("-s {range} -j ACCEPT")),
        Rule::new("filter", "FORWARD", &format!("-d {range} -j ACCEPT")),
    ];
    if mtu() < 1500 {
        // Networks that the engine makes have an MTU of 1500 whatever the way out has.
        let words = format!("-s {range} -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu");
        rules.push(Rule::new("mangle", "FORWARD", &words));
    }
    rules
}

/// The MTU of the interface of the default route.
pub fn mtu() -> u32 {
    default_interface()
        .and_then(|name| fs::read_to_string(format!("/sys/class/net/{name}/mtu")).ok())
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(1500)
}

fn default_interface() -> Option<String> {
    let routes = fs::read_to_string("/proc/net/route").ok()?;
    routes
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .find(|field| field.get(1) == Some(&"00000000"))
        .map(|field| field[0].to_owned())
}

fn links_within(network: Network) -> Result<Vec<String>> {
    let text = ip(&["-o", "-4", "address", "show", "to", &network.range()])?;
    Ok(text.lines().filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect())
}

fn ip(words: &[&str]) -> Result<String> {
    let mut command = Command::new("ip");
    command.args(words).env("PATH", path());
    run::output(&format!("ip {}", words.join(" ")), &mut command, LIMIT)
}

/// With the system directories: a user's `PATH` may lack them.
pub fn path() -> String {
    let own = std::env::var("PATH").unwrap_or_default();
    format!("{own}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_do_not_overlap() {
        let last = Network::numbered(15).unwrap();
        assert_eq!((last.range().as_str(), last.pool().as_str()), ("10.231.240.0/20", "10.231.248.0/21"));
        assert_eq!(last.for_nodes()[3], "10.231.247");
        assert_eq!(Network::numbered(16), None);
    }
}
