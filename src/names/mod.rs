//! From the name of a host to its addresses.
//!
//! The system is asked first. What is shipped is linked with musl, which knows `/etc/hosts` and DNS and nothing
//! else, whatever the system has been taught. Names that end in `.local` are in neither: each host answers for
//! its own by multicast (RFC 6762). So where the system does not know such a name, the link is asked.

mod dial;
mod link;
mod message;
mod way;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

pub use dial::dial;

/// How long the system may take before the link is asked as well. It takes far longer to give up a DNS server that
/// is away, and a network without one is where such names are needed most.
const HEAD_START: Duration = Duration::from_secs(1);

/// Why a name has no address.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The system does not know it.
    #[error(transparent)]
    System(#[from] io::Error),
    /// It ends in `.local`, and no host says that it is its own.
    #[error("nothing in this network answers to it")]
    NothingAnswers,
}

/// The addresses of a host, with the port; those to be tried first come first. An address is a name, too.
///
/// For a name that ends in `.local` this takes four seconds at most.
///
/// # Errors
///
/// If nobody knows it.
pub async fn lookup(host: &str, port: u16) -> Result<Vec<SocketAddr>, LookupError> {
    let system = async { Ok(lookup_host((host, port)).await?.collect()) };
    if is_local(host) {
        let link = async { link::ask(host, port, &way::ways()).await };
        either(system, link).await
    } else {
        Ok(system.await?)
    }
}

/// What the system says, or else the link.
async fn either(
    system: impl Future<Output = io::Result<Vec<SocketAddr>>>,
    link: impl Future<Output = Vec<SocketAddr>>,
) -> Result<Vec<SocketAddr>, LookupError> {
    let (mut system, link) = (pin!(system), pin!(link));
    let addresses = match timeout(HEAD_START, &mut system).await {
        Ok(Ok(known)) if !known.is_empty() => known,
        Ok(_) => link.await,
        Err(_) => tokio::select! {
            answered = link => answered,
            Ok(known) = &mut system => known,
        },
    };
    if addresses.is_empty() {
        return Err(LookupError::NothingAnswers);
    }
    Ok(addresses)
}

/// Whether its host itself answers to this name (RFC 6762 section 3).
fn is_local(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    name.rsplit_once('.')
        .is_some_and(|(own, top)| !own.is_empty() && top.eq_ignore_ascii_case("local"))
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    fn addresses(text: &str) -> Vec<SocketAddr> {
        text.split_terminator(' ')
            .map(|it| it.parse().unwrap())
            .collect()
    }

    fn unknown() -> io::Result<Vec<SocketAddr>> {
        Err(io::Error::other("Name does not resolve"))
    }

    #[test]
    fn the_link_is_asked_for_local_names_only() {
        for name in [
            "homeassistant.local",
            "HomeAssistant.LOCAL",
            "homeassistant.local.",
            "attic.house.local",
        ] {
            assert!(is_local(name), "{name}");
        }
        for name in [
            "local",
            ".local",
            "localhost",
            "homeassistant",
            "homeassistant.local.example",
            "homeassistant.notlocal",
            "homeassistant.local..",
            "192.168.1.9",
            "fe80::1",
            "",
        ] {
            assert!(!is_local(name), "{name}");
        }
    }

    #[tokio::test]
    async fn an_address_is_a_name_too() {
        for (host, address) in [
            ("192.168.1.9", "192.168.1.9:1883"),
            ("fe80::1", "[fe80::1]:1883"),
        ] {
            assert_eq!(lookup(host, 1883).await.unwrap(), addresses(address));
        }
    }

    #[tokio::test]
    async fn what_the_system_says_of_other_names_is_final() {
        let error = lookup("name that cannot be", 1883).await.unwrap_err();
        assert!(matches!(error, LookupError::System(_)), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_link_is_not_asked_for_what_the_system_knows() {
        let known = addresses("10.0.0.1:1");
        let link = async { panic!("asked") };
        let found = either(ready(Ok(known.clone())), link).await.unwrap();
        assert_eq!(found, known);
    }

    #[tokio::test(start_paused = true)]
    async fn the_link_is_asked_where_the_system_does_not_know() {
        let answered = addresses("10.0.0.2:1");
        for system in [unknown(), Ok(Vec::new())] {
            let found = either(ready(system), ready(answered.clone())).await;
            assert_eq!(found.unwrap(), answered);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_system_that_hangs_does_not_keep_the_link_from_answering() {
        let answered = addresses("10.0.0.2:1");
        let found = either(pending(), ready(answered.clone())).await;
        assert_eq!(found.unwrap(), answered);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_system_may_still_be_the_one_that_knows() {
        let slow = |result| async {
            tokio::time::sleep(2 * HEAD_START).await;
            result
        };
        let known = addresses("10.0.0.1:1");
        let found = either(slow(Ok(known.clone())), pending()).await;
        assert_eq!(found.unwrap(), known);

        // Its failure does not end the wait for the link.
        let answered = addresses("10.0.0.2:1");
        let link = async {
            tokio::time::sleep(3 * HEAD_START).await;
            answered.clone()
        };
        let found = either(slow(unknown()), link).await;
        assert_eq!(found.unwrap(), answered);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_nothing_answers_to_is_told_as_that() {
        let error = either(ready(unknown()), ready(Vec::new())).await;
        let error = error.unwrap_err();
        assert!(matches!(error, LookupError::NothingAnswers), "{error}");
        assert_eq!(error.to_string(), "nothing in this network answers to it");
    }
}
