//! Where the lines go: to standard output, or to the end of a file.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

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
                        let file = OpenOptions::new().append(true).create(true).open(path)?;
                        Ok(open.insert(file))
                    }
                }
            }
        }
    }
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}
