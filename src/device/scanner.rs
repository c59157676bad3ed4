//! Devices that can be found in the network.

use super::BoxFuture;
use crate::links::Endpoint;

/// Looks for devices in the network.
pub trait Scanner: Send + Sync {
    /// What is looked for, as on the command line: `ecu`.
    fn name(&self) -> &'static str;

    /// Where they listen.
    fn port(&self) -> u16;

    /// Asks one address.
    fn look(&self, endpoint: Endpoint) -> BoxFuture<Finding>;
}

/// What is at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Nothing that listens.
    Nothing,
    /// Something listens, but it is not what is looked for.
    SomethingElse(String),
    /// A device.
    Found(String),
}
