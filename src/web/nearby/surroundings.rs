//! What the rest of the program knows of what is around this computer.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;
use utoipa::ToSchema;

/// What the rest of the program knows of the surroundings.
pub trait Surroundings: Send + Sync + fmt::Debug {
    /// What is there without asking anybody. It reads files.
    fn around(&self) -> Around;

    /// Looks through a network for devices of a kind, and tells of each as soon as it is there. It ends when it is
    /// dropped.
    ///
    /// # Errors
    ///
    /// Why that cannot be looked for.
    fn search(
        &self,
        wanted: &WantedSearch,
        tell: UnboundedSender<FoundAddress>,
    ) -> Result<Search, SearchError>;
}

/// Somebody who looks through a network.
pub type Search = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The surroundings, and whose turn it is to look through them.
#[derive(Debug, Clone)]
pub struct Nearby {
    pub(super) surroundings: Arc<dyn Surroundings>,
    pub(super) turn: Arc<Semaphore>,
}

impl Nearby {
    /// Those that the rest of the program knows of.
    pub fn new(surroundings: Arc<dyn Surroundings>) -> Self {
        Self {
            surroundings,
            turn: Arc::new(Semaphore::new(1)),
        }
    }
}

/// What there is to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Around {
    /// Every kind of device.
    pub kinds: Vec<ToldKind>,
    /// Serial ports.
    pub ports: Vec<ToldPort>,
    /// Networks of homes that this computer is in.
    pub networks: Vec<String>,
    /// Its network interfaces.
    pub interfaces: Vec<String>,
}

/// A kind of device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ToldKind {
    /// The name of its section.
    pub name: &'static str,
    /// What it connects.
    pub title: &'static str,
    /// Keys without which its section cannot be used.
    pub needed: Vec<String>,
    /// Keys that most people write.
    pub usual: Vec<String>,
    /// Keys that only the file itself may change.
    pub held: Vec<&'static str>,
    /// Whether it can be looked for in the network.
    pub search: bool,
}

/// A serial port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ToldPort {
    /// What to write into the file: a name that stays, where there is one.
    pub name: String,
    /// What is plugged in, as it says itself.
    pub about: Option<String>,
    /// The kind of device that it is for, where it says so.
    pub kind: Option<&'static str>,
}

/// What to look for, and where.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
pub struct WantedSearch {
    /// The name of the section of such devices.
    pub kind: String,
    /// A network such as `192.168.1.0/24`, or one address.
    pub network: String,
}

/// Something at an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FoundAddress {
    /// Where it is.
    pub address: String,
    /// What it says of itself, or what is odd about it.
    pub about: String,
    /// The keys of its section; none if it is something else.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<&'static str, String>,
}

/// Why nothing is looked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// There is no way to find such devices.
    #[error("such devices cannot be found in a network")]
    NotFindable,
    /// That is no network.
    #[error("{0}")]
    NoNetwork(String),
    /// It is somebody else's.
    #[error("{0} is not a private network")]
    NotPrivate(String),
}

impl SearchError {
    /// What to do about it; may be empty.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NotFindable => "write its address yourself",
            Self::NoNetwork(_) => "",
            Self::NotPrivate(_) => "give the network of your home, such as 192.168.1.0/24",
        }
    }
}
