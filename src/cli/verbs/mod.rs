//! One file a verb: from arguments and plan to what the verb's room does.

mod build;
mod cache;
mod completions;
mod config;
mod deploy;
mod e2e;
mod load;
mod man;
mod rollback;
mod secrets;
mod smoke;
mod status;
mod teach;
mod undeploy;
mod up;
mod verify;
mod why;

use crate::cli::args::Verb;
use crate::cli::session::Session;
use crate::types::Outcome;

/// Runs `verb`.
pub fn run(session: &Session, verb: &Verb) -> Outcome {
    match verb {
        Verb::Build(args) => session.block_on(build::run(session, args)),
        Verb::Verify(args) => session.block_on(verify::run(session, args)),
        Verb::Smoke(args) => session.block_on(smoke::run(session, args)),
        Verb::Load(args) => session.block_on(load::run(session, args)),
        Verb::Up(args) => session.block_on(up::run(session, args)),
        Verb::Deploy(args) => session.block_on(deploy::run(session, args)),
        Verb::Secrets(args) => session.block_on(secrets::run(session, args)),
        Verb::Rollback(args) => session.block_on(rollback::run(session, args)),
        Verb::Undeploy(args) => session.block_on(undeploy::run(session, args)),
        Verb::E2e(args) => e2e::run(session, args),
        Verb::Teach(args) => session.block_on(teach::run(session, args)),
        Verb::Status(args) => session.block_on(status::run(session, args)),
        Verb::Why(args) => session.block_on(why::run(session, args)),
        Verb::Cache(args) => cache::run(session, args),
        Verb::Config(args) => session.block_on(config::run(session, args)),
        Verb::Completions(args) => completions::run(session, args),
        Verb::Man(args) => man::run(session, args),
    }
}
