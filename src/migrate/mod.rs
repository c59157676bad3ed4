//! Configurations of other programs, turned into ours: one module for each program.
//!
//! Such a module takes the text of the other program's file, or its archive, and gives a [`Migrated`] back. It
//! opens nothing and prints nothing; the command line does. Another program is one module here and one line
//! in `cli::migrate`.

pub mod kaifareader;
pub mod pvmonit;
pub mod rpi_ecu;
pub mod se_logger;

use std::fmt;

use zeroize::Zeroizing;

use crate::config::File;
use crate::outputs::Outputs;

/// A configuration for wattbridge, and what has to be said about it.
pub struct Migrated {
    /// The text of a `wattbridge.toml`. It holds secrets.
    pub toml: Zeroizing<String>,
    /// What could not be taken over or needs a look, each with what to do.
    pub remarks: Vec<String>,
}

/// A secret for a file of its own.
pub struct SecretFile {
    /// What the file is called.
    pub name: &'static str,
    /// What belongs into it.
    pub text: Zeroizing<String>,
}

impl fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretFile({})", self.name)
    }
}

impl fmt::Debug for Migrated {
    /// Without the text: there are secrets in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Migrated")
            .field("remarks", &self.remarks)
            .finish_non_exhaustive()
    }
}

/// What our own rules have to say about the outcome. The device's section is left to
/// `wattbridge check`.
fn look_over(toml: &str) -> Vec<String> {
    let read = File::parse(toml, "wattbridge.toml").and_then(|file| Outputs::read(&file));
    let problems = read.err().into_iter().flatten();
    problems.map(|problem| problem.to_string()).collect()
}
