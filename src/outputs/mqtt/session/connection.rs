//! One connection to the broker: dial, TLS, CONNECT, and what the broker's CONNACK allows us.
//!
//! Each attempt gets a fresh client and event loop. The library would otherwise keep what was
//! unacknowledged and send it again after a reconnect, when it may no longer be true.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rumqttc::mqttbytes::v5::{ConnAck, LastWillProperties, PublishProperties};
use rumqttc::tokio_rustls::TlsConnector;
use rumqttc::{
    AsyncClient, Broker, ClientError, Event as MqttEvent, EventLoop, Incoming,
    IncomingPacketSizeLimit, LastWill, MqttOptions, PublishNotice, PublishOptions, QoS, Transport,
};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::explain::{Phase, explain, explain_dial, explain_handshake};
use super::tap::{Heard, Stream, Tap};
use super::{Message, Qos, SessionError, Settings};
use crate::names;
use crate::tls;

/// For the name look-up, for opening the TCP connection, and again for TLS and CONNACK.
const ATTEMPT_TIME: Duration = Duration::from_secs(10);
/// The largest packet we accept; told to the broker in CONNECT, enforced by the decoder.
const INCOMING_LIMIT: u32 = 1024 * 1024;
/// Requests waiting for the event loop. Small: what waits here is lost with the connection.
const REQUEST_QUEUE: usize = 64;
/// Requests written per flush; without it each message costs a system call.
const REQUEST_BATCH: usize = 32;
/// Unconfirmed messages on their way. The library keeps a slot for each from the start, and without
/// a limit of ours that is 65535 of them, 15 MB. Mosquitto allows 20.
const IN_FLIGHT: u16 = 64;
/// When reading fails, the library forgets what it read before in the same batch.
const READ_BATCH: usize = 1;
/// Room for the fixed header, lengths, packet id and the one property we send.
const PACKET_OVERHEAD: usize = 32;

/// A connection which the broker has accepted.
pub struct Connection {
    /// As asked for, with the broker that was found.
    pub settings: Settings,
    pub events: EventLoop,
    pub client: AsyncClient,
    pub limits: Limits,
    pub heard: Heard,
}

/// What the broker's CONNACK allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    packet: Option<usize>,
    at_least_once: bool,
}

impl Limits {
    fn of(connack: &ConnAck) -> Self {
        let properties = connack.properties.as_ref();
        Self {
            packet: properties
                .and_then(|p| p.max_packet_size)
                .and_then(|size| usize::try_from(size).ok()),
            at_least_once: properties.and_then(|p| p.max_qos) != Some(0),
        }
    }

    /// Refuses what would make the library or the broker end the connection.
    pub fn check(&self, message: &Message) -> Result<(), SessionError> {
        check_topic(&message.topic)?;
        let size = message.topic.len() + message.payload.len() + PACKET_OVERHEAD;
        match self.packet {
            Some(limit) if size > limit => Err(SessionError::MessageTooLarge {
                topic: message.topic.clone(),
                size,
                limit,
            }),
            _ => Ok(()),
        }
    }
}

/// The library checks wildcards only; the rest would surface as a broken connection.
fn check_topic(topic: &str) -> Result<(), SessionError> {
    let fits = u16::try_from(topic.len()).is_ok();
    if topic.is_empty() || !fits || topic.contains(['\0', '+', '#']) {
        return Err(SessionError::BadTopic {
            topic: topic.to_owned(),
        });
    }
    Ok(())
}

/// Dials and waits for the broker's CONNACK.
pub async fn open(settings: &Settings) -> Result<Connection, SessionError> {
    let settings = settings.located().await?;
    let heard = Heard::default();
    let stream = Tap {
        stream: dial(&settings).await?,
        heard: heard.clone(),
    };
    let options = options(&settings, stream);
    let (client, mut events) = AsyncClient::builder(options)
        .capacity(REQUEST_QUEUE)
        .try_build()
        .map_err(|error| SessionError::RefusedByBroker {
            broker: settings.broker(),
            reason: error.to_string(),
        })?;
    loop {
        match events.poll().await {
            Ok(MqttEvent::Incoming(Incoming::ConnAck(connack))) => {
                return Ok(Connection {
                    settings,
                    heard,
                    limits: Limits::of(&connack),
                    events,
                    client,
                });
            }
            Ok(_) => {}
            Err(error) => return Err(explain(error, Phase::Connecting, &heard, &settings)),
        }
    }
}

/// Hands one message to the event loop; waits while its queue is full.
pub async fn send(
    client: &AsyncClient,
    limits: Limits,
    message: Message,
) -> Result<PublishNotice, SessionError> {
    limits.check(&message)?;
    let mut options = PublishOptions::new(if limits.at_least_once {
        quality(message.qos)
    } else {
        QoS::AtMostOnce
    })
    .retain(message.retain);
    if let Some(expiry) = message.expiry {
        options = options.properties(PublishProperties {
            message_expiry_interval: Some(whole_seconds(expiry)),
            ..PublishProperties::default()
        });
    }
    let topic = message.topic.clone();
    client
        .publish_tracked(message.topic, message.payload, options)
        .await
        .map_err(|error| request_error(&error, &topic))
}

