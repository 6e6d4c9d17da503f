//! The Kubernetes secrets of a plan, filled and checked before anything is written.

use crate::cli::session::{Session, variable};
use crate::cluster::{self, Cluster, Level, SecretData};
use crate::project::{ClusterSecret, Deployment, PodSecurity};
use crate::secrets::{self, Missing, Prepared, Why};
use crate::types::{Explained, Outcome, path_from_here};

/// A secret that cannot be used as it would be.
#[derive(Debug, thiserror::Error)]
#[error("the secret `{name}` is not fit for use: {} of its {count} keys {}", .wrong.len(), if .wrong.len() == 1 { "has a fault" } else { "have faults" })]
pub struct Unfit {
    name: String,
    count: usize,
    /// Each key, and what is wrong with it.
    wrong: Vec<(String, String)>,
}

impl Explained for Unfit {
    fn outcome(&self) -> Outcome {
        Outcome::Findings
    }

    fn hint(&self) -> Option<String> {
        let (key, _) = self.wrong.first()?;
        Some(format!("set `{key}` where loadline.toml says that it comes from (`loadline config`)"))
    }

    fn details(&self) -> Vec<(String, String)> {
        self.wrong.clone()
    }
}

/// The secret `secret`, filled: what the cluster has of it is kept where nothing else is said.
///
/// # Errors
/// The cluster was lost; or a key has no value, or none that it could have.
pub async fn prepare(
    cluster: &Cluster,
    deployment: &Deployment,
    secret: &ClusterSecret,
    rotated: &[String],
) -> Result<Prepared, Box<dyn Explained>> {
    // Before the namespace is there, the secret is not either.
    let there: Option<SecretData> = cluster.secret(&deployment.namespace, &secret.name).await.map_err(boxed)?;
    let prepared = secrets::prepare(secret, there.as_ref(), rotated, &variable);
    let missing = prepared.missing.iter().map(|Missing { key, why }| (key.clone(), because(why)));
    let faults = secrets::faults(&prepared.data).into_iter().map(|(key, fault)| (key, fault.to_string()));
    let wrong: Vec<(String, String)> = missing.chain(faults).collect();
    if wrong.is_empty() {
        return Ok(prepared);
    }
    Err(Box::new(Unfit { name: secret.name.clone(), count: secret.keys.len(), wrong }))
}

fn boxed(error: impl Explained) -> Box<dyn Explained> {
    Box::new(error)
}

fn because(why: &Why) -> String {
    match why {
        Why::Unset(variable) => format!("is missing: the environment has no {variable}"),
        Why::Unread(path, kind) => format!("is missing: {}: {kind}", path_from_here(path)),
        Why::Of(key) => format!("is missing: it is made of {key}"),
    }
}

/// Makes sure that the namespace is there, and writes all secrets into it, those first that can be
/// faulty: nothing is written if one of them is.
///
/// # Errors
/// As `prepare`; or the cluster refused.
pub async fn write(
    session: &Session,
    cluster: &Cluster,
    deployment: &Deployment,
    rotated: impl Fn(&str) -> Vec<String>,
) -> Result<(), Outcome> {
    let failed = |error: cluster::Error| session.failed(None, &error);
    let namespace = &deployment.namespace;
    if cluster.is_terminating(namespace).await.map_err(failed)? {
        session.note(format!("the namespace {namespace} is being removed: waiting until it is gone"));
        cluster.namespace_gone(namespace, deployment.deadline).await.map_err(failed)?;
    }
    let mut all = Vec::new();
    for secret in &deployment.secrets {
        match prepare(cluster, deployment, secret, &rotated(&secret.name)).await {
            Ok(prepared) => all.push((secret, prepared)),
            Err(error) => return Err(session.failed(None, &*error)),
        }
    }
    let level = Level {
        name: deployment.pod_security.unwrap_or(PodSecurity::Restricted).as_str(),
        always: deployment.pod_security.is_some(),
    };
    cluster.prepare_namespace(namespace, level).await.map_err(failed)?;
    for (secret, prepared) in all {
        if prepared.changed.is_empty() {
            continue;
        }
        cluster.keep_secret(namespace, &secret.name, &prepared.data).await.map_err(failed)?;
        let made =
            if prepared.made.is_empty() { String::new() } else { format!(", made {}", prepared.made.join(", ")) };
        session.note(format!("secret {}: wrote {}{made}", secret.name, prepared.changed.join(", ")));
    }
    Ok(())
}
