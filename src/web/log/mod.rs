//! The last lines of the log, for the page.

mod book;

pub use book::{Detail, LogBook, LogLevel, LogLine, LogQuery};
