//! The engine suite: what Loadline does with a real engine, the same on every kind of it.
//! `cargo xtask test engine` starts the engines and names them in the environment.

mod build;
mod buildkitd;
mod chain;
mod changed;
mod credentials;
mod harness;
mod journeys;
mod killed;
mod page;
mod proxy;
mod readme;
mod reasons;
mod registry;
mod relay;
mod rules;
mod site;
mod smoke;
mod ssh;
mod sshd;
mod status;
mod tls;
mod todo;
mod trouble;
mod unchanged;
mod verify;
mod why;
