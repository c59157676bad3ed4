//! The kernel's word that a port may have come or gone, so that nobody has to look for one all the
//! time.

use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::net::unix::pipe::Receiver;

/// Where ports and their names appear.
const FOLDERS: [&str; 3] = ["dev", "dev/serial", "dev/serial/by-id"];

/// Watches the folders with the ports.
#[derive(Debug)]
pub struct Hints {
    /// A queue of inotify. It is read as a pipe is.
    queue: Receiver,
    root: PathBuf,
}

impl Hints {
    /// `None` where the kernel cannot tell.
    pub fn new(root: &Path) -> Option<Self> {
        let queue = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
        let hints = Self {
            queue: Receiver::from_owned_fd_unchecked(queue).ok()?,
            root: root.to_owned(),
        };
        hints.watch().then_some(hints)
    }

    /// Watches the folders that are there by now, as udev makes them with the first port; true if the
    /// one with the ports is among them.
    pub fn watch(&self) -> bool {
        let flags = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::ONLYDIR;
        let watch = |folder| {
            let path = self.root.join(folder);
            inotify::add_watch(&self.queue, path, flags).is_ok()
        };
        // Each of them, whatever becomes of the others.
        let watched = FOLDERS.map(watch);
        watched.first().is_some_and(|is_watched| *is_watched)
    }

    /// Waits until something has changed. Nothing is lost if it is dropped while it waits.
    pub async fn changed(&self) {
        if self.queue.readable().await.is_err() {
            // The runtime ends.
            return std::future::pending().await;
        }
        // What has changed does not matter: all ports are listed anew.
        let mut events = [0; 4096];
        while self
            .queue
            .try_read(&mut events)
            .is_ok_and(|count| count > 0)
        {}
    }
}
