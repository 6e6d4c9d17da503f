//! The folders of layers in the archives of engines before 25.
//!
//! They are named by the ids that layers had before content addressing, made of the chain id, the
//! parent's id and settings that are empty for all layers but the top one (`CreateID` in moby's
//! `image/v1/imagev1.go`). So the archive tells a layer before its bytes come; the top layer is
//! the one that is not known by its folder.

use crate::types::{Digest, chain_ids};
use std::collections::HashMap;

const EMPTY: &str = concat!(
    r#"{"container_config":{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,"#,
    r#""AttachStderr":false,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":null,"Image":"","#,
    r#""Volumes":null,"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":null},"#,
    r#""created":"1970-01-01T00:00:00Z","layer_id":"#
);

/// The diff id of the layer in each folder, as far as folders can be foretold.
pub(super) fn folders(diff_ids: &[Digest]) -> HashMap<String, Digest> {
    let mut parent: Option<Digest> = None;
    let mut folders = HashMap::new();
    for (diff_id, chain) in diff_ids.iter().zip(chain_ids(diff_ids)) {
        let parent_field = parent.iter().map(|parent| format!(r#","parent":"{parent}""#)).collect::<String>();
        let id = Digest::of(format!(r#"{EMPTY}"{chain}"{parent_field}}}"#).as_bytes());
        folders.insert(id.hex().to_owned(), diff_id.clone());
        parent = Some(id);
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the archive that engine 20.10.24 wrote of an image of three layers.
    #[test]
    fn folders_are_named_as_20_10_names_them() {
        let diff_ids: Vec<Digest> = [
            "e3e49743ec02b24a8dd3ce51ccfc2e60d05e7a0da4c9d9910c52f2e14c4f27d5",
            "11e90d451afdf3d8fad8d13dae10d67903746f4d61f17eaefdc2978ba669c0d3",
            "1c1ebe9de9d104b9b7ec9be665f9352f7b5107607a2a2ffe38ee8b8c4799ed5d",
        ]
        .iter()
        .map(|hex| format!("sha256:{hex}").parse().unwrap())
        .collect();
        let folders = folders(&diff_ids);
        for (folder, diff_id) in [
            ("5ade911e7e6d3264eb6db66ad220a51d918ec573ed66225d7e60f316e45dcab1", &diff_ids[0]),
            ("7d5d257a6d29aba8793033d8ae3b8b9fc375df2fa178a3ec65948d83226f7287", &diff_ids[1]),
            ("62901eb1169fd05ea83a4fb3e6079e5b0695a59326ab9a5eb116f83cf9c1aef0", &diff_ids[2]),
        ] {
            assert_eq!(folders.get(folder), Some(diff_id));
        }
    }
}
