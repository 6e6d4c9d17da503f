//! `loadline secrets`.

use crate::cli::args::Secrets;
use crate::cli::cluster;
use crate::cli::session::Session;
use crate::cli::{planned, prepared};
use crate::project::ValueSource;
use crate::types::{Explained, Outcome};

/// `--rotate` names what the settings do not have, or do not make.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is no key that can be made anew")]
struct NotGenerated {
    text: String,
    known: Vec<String>,
}

impl Explained for NotGenerated {
    fn outcome(&self) -> Outcome {
        Outcome::Usage
    }

    fn hint(&self) -> Option<String> {
        if self.known.is_empty() {
            return Some("give a key `{ generate = 32 }` in loadline.toml".to_owned());
        }
        Some(format!("known: {}", self.known.join(", ")))
    }
}

/// Writes, checks or rotates the secrets of the project.
pub async fn run(session: &Session, args: &Secrets) -> Outcome {
    secrets(session, args).await.unwrap_or_else(|outcome| outcome)
}

async fn secrets(session: &Session, args: &Secrets) -> Result<Outcome, Outcome> {
    let plan = session.project(&planned::rules())?.plan;
    let deployment = cluster::deployment(session, &plan, &args.into, &[])?;
    let generated = deployment.secrets.iter().flat_map(|secret| {
        let made = secret.keys.iter().filter(|key| matches!(key.value, ValueSource::Generate { fixed: false, .. }));
        made.map(|key| format!("{}/{}", secret.name, key.name))
    });
    let known: Vec<String> = generated.collect();
    if let Some(text) = args.rotate.iter().find(|text| !known.contains(text)) {
        return Err(session.failed(None, &NotGenerated { text: text.clone(), known }));
    }
    let there = cluster::connect(session, &plan, &deployment, &args.to, &args.into).await?;
    if args.check {
        let mut outcomes = Vec::new();
        for secret in &deployment.secrets {
            match prepared::prepare(&there, &deployment, secret, &[]).await {
                Ok(fit) => session.note(format!("secret {}: {} keys are fit for use", secret.name, fit.data.0.len())),
                Err(error) => outcomes.push(session.failed(None, &*error)),
            }
        }
        return Ok(Outcome::worst(outcomes));
    }
    let of = |name: &str| {
        args.rotate.iter().filter_map(|text| Some(text.strip_prefix(name)?.strip_prefix('/')?.to_owned())).collect()
    };
    prepared::write(session, &there, &deployment, of).await?;
    Ok(Outcome::Fine)
}