/// A request which did not even reach the event loop.
pub fn request_error(error: &ClientError, topic: &str) -> SessionError {
    match error {
        ClientError::InvalidRequest(_) => SessionError::BadTopic {
            topic: topic.to_owned(),
        },
        // The event loop is gone, and with it the connection.
        _ => SessionError::NotConnected,
    }
}

/// Opens the connection, with TLS if asked for.
///
/// The library could do both, but cannot tell an unknown name from a refused connection, gives no
/// way to set options of the socket, and hides what [`Heard`] needs to hear.
async fn dial(settings: &Settings) -> Result<Box<dyn Stream>, SessionError> {
    let Some(files) = &settings.tls else {
        return Ok(Box::new(dial_tcp(settings).await?));
    };
    // The files first: their errors need no network.
    let config = tls::client_config(files)?;
    let name = tls::server_name(settings.server_name())?;
    let tcp = dial_tcp(settings).await?;
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, tcp);
    match timeout(ATTEMPT_TIME, handshake).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(explain_handshake(&error, settings)),
        Err(_) => Err(SessionError::TimedOut {
            broker: settings.broker(),
            stage: "waiting for the TLS handshake",
        }),
    }
}

async fn dial_tcp(settings: &Settings) -> Result<TcpStream, SessionError> {
    let late = |stage| SessionError::TimedOut {
        broker: settings.broker(),
        stage,
    };
    // An IPv6 address may be written in brackets, as in a URL.
    let host = settings.host.trim_matches(['[', ']']);
    let unknown = |reason: String| SessionError::NameNotFound {
        host: host.to_owned(),
        reason,
    };
    let addresses = timeout(ATTEMPT_TIME, names::lookup(host, settings.port))
        .await
        .map_err(|_| late("looking up the name"))?
        .map_err(|error| unknown(error.to_string()))?;

    let mut failure = None;
    for address in addresses {
        match timeout(ATTEMPT_TIME, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                tune(&stream, settings.keep_alive);
                return Ok(stream);
            }
            Ok(Err(error)) => failure = Some(explain_dial(&error, settings)),
            Err(_) => failure = Some(late("opening the connection")),
        }
    }
    Err(failure.unwrap_or_else(|| unknown("it has no address".to_owned())))
}

/// Makes a dead network visible.
///
/// The library pings only when nothing was sent for the keep-alive time. Who publishes more often
/// than that with QoS 0 never pings, and would write into a dead connection until TCP gives up,
/// which takes a quarter of an hour; so TCP is told to give up earlier.
fn tune(stream: &TcpStream, keep_alive: Duration) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY not set");
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let patience = (2 * keep_alive).clamp(Duration::from_secs(10), Duration::from_secs(120));
        if let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(patience)) {
            tracing::debug!(%error, "TCP_USER_TIMEOUT not set");
        }
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = keep_alive;
}

fn options(settings: &Settings, stream: Tap) -> MqttOptions {
    // Not used, for the connection is open already.
    let broker = Broker::tcp(settings.host.clone(), settings.port);
    let mut options = MqttOptions::new(settings.client_id.clone(), broker);
    options
        .set_transport(Transport::tcp())
        .set_keep_alive(keep_alive_seconds(settings.keep_alive))
        .set_clean_start(true)
        .set_session_expiry_interval(Some(0))
        .set_incoming_packet_size_limit(IncomingPacketSizeLimit::Bytes(INCOMING_LIMIT))
        .set_outgoing_inflight_upper_limit(IN_FLIGHT)
        .set_max_request_batch(REQUEST_BATCH)
        .set_read_batch_size(READ_BATCH)
        .set_connect_timeout(ATTEMPT_TIME);
    match (&settings.username, &settings.password) {
        (Some(user), Some(password)) => {
            options.set_credentials(user.clone(), password.clone().into_bytes());
        }
        (Some(user), None) => {
            options.set_username(user.clone());
        }
        (None, Some(password)) => {
            options.set_password(password.clone().into_bytes());
        }
        (None, None) => {}
    }
    if let Some(will) = &settings.will {
        let properties = will.expiry.map(|expiry| LastWillProperties {
            delay_interval: None,
            payload_format_indicator: None,
            message_expiry_interval: Some(whole_seconds(expiry)),
            content_type: None,
            response_topic: None,
            correlation_data: None,
            user_properties: Vec::new(),
        });
        options.set_last_will(LastWill::new(
            will.topic.clone(),
            will.payload.clone(),
            quality(will.qos),
            will.retain,
            properties,
        ));
    }

    let stream = Arc::new(Mutex::new(Some(stream)));
    options.set_socket_connector(move |_, _| {
        let stream = stream
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .ok_or_else(|| std::io::Error::other("this connection was used before"));
        std::future::ready(stream)
    });
    options
}

fn quality(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
    }
}

/// 0 would switch keep-alive off, and with it the notice of a dead broker.
fn keep_alive_seconds(duration: Duration) -> u16 {
    u16::try_from(duration.as_secs()).unwrap_or(u16::MAX).max(1)
}

/// 0 would mean "expired already" to some brokers.
fn whole_seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX).max(1)
}
