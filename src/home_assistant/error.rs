//! Why Home Assistant's Core does not do what it is asked for.

use crate::tls::TlsError;

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoreError {
    /// Not `ws://host:port/path`, and nothing like it.
    #[error(
        "\"{0}\" is not the address of Home Assistant; write it like ws://192.168.1.10:8123/api/websocket"
    )]
    Address(String),
    /// Nobody has said where it is.
    #[error("nobody knows where Home Assistant is; write url and token")]
    Nowhere,
    /// Nobody is there.
    #[error(
        "Home Assistant cannot be reached ({0}); perhaps it starts just now: try again in a minute"
    )]
    Unreachable(String),
    /// No TLS with it.
    #[error(
        "no secure connection to Home Assistant ({0}); if its certificate is your own, write the file of the authority as ca_file"
    )]
    Tls(String),
    /// The file of the authorities cannot be used.
    #[error(transparent)]
    Files(#[from] TlsError),
    /// Nothing came in time.
    #[error("Home Assistant did not answer in time; try again in a minute")]
    Late,
    /// It does not know the token.
    #[error(
        "Home Assistant does not let wattbridge in; install the wattbridge app again from its repository"
    )]
    NotAllowed,
    /// The connection ended, or brought something else.
    #[error("the connection to Home Assistant broke ({0}); try again")]
    Broken(String),
    /// It does not do what it was asked for.
    #[error("Home Assistant refuses {command}: {words}")]
    Refused {
        /// What it was asked for.
        command: String,
        /// Why, for programs: `not_found`, `invalid_format`.
        code: String,
        /// Why, in its own words.
        words: String,
    },
    /// Its answer is not understood.
    #[error(
        "what Home Assistant answers to {0} is not understood; update wattbridge, and report this if there is no newer version"
    )]
    NotUnderstood(String),
}
