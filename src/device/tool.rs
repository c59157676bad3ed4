//! Commands of one kind of device alone.

use tokio_util::sync::CancellationToken;

use super::BoxFuture;

/// A command of its own for one kind of device.
pub trait Tool: Send + Sync {
    /// Its command line.
    fn command(&self) -> clap::Command;

    /// Does it.
    fn run(
        &self,
        matches: &clap::ArgMatches,
        stop: CancellationToken,
    ) -> BoxFuture<Result<(), ToolError>>;
}

/// A tool failed; the words are for the user.
pub type ToolError = Box<dyn std::error::Error + Send + Sync>;
