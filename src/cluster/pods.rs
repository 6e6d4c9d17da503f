//! What a container wrote.

use super::{Cluster, Error};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;

impl Cluster {
    /// The last `lines` lines that the container of a pod wrote; with `previous`, that the one
    /// before it wrote, which ended.
    ///
    /// # Errors
    /// There is no such container, or the cluster was lost.
    pub async fn last_lines(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        lines: i64,
        previous: bool,
    ) -> Result<Vec<String>, Error> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let params = LogParams {
            container: Some(container.to_owned()),
            tail_lines: Some(lines),
            // A line may be of any length.
            limit_bytes: Some(64 << 10),
            previous,
            ..LogParams::default()
        };
        let text = pods.logs(pod, &params).await;
        let text = text.map_err(|source| Error::api(format!("reading the log of `{container}` in `{pod}`"), source))?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}
