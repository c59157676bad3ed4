//! Small files that are made or replaced as a whole: whoever reads one sees the old or the new, and never half.
//!
//! What is written first stands beside the file under another name. A link of that name that somebody else
//! has put there is removed and never followed.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// Who may read and write a file.
#[derive(Debug, Clone, Copy)]
pub enum Rights<'a> {
    /// Its owner alone, who is the user of this program.
    Owner,
    /// Everybody may read it, whatever the mask of the user is.
    Everybody,
    /// Those who may with another file, and its owner owns it too.
    Like(&'a Metadata),
}

/// Puts a file in place of the one that is there, if any. It is not forced to the disk.
///
/// # Errors
///
/// What the system says; the file is as it was then.
pub fn replace(path: &Path, content: &[u8], rights: Rights<'_>) -> io::Result<()> {
    put(path, content, rights, |_| Ok(()))
}

/// The same; it survives a power cut.
///
/// # Errors
///
/// As [`replace`].
pub fn replace_for_good(path: &Path, content: &[u8], rights: Rights<'_>) -> io::Result<()> {
    put(path, content, rights, File::sync_all)
}

/// Makes a file that must not be there yet; not even as a link.
///
/// # Errors
///
/// What the system says; nothing is left of it then.
pub fn make(path: &Path, content: &[u8], rights: Rights<'_>) -> io::Result<()> {
    if std::fs::symlink_metadata(path).is_ok() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let beside = beside(path)?;
    let made = new(&beside)
        .and_then(|file| fill(file, content, rights, File::sync_all))
        // Unlike renaming, this takes the place of nobody who came first.
        .and_then(|()| {
            std::fs::hard_link(&beside, path).or_else(|error| match error.kind() {
                ErrorKind::AlreadyExists => Err(error),
                // Shares and memory cards know no second name.
                _ => std::fs::rename(&beside, path),
            })
        });
    let _ = std::fs::remove_file(&beside);
    made
}

/// Removes what an end in the middle of writing has left beside a file.
pub fn sweep(path: &Path) {
    let _ = beside(path);
}

/// What is written first, before it takes its place; free for that.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    let beside = path.with_file_name(name);
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(beside),
    }
}

fn put(
    path: &Path,
    content: &[u8],
    rights: Rights<'_>,
    settle: impl Fn(&File) -> io::Result<()>,
) -> io::Result<()> {
    let beside = beside(path)?;
    let written = new(&beside)
        .and_then(|file| fill(file, content, rights, settle))
        .and_then(|()| std::fs::rename(&beside, path));
    written.inspect_err(|_| {
        // Perhaps there was nothing to remove.
        let _ = std::fs::remove_file(&beside);
    })
}

/// For its owner alone, until it is whole.
fn new(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn fill(
    mut file: File,
    content: &[u8],
    rights: Rights<'_>,
    settle: impl Fn(&File) -> io::Result<()>,
) -> io::Result<()> {
    file.write_all(content)?;
    match rights {
        Rights::Owner => {}
        Rights::Everybody => file.set_permissions(Permissions::from_mode(0o644))?,
        Rights::Like(other) => {
            let own = file.metadata()?;
            if (own.uid(), own.gid()) != (other.uid(), other.gid()) {
                fchown(&file, Some(other.uid()), Some(other.gid()))?;
            }
            file.set_permissions(other.permissions())?;
        }
    }
    settle(&file)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_link_that_somebody_else_has_put_there_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (file, target) = (path("a.toml"), path("target"));
        fs::write(&target, "theirs").unwrap();
        let beside = path(".a.toml.new");
        symlink(&target, &beside).unwrap();
        replace(&file, b"ours", Rights::Owner).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
        assert_eq!(fs::read_to_string(&file).unwrap(), "ours");
        assert!(!fs::symlink_metadata(&file).unwrap().is_symlink());
        assert!(fs::symlink_metadata(&beside).is_err());
        for there in [path("target"), path("loose")] {
            let _ = symlink(path("nowhere"), path("loose"));
            let refused = make(&there, b"ours", Rights::Owner).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
        }
        assert!(!path("nowhere").exists());
        make(&path("new"), b"whole", Rights::Owner).unwrap();
        assert_eq!(fs::read_to_string(path("new")).unwrap(), "whole");
        fs::write(path(".new.new"), "half").unwrap();
        sweep(&path("new"));
        assert!(!path(".new.new").exists() && path("new").exists());
    }

    #[test]
    fn rights_are_those_that_are_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        make(&path("own"), b"", Rights::Owner).unwrap();
        assert_eq!(mode(&path("own")), 0o600);
        fs::set_permissions(path("own"), fs::Permissions::from_mode(0o640)).unwrap();
        let like = fs::metadata(path("own")).unwrap();
        for _ in 0..2 {
            replace_for_good(&path("other"), b"b", Rights::Like(&like)).unwrap();
            assert_eq!(mode(&path("other")), 0o640);
        }
        replace(&path("all"), b"c", Rights::Everybody).unwrap();
        assert_eq!(mode(&path("all")), 0o644);
        let nowhere = path("no/such/folder");
        assert!(replace(&nowhere, b"", Rights::Owner).is_err());
    }
}
