//! Capture files, read one after the other in pieces, however large they are.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Bytes that are read at once.
const PIECE: usize = 256 * 1024;
/// The standard input, among files.
const STDIN: &str = "-";
/// How long a job that was told to stop may take to come to an end.
const ENDING: Duration = Duration::from_secs(2);

/// A file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FileTrouble {
    /// It is not there.
    #[error("{0}: there is no such file; compare the name, also its upper and lower case")]
    Missing(String),
    /// It is a folder.
    #[error("{0} is a folder; name the files in it, as in {0}/*.pcap")]
    Folder(String),
    /// It is somebody else's.
    #[error("{0} may not be read; run this as a user who may, or change that with chmod")]
    Forbidden(String),
    /// Anything else.
    #[error("{0} cannot be read: {1}")]
    Other(String, io::Error),
}

impl FileTrouble {
    fn of(path: &Path, error: io::Error) -> Self {
        let name = path.display().to_string();
        match error.kind() {
            ErrorKind::NotFound => Self::Missing(name),
            ErrorKind::PermissionDenied => Self::Forbidden(name),
            ErrorKind::IsADirectory => Self::Folder(name),
            _ => Self::Other(name, error),
        }
    }
}

/// What is read.
#[derive(Debug, Clone, Copy)]
pub enum FilePiece<'a> {
    /// This file begins.
    Begin(&'a Path),
    /// Its next bytes.
    Bytes(&'a [u8]),
}

/// Files that were there a moment ago, in the order in which they were named.
#[derive(Debug, Clone)]
pub struct CaptureFiles {
    paths: Vec<PathBuf>,
    /// All their bytes; those of the standard input are not known before.
    total: Option<u64>,
}

impl CaptureFiles {
    /// Looks whether they are all there, so that nothing is missed only after an hour.
    pub fn look(paths: &[PathBuf]) -> Result<Self, FileTrouble> {
        let mut total = Some(0);
        for path in paths {
            if is_stdin(path) {
                total = None;
                continue;
            }
            let looked = path.metadata();
            let about = looked.map_err(|error| FileTrouble::of(path, error))?;
            if about.is_dir() {
                return Err(FileTrouble::Folder(path.display().to_string()));
            }
            total = total
                .filter(|_| about.is_file())
                .map(|total| total + about.len());
        }
        let paths = paths.to_vec();
        Ok(Self { paths, total })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.paths.len()
    }

    /// Whether they can be read a second time.
    pub const fn can_be_read_again(&self) -> bool {
        self.total.is_some()
    }

    /// Reads them all, as they are, until told to stop. How far it is, is shown on a terminal.
    pub fn read(
        &self,
        stop: &CancellationToken,
        mut take: impl FnMut(FilePiece<'_>),
    ) -> Result<(), FileTrouble> {
        self.read_by(stop, &mut take, |file| file)
    }

    /// The same, unpacked where they are compressed; what is damaged there ends the file.
    pub fn read_unpacked(
        &self,
        stop: &CancellationToken,
        mut take: impl FnMut(FilePiece<'_>),
    ) -> Result<(), FileTrouble> {
        self.read_by(stop, &mut take, |file| Box::new(Unpacking::new(file)))
    }

    fn read_by(
        &self,
        stop: &CancellationToken,
        take: &mut impl FnMut(FilePiece<'_>),
        through: impl Fn(Box<dyn Read>) -> Box<dyn Read>,
    ) -> Result<(), FileTrouble> {
        let mut buffer = vec![0; PIECE];
        let progress = progress(self.total);
        for (number, path) in (1..).zip(&self.paths) {
            progress.set_message(format!("file {number} of {}", self.count()));
            if stop.is_cancelled() {
                return Ok(());
            }
            let file: Box<dyn Read> = if is_stdin(path) {
                Box::new(io::stdin())
            } else {
                Box::new(File::open(path).map_err(|error| FileTrouble::of(path, error))?)
            };
            let mut file = through(Box::new(progress.wrap_read(file)));
            take(FilePiece::Begin(path));
            while !stop.is_cancelled() {
                let count = match file.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => count,
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(error) => return Err(FileTrouble::of(path, error)),
                };
                take(FilePiece::Bytes(buffer.get(..count).unwrap_or_default()));
            }
        }
        Ok(())
    }
}

/// Shown on a terminal only.
fn progress(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left, {msg}",
        ),
        None => (
            ProgressBar::new_spinner(),
            "{bytes}, {bytes_per_sec}, {msg}",
        ),
    };
    let bar = bar.with_finish(ProgressFinish::AndClear);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// A file that may be compressed.
enum Unpacking {
    Unseen(Option<Box<dyn Read>>),
    Plain(Box<dyn Read>),
    Gzip(Box<MultiGzDecoder<Box<dyn Read>>>),
}

impl Unpacking {
    const fn new(file: Box<dyn Read>) -> Self {
        Self::Unseen(Some(file))
    }
}

impl Read for Unpacking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Self::Unseen(file) = self {
            let Some(mut file) = file.take() else {
                return Ok(0);
            };
            let mut head = Vec::new();
            file.by_ref().take(2).read_to_end(&mut head)?;
            let is_packed = head == [0x1f, 0x8b];
            let whole: Box<dyn Read> = Box::new(io::Cursor::new(head).chain(file));
            *self = if is_packed {
                Self::Gzip(Box::new(MultiGzDecoder::new(whole)))
            } else {
                Self::Plain(whole)
            };
        }
        match self {
            Self::Unseen(_) => Ok(0),
            Self::Plain(file) => file.read(buffer),
            Self::Gzip(file) => Ok(file.read(buffer).unwrap_or(0)),
        }
    }
}

