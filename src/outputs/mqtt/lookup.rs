//! Where the broker is, if the configuration does not say and somebody else knows.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::outputs::Waiting;

/// Knows where the broker is and how to get in, or finds it out. It is asked before each attempt to connect, so
/// that a broker that comes up late, moves or has new passwords is found.
pub trait BrokerLookup: fmt::Debug + Send + Sync {
    /// What it is called before it is found, in the log: `the broker of Home Assistant`.
    fn name(&self) -> String;

    /// What to do if the broker refuses the user that was found.
    fn remedy(&self) -> String;

    /// Asks.
    fn look_up(&self) -> Waiting<Result<FoundBroker, LookupError>>;
}

/// Who is asked, if anybody.
pub type Lookup = Option<Arc<dyn BrokerLookup>>;

/// A broker and how to get in.
#[derive(Clone, PartialEq, Eq)]
pub struct FoundBroker {
    /// Host name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// User name, if the broker wants one.
    pub username: Option<String>,
    /// Password; never printed.
    pub password: Option<Zeroizing<String>>,
}

impl fmt::Debug for FoundBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoundBroker")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .finish()
    }
}

/// Why nobody knows where the broker is, in words with advice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LookupError(pub String);
