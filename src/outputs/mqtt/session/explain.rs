//! From the library's errors to ours.
//!
//! The library reports the same cause in several shapes (an alert of the broker's TLS side may
//! arrive as an I/O error inside a decoding error inside a state error); here it is dug out.

use std::io;

use rumqttc::mqttbytes::Error as WireError;
use rumqttc::{ConnectReturnCode, ConnectionError, DisconnectReasonCode, StateError};
use rustls::{AlertDescription, CertificateError, Error as RustlsError};

use super::tap::Heard;
use super::{SessionError, Settings};

/// Whether the broker had accepted us when the error came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Connecting,
    Connected,
}

/// Finds the cause in the library's error and says it in our words.
pub fn explain(
    error: ConnectionError,
    phase: Phase,
    heard: &Heard,
    settings: &Settings,
) -> SessionError {
    let broker = settings.broker();
    if phase == Phase::Connecting {
        if let Some(code) = heard.old_connack() {
            return explain_old_connack(code, settings);
        }
        if heard.is_foreign() {
            return SessionError::NotMqtt { broker };
        }
    }
    match error {
        ConnectionError::Timeout(_) => SessionError::TimedOut {
            broker,
            stage: "waiting for the answer to our CONNECT",
        },
        ConnectionError::Io(error)
        | ConnectionError::MqttState(
            StateError::Io(error) | StateError::Deserialization(WireError::Io(error)),
        ) => explain_io(&error, phase, settings),
        ConnectionError::MqttState(StateError::ConnectionAborted) => match phase {
            Phase::Connecting => SessionError::ClosedEarly {
                broker,
                tls: settings.tls.is_some(),
            },
            Phase::Connected => match heard.bare_disconnect().map(DisconnectReasonCode::try_from) {
                Some(Ok(code)) => explain_disconnect(code, None, settings),
                _ => lost(
                    settings,
                    &format!(
                        "the broker closed it; if this repeats: does another client use the \
                             client id `{}`?",
                        settings.client_id
                    ),
                ),
            },
        },
        ConnectionError::MqttState(StateError::AwaitPingResp) => {
            lost(settings, "the broker did not answer a ping")
        }
        ConnectionError::ConnectionRefused(code)
        | ConnectionError::MqttState(StateError::ConnFail { reason: code }) => {
            explain_refusal(code, settings)
        }
        ConnectionError::MqttState(StateError::ServerDisconnect {
            reason_code,
            reason_string,
        }) => explain_disconnect(reason_code, reason_string, settings),
        ConnectionError::MqttState(StateError::Deserialization(
            WireError::PayloadSizeLimitExceeded { pkt_size, max },
        )) if phase == Phase::Connected => SessionError::ReceivedTooLarge {
            broker,
            size: pkt_size,
            limit: max as usize,
        },
        error => match phase {
            Phase::Connecting => {
                tracing::debug!(%error, "no CONNACK");
                SessionError::NotMqtt { broker }
            }
            Phase::Connected => lost(settings, &error.to_string()),
        },
    }
}

pub fn lost(settings: &Settings, reason: &str) -> SessionError {
    SessionError::Lost {
        broker: settings.broker(),
        reason: reason.to_owned(),
    }
}

/// An error of the plain TCP connection, before any protocol was spoken.
pub fn explain_dial(error: &io::Error, settings: &Settings) -> SessionError {
    let broker = settings.broker();
    match error.kind() {
        io::ErrorKind::ConnectionRefused => SessionError::Refused { broker },
        io::ErrorKind::TimedOut => SessionError::TimedOut {
            broker,
            stage: "opening the connection",
        },
        _ => SessionError::Unreachable {
            broker,
            reason: error.to_string(),
        },
    }
}

fn explain_io(error: &io::Error, phase: Phase, settings: &Settings) -> SessionError {
    // With TLS 1.3 the broker judges our certificate after the handshake is over for us.
    if let Some(tls) = rustls_cause(error) {
        return match phase {
            Phase::Connecting => explain_tls(tls, settings),
            Phase::Connected => lost(settings, &tls.to_string()),
        };
    }
    match phase {
        Phase::Connecting => SessionError::ClosedEarly {
            broker: settings.broker(),
            tls: settings.tls.is_some(),
        },
        Phase::Connected => lost(settings, &error.to_string()),
    }
}

/// An error of the TLS handshake.
pub fn explain_handshake(error: &io::Error, settings: &Settings) -> SessionError {
    if let Some(tls) = rustls_cause(error) {
        return explain_tls(tls, settings);
    }
    SessionError::Tls {
        broker: settings.broker(),
        reason: match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe => "the other side hung up".to_owned(),
            _ => error.to_string(),
        },
    }
}

