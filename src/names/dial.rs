//! A connection to a host by its name.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{LookupError, lookup};

/// An address that says nothing for so long is left for the next one: many homes have IPv6 on paper only. The last one
/// has all the time that the caller has.
const ATTEMPT: Duration = Duration::from_secs(3);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The name has no address.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// Nobody listens there.
    #[error(transparent)]
    Connect(#[from] io::Error),
    /// The name is known, and has no address.
    #[error("it has no address")]
    NoAddress,
}

/// Connects to the first address of a host that lets us, one after the other.
///
/// # Errors
///
/// If none does; of several the reason of the last.
pub async fn dial(host: &str, port: u16) -> Result<TcpStream, DialError> {
    let mut addresses = lookup(host, port).await?.into_iter().peekable();
    let mut failure = DialError::NoAddress;
    while let Some(address) = addresses.next() {
        let connection = TcpStream::connect(address);
        let answer = if addresses.peek().is_some() {
            timeout(ATTEMPT, connection)
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        } else {
            connection.await
        };
        match answer {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error.into(),
        }
    }
    Err(failure)
}
