//! User cache directory, shared by all projects on this machine. Its content can be deleted at any time and is recreated on
//! demand.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// Environment variable that overrides the cache directory.
pub const CACHE_DIR: &str = "LIVEINSIGHT_CACHE_DIR";

/// Returns the cache directory. Without a home directory it lies in the project.
pub fn directory(project_root: &Path) -> PathBuf {
    let of_user = chosen(|name| std::env::var_os(name), cfg!(target_os = "macos"));
    of_user.unwrap_or_else(|| project_root.join(".liveinsight").join("cache"))
}

/// Chooses the directory by the XDG Base Directory Specification, on macOS by "File System Programming Guide".
fn chosen(variable: impl Fn(&str) -> Option<OsString>, is_macos: bool) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(own) = set(CACHE_DIR) {
        return std::path::absolute(own).ok();
    }
    // "All paths set in these environment variables must be absolute. If a relative path is encountered, ignore it."
    let parent = set("XDG_CACHE_HOME").filter(|path| path.is_absolute()).or_else(|| {
        let home = set("HOME").filter(|path| path.is_absolute())?;
        Some(home.join(if is_macos { "Library/Caches" } else { ".cache" }))
    });
    Some(parent?.join("liveinsight"))
}

#[cfg(test)]
mod tests {
    use super::{CACHE_DIR, chosen};
    use std::path::{Path, PathBuf};

    fn with(variables: &[(&str, &str)], is_macos: bool) -> Option<PathBuf> {
        chosen(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()), is_macos)
    }

    #[test]
    fn the_cache_lies_where_the_user_wants_it() {
        let home = ("HOME", "/home/ada");
        assert_eq!(with(&[home], false).as_deref(), Some(Path::new("/home/ada/.cache/liveinsight")));
        assert_eq!(with(&[home], true).as_deref(), Some(Path::new("/home/ada/Library/Caches/liveinsight")));
        assert_eq!(with(&[home, ("XDG_CACHE_HOME", "/var/c")], false).as_deref(), Some(Path::new("/var/c/liveinsight")));
        assert_eq!(with(&[home, ("XDG_CACHE_HOME", "relative")], false).as_deref(), Some(Path::new("/home/ada/.cache/liveinsight")));
        assert_eq!(with(&[home, ("XDG_CACHE_HOME", "/var/c"), (CACHE_DIR, "/own")], true).as_deref(), Some(Path::new("/own")));
        assert_eq!(with(&[(CACHE_DIR, ""), ("HOME", "")], false), None);
    }
}
