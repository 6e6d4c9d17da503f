//! One file a verb: from arguments and plan to what the verb's room does.

mod build;
mod completions;
mod config;
mod load;
mod man;
mod smoke;
mod up;
mod verify;

use crate::cli::args::Verb;
use crate::cli::session::Session;
use crate::project::ImagePlan;
use crate::types::{Explained, Outcome};
use std::future::Future;

/// The rules that settings may name.
fn rules() -> Vec<&'static str> {
    crate::verify::RULES.iter().map(|rule| rule.id).chain(crate::smoke::RULES).collect()
}

/// Runs `verb`.
pub fn run(session: &Session, verb: &Verb) -> Outcome {
    match verb {
        Verb::Build(args) => session.block_on(build::run(session, args)),
        Verb::Verify(args) => session.block_on(verify::run(session, args)),
        Verb::Smoke(args) => session.block_on(smoke::run(session, args)),
        Verb::Load(args) => session.block_on(load::run(session, args)),
        Verb::Up(args) => session.block_on(up::run(session, args)),
        Verb::Config(args) => config::run(session, args),
        Verb::Completions(args) => completions::run(session, args),
        Verb::Man(args) => man::run(session, args),
    }
}

/// Does `work` for all `images` at once and says what fails. What it came to is in the order of
/// `images`; `None` stands for a failure.
async fn each_image<'i, T, E, W>(
    session: &Session,
    images: &'i [ImagePlan],
    work: impl Fn(&'i ImagePlan) -> W,
) -> (Vec<Option<T>>, Outcome)
where
    E: Explained,
    W: Future<Output = Result<T, E>>,
{
    let told = |image: &'i ImagePlan| {
        let working = work(image);
        async move { working.await.map_err(|error| session.failed(Some(&image.name), &error)) }
    };
    let results = futures_util::future::join_all(images.iter().map(told)).await;
    let outcome = Outcome::worst(results.iter().filter_map(|result| result.as_ref().err().copied()));
    (results.into_iter().map(Result::ok).collect(), outcome)
}
