//! The volumes of the nodes, which are few and keep what was in them.

use super::{Cluster, docker, kubectl};
use crate::engine::Engine;
use anyhow::Result;

/// Where the nodes have them (`xtask/node/entrypoint`).
const FOLDERS: &str = "/var/lib/kubelet/volumes-";

/// Makes those as new that nobody has any more.
pub fn free(engine: &Engine, cluster: &Cluster) -> Result<()> {
    let columns = "jsonpath={range .items[?(@.status.phase==\"Released\")]}{.metadata.name}{\" \"}{.spec.local.path}{\"\\n\"}{end}";
    let released = kubectl(engine, cluster, &["get", "persistentvolumes", "--output", columns])?;
    for (name, path) in released.lines().filter_map(|line| line.split_once(' ')) {
        if !path.starts_with(FOLDERS) {
            continue;
        }
        // A volume's name is that of its node with a number.
        let machine = name.rsplit_once('-').map_or(cluster.first(), |(machine, _)| machine);
        let empty = "find \"$1\" -mindepth 1 -delete";
        docker(engine, "emptying a volume", &["exec", machine, "sh", "-c", empty, "sh", path])?;
        let patch = r#"[{"op":"remove","path":"/spec/claimRef"}]"#;
        kubectl(engine, cluster, &["patch", "persistentvolume", name, "--type=json", "--patch", patch])?;
    }
    Ok(())
}