/// Does a job that reads files, while this program still hears when it is told to stop. `None` if the job
/// does not come to an end then, for it waits for a standard input that says nothing.
pub async fn beside<T: Send + 'static>(
    stop: &CancellationToken,
    job: impl FnOnce(&CancellationToken) -> T + Send + 'static,
) -> Option<T> {
    let (done, mut result) = oneshot::channel();
    let token = stop.clone();
    std::thread::spawn(move || {
        // Nobody may wait any more.
        let _ = done.send(job(&token));
    });
    tokio::select! {
        result = &mut result => result.ok(),
        () = stop.cancelled() => tokio::time::timeout(ENDING, result).await.ok()?.ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn all(files: &CaptureFiles, is_unpacked: bool) -> (usize, Vec<u8>) {
        let (mut begun, mut bytes) = (0, Vec::new());
        let take = |piece: FilePiece<'_>| match piece {
            FilePiece::Begin(_) => begun += 1,
            FilePiece::Bytes(more) => bytes.extend_from_slice(more),
        };
        let stop = CancellationToken::new();
        if is_unpacked {
            files.read_unpacked(&stop, take).unwrap();
        } else {
            files.read(&stop, take).unwrap();
        }
        (begun, bytes)
    }

    #[test]
    fn files_are_read_in_their_order_and_unpacked_where_that_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, packed) = (folder.path().join("b"), folder.path().join("a.gz"));
        std::fs::write(&plain, vec![7; PIECE + 1]).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"packed").unwrap();
        let mut gzip = gzip.finish().unwrap();
        std::fs::write(&packed, &gzip).unwrap();
        let files = CaptureFiles::look(&[plain, packed.clone()]).unwrap();
        let size = PIECE + 1 + gzip.len();
        assert_eq!(files.total, Some(size as u64));
        let (begun, bytes) = all(&files, false);
        assert_eq!((begun, bytes.len()), (2, size));
        let (_, bytes) = all(&files, true);
        assert!(bytes.ends_with(b"\x07packed"));
        // What is damaged gives what it can.
        gzip.truncate(gzip.len() - 3);
        std::fs::write(&packed, &gzip).unwrap();
        let files = CaptureFiles::look(&[packed]).unwrap();
        assert_eq!(all(&files, true).1, b"packed");
    }

    #[test]
    fn what_is_missing_is_said_before_anything_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.pcap");
        let error = CaptureFiles::look(&[missing]).unwrap_err();
        assert!(error.to_string().contains("there is no such file"));
        let error = CaptureFiles::look(&[folder.path().to_owned()]).unwrap_err();
        assert!(error.to_string().contains("*.pcap"), "{error}");
        assert!(
            !CaptureFiles::look(&["-".into()])
                .unwrap()
                .can_be_read_again()
        );
    }

    #[test]
    fn who_is_told_to_stop_reads_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        std::fs::write(&file, [1; 10]).unwrap();
        let files = CaptureFiles::look(&[file]).unwrap();
        let stop = CancellationToken::new();
        stop.cancel();
        files.read(&stop, |_| panic!("nothing is read")).unwrap();
    }
}
