//! Opening TCP connections.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::address::Address;
use super::endpoint::Endpoint;
use super::error::LinkError;
use crate::names::{self, LookupError};

/// Silence after which the other side is asked whether it is still there.
const ASK_AFTER: Duration = Duration::from_secs(15);
/// How often it is asked again.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// Questions without an answer that end the connection.
const ASK_TIMES: u32 = 3;

pub async fn open(endpoint: &Endpoint, within: Duration) -> Result<TcpStream, LinkError> {
    let timed_out = || LinkError::TimedOut {
        address: Address::Tcp(endpoint.clone()),
        after: within,
    };
    let connect = async {
        let addresses = look_up(endpoint).await?;
        let connected = TcpStream::connect(addresses.as_slice()).await;
        connected.map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => timed_out(),
            _ => refused(endpoint, &error),
        })
    };
    let stream = timeout(within, connect).await.map_err(|_| timed_out())??;
    // Requests are tiny and must leave at once; failing to set this only costs milliseconds.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Makes a host that vanished without a word end the connection within half a minute, though only
/// it speaks. The adapter notices the silence, too, so that a system without this can do without.
pub fn keep_alive(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(ASK_AFTER)
        .with_interval(ASK_EVERY)
        .with_retries(ASK_TIMES);
    if let Err(error) = socket.set_tcp_keepalive(&keepalive) {
        tracing::debug!("keepalive cannot be set: {error}");
    }
    // The same while something sent waits for its acknowledgement: then nobody is asked.
    #[cfg(target_os = "linux")]
    if let Err(error) = socket.set_tcp_user_timeout(Some(ASK_AFTER + ASK_EVERY * ASK_TIMES)) {
        tracing::debug!("the time limit for sent bytes cannot be set: {error}");
    }
}

/// The addresses of the host, each with the port.
pub async fn look_up(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, LinkError> {
    let found = names::lookup(&endpoint.host, endpoint.port).await;
    found.map_err(|error| match error {
        LookupError::System(error) => refused(endpoint, &error),
        LookupError::NothingAnswers => LinkError::NothingAnswers(endpoint.host.clone()),
    })
}

/// What it means that the connection could not be made.
pub fn refused(endpoint: &Endpoint, error: &io::Error) -> LinkError {
    let words = error.to_string();
    // The resolver's errors have neither a number nor a kind of their own. Its trouble that passes
    // says nothing of the name.
    let is_resolver = error.raw_os_error().is_none();
    match error.kind() {
        io::ErrorKind::ConnectionRefused => LinkError::Refused(endpoint.clone()),
        _ if is_resolver && !is_temporary(&words) => LinkError::UnknownName(endpoint.host.clone()),
        _ => LinkError::NoRoute(endpoint.clone(), words),
    }
}

/// As glibc, musl and macOS put it.
fn is_temporary(words: &str) -> bool {
    let words = words.to_lowercase();
    ["temporary failure", "try again", "temporarily"]
        .iter()
        .any(|sign| words.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_in_trouble_is_no_unknown_name() {
        let endpoint = Endpoint::parse("ecu.home", 8899);
        let lookup = "failed to lookup address information: ";
        let error = |words: &str| io::Error::other(format!("{lookup}{words}"));
        for words in ["Temporary failure in name resolution", "Try again"] {
            let temporary = refused(&endpoint, &error(words));
            assert!(
                matches!(&temporary, LinkError::NoRoute(_, said) if said.contains(words)),
                "{temporary}"
            );
        }
        assert_eq!(
            refused(&endpoint, &error("Name or service not known")),
            LinkError::UnknownName("ecu.home".to_owned())
        );
    }

    #[tokio::test]
    async fn a_host_that_vanishes_is_asked_for() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::parse(&listener.local_addr().unwrap().to_string(), 1);
        let stream = open(&endpoint, Duration::from_secs(5)).await.unwrap();
        keep_alive(&stream);
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), ASK_AFTER);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), ASK_EVERY);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), ASK_TIMES);
    }
}
