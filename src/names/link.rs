//! Asking the hosts of the link whether a name is theirs.
//!
//! One question by multicast from a port of our own, which the host answers to that port alone (RFC 6762 sections
//! 5.1 and 6.7). Nothing listens on port 5353 for this, so that it gets along with whatever does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep_until};

use super::message::HostQuestion;
use super::way::Way;

/// How often is asked. Multicast gets lost in Wi-Fi, where nothing repeats it.
const QUESTIONS: u32 = 3;
const ASK_EVERY: Duration = Duration::from_secs(1);
/// When nobody will answer any more, from the first question on.
const PATIENCE: Duration = Duration::from_secs(3);
/// How much longer is waited for an IPv4 address, once there is one of IPv6.
const FOR_IPV4: Duration = Duration::from_millis(300);
/// How many addresses are tried. No host has more, but somebody may say so.
const ADDRESSES: usize = 8;
/// The largest packet that such a message may be in (section 17).
const LARGEST: usize = 9000;

/// The addresses of the host with this name, those of IPv4 first; none if nobody answers to it on any of these ways.
pub async fn ask(host: &str, port: u16, ways: &[Way]) -> Vec<SocketAddr> {
    let Some(question) = HostQuestion::new(host).map(Arc::new) else {
        return Vec::new();
    };
    let mut asking = JoinSet::new();
    for way in ways.iter().copied() {
        match way.open() {
            Ok(socket) => {
                let question = question.clone();
                asking.spawn(async move { ask_on(way, &socket, &question, port).await });
            }
            Err(error) => tracing::debug!("nobody can be asked from {}: {error}", way.from),
        }
    }
    // Who can be reached on several ways is reached on that of the first answer.
    while let Some(answered) = asking.join_next().await {
        let found = answered.unwrap_or_default();
        if !found.is_empty() {
            tracing::debug!("{host:?} answers: {found:?}");
            return found;
        }
    }
    Vec::new()
}

/// Asks on one way until there is an IPv4 address, or nothing more is to be waited for.
async fn ask_on(
    way: Way,
    socket: &UdpSocket,
    question: &HostQuestion,
    port: u16,
) -> Vec<SocketAddr> {
    let mut end = Instant::now() + PATIENCE;
    let mut again = interval(ASK_EVERY);
    let mut questions = 0..QUESTIONS;
    let mut buffer = vec![0; LARGEST];
    let mut found: Vec<SocketAddr> = Vec::new();
    while !found.iter().any(SocketAddr::is_ipv4) {
        tokio::select! {
            () = sleep_until(end) => break,
            _ = again.tick(), if !questions.is_empty() => {
                questions.next();
                if let Err(error) = socket.send_to(question.bytes(), way.to).await {
                    tracing::debug!("nobody can be asked from {}: {error}", way.from);
                }
            }
            received = socket.recv_from(&mut buffer) => {
                let Ok((length, from)) = received else { break };
                if !way.may_answer(from) {
                    continue;
                }
                let answers = question.answers(buffer.get(..length).unwrap_or_default());
                for address in answers.into_iter().filter_map(|ip| way.reach(ip, port)) {
                    if !found.contains(&address) {
                        found.push(address);
                    }
                }
                found.sort_by_key(SocketAddr::is_ipv6);
                found.truncate(ADDRESSES);
                if !found.is_empty() {
                    end = end.min(Instant::now() + FOR_IPV4);
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
