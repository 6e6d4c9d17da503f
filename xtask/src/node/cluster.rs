//! Which cluster: its name is the profile's, the network's and its first machine's.

use crate::paths::Cache;
use std::path::PathBuf;

/// The everyday cluster.
const EVERYDAY: &str = "minikube";

/// A cluster, as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    pub name: String,
    /// How many nodes it has.
    pub nodes: usize,
}

impl Default for Cluster {
    fn default() -> Self {
        Self { name: EVERYDAY.to_owned(), nodes: 1 }
    }
}

impl Cluster {
    /// The one that tests of several nodes use.
    pub fn two() -> Self {
        Self { name: "two".to_owned(), nodes: 2 }
    }

    pub fn is_everyday(&self) -> bool {
        self.name == EVERYDAY
    }

    /// The names of its machines, the control plane's first, as Minikube gives them.
    pub fn machines(&self) -> Vec<String> {
        (1..=self.nodes.max(1)).map(|number| self.machine(number)).collect()
    }

    fn machine(&self, number: usize) -> String {
        if number == 1 { self.name.clone() } else { format!("{}-{}", self.name, node_name(number)) }
    }

    /// The control plane's machine.
    pub fn first(&self) -> &str {
        &self.name
    }

    /// What `MINIKUBE_HOME` is set to: the everyday cluster's holds no other profile.
    pub fn home(&self, cache: &Cache) -> PathBuf {
        cache.file(&if self.is_everyday() { EVERYDAY.to_owned() } else { format!("{EVERYDAY}-{}", self.name) })
    }

    pub fn kubeconfig(&self, cache: &Cache) -> PathBuf {
        self.home(cache).join("kubeconfig")
    }
}

/// What Minikube calls a node in a profile: the first has no name.
pub fn node_name(number: usize) -> String {
    if number == 1 { String::new() } else { format!("m{number:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_named_as_minikube_names_them() {
        assert_eq!(Cluster::default().machines(), ["minikube"]);
        assert_eq!(Cluster::two().machines(), ["two", "two-m02"]);
    }
}
