//! What can go wrong between us and the broker, in words a user can act on.

use super::super::LookupError;
use crate::tls::TlsError;

/// Why there is no connection, or why a request was not carried out.
///
/// Equal errors compare equal, so that a caller can log changes only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// A request was made while there is no connection; nothing is kept for later.
    #[error("not connected to the MQTT broker; nothing was sent")]
    NotConnected,
    /// The broker, or the network to it, takes our messages too slowly.
    #[error(
        "the MQTT broker did not take a request within {seconds} s; \
         is the broker overloaded or the network slow?"
    )]
    Busy {
        /// How long was waited.
        seconds: u64,
    },
    /// A topic or filter that MQTT does not allow.
    #[error("`{topic}` is not a valid MQTT topic; check the configured topic names")]
    BadTopic {
        /// The offending topic or filter.
        topic: String,
    },
    /// A message larger than the broker accepts; sending it would cost the connection.
    #[error(
        "the message for `{topic}` has {size} bytes but the broker accepts {limit} at most; \
         raise the limit in the broker (Mosquitto: `max_packet_size`)"
    )]
    MessageTooLarge {
        /// Where it should have gone.
        topic: String,
        /// Its size in bytes, with headers.
        size: usize,
        /// The broker's limit in bytes.
        limit: usize,
    },
    /// The broker does not let us read some topics.
    #[error(
        "the MQTT broker refused the subscription to {filters} ({reason}); \
         allow this user to read there (Mosquitto: `acl_file`)"
    )]
    SubscriptionRefused {
        /// The refused filters.
        filters: String,
        /// The broker's reason.
        reason: String,
    },
    /// Nobody knows where the broker is.
    #[error(transparent)]
    NotFound(#[from] LookupError),
    /// The broker's name is unknown.
    #[error(
        "the name `{host}` of the MQTT broker was not found ({reason}); check `host` for typing \
         errors, or give the broker's IP address"
    )]
    NameNotFound {
        /// The configured host.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// Nobody listens.
    #[error("nothing listens on {broker}; is the MQTT broker running, is the port right?")]
    Refused {
        /// host:port
        broker: String,
    },
    /// The network does not lead there.
    #[error(
        "{broker} cannot be reached ({reason}); check the network and the address of the MQTT broker"
    )]
    Unreachable {
        /// host:port
        broker: String,
        /// What the system said.
        reason: String,
    },
    /// No answer in time.
    #[error(
        "{broker} did not answer in time ({stage}); is the address right, does a firewall \
         block the port, is it really an MQTT broker?"
    )]
    TimedOut {
        /// host:port
        broker: String,
        /// What was being waited for.
        stage: &'static str,
    },
    /// The broker hung up before it answered our CONNECT.
    #[error(
        "{broker} closed the connection without an MQTT answer; {}",
        if *.tls {
            "is this the port for TLS, and does the broker want a client certificate?"
        } else {
            "is this a port for TLS (often 8883), or a broker that speaks only MQTT 3.1.1? \
             wattbridge needs MQTT 5 (Mosquitto 1.6 or newer)"
        }
    )]
    ClosedEarly {
        /// host:port
        broker: String,
        /// Whether we spoke TLS.
        tls: bool,
    },
    /// The other side does not speak MQTT 5.
    #[error(
        "{broker} answered with something that is not MQTT 5; is it an MQTT broker, and is the port \
         right (usually 1883, or 8883 for TLS)?"
    )]
    NotMqtt {
        /// host:port
        broker: String,
    },
    /// A file with certificates cannot be used, or the settings contradict each other.
    #[error(transparent)]
    TlsFiles(#[from] TlsError),
    /// The broker's certificate comes from an authority we do not know.
    #[error(
        "the certificate of {broker} is not trusted ({reason}); if you made it yourself, give it, \
         or the certificate of your own authority, as `ca_file`"
    )]
    CertificateNotTrusted {
        /// host:port
        broker: String,
        /// What was found.
        reason: String,
    },
    /// The broker's certificate is for another name.
    #[error(
        "the certificate of {broker} is not valid for the name `{name}` ({reason}); use the name \
         in the certificate as `host`, or give it as `server_name`"
    )]
    CertificateName {
        /// host:port
        broker: String,
        /// The name we asked for.
        name: String,
        /// What was found.
        reason: String,
    },
    /// The broker's certificate is out of its dates.
    #[error(
        "the certificate of {broker} is not valid today ({reason}); renew it, and check the clock \
         of this computer"
    )]
    CertificateDate {
        /// host:port
        broker: String,
        /// What was found.
        reason: String,
    },
    /// The broker wants to see another certificate from us, or one at all.
    #[error("{broker} did not accept us by certificate ({reason}); {}",
        if *.shown {
            "check that the broker trusts the authority of `client_certificate` and that it has not expired"
        } else {
            "give `client_certificate` and `client_key`"
        }
    )]
    ClientCertificate {
        /// host:port
        broker: String,
        /// The broker's alert.
        reason: String,
        /// Whether we showed a certificate.
        shown: bool,
    },
    /// Any other failure of TLS.
    #[error(
        "no TLS connection to {broker} ({reason}); is this the broker's port for TLS (often 8883)?"
    )]
    Tls {
        /// host:port
        broker: String,
        /// What was found.
        reason: String,
    },
    /// CONNACK: bad user name or password.
    #[error("{broker} refused the user name or password ({user}); {}", advice(.remedy.as_deref()))]
    BadCredentials {
        /// host:port
        broker: String,
        /// "user `x`" or "none was given".
        user: String,
        /// What to do, if they are not from the configuration.
        remedy: Option<String>,
    },
    /// CONNACK: not authorised. Mosquitto says so for a wrong password too.
    #[error(
        "{broker} did not let us in: not authorised ({user}); {}. Look too at what this user may do. \
         A broker that speaks only MQTT 3.1.1 may answer so too: wattbridge needs MQTT 5",
        advice(.remedy.as_deref())
    )]
    NotAuthorised {
        /// host:port
        broker: String,
        /// "user `x`" or "none was given".
        user: String,
        /// What to do, if they are not from the configuration.
        remedy: Option<String>,
    },
    /// CONNACK: unsupported protocol version.
    #[error(
        "{broker} speaks only MQTT 3.1.1 but wattbridge needs MQTT 5; update the broker \
         (Mosquitto 1.6 or newer), or enable MQTT 5 in it"
    )]
    OldProtocol {
        /// host:port
        broker: String,
    },
    /// CONNACK: the client id is taken or not allowed.
    #[error("{broker} does not accept the client id `{client_id}`; choose another `client_id`")]
    BadClientId {
        /// host:port
        broker: String,
        /// The id we gave.
        client_id: String,
    },
    /// CONNACK: the broker is busy or not available.
    #[error("{broker} is too busy to take us ({reason}); wattbridge tries again by itself")]
    ServerBusy {
        /// host:port
        broker: String,
        /// The broker's reason.
        reason: String,
    },
    /// CONNACK: any other refusal.
    #[error("{broker} refused the connection ({reason}); the broker's log tells more")]
    RefusedByBroker {
        /// host:port
        broker: String,
        /// The broker's reason.
        reason: String,
    },
    /// Another client came with our client id.
    #[error(
        "another client took over the client id `{client_id}` on {broker}; \
         is wattbridge running twice? Give each its own `client_id`"
    )]
    TakenOver {
        /// host:port
        broker: String,
        /// The contested id.
        client_id: String,
    },
    /// The broker sent more than we are willing to hold.
    #[error(
        "{broker} sent a message of {size} bytes, more than the {limit} wattbridge accepts; \
         look for a very large retained message below the topics wattbridge reads"
    )]
    ReceivedTooLarge {
        /// host:port
        broker: String,
        /// Announced size in bytes.
        size: usize,
        /// Our limit in bytes.
        limit: usize,
    },
    /// The connection was there and is gone.
    #[error("the connection to {broker} was lost ({reason}); wattbridge connects again by itself")]
    Lost {
        /// host:port
        broker: String,
        /// What was seen.
        reason: String,
    },
}

/// What to do about a user that is refused.
fn advice(known: Option<&str>) -> &str {
    known.unwrap_or("check `username` and `password`")
}
