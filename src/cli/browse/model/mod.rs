//! What is looked at, what is selected and what a key does: without a terminal.

pub mod app;
pub mod files;
pub mod filter;
pub mod index;
mod jumps;
pub mod keys;
pub mod layers;
pub mod list;
mod making;
pub mod opened;
pub mod pages;

#[cfg(test)]
pub mod fixture;
#[cfg(test)]
mod tests;
