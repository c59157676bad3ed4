//! Writes lines in the background, and says, once each time, that they cannot be written or that
//! nobody takes them.

use std::io::{self, ErrorKind};
use std::mem;
use std::path::PathBuf;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::OUTPUT;
use super::destination::Destination;
use crate::outputs::Output as _;
use crate::outputs::file_troubles::FileTroubles;

/// How long lines may wait for their reader before that is told.
const PATIENCE: Duration = Duration::from_secs(10);

/// Writes lines.
#[derive(Debug)]
pub struct JsonlWriter {
    path: Option<PathBuf>,
    destination: Destination,
    troubles: FileTroubles,
    /// Whether the log says that nobody reads fast enough.
    is_behind: bool,
}

impl JsonlWriter {
    /// To a file, or to standard output.
    pub fn new(path: Option<PathBuf>) -> Self {
        let name = path.clone().unwrap_or_else(|| "the standard output".into());
        Self {
            destination: Destination::new(path.clone()),
            troubles: FileTroubles::new(OUTPUT.name(), name, "Lines are left out until it can be."),
            path,
            is_behind: false,
        }
    }

    /// Writes some lines, waiting for whoever reads them. False when nobody ever will.
    pub async fn write(&mut self, lines: String) -> bool {
        let fresh = Destination::new(self.path.clone());
        let mut destination = mem::replace(&mut self.destination, fresh);
        let mut writing = spawn_blocking(move || (destination.write(&lines), destination));
        let done = match timeout(PATIENCE, &mut writing).await {
            Ok(done) => done,
            Err(_) => {
                self.falls_behind();
                writing.await
            }
        };
        let written = match done {
            Ok((written, destination)) => {
                self.destination = destination;
                written
            }
            Err(crash) => Err(io::Error::other(crash)),
        };
        let is_gone = |error: &io::Error| error.kind() == ErrorKind::BrokenPipe;
        if self.path.is_none() && written.as_ref().is_err_and(is_gone) {
            tracing::warn!(
                "[jsonl] Nobody reads the standard output any more: no more lines are written. \
                 Everything else goes on; start wattbridge anew to read on."
            );
            return false;
        }
        self.troubles.tell(written);
        true
    }

    /// News come faster than the lines are read.
    pub fn falls_behind(&mut self) {
        if !mem::replace(&mut self.is_behind, true) {
            let name = self.troubles.file();
            tracing::warn!(
                "[jsonl] {name} is not read as fast as news come: what is too much is left out. Look \
                 at the program that reads it."
            );
        }
    }

    /// All news are written.
    pub fn keeps_up(&mut self) {
        if mem::replace(&mut self.is_behind, false) {
            tracing::info!("[jsonl] {} is read fast enough again", self.troubles.file());
        }
    }
}
