//! What a serial server does wrong, as far as its bytes and its refusals show it.

use crate::links::LinkError;
use crate::model::{Health, HealthCode, Sentence};
use crate::say;

/// Bytes at the start of a connection in which a server introduces itself, or lines of a meter are seen.
const HEAD: usize = 1024;
/// What lines of a text telegram hold, and how often that is no chance.
const LINES: [&[u8]; 3] = [b"1-0:", b"0-0:", b"*kW"];
const SURELY_LINES: usize = 4;
/// How an answer of a web server begins.
const WEB: &[u8] = b"HTTP/";
/// The last option of Telnet that a serial server would speak of.
const LAST_OPTION: u8 = 44;
/// Doubled bytes of all ones, and never a single one, that are no chance.
const DOUBLED: u32 = 4;

/// A serial server that is reached over TCP.
#[derive(Debug, Default)]
pub struct Server {
    head: Vec<u8>,
    /// Bytes of all ones at the end of what came.
    ones: u32,
    /// How often there was an even number of them in a row, and how often another.
    even: u32,
    odd: u32,
    /// Whether bytes came on this connection, and a telegram among them.
    has_bytes: bool,
    has_telegrams: bool,
    /// Whether bytes came on the one before, and no telegram.
    was_in_vain: bool,
    /// Whether somebody else seems to read there, too.
    is_shared: bool,
}

impl Server {
    /// There is a connection.
    pub fn opened(&mut self) {
        let was_in_vain = self.is_in_vain();
        *self = Self {
            was_in_vain,
            is_shared: self.is_shared,
            ..Self::default()
        };
    }

    /// These came.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.has_bytes |= !bytes.is_empty();
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend(bytes.iter().take(room));
        for byte in bytes {
            if *byte == 0xff {
                self.ones = self.ones.saturating_add(1);
                continue;
            }
            match std::mem::take(&mut self.ones) {
                0 => {}
                // A command of Telnet, or chance.
                1 if matches!(byte, 0xfb..=0xfe) => {}
                ones if ones.is_multiple_of(2) => self.even = self.even.saturating_add(1),
                _ => self.odd = self.odd.saturating_add(1),
            }
        }
    }

    /// A telegram has come whole.
    pub const fn telegram(&mut self) {
        self.has_telegrams = true;
        self.is_shared = false;
    }

    /// What there is to say of a server that cannot be reached, beyond the error.
    pub fn refused(&mut self, error: &LinkError) -> Option<Health> {
        if self.is_web() {
            return Some(web());
        }
        let is_turned_away = match error {
            LinkError::Refused(_) => true,
            LinkError::Closed(_) => !self.has_bytes,
            _ => false,
        };
        if !is_turned_away {
            return None;
        }
        self.is_shared |= self.is_in_vain();
        let health = Health::new(HealthCode::Unreachable).seen(error.says());
        self.is_shared.then(|| health.advise(another_reader()))
    }

    /// Why its bytes are no telegrams, where that is certain enough.
    pub fn fault(&self) -> Option<Health> {
        let negotiates = |bytes: &[u8]| matches!(bytes, [0xff, 0xfb..=0xfe, 0..=LAST_OPTION]);
        let doubles = self.even >= DOUBLED && self.odd == 0;
        if self.is_web() {
            return Some(web());
        }
        if doubles || self.head.windows(3).any(negotiates) {
            return Some(telnet());
        }
        let seen = if !self.has_telegrams && self.shows_lines() {
            say!("parts of telegrams arrive, and none whole")
        } else if self.is_shared {
            say!("bytes arrive, but no telegram among them")
        } else {
            return None;
        };
        let health = Health::new(HealthCode::Garbled).seen(seen);
        Some(health.advise(another_reader()))
    }

    /// Whether lines of a meter are among the bytes, so that speed and parity are right.
    fn shows_lines(&self) -> bool {
        let count = |part: &[u8]| {
            let places = self.head.windows(part.len());
            places.filter(|place| *place == part).count()
        };
        LINES.into_iter().map(count).sum::<usize>() >= SURELY_LINES
    }

    fn is_web(&self) -> bool {
        self.head.starts_with(WEB)
    }

    const fn is_in_vain(&self) -> bool {
        if self.has_bytes {
            !self.has_telegrams
        } else {
            self.was_in_vain
        }
    }
}

fn telnet() -> Health {
    Health::new(HealthCode::Garbled)
        .seen(say!("the serial server speaks Telnet, which changes bytes"))
        .advise(say!(
            "Set the serial server to raw: in ser2net, `tcp` without `telnet`; elsewhere, the mode \"raw\" or \"TCP server\"."
        ))
}

