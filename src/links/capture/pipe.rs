//! Capture files, named pipes and standard input, read by a thread of their own.
//!
//! Reading them may block for as long as nobody writes, and nothing can end that from outside: so it
//! must hold up neither the program nor its end. What they hold is read packet by packet and written
//! anew as one stream: a file may be cut off, packed or of another kind than the one before, and a
//! connection that is opened in the middle begins with a head all the same.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc};

use super::super::address::Address;
use super::super::error::LinkError;
use super::address::CaptureAddress;
use super::reader::{CaptureReader, Captured, LinkType};
use super::writer::CaptureWriter;

/// How much is read at once.
const CHUNK: usize = 64 * 1024;
/// Chunks that wait, at most.
const WAITING: usize = 4;
/// How much is handed out at once, unless one packet is larger.
const AT_ONCE: usize = 256 * 1024;

/// What the thread tells.
#[derive(Debug)]
enum FilePart {
    /// What comes now is another file.
    Begin(String),
    Bytes(Vec<u8>),
    Failed(LinkError),
}

/// Files that are being read, whether a connection to them is open or not.
#[derive(Debug)]
pub struct Pipe {
    address: CaptureAddress,
    parts: mpsc::Receiver<FilePart>,
    reader: CaptureReader,
    /// What is being read.
    place: String,
    /// Why what comes of it is of no use.
    refused: Option<LinkError>,
    /// Whether that has still to be told.
    is_owed: bool,
    is_ended: bool,
}

/// Looks whether all there is can be read. May block.
pub fn look(address: &CaptureAddress) -> Result<(), LinkError> {
    let CaptureAddress::Files(paths) = address else {
        return Ok(());
    };
    for path in paths {
        let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        if metadata.is_dir() {
            let words = "it is a folder".to_owned();
            return Err(LinkError::UnreadableFile(path.display().to_string(), words));
        }
        // Opening a pipe would wait for who writes into it.
        if !is_fifo(&metadata) {
            File::open(path).map_err(|error| unreadable(path, &error))?;
        }
    }
    Ok(())
}

/// Whether whoever writes may come back, so that reading can begin again.
pub fn may_begin_again(address: &CaptureAddress) -> bool {
    let CaptureAddress::Files(paths) = address else {
        return false;
    };
    paths
        .iter()
        .all(|path| std::fs::metadata(path).is_ok_and(|it| is_fifo(&it)))
}

impl Pipe {
    /// Begins to read.
    pub fn begin(address: &CaptureAddress) -> Result<Self, LinkError> {
        let (sender, parts) = mpsc::channel(WAITING);
        let source = address.clone();
        let read = move || match source {
            CaptureAddress::Files(paths) => read_files(&paths, &sender),
            _ => {
                let place = source.place();
                let _ = read_all(io::stdin().lock(), place, &sender);
            }
        };
        std::thread::Builder::new()
            .name("capture".to_owned())
            .spawn(read)
            .map_err(|error| {
                LinkError::Broken(Address::Capture(address.clone()), error.to_string())
            })?;
        Ok(Self {
            address: address.clone(),
            parts,
            reader: CaptureReader::default(),
            place: address.place(),
            refused: None,
            is_owed: false,
            is_ended: false,
        })
    }

    /// Whether all has been read.
    pub const fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Whether it is of any use to open it.
    pub fn look(&mut self) -> Result<(), LinkError> {
        // What follows may be another file, or the end.
        while self.refused.is_some() {
            match self.parts.try_recv() {
                Ok(part) => self.take(part)?,
                Err(TryRecvError::Disconnected) => {
                    self.is_ended = true;
                    break;
                }
                Err(TryRecvError::Empty) => break,
            }
        }
        if self.is_ended {
            return Err(LinkError::CaptureEnded(self.address.clone()));
        }
        match &self.refused {
            // Another file may be on its way.
            Some(error) if !self.has_several() => Err(error.clone()),
            _ => Ok(()),
        }
    }

    fn has_several(&self) -> bool {
        matches!(&self.address, CaptureAddress::Files(paths) if paths.len() > 1)
    }

    fn take(&mut self, part: FilePart) -> Result<(), LinkError> {
        match part {
            FilePart::Begin(place) => {
                self.reader.begin_file();
                (self.place, self.refused) = (place, None);
            }
            FilePart::Bytes(bytes) => self.reader.push(&bytes),
            FilePart::Failed(error) => return Err(error),
        }
        Ok(())
    }
}

