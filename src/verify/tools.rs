//! `file.tool`: what builds or installs has no place in an image that only runs.

use crate::image::files::{Entry, Kind};
use crate::verify::loose::{drafts, own};
use crate::verify::subject::{Checked, Subject};

/// Compilers, by the name of the command; a version may follow, a target may stand before (`x86_64-linux-gnu-gcc-12`).
const COMPILERS: [&str; 18] = [
    "gcc", "g++", "cc", "c++", "cc1", "cc1plus", "clang", "clang++", "gfortran", "rustc", "cargo", "go", "javac",
    "ghc", "swiftc", "zig", "tcc", "nasm",
];
/// Package managers, by the name of the command.
const MANAGERS: [&str; 27] = [
    "apt", "apt-get", "dpkg", "apk", "dnf", "microdnf", "yum", "rpm", "zypper", "pacman", "pip", "pip3", "pipenv",
    "poetry", "uv", "npm", "npx", "yarn", "pnpm", "corepack", "gem", "bundle", "composer", "conda", "mamba", "brew",
    "luarocks",
];

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    let found = own(subject, "file.tool", is_tool);
    let hint = "build in a stage of its own, and copy what it made: `COPY --from=`";
    Ok(drafts(subject, found, "file.tool", "nothing that builds or installs", hint))
}

/// A command, by its name and by the folder that commands lie in.
fn is_tool(path: &str, entry: &Entry) -> bool {
    let runs = match entry.kind {
        Kind::File => entry.mode & 0o111 != 0,
        Kind::Symlink(_) => true,
        _ => false,
    };
    let Some((folder, name)) = path.rsplit_once('/').filter(|_| runs) else { return false };
    let in_bin = ["bin", "sbin"].contains(&folder.rsplit('/').next().unwrap_or_default());
    // cc1 lies with the compiler's own parts.
    let inside = folder.starts_with("usr/lib") && name.starts_with("cc1");
    (in_bin || inside) && (MANAGERS.contains(&name) || is_compiler(name))
}

fn is_compiler(name: &str) -> bool {
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let bare = if bare.len() < name.len() { bare.strip_suffix('-').unwrap_or(name) } else { bare };
    let after_target = bare.rsplit_once("-gnu-").or_else(|| bare.rsplit_once("-musl-")).map_or(bare, |(_, rest)| rest);
    COMPILERS.contains(&after_target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compilers_are_known_with_their_version_and_target() {
        for name in ["gcc", "gcc-12", "x86_64-linux-gnu-g++-13", "clang-14", "clang-14.0", "cc1", "go", "rustc"] {
            assert!(is_compiler(name), "{name}");
        }
        for name in ["gccgo-x", "go-wrapper", "clangd", "accc", "gcc-ar", "12", "-1"] {
            assert!(!is_compiler(name), "{name}");
        }
    }
}
