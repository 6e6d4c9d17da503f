//! `chart`: what a rendered chart says.

mod conditions;
mod probes;

pub use conditions::of as conditions;

use serde_json::Value;

/// Text at `pointer` (RFC 6901).
pub fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// A field of the security context of `container`, or else of the pod's `spec`.
pub fn security<'v>(spec: &'v Value, container: &'v Value, field: &str) -> Option<&'v Value> {
    let at = format!("/securityContext/{field}");
    container.pointer(&at).or_else(|| spec.pointer(&at))
}

/// The items of the list at `pointer`.
pub fn items<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}
