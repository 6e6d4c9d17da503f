//! Pushing an image to a registry, under a name that is there for the time of the push only.

use super::{Engine, Error, process};
use crate::types::{Digest, ImageId};
use bollard::query_parameters::{ListImagesOptionsBuilder, PushImageOptionsBuilder};
use futures_util::StreamExt;
use std::collections::HashMap;

/// How the tags of pushes begin. After it comes whose it is: process id and its start.
const TAG: &str = "push";

impl Engine {
    /// Pushes the image that the engine has as `image` to `repository`, without credentials. The
    /// name that this takes is taken away again; if `cancel` ends first, the push is broken off.
    ///
    /// # Errors
    /// The engine could not push, or the push was broken off.
    pub async fn push(&self, image: &Digest, repository: &str, cancel: impl Future<Output = ()>) -> Result<(), Error> {
        let tag = tag(image);
        self.tag(&ImageId(image.clone()), repository, &tag).await?;
        let pushed = tokio::select! {
            pushed = self.push_tag(repository, &tag) => pushed,
            () = cancel => Err(Error::broken(format!("pushing to {repository}"), "it was broken off")),
        };
        match self.untag(&format!("{repository}:{tag}")).await {
            Err(error) if !error.is_not_found() => pushed.and(Err(error)),
            _ => pushed,
        }
    }

    async fn push_tag(&self, repository: &str, tag: &str) -> Result<(), Error> {
        let doing = format!("pushing to {repository}");
        let options = PushImageOptionsBuilder::default().tag(tag).build();
        let mut answer = std::pin::pin!(self.api.push_image(repository, Some(options), None));
        while let Some(line) = answer.next().await {
            line.map_err(|error| Error::api(&doing, error))?;
        }
        Ok(())
    }

    /// Takes away the names that pushes of processes that died have left in repositories that
    /// `is_ours`. Returns how many.
    ///
    /// # Errors
    /// The engine refused or was lost.
    pub async fn sweep_pushes(&self, is_ours: impl Fn(&str) -> bool) -> Result<usize, Error> {
        let filters = HashMap::from([("reference", vec![format!("*/*/*:{TAG}-*")])]);
        let options = ListImagesOptionsBuilder::default().filters(&filters).build();
        let found = self.api.list_images(Some(options)).await;
        let found = found.map_err(|error| Error::api("listing what pushes have left", error))?;
        let names = found.into_iter().flat_map(|image| image.repo_tags);
        let left = |name: &String| name.rsplit_once(':').is_some_and(|(host, tag)| is_ours(host) && is_orphan(tag));
        let mut swept = 0;
        for name in names.filter(left) {
            match self.untag(&name).await {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => swept += 1,
            }
        }
        Ok(swept)
    }
}

fn tag(image: &Digest) -> String {
    let pid = std::process::id();
    let started = process::started(pid).unwrap_or_default();
    format!("{TAG}-{pid}-{started}-{}", image.short())
}

/// Whether whose push took the name `tag` is gone.
fn is_orphan(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let (Some(TAG), Some(pid), Some(started)) = (parts.next(), parts.next(), parts.next()) else { return false };
    pid.parse().is_ok_and(|pid| process::started(pid).as_deref().unwrap_or_default() != started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_process_that_is_gone_is_an_orphan() {
        let mine = tag(&Digest::of(b"x"));
        assert!(!is_orphan(&mine));
        let pid = format!("-{}-", std::process::id());
        assert!(is_orphan(&mine.replace(&pid, "-4294967294-")));
        assert!(is_orphan(&format!("push{pid}1-0123456789ab")), "the process id was given to another");
        assert!(!is_orphan("latest") && !is_orphan("push-x-1-0123456789ab"));
    }
}
