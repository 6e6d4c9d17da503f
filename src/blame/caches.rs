//! The caches of package managers.

/// Their folders, wherever the home directory is, and how each is left empty.
pub const CACHES: [(&str, &str); 10] = [
    ("var/lib/apt/lists/", "`rm -rf /var/lib/apt/lists/*` in the same instruction"),
    ("var/cache/apt/", "`apt-get clean` in the same instruction"),
    ("var/cache/apk/", "`apk add --no-cache`"),
    ("var/cache/dnf/", "`dnf clean all` in the same instruction"),
    (".cache/pip/", "`pip install --no-cache-dir`, or `RUN --mount=type=cache`"),
    (".cache/uv/", "`RUN --mount=type=cache,target=/root/.cache/uv`"),
    (".npm/_cacache/", "`RUN --mount=type=cache,target=/root/.npm`"),
    (".cache/yarn/", "`RUN --mount=type=cache`"),
    (".cache/go-build/", "`RUN --mount=type=cache,target=/root/.cache/go-build`"),
    (".cargo/registry/", "`RUN --mount=type=cache`"),
];

/// The one of [`CACHES`] that `path` is in, by its number.
pub fn cache(path: &str) -> Option<usize> {
    CACHES.iter().position(|(folder, _)| {
        path.find(folder).is_some_and(|at| at == 0 || (folder.starts_with('.') && path[..at].ends_with('/')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_are_known_by_their_folder() {
        let folder = |path: &str| cache(path).map(|place| CACHES[place].0);
        assert_eq!(folder("var/lib/apt/lists/deb.debian.org_InRelease"), Some("var/lib/apt/lists/"));
        assert_eq!(folder("root/.npm/_cacache/index-v5/x"), Some(".npm/_cacache/"));
        assert_eq!(folder("home/app/.cache/pip/http/x"), Some(".cache/pip/"));
        assert_eq!(folder("srv/var/cache/apt/x"), None);
        assert_eq!(folder("root/a.npm/_cacache/x"), None);
    }
}
