//! `loadline e2e`.

use crate::cli::args::E2e;
use crate::cli::session::{Session, variable};
use crate::e2e::{self, Problem, Suite};
use crate::types::Outcome;

/// Makes the journeys that `args` name, or prints the schema of their files.
pub fn run(session: &Session, args: &E2e) -> Outcome {
    if args.schema {
        let text = format!("{:#}\n", e2e::schema().as_value());
        return session.written(session.terminal.data(&text));
    }
    match ready(session, args) {
        Ok(ready) => session.block_on(ready.run(&session.events, &session.cancel)),
        Err(problems) => Outcome::worst(problems.iter().map(|problem| session.failed(None, problem))),
    }
}

fn ready(session: &Session, args: &E2e) -> Result<e2e::Ready, Vec<Problem>> {
    let suite = Suite::read(&args.files, &session.directory)?.only(&args.only)?;
    suite.ready(e2e::addresses(&args.urls)?, &variable)
}
