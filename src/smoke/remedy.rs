//! How to say to us what would help: in the settings, or on the command line for an image that no
//! settings describe.

use crate::project::ImagePlan;

/// Sets the port to probe.
pub(super) fn port(plan: &ImagePlan, port: u16) -> String {
    if plan.described {
        format!("set `port = {port}` in [image.{}.probe]", plan.name)
    } else {
        format!("add `--port {port}`")
    }
}

/// Sets a variable of the environment.
pub(super) fn variable(plan: &ImagePlan, name: &str) -> String {
    if plan.described {
        format!("set `{name}` in [image.{}.run.env]", plan.name)
    } else {
        format!("add `--env {name}=VALUE`")
    }
}

/// Makes exactly these directories writable.
pub(super) fn writable<'a>(plan: &ImagePlan, directories: impl Iterator<Item = &'a String>) -> String {
    if plan.described {
        let all: Vec<String> = directories.map(|path| format!("{path:?}")).collect();
        return format!("[image.{}.run]\nwritable = [{}]", plan.name, all.join(", "));
    }
    let all: Vec<String> = directories.map(|path| format!("--writable {path}")).collect();
    format!("add `{}`", all.join(" "))
}

/// Makes `what` writable, for a sentence that goes on after "add".
pub(super) fn to_writable(plan: &ImagePlan, what: &str) -> String {
    if plan.described {
        format!("add {what} to `writable` in [image.{}.run]", plan.name)
    } else {
        format!("add {what} by `--writable`")
    }
}

/// Allows more memory.
pub(super) fn memory(plan: &ImagePlan) -> String {
    let how =
        if plan.described { format!("raise `memory` in [image.{}.run]", plan.name) } else { "raise `--memory`".into() };
    format!("{how}, or use less")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_outside_the_plan_is_told_the_options_of_the_command_line() {
        let plan = ImagePlan::undescribed("nginx:alpine");
        let paths = ["/tmp".to_owned(), "/run".to_owned()];
        let said = [
            port(&plan, 80),
            variable(&plan, "A"),
            writable(&plan, paths.iter()),
            to_writable(&plan, "its directory"),
            memory(&plan),
        ];
        assert_eq!(
            said,
            [
                "add `--port 80`",
                "add `--env A=VALUE`",
                "add `--writable /tmp --writable /run`",
                "add its directory by `--writable`",
                "raise `--memory`, or use less",
            ]
        );
        assert!(said.iter().all(|said| !said.contains("[image.")));
    }
}
