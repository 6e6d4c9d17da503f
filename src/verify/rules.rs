//! The table of rules. `docs/rules.md` is made from it; a test compares.

use crate::types::Severity;
use crate::verify::examples::{self, Example};
use crate::verify::subject::{Checked, Subject};
use crate::verify::{base, entrypoint, health, leaks, loose, parts, pod, secret, size, tools, user};
use std::fmt::Write;

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its id, as it stands in `[rules]`.
    pub id: &'static str,
    /// How much a finding matters unless a policy says otherwise.
    pub severity: Severity,
    /// What it wants, in a line.
    pub summary: &'static str,
    /// Why, what exactly is looked at, and what to do.
    pub doc: &'static str,
}

/// Every group of rules.
pub(super) const CHECKS: [fn(&Subject<'_>) -> Checked; 12] = [
    size::check,
    parts::check,
    parts::growth,
    user::check,
    entrypoint::check,
    secret::check,
    leaks::check,
    loose::check,
    tools::check,
    base::check,
    health::check,
    pod::check,
];

/// All rules, in the order of the documentation.
pub const RULES: &[Rule] = &[
    Rule {
        id: "size.budget",
        severity: Severity::Error,
        summary: "The image is smaller than its budget.",
        doc: "The size is the sum of the lengths of the layers' uncompressed tars, the same number on every engine \
              and store; a layer that is listed twice counts twice. It must be less than `budget`; `200MB` is \
              200,000,000 bytes. The largest layers are listed with the line of the Dockerfile that made them; \
              layers of the base stand at the `FROM`, and below them what could be left out with what that saves: first \
              what costs nothing (what a later line deletes, caches), then what is rarely needed, then packages. \
              Without a budget nothing is checked.",
    },
    Rule {
        id: "size.line",
        severity: Severity::Error,
        summary: "Instructions are smaller than their budgets.",
        doc: "`budgets.lines`: all layers of the instructions that begin so, in the Dockerfile or, without one, in the \
              image's history; `FROM` is the base. One that no instruction begins with is a finding.",
    },
    Rule {
        id: "size.folder",
        severity: Severity::Error,
        summary: "Folders are smaller than their budgets.",
        doc: "`budgets.folders`: what the folder and all below it take in the layers' tars, headers and padding included, \
              and what a later layer hides or deletes.",
    },
    Rule {
        id: "size.package",
        severity: Severity::Error,
        summary: "Packages are smaller than their budgets.",
        doc: "`budgets.packages`: the files of a package manager, or of packages of it, by its own database in the image \
              (dpkg, apk, pip) or by their folders (npm).",
    },
    Rule {
        id: "size.growth",
        severity: Severity::Error,
        summary: "The image grows less than its budget.",
        doc: "`budgets.growth`: against the build before the last one, or what `--against` names. Without one nothing is \
              checked.",
    },
    Rule {
        id: "user.root",
        severity: Severity::Error,
        summary: "The image does not run as root.",
        doc: "Root is uid 0: as `0`, as `0:1000`, as a name that the image's `/etc/passwd` resolves to 0, or \
              because no `USER` is set. Set `USER` to a number other than 0.",
    },
    Rule {
        id: "user.unknown",
        severity: Severity::Error,
        summary: "The user exists.",
        doc: "A name that is not in the image's `/etc/passwd`, a group that is not in its `/etc/group`, or a number \
              that is no id: such a container does not start.",
    },
    Rule {
        id: "user.name",
        severity: Severity::Warn,
        summary: "The user is a number.",
        doc: "Kubernetes cannot check a name under `runAsNonRoot` and refuses the container. An error where \
              `numeric-user = true` or the chart says `runAsNonRoot`.",
    },
    Rule {
        id: "user.no-passwd",
        severity: Severity::Info,
        summary: "The uid has an account.",
        doc: "A number that is not in the image's `/etc/passwd` runs well, but programs that ask for the user's name \
              or home directory get none.",
    },
    Rule {
        id: "entrypoint.missing",
        severity: Severity::Warn,
        summary: "What the image runs is in it.",
        doc: "The first word of `ENTRYPOINT`, or of `CMD` without one: looked up in the image's `PATH` if it is a bare \
              name, links followed, and so is the interpreter that its first line names. Of a shell form \
              (`/bin/sh -c …`) the first command is looked up as well.",
    },
    Rule {
        id: "entrypoint.not-executable",
        severity: Severity::Warn,
        summary: "The image's user may execute what the image runs.",
        doc: "The permission bits of the file and of each directory on the way to it, for the uid and all of its \
              groups. A script must be readable as well, and so for its interpreter.",
    },
    Rule {
        id: "secret.env",
        severity: Severity::Warn,
        summary: "No secret stands in the environment.",
        doc: "Variables with names such as `DB_PASSWORD` or `API_KEY` and a value, values in the form of known \
              credentials, and URLs with a password. Whoever has the image has them. Values are never printed.",
    },
    Rule {
        id: "secret.label",
        severity: Severity::Warn,
        summary: "No secret stands in the labels.",
        doc: "As for `secret.env`.",
    },
    Rule {
        id: "secret.file",
        severity: Severity::Warn,
        summary: "No file of any layer gives a secret away.",
        doc: "Private keys (by what follows their first line), tokens of AWS, GitHub, GitLab, Slack, Stripe and npm in \
              text of at most 1 MiB, passwords in the URLs of settings, credentials in `.npmrc`, `.netrc`, `.pypirc`, \
              `.docker/config.json` and `.aws/credentials`, and `.env` files. In every layer, also if a later line \
              deletes it: whoever has the image has it. What a package ships is left out, for everyone has that.",
    },
    Rule {
        id: "secret.history",
        severity: Severity::Warn,
        summary: "No secret stands in the history.",
        doc: "Build arguments are written into the history of each `RUN` after their `ARG`. As for `secret.env`.",
    },
    Rule {
        id: "file.setuid",
        severity: Severity::Warn,
        summary: "No line adds a program that gives its caller other rights.",
        doc: "Executable files with the set-uid or set-gid bit, as a container sees them. What the base has is left out.",
    },
    Rule {
        id: "file.writable",
        severity: Severity::Warn,
        summary: "No line adds what everyone may change.",
        doc: "Files that others may write to, and such directories without the sticky bit. What the base has is left out.",
    },
    Rule {
        id: "file.cache",
        severity: Severity::Warn,
        summary: "No line leaves the cache of a package manager behind.",
        doc: "Files in the caches of apt, apk, dnf, pip, uv, npm, yarn, Go and Cargo, with what they weigh. What the base \
              has is left out.",
    },
    Rule {
        id: "file.tool",
        severity: Severity::Warn,
        summary: "No line adds what builds or installs.",
        doc: "Compilers (gcc, clang, rustc, cargo, go, javac and others, with a version or a target in their names) and \
              package managers (of distributions, of Python, Node, Ruby and PHP) in folders of commands, as a container \
              sees them: whoever gets in finds them ready. What the base has is left out.",
    },
    Rule {
        id: "allow.unused",
        severity: Severity::Info,
        summary: "Allowances accept something.",
        doc: "An `[[allow]]` with this `image` that nothing of the image needs: what it was for is repaired, or it names \
              it wrongly.",
    },
    Rule {
        id: "base.unpinned",
        severity: Severity::Warn,
        summary: "Bases are pinned by digest.",
        doc: "Images after `FROM`, `COPY --from=` and `RUN --mount=…,from=` of the stages that are built. A tag can \
              move: the same Dockerfile then gives another image. `scratch` and stages need none.",
    },
    Rule {
        id: "healthcheck.missing",
        severity: Severity::Warn,
        summary: "The image says how to check its health.",
        doc: "A `HEALTHCHECK` that is not `NONE`. Kubernetes has probes of its own and ignores it; Docker and Compose \
              use it.",
    },
    Rule {
        id: "pod.user",
        severity: Severity::Error,
        summary: "The kubelet lets the pod's user run.",
        doc: "Under `runAsNonRoot` neither uid 0 nor a name that only the image can resolve. This and the other rules \
              `pod.*` look at the pod as the chart of a release renders it, together with the image. `deploy` looks \
              again, with the values of that run, before it changes anything.",
    },
    Rule {
        id: "pod.entrypoint",
        severity: Severity::Error,
        summary: "The pod's user may execute what the container runs.",
        doc: "As `entrypoint.*`, for the pod's `command`, `runAsUser` and `runAsGroup`.",
    },
    Rule {
        id: "pod.port",
        severity: Severity::Error,
        summary: "The container's ports can be listened on.",
        doc: "A port below 1024 needs root, the capability `NET_BIND_SERVICE` or the sysctl \
              `net.ipv4.ip_unprivileged_port_start`.",
    },
    Rule {
        id: "pod.probe",
        severity: Severity::Error,
        summary: "Probes ask a port that somebody listens on.",
        doc: "A port of the container, one that the image exposes, or the one that `smoke` probes.",
    },
    Rule {
        id: "pod.writable",
        severity: Severity::Error,
        summary: "What the application writes to is writable in the pod.",
        doc: "With `readOnlyRootFilesystem`: a volume at, or above, each path of `run.writable`.",
    },
    Rule {
        id: "pod.secret",
        severity: Severity::Error,
        summary: "Secrets have the keys that the pod asks for.",
        doc: "`secretKeyRef` and the items of secret volumes, as far as the secret is one of `[secret.…]`.",
    },
    Rule {
        id: "pod.pull",
        severity: Severity::Error,
        summary: "A loaded image is not asked of a registry.",
        doc: "`imagePullPolicy` is `Never` or `IfNotPresent`, said or by default.",
    },
    Rule {
        id: "pod.architecture",
        severity: Severity::Error,
        summary: "The pod's nodes can run the image.",
        doc: "`nodeSelector` with `kubernetes.io/arch` names the image's own architecture.",
    },
    Rule {
        id: "pod.security",
        severity: Severity::Error,
        summary: "The namespace admits the pod.",
        doc: "What the Pod Security Standard of the namespace that `deploy` makes does not admit, field by field.",
    },
    Rule {
        id: "settings.drift",
        severity: Severity::Error,
        summary: "Settings and pod say the same.",
        doc: "User, limits of memory and CPU, grace, command, environment, path and port of the probe: what both say. \
              `smoke` proves the image under the settings; what they leave open it takes from the pod.",
    },
];

/// The rule with this id.
pub fn find(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// `docs/rules.md`.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Rules of `loadline verify`\n\n<!-- Made from src/verify/rules.rs; a test compares. -->\n\n\
         An `error` fails the check, a `warn` or `info` is said. `[rules]` in `loadline.toml` changes that: \
         `\"user.name\" = \"error\"`, `\"healthcheck.missing\" = \"off\"`. \
         `[[allow]]` accepts single findings for a time ([settings.md](settings.md#allowances)).\n\n| rule | severity | it wants |\n| --- | --- | --- |\n",
    );
    for Rule { id, severity, summary, .. } in RULES {
        // Writing into a String cannot fail.
        writeln!(text, "| [`{id}`](#{}) | {severity} | {summary} |", id.replace('.', "")).ok();
    }
    for Rule { id, doc, .. } in RULES {
        writeln!(text, "\n## {id}\n{doc}").ok();
        if let Some(Example { language, fails, repair, .. }) = examples::of(id) {
            writeln!(text, "\n```{language}\n{fails}\n```\n\nRepaired:\n\n```{language}\n{repair}\n```").ok();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_is_made_from_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules.md");
        if std::env::var_os("LOADLINE_BLESS").is_some() {
            std::fs::write(path, markdown()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), markdown(), "run with LOADLINE_BLESS=1");
    }

    #[test]
    fn every_rule_has_an_example() {
        assert!(RULES.iter().map(|rule| rule.id).eq(examples::EXAMPLES.iter().map(|example| example.rule)));
    }

    #[test]
    fn only_size_and_user_fail_by_default() {
        let errors: Vec<&str> = RULES
            .iter()
            .filter(|rule| rule.severity == Severity::Error && !pod::is_rule(rule.id))
            .map(|rule| rule.id)
            .collect();
        let sizes = ["size.budget", "size.line", "size.folder", "size.package", "size.growth"];
        assert_eq!(errors, [&sizes[..], &["user.root", "user.unknown"]].concat());
    }
}
