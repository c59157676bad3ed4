//! Why there is no answer.

use crate::tls::TlsError;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Not the address of a server.
    #[error(
        "\"{0}\" is not the address of a web server; write it like http://192.168.1.10:80 or https://example.org"
    )]
    Address(String),
    /// An address with a login in it, or with something behind `?`; here without these.
    #[error(
        "\"{0}\" is more than the address of a web server; leave out what is before @ and what is behind ?, as keys and \
         passwords are written elsewhere"
    )]
    MoreThanAddress(String),
    /// The request has letters that cannot be sent.
    #[error("the request to {server} cannot be made ({reason})")]
    Request {
        /// Who was to be asked.
        server: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody is there; nothing was sent.
    #[error("{server} cannot be reached ({reason})")]
    Unreachable {
        /// Who was asked.
        server: String,
        /// What the system said.
        reason: String,
    },
    /// No TLS with it; nothing was sent.
    #[error("no secure connection to {server} ({reason})")]
    Tls {
        /// Who was asked.
        server: String,
        /// What was wrong.
        reason: String,
    },
    /// Our own certificates cannot be used; nothing was sent.
    #[error(transparent)]
    Files(#[from] TlsError),
    /// Nothing, or not all, came in time; it may have arrived.
    #[error("{0} did not answer in time")]
    Late(String),
    /// What came is no answer, or larger than any that is expected; the request may have arrived.
    #[error("{server} gave an answer that cannot be read ({reason})")]
    Unreadable {
        /// Who was asked.
        server: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl HttpError {
    /// Whether the server may have got the request.
    pub const fn may_have_arrived(&self) -> bool {
        matches!(self, Self::Late(_) | Self::Unreadable { .. })
    }
}