/// A connection to files that are being read.
#[derive(Debug)]
pub struct OpenPipe {
    pipe: OwnedMutexGuard<Pipe>,
    writer: Option<(LinkType, CaptureWriter)>,
}

impl OpenPipe {
    /// `None` if another connection is open.
    pub fn new(pipe: &Arc<Mutex<Pipe>>) -> Option<Self> {
        let pipe = Arc::clone(pipe).try_lock_owned().ok()?;
        Some(Self { pipe, writer: None })
    }

    /// Whether it is of any use.
    pub fn look(&mut self) -> Result<(), LinkError> {
        self.pipe.look()
    }

    /// Whether all has been read.
    pub fn is_ended(&self) -> bool {
        self.pipe.is_ended()
    }

    /// Appends what has come, as bytes of a capture file; 0 bytes are the end. Nothing is lost if it is
    /// dropped while it waits.
    pub async fn receive(&mut self, out: &mut Vec<u8>) -> Result<usize, LinkError> {
        loop {
            let before = out.len();
            self.write_on(out)?;
            if out.len() > before {
                return Ok(out.len() - before);
            }
            match self.pipe.parts.recv().await {
                Some(part) => self.pipe.take(part)?,
                None => {
                    self.pipe.is_ended = true;
                    return Ok(0);
                }
            }
        }
    }

    /// Writes anew what can be read by now.
    fn write_on(&mut self, out: &mut Vec<u8>) -> Result<(), LinkError> {
        let begin = out.len();
        let Pipe {
            reader,
            place,
            refused,
            is_owed,
            ..
        } = &mut *self.pipe;
        while out.len() - begin < AT_ONCE {
            let Some(captured) = reader.next() else {
                break;
            };
            match captured {
                Captured::Packet(packet) => {
                    let writer = match &mut self.writer {
                        Some((link, writer)) if *link == packet.link => writer,
                        other => &mut other.insert((packet.link, begin_stream(packet.link))).1,
                    };
                    let at = packet.at.unwrap_or_else(now);
                    writer.packet(at, packet.data);
                }
                Captured::Dropped(count) => {
                    let ethernet = || (LinkType::ETHERNET, begin_stream(LinkType::ETHERNET));
                    self.writer.get_or_insert_with(ethernet).1.dropped(count);
                }
                Captured::Refused(why) => {
                    *refused = Some(LinkError::NotACapture(place.clone(), why));
                    *is_owed = true;
                    break;
                }
            }
            if let Some((_, writer)) = &mut self.writer {
                out.extend_from_slice(writer.bytes());
                writer.clear();
            }
        }
        // What was read before counts, and is handed out first.
        if out.len() == begin
            && std::mem::take(is_owed)
            && let Some(error) = refused
        {
            return Err(error.clone());
        }
        Ok(())
    }
}

fn begin_stream(link: LinkType) -> CaptureWriter {
    CaptureWriter::pcapng(link)
}

/// Few files leave out when a packet came: then it is now, as it is in a pipe.
fn now() -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap_or_default()
}

/// Nobody listens any more.
struct Unheard;

fn read_files(paths: &[PathBuf], parts: &mpsc::Sender<FilePart>) {
    for path in paths {
        let place = path.display().to_string();
        let read = match File::open(path) {
            Ok(file) => read_all(file, place, parts),
            Err(error) => send(parts, FilePart::Failed(unreadable(path, &error))),
        };
        if read.is_err() {
            return;
        }
    }
}

fn read_all(
    mut from: impl Read,
    place: String,
    parts: &mpsc::Sender<FilePart>,
) -> Result<(), Unheard> {
    send(parts, FilePart::Begin(place.clone()))?;
    let mut chunk = vec![0; CHUNK];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                let bytes = chunk.get(..count).unwrap_or_default();
                send(parts, FilePart::Bytes(bytes.to_vec()))?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let error = LinkError::UnreadableFile(place, error.to_string());
                return send(parts, FilePart::Failed(error));
            }
        }
    }
}

fn send(parts: &mpsc::Sender<FilePart>, part: FilePart) -> Result<(), Unheard> {
    parts.blocking_send(part).map_err(|_| Unheard)
}

fn unreadable(path: &std::path::Path, error: &io::Error) -> LinkError {
    let path = path.display().to_string();
    match error.kind() {
        io::ErrorKind::NotFound => LinkError::NoSuchFile(path),
        _ => LinkError::UnreadableFile(path, error.to_string()),
    }
}

#[cfg(unix)]
fn is_fifo(metadata: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    metadata.file_type().is_fifo()
}

#[cfg(not(unix))]
fn is_fifo(_: &Metadata) -> bool {
    false
}
