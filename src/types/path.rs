//! Paths as people call them.

use std::path::Path;

/// `path` as it is written inside the first of `roots` that it is below; whole if it is below none.
pub fn short_path(path: &Path, roots: &[&Path]) -> String {
    let below = roots.iter().find_map(|root| path.strip_prefix(root).ok());
    below.filter(|rest| !rest.as_os_str().is_empty()).unwrap_or(path).display().to_string()
}

/// `path` as a person would type it in the working directory.
pub fn path_from_here(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    short_path(path, &[&here])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_as_short_as_the_first_root_makes_it() {
        let short = |path: &str| short_path(Path::new(path), &[Path::new("/p/context"), Path::new("/p")]);
        assert_eq!(short("/p/context/a/b"), "a/b");
        assert_eq!(short("/p/other"), "other");
        assert_eq!(short("/elsewhere"), "/elsewhere");
        assert_eq!(short("/p"), "/p", "a root itself has no shorter name");
    }
}