fn rustls_cause(error: &io::Error) -> Option<&RustlsError> {
    error.get_ref()?.downcast_ref()
}

fn explain_tls(error: &RustlsError, settings: &Settings) -> SessionError {
    use AlertDescription as Alert;
    use CertificateError as Certificate;

    let broker = settings.broker();
    let reason = error.to_string();
    let shown = settings
        .tls
        .as_ref()
        .is_some_and(|tls| tls.client_certificate.is_some());
    match error {
        RustlsError::InvalidCertificate(problem) => match problem {
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                SessionError::CertificateName {
                    broker,
                    name: settings.server_name().to_owned(),
                    reason,
                }
            }
            Certificate::Expired
            | Certificate::ExpiredContext { .. }
            | Certificate::NotValidYet
            | Certificate::NotValidYetContext { .. } => {
                // The full text counts seconds, which would make each attempt a new error.
                let reason = match problem {
                    Certificate::Expired | Certificate::ExpiredContext { .. } => "it has expired",
                    _ => "its time has not yet begun",
                };
                SessionError::CertificateDate {
                    broker,
                    reason: reason.to_owned(),
                }
            }
            _ => SessionError::CertificateNotTrusted { broker, reason },
        },
        RustlsError::AlertReceived(
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            // TLS 1.2 has no better word for "you showed no certificate".
            | Alert::HandshakeFailure,
        ) => SessionError::ClientCertificate {
            broker,
            reason,
            shown,
        },
        // OpenSSL's word for a certificate of another authority with the same name.
        RustlsError::AlertReceived(Alert::DecryptError) if shown => {
            SessionError::ClientCertificate {
                broker,
                reason,
                shown,
            }
        }
        _ => SessionError::Tls { broker, reason },
    }
}

fn explain_refusal(code: ConnectReturnCode, settings: &Settings) -> SessionError {
    let broker = settings.broker();
    let user = || match &settings.username {
        Some(name) => format!("user `{name}`"),
        None => "no user name was given".to_owned(),
    };
    match code {
        ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::BadAuthenticationMethod => {
            SessionError::BadCredentials {
                broker,
                user: user(),
                remedy: settings.remedy.clone(),
            }
        }
        ConnectReturnCode::NotAuthorized => SessionError::NotAuthorised {
            broker,
            user: user(),
            remedy: settings.remedy.clone(),
        },
        ConnectReturnCode::RefusedProtocolVersion
        | ConnectReturnCode::UnsupportedProtocolVersion => SessionError::OldProtocol { broker },
        ConnectReturnCode::BadClientId | ConnectReturnCode::ClientIdentifierNotValid => {
            SessionError::BadClientId {
                broker,
                client_id: settings.client_id.clone(),
            }
        }
        ConnectReturnCode::ServerBusy
        | ConnectReturnCode::ServerUnavailable
        | ConnectReturnCode::ServiceUnavailable
        | ConnectReturnCode::ConnectionRateExceeded
        | ConnectReturnCode::QuotaExceeded => SessionError::ServerBusy {
            broker,
            reason: words(&format!("{code:?}")),
        },
        _ => SessionError::RefusedByBroker {
            broker,
            reason: words(&format!("{code:?}")),
        },
    }
}

/// The return codes of MQTT 3.1.1, from a broker that answers a CONNECT of MQTT 5 with them.
fn explain_old_connack(code: u8, settings: &Settings) -> SessionError {
    match code {
        2 => explain_refusal(ConnectReturnCode::BadClientId, settings),
        3 => explain_refusal(ConnectReturnCode::ServiceUnavailable, settings),
        4 => explain_refusal(ConnectReturnCode::BadUserNamePassword, settings),
        5 => explain_refusal(ConnectReturnCode::NotAuthorized, settings),
        _ => explain_refusal(ConnectReturnCode::RefusedProtocolVersion, settings),
    }
}

fn explain_disconnect(
    code: DisconnectReasonCode,
    text: Option<String>,
    settings: &Settings,
) -> SessionError {
    match code {
        DisconnectReasonCode::SessionTakenOver => SessionError::TakenOver {
            broker: settings.broker(),
            client_id: settings.client_id.clone(),
        },
        _ => {
            let reason = words(&format!("{code:?}"));
            match text {
                Some(text) => lost(settings, &format!("the broker said: {reason}, {text}")),
                None => lost(settings, &format!("the broker said: {reason}")),
            }
        }
    }
}

/// `ServerShuttingDown` -> `server shutting down`
pub fn words(code: &str) -> String {
    let mut text = String::with_capacity(code.len() + 4);
    for letter in code.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text.replace("qo s", "QoS")
}
