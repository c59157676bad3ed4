//! The last lines of the log, for the page.

mod answers;
mod book;

pub use answers::{__path_detail, __path_log, detail, log};
pub use book::{LogBook, LogLevel, LogLine};