fn web() -> Health {
    Health::new(HealthCode::Unsupported)
        .seen(say!("a web server answers there, and no serial server"))
        .advise(say!(
            "Write the port on which the bridge passes the bytes of the meter on. A HomeWizard P1 Meter has none and \
             cannot be read this way."
        ))
}

fn another_reader() -> Sentence {
    say!(
        "Another program may read this serial server at the same time: many serve one only, or give each of two a part \
         of the bytes. Stop the other one."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::Endpoint;

    /// What is said of a server that sends this, in small pieces.
    fn said(bytes: &[u8]) -> String {
        let mut server = Server::default();
        server.opened();
        bytes.chunks(3).for_each(|chunk| server.bytes(chunk));
        server.fault().map(|why| why.sentence()).unwrap_or_default()
    }

    fn refused() -> LinkError {
        LinkError::Refused(Endpoint::parse("192.168.1.9:2001", 1))
    }

    fn closed() -> LinkError {
        LinkError::Closed(Endpoint::parse("192.168.1.9:2001", 1))
    }

    #[test]
    fn telnet_is_known_by_what_it_negotiates_and_by_what_it_doubles() {
        // Will suppress go ahead, will echo, do binary.
        let greeting = [255, 251, 3, 255, 251, 1, 255, 253, 0];
        assert!(said(&greeting).contains("Telnet"));
        assert!(said(&[&b"\r\n"[..], &greeting].concat()).contains("Telnet"));
        let doubled = [1, 0xff, 0xff, 2].repeat(4);
        assert!(said(&doubled).contains("Telnet"));
        assert!(said(&[&greeting[..], &doubled].concat()).contains("Telnet"));
    }

    #[test]
    fn ones_of_a_telegram_are_no_telnet() {
        assert_eq!(said(&[1, 0xff, 0xff, 2].repeat(3)), "");
        let mut plain = [1, 0xff, 0xff, 2].repeat(9);
        plain.extend([3, 0xff, 4]);
        assert_eq!(said(&plain), "");
        assert_eq!(said(&[0xff, 0xfb, 0xc8]), "");
        let late = [&[0x20; HEAD][..], &[255, 251, 3]].concat();
        assert_eq!(said(&late), "");
    }

    #[test]
    fn a_web_server_is_named() {
        let answer = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
        assert!(said(answer).contains("HomeWizard"));
        let mut server = Server::default();
        server.opened();
        server.bytes(answer);
        let why = server.refused(&closed()).unwrap();
        assert_eq!(why.code, HealthCode::Unsupported);
        // It goes on saying so while it refuses, and not when there is another one.
        assert_eq!(server.refused(&refused()), Some(why));
        server.opened();
        assert_eq!(server.fault(), None);
    }

    #[test]
    fn parts_of_lines_tell_of_another_reader_and_not_of_the_speed() {
        let parts = b"1.8.1(000671.578*kWh)\r\n1-0:1.8.2(0008)\r\n0-0:96.14.0(0001)\r\n1-0:1.7.0(00.318*kW)";
        let words = said(parts);
        assert!(
            words.contains("none whole") && words.contains("Another program"),
            "{words}"
        );
        assert_eq!(said(b"\x8d\xf3*kW\x02\x91\xfe"), "");
        let mut server = Server::default();
        server.opened();
        server.bytes(parts);
        server.telegram();
        assert_eq!(server.fault(), None);
    }

    #[test]
    fn who_is_turned_away_after_bytes_in_vain_hears_of_another_reader() {
        let mut server = Server::default();
        assert_eq!(server.refused(&refused()), None);
        server.opened();
        server.bytes(b"half of it");
        // It may have been restarted.
        assert_eq!(server.refused(&closed()), None);
        let words = server.refused(&refused()).unwrap().sentence();
        assert!(words.contains("refuses") && words.contains("Another program"));
        assert!(words.chars().count() <= 255, "{words}");
        server.opened();
        let words = server.fault().unwrap().sentence();
        assert!(words.contains("Another program"), "{words}");
        // Accepted and closed at once is refused, too.
        assert!(server.refused(&closed()).is_some());
        server.opened();
        server.telegram();
        assert_eq!(server.fault(), None);
    }

    #[test]
    fn a_server_that_restarts_while_all_is_well_is_shared_with_nobody() {
        let mut server = Server::default();
        server.opened();
        server.bytes(b"a telegram, and the beginning of the next");
        server.telegram();
        assert_eq!(server.refused(&refused()), None);
        assert_eq!(server.refused(&closed()), None);
    }
}
