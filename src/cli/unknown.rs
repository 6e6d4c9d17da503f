//! What could not be looked at, and why.

use crate::event::Failure;
use crate::types::Explained;
use serde::Serialize;

/// Why something is not known.
#[derive(Clone, Debug, Serialize)]
pub struct Unknown {
    /// Why.
    pub why: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Unknown {
    /// Because of what is told in words.
    pub fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), hint: None }
    }

    /// Because of `error`, with all its causes.
    pub fn of(error: &dyn Explained) -> Self {
        let Failure { message, causes, hint, .. } = Failure::new(None, error);
        let why = std::iter::once(message).chain(causes).collect::<Vec<_>>().join(": ");
        Self { why, hint }
    }
}
