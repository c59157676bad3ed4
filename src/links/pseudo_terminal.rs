//! A serial port without hardware, for simulators: one end is opened by others under a path of
//! their choice, the other end is ours.
//!
//! The kernel makes such a pair for terminal windows, and calls the ends master and slave. It is not
//! quite a serial line: nobody takes the bytes of a slave that is not open, a parity is accepted and
//! forgotten, and all bytes arrive at once whatever the speed. Who opens and closes the slave is
//! told by inotify, since the master learns only that nobody has it open, and not that somebody had.

use std::collections::VecDeque;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// How often is looked at the other end. tokio has no safe way to be told of it, and a simulator can
/// afford to ask.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How often room is looked for when a reader is slow: for a second.
const TRIES: u32 = 100;
/// News kept at most.
const NEWS: usize = 64;

/// One end of a serial line whose other end others find under a path.
#[derive(Debug)]
pub struct PseudoTerminal {
    link: PathBuf,
    pair: Option<Pair>,
    openings: u64,
}

/// What happens on the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// Somebody opened it.
    Opened,
    /// Nobody has it open any more.
    Closed,
    /// These bytes came.
    Received(Vec<u8>),
}

impl PseudoTerminal {
    /// Makes the line, plugged in under this path. A link that is there already is replaced, for
    /// it may be left over; anything else is not.
    pub fn new(link: impl Into<PathBuf>) -> io::Result<Self> {
        let mut terminal = Self {
            link: link.into(),
            pair: None,
            openings: 0,
        };
        terminal.plug()?;
        Ok(terminal)
    }

    /// The path for the others.
    pub fn path(&self) -> &Path {
        &self.link
    }

    /// How often the other end was opened, over all plugging. Closing it and opening it again
    /// counts even if both happen at once. A second program that only tries the port while it is
    /// open may be counted as well.
    pub fn openings(&mut self) -> u64 {
        self.look();
        self.openings
    }

    /// Whether somebody has the other end open.
    pub fn is_open(&mut self) -> bool {
        self.look();
        self.pair.as_ref().is_some_and(|pair| pair.open)
    }

    /// Whether it is plugged in.
    pub const fn is_plugged(&self) -> bool {
        self.pair.is_some()
    }

    /// Plugs it in under its path, as a new port. Nothing happens if it is.
    pub fn plug(&mut self) -> io::Result<()> {
        if self.pair.is_some() {
            return Ok(());
        }
        let (pair, port) = Pair::new()?;
        match std::fs::read_link(&self.link) {
            Ok(_) => std::fs::remove_file(&self.link)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // Something that is no link; making one says so.
            Err(_) => {}
        }
        std::os::unix::fs::symlink(port, &self.link)?;
        self.pair = Some(pair);
        Ok(())
    }

    /// Unplugs it: whoever has it open notices, and the path is gone. Nothing happens if it is not
    /// plugged in.
    pub fn unplug(&mut self) {
        // What was not looked at yet has happened all the same.
        self.look();
        if self.pair.take().is_some() {
            // Somebody may have removed it already.
            let _ = std::fs::remove_file(&self.link);
        }
    }

    /// Waits for the next thing that happens on the other end; for ever while it is unplugged.
    /// Nothing is lost if it is dropped while it waits.
    pub async fn next(&mut self) -> io::Result<Happening> {
        loop {
            self.look();
            let Some(pair) = &mut self.pair else {
                return std::future::pending().await;
            };
            // What came before it was closed, comes before that.
            if pair.news.front() != Some(&Happening::Opened)
                && let Some(bytes) = pair.read()?
            {
                return Ok(Happening::Received(bytes));
            }
            if let Some(happening) = pair.news.pop_front() {
                return Ok(happening);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Sends bytes to whoever has the other end open. If nobody has, or if who has does not read
    /// for a second, they are lost as on a real line.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut tries = TRIES;
        let mut rest = bytes;
        while !rest.is_empty() && self.is_open() && tries > 0 {
            let Some(pair) = &self.pair else {
                return Ok(());
            };
            match rustix::io::write(&pair.master, rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(Errno::AGAIN) => {
                    tries -= 1;
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                Err(Errno::INTR) => {}
                // Closed in between.
                Err(Errno::IO) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn look(&mut self) {
        if let Some(pair) = &mut self.pair {
            self.openings += pair.look();
        }
    }
}

impl Drop for PseudoTerminal {
    fn drop(&mut self) {
        self.unplug();
    }
}

#[derive(Debug)]
struct Pair {
    master: OwnedFd,
    /// An inotify queue of who opens and closes the slave.
    watch: OwnedFd,
    open: bool,
    /// Whether it was closed since it was opened, be it by somebody who had not opened it alone.
    closed_by_one: bool,
    news: VecDeque<Happening>,
}

impl Pair {
    /// A pair, and the path of its slave.
    fn new() -> io::Result<(Self, PathBuf)> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&master, true)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let port = PathBuf::from(std::ffi::OsStr::from_bytes(name.to_bytes()));
        {
            // Raw from the beginning: nothing of what is sent may come back as an echo. Opening and
            // closing it also makes the master know that nobody has it open.
            let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
            let slave = rustix::fs::open(&port, flags, Mode::empty())?;
            let mut modes = tcgetattr(&slave)?;
            modes.make_raw();
            tcsetattr(&slave, OptionalActions::Now, &modes)?;
        }
        let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let flags = WatchFlags::OPEN | WatchFlags::CLOSE_WRITE | WatchFlags::CLOSE_NOWRITE;
        inotify::add_watch(&watch, &port, flags)?;
        let pair = Self {
            master,
            watch,
            open: false,
            closed_by_one: false,
            news: VecDeque::new(),
        };
        Ok((pair, port))
    }

    /// Takes note of who opened and closed the slave; returns how often it was opened.
    fn look(&mut self) -> u64 {
        let mut openings = 0;
        let mut space = [MaybeUninit::uninit(); 1024];
        let mut events = inotify::Reader::new(&self.watch, &mut space);
        // Several opens in a row may be told of as one, so they cannot be counted; but what was
        // closed and is then opened has been opened anew.
        while let Ok(event) = events.next() {
            if event.events().contains(ReadFlags::OPEN) {
                if self.open && self.closed_by_one {
                    self.news.push_back(Happening::Closed);
                    self.open = false;
                }
                if !self.open {
                    self.news.push_back(Happening::Opened);
                    openings += 1;
                }
                self.open = true;
                self.closed_by_one = false;
            } else {
                self.closed_by_one = true;
            }
        }
        if self.open && self.is_hung_up() {
            self.open = false;
            self.news.push_back(Happening::Closed);
        }
        // Whoever never asks for news does not gather them.
        let old = self.news.len().saturating_sub(NEWS);
        self.news.drain(..old);
        openings
    }

    /// Whether nobody has the slave open.
    fn is_hung_up(&self) -> bool {
        let mut master = [PollFd::new(&self.master, PollFlags::IN)];
        let now = Timespec::default();
        poll(&mut master, Some(&now)).is_ok() && master[0].revents().contains(PollFlags::HUP)
    }

    /// What has come, if something has.
    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        let mut chunk = [0; 4096];
        match rustix::io::read(&self.master, &mut chunk) {
            Ok(0) | Err(Errno::AGAIN | Errno::IO | Errno::INTR) => Ok(None),
            Ok(count) => Ok(chunk.get(..count).map(<[u8]>::to_vec)),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
