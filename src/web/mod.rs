//! The web page: routes, who may use them, the states and the stream of events, and the files of the page.

mod log;
mod settings;

pub use log::{LogBook, LogLevel, LogLine};
