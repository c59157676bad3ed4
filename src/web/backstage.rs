//! What the page shows and changes of the program itself.

use tokio::sync::watch;

use super::log::LogBook;
use super::nearby::Nearby;
use super::settings::Desk;
use crate::home_assistant::CoreAddress;

/// All of it; nothing of it is there in a demonstration.
#[derive(Debug, Clone, Default)]
pub struct Backstage {
    /// The configuration.
    pub desk: Option<Desk>,
    /// The log.
    pub log: Option<LogBook>,
    /// Where Home Assistant's Core answers, where this is one of its apps.
    pub core: Option<CoreAddress>,
    /// What is around this computer.
    pub nearby: Option<Nearby>,
    /// Why nothing runs, where that is so.
    pub why: Option<watch::Receiver<&'static str>>,
}
