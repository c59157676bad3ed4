//! Where the lines go: to standard output, or to the end of a file.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Where the lines go. Writing waits for whoever reads.
#[derive(Debug)]
pub enum Destination {
    /// Standard output, past the buffer of the process.
    Stdout(Option<File>),
    /// A file. One that was moved away is made anew, as programs that rotate logs expect.
    File {
        /// Where it is.
        path: PathBuf,
        /// There while it is open.
        open: Option<File>,
    },
}

impl Destination {
    /// The file, or standard output if none is named.
    pub fn new(path: Option<PathBuf>) -> Self {
        match path {
            Some(path) => Self::File { path, open: None },
            None => Self::Stdout(None),
        }
    }

    /// Writes some lines, all of them or none as far as that can be.
    pub fn write(&mut self, lines: &str) -> io::Result<()> {
        let mut file = self.opened()?;
        let before = file.metadata()?;
        let written = file.write_all(lines.as_bytes());
        if written.is_err() && before.is_file() {
            // A disk that is full takes half of a line. What remains is tried again anyway.
            let _ = file.set_len(before.len());
        }
        written
    }

    fn opened(&mut self) -> io::Result<&File> {
        match self {
            Self::Stdout(Some(open)) => Ok(open),
            Self::Stdout(closed) => {
                let file = io::stdout().as_fd().try_clone_to_owned()?;
                Ok(closed.insert(File::from(file)))
            }
            Self::File { path, open } => {
                if let Some(file) = open {
                    let there = fs::metadata(&*path).ok();
                    let ours = file.metadata()?;
                    if !there.is_some_and(|there| is_same(&there, &ours)) {
                        *open = None;
                    }
                }
                match open {
                    Some(file) => Ok(file),
                    None => {
                        let is_cut = is_cut(path)?;
                        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
                        if is_cut {
                            file.write_all(b"\n")?;
                        }
                        Ok(open.insert(file))
                    }
                }
            }
        }
    }
}

/// Whether the last line of a file has no end, as when the power failed in the middle of it.
///
/// # Errors
/// There is something else in it, such as the configuration, which is left alone.
pub fn is_cut(path: &Path) -> io::Result<bool> {
    let is_file = |there: &Metadata| there.is_file() && there.len() > 0;
    if !fs::metadata(path).is_ok_and(|there| is_file(&there)) {
        return Ok(false);
    }
    // It may be one that can only be written.
    let Ok(mut file) = File::open(path) else {
        return Ok(false);
    };
    let (mut first, mut last) = ([0], [0]);
    file.read_exact(&mut first)?;
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if first != *b"{" {
        let what = "it holds something else than lines of JSON";
        return Err(io::Error::new(ErrorKind::InvalidData, what));
    }
    Ok(last != *b"\n")
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}
