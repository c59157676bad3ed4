//! What a stick says of what it was asked to do, and of how it is.

use std::fmt;

/// What became of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ZnpStatus {
    /// 00.
    Success,
    /// 01: it failed.
    Failure,
    /// 02: the endpoint or the coordinator is not set up.
    InvalidParameter,
    /// 10.
    OutOfMemory,
    /// 11.
    BuffersFull,
    /// B7: the receiver did not acknowledge.
    NoAcknowledgement,
    /// B8: the endpoint is registered already.
    AlreadyRegistered,
    /// C2: the network has not been started.
    NotStarted,
    /// CD: nobody knows the way to the receiver.
    NoRoute,
    /// E9: the next radio did not acknowledge.
    NoMacAcknowledgement,
    /// F0: nobody came for the message in time.
    Expired,
    /// Another.
    Other(u8),
}

const CODES: &[(u8, ZnpStatus, &str)] = &[
    (0x00, ZnpStatus::Success, "success"),
    (0x01, ZnpStatus::Failure, "failure"),
    (0x02, ZnpStatus::InvalidParameter, "invalid parameter"),
    (0x10, ZnpStatus::OutOfMemory, "out of memory"),
    (0x11, ZnpStatus::BuffersFull, "buffers full"),
    (0xb7, ZnpStatus::NoAcknowledgement, "no acknowledgement"),
    (0xb8, ZnpStatus::AlreadyRegistered, "already registered"),
    (0xc2, ZnpStatus::NotStarted, "network not started"),
    (0xcd, ZnpStatus::NoRoute, "no route"),
    (
        0xe9,
        ZnpStatus::NoMacAcknowledgement,
        "no acknowledgement of the next radio",
    ),
    (0xf0, ZnpStatus::Expired, "expired"),
];

impl From<u8> for ZnpStatus {
    fn from(code: u8) -> Self {
        let known = CODES.iter().find(|(known, ..)| *known == code);
        known.map_or(Self::Other(code), |(_, status, _)| *status)
    }
}

impl ZnpStatus {
    /// As it is on the wire.
    pub fn code(self) -> u8 {
        if let Self::Other(code) = self {
            return code;
        }
        let known = CODES.iter().find(|(_, status, _)| *status == self);
        known.map_or(0, |(code, ..)| *code)
    }

    /// What it means; empty if nobody knows.
    pub fn words(self) -> &'static str {
        let known = CODES.iter().find(|(_, status, _)| *status == self);
        known.map_or("", |(.., words)| words)
    }
}

impl fmt::Display for ZnpStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.words() {
            "" => write!(f, "{:02X}", self.code()),
            words => write!(f, "{:02X} ({words})", self.code()),
        }
    }
}

/// How far the coordinator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CoordinatorState {
    /// 08: it is starting.
    Starting,
    /// 09: it runs.
    Running,
    /// Anything else: it is no coordinator, or does nothing.
    Other(u8),
}

impl From<u8> for CoordinatorState {
    fn from(code: u8) -> Self {
        match code {
            8 => Self::Starting,
            9 => Self::Running,
            code => Self::Other(code),
        }
    }
}

impl CoordinatorState {
    /// As it is on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::Starting => 8,
            Self::Running => 9,
            Self::Other(code) => code,
        }
    }
}

impl fmt::Display for CoordinatorState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::Running => f.write_str("running"),
            Self::Other(code) => write!(f, "state {code:02X}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_comes_back() {
        for code in 0..=u8::MAX {
            assert_eq!(ZnpStatus::from(code).code(), code);
            assert_eq!(CoordinatorState::from(code).code(), code);
            let words = ZnpStatus::from(code).to_string();
            assert!(words.starts_with(&format!("{code:02X}")), "{words}");
        }
        assert_eq!(ZnpStatus::from(0xcd).to_string(), "CD (no route)");
        assert_eq!(ZnpStatus::from(0x77).to_string(), "77");
    }
}
