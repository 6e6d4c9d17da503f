//! Images as archives, and what `verify` says of them: the library, and the command on archives, without
//! an engine.

mod allowances;
mod archives;
mod blame;
mod budgets;
mod files;
mod formats;
mod hostile;
mod images;
mod leaks;
mod page;
mod pods;
mod rules;
mod store;
mod texts;
