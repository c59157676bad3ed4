//! Reading files that people name in the configuration: never for ever, and never more than a bound.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What may be read beside ordinary files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Nothing: it is read more than once.
    File,
    /// A pipe, such as `/dev/stdin` or `<(command)`, if it ends in time.
    FileOrPipe,
}

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum SmallFileError {
    /// It is a directory.
    #[error("it is a directory; name a file in it")]
    Directory,
    /// A pipe, a device or a socket.
    #[error("it is no ordinary file; write the content into one")]
    NoFile,
    /// More than anybody would write.
    #[error("it is larger than {0} KiB, so it is surely the wrong one; check the path")]
    TooLarge(u64),
    /// A pipe that nobody writes to, or that never ends.
    #[error("nothing came to an end in it within {0} s; write the content into an ordinary file")]
    Late(u64),
    /// The system says why.
    #[error("{0}; check the path and its rights")]
    Io(#[from] io::Error),
}

/// Reads a file of at most `most` bytes.
pub fn read(path: &Path, most: u64, kind: FileKind) -> Result<Vec<u8>, SmallFileError> {
    /// Long enough for a command that decrypts.
    const PATIENCE: Duration = Duration::from_secs(10);

    let what = fs::metadata(path)?.file_type();
    if what.is_dir() {
        return Err(SmallFileError::Directory);
    }
    if what.is_file() {
        return bounded(path, most);
    }
    if kind == FileKind::File {
        return Err(SmallFileError::NoFile);
    }
    in_time(path, most, PATIENCE)
}

/// Opening a pipe waits for who writes to it, and reading for what they write: both in a thread, which
/// is left alone if they take too long.
fn in_time(path: &Path, most: u64, patience: Duration) -> Result<Vec<u8>, SmallFileError> {
    let (read, is_read) = mpsc::sync_channel(1);
    let path = path.to_owned();
    thread::Builder::new().spawn(move || {
        let _ = read.send(bounded(&path, most));
    })?;
    is_read
        .recv_timeout(patience)
        .unwrap_or(Err(SmallFileError::Late(patience.as_secs())))
}

fn bounded(path: &Path, most: u64) -> Result<Vec<u8>, SmallFileError> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(SmallFileError::TooLarge(most / 1024));
    }
    Ok(bytes)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn only_what_ends_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, [b'x'; 1024]).unwrap();
        assert_eq!(read(&file, 1024, FileKind::File).unwrap().len(), 1024);
        let why = |path: &Path, most, kind| read(path, most, kind).unwrap_err().to_string();
        assert!(why(&file, 1023, FileKind::File).contains("larger than"));
        assert!(why(folder.path(), 9, FileKind::FileOrPipe).contains("a directory"));
        assert!(why(&folder.path().join("b"), 9, FileKind::File).contains("check the path"));
        let zero = Path::new("/dev/zero");
        assert!(why(zero, 4096, FileKind::File).contains("no ordinary file"));
        assert!(why(zero, 4096, FileKind::FileOrPipe).contains("larger than 4 KiB"));
    }

    #[test]
    fn a_pipe_is_read_to_its_end_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        assert!(matches!(
            read(&pipe, 99, FileKind::File),
            Err(SmallFileError::NoFile)
        ));
        let way = pipe.clone();
        let writer = thread::spawn(move || fs::write(way, "words").unwrap());
        assert_eq!(read(&pipe, 99, FileKind::FileOrPipe).unwrap(), b"words");
        writer.join().unwrap();
        // Nobody writes any more.
        assert!(matches!(
            in_time(&pipe, 99, Duration::ZERO),
            Err(SmallFileError::Late(0))
        ));
    }
}
