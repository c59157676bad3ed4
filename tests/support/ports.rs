//! TCP ports for servers that close and come back, and for servers that are not there.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the numbers that Linux gives to whoever asks for port 0 (from 32768).
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

/// The claims of this process, kept as long as it lives.
static CLAIMED: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());

/// A port nobody listens on, and that no other test is given while this program runs.
///
/// Asking the kernel for any port would do for a server that stays. One that closes for a while
/// would find another test's server in its place.
pub(crate) fn free_port() -> u16 {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    // Test programs that run at the same time begin at places of their own.
    let start = std::process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let offset = start.wrapping_add(u32::from(TRIED.fetch_add(1, Ordering::Relaxed)));
        let port = FIRST + (offset % u32::from(COUNT)) as u16;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        // The claim is on the number's UDP side, so that its TCP side stays free for the server.
        let Ok(claim) = UdpSocket::bind(address) else {
            continue;
        };
        if TcpListener::bind(address).is_ok() {
            CLAIMED.lock().unwrap().push(claim);
            return port;
        }
    }
    panic!("no port is free");
}

/// An address on the loopback interface with such a port.
pub(crate) fn free_address() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()))
}
