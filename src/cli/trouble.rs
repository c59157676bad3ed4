//! What the system says of files, in words.

use std::io::{Error, ErrorKind};

/// Why a file cannot be used, and what to do.
pub fn why(error: &Error) -> String {
    let words = match error.kind() {
        ErrorKind::NotFound => "there is no such file or folder; look at how it is written",
        ErrorKind::PermissionDenied => {
            "this user may not; ask the one who owns it, or take another place"
        }
        ErrorKind::AlreadyExists => "it is there already; choose another name",
        ErrorKind::IsADirectory => "it is a folder; name a file in it",
        ErrorKind::NotADirectory => "a part of the path is a file; look at how it is written",
        ErrorKind::StorageFull => "the disk is full; make room or take another place",
        ErrorKind::ReadOnlyFilesystem => "nothing can be written there; take another place",
        _ => return error.to_string(),
    };
    words.to_owned()
}
