//! An MQTT broker inside the process, so that the demo needs nothing installed.
//!
//! It serves MQTT 5 and 3.1.1 on one port of 127.0.0.1, lets everybody in, and keeps everything in memory: retained
//! messages are gone when it stops. The protocol is the work of the crate `mqtt5`; docs/dependencies.md says why that one.
//!
//! The broker has a thread and a runtime of its own. Thus a busy adapter cannot slow it down, and ending the runtime is
//! certain to close every socket, whatever state a connection is in.
//!
//! It logs under the targets [`LOG_TARGETS`], warnings for everyday events among them (a port that is taken, a client that
//! hangs up). Default filters should switch these targets off.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use mqtt5::broker::config::{StorageBackend, StorageConfig};
use mqtt5::broker::{BrokerConfig, MqttBroker};
use tokio::sync::oneshot;

/// Where the broker's own log messages come from; each also covers what lies below it.
pub const LOG_TARGETS: [&str; 2] = ["mqtt5", "mqtt5_protocol"];

/// Far above any discovery payload, far below what could hurt.
const LARGEST_PACKET: usize = 1024 * 1024;

/// How long clients may take to say goodbye before their connections are cut.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why the broker could not start. Each message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// The operating system gave no thread, or no event queue for it.
    #[error(
        "no thread for the demo broker: {0}; close some programs or raise the limits of processes and open files (`ulimit -u`, `ulimit -n`)"
    )]
    Thread(#[source] std::io::Error),
    /// Neither the preferred port nor any other could be had.
    #[error(
        "the demo broker can listen on no port of 127.0.0.1: {0}; check that the loopback interface is up and that a firewall or sandbox does not forbid listening"
    )]
    Listen(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The broker ended while it was starting.
    #[error("the demo broker ended at once: {0}; start again with RUST_LOG=mqtt5=debug to see why")]
    Ended(String),
}

/// A running broker. Dropping it stops it too, without waiting for the end.
#[derive(Debug)]
pub struct Broker {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

impl Broker {
    /// Listens on 127.0.0.1 only: on the port `preferred`, or on a free one if that cannot be had (or is 0).
    ///
    /// Clients can connect as soon as this returns. There is no race for the port: it is taken by listening, not by looking.
    ///
    /// # Errors
    ///
    /// [`BrokerError`] if the system refuses a thread or any port at all.
    pub async fn start(preferred: u16) -> Result<Broker, BrokerError> {
        let (started_sender, started) = oneshot::channel();
        let (stop, stop_receiver) = oneshot::channel();
        let (stopped_sender, stopped) = oneshot::channel();
        thread::Builder::new()
            .name("demo-broker".to_owned())
            .spawn(move || {
                match tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                {
                    // This arm owns the runtime: it is gone, and all its sockets with it, before "stopped".
                    Ok(runtime) => {
                        runtime.block_on(serve(preferred, started_sender, stop_receiver));
                    }
                    Err(error) => drop(started_sender.send(Err(BrokerError::Thread(error)))),
                }
                // Nobody listens if the handle was dropped instead of stopped.
                let _ = stopped_sender.send(());
            })
            .map_err(BrokerError::Thread)?;
        let address = started
            .await
            .map_err(|_| BrokerError::Ended("its thread panicked".to_owned()))??;
        Ok(Broker {
            address,
            stop,
            stopped,
        })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says goodbye to the clients, then closes every connection. The port is free when this returns.
    pub async fn stop(self) {
        // Both fail only if the thread has ended already, which is what we want.
        let _ = self.stop.send(());
        let _ = self.stopped.await;
    }
}

/// The life of the broker, on its own thread. Also ends when the other side of `stop` is dropped.
async fn serve(
    preferred: u16,
    started: oneshot::Sender<Result<SocketAddr, BrokerError>>,
    stop: oneshot::Receiver<()>,
) {
    let (mut broker, address) = match listen(preferred).await {
        Ok(listening) => listening,
        Err(error) => return drop(started.send(Err(error))),
    };
    let mut ready = broker.ready_receiver();
    let shutdown = broker.shutdown_handle();
    let mut run = std::pin::pin!(broker.run());
    tokio::select! {
        biased;
        // `Err` here means that `run` has ended, and that is for the other branch to tell.
        Ok(_) = ready.wait_for(|ready| *ready) => {}
        end = &mut run => return drop(started.send(Err(BrokerError::Ended(in_words(end))))),
    }
    let _ = started.send(Ok(address));
    tokio::select! {
        _ = stop => {}
        end = &mut run => {
            return tracing::error!(
                "the demo broker ended by itself: {}; start the demo again, with RUST_LOG=mqtt5=debug to see why",
                in_words(end)
            );
        }
    }
    shutdown.shutdown();
    // Whoever is not done by then is cut off when the runtime ends.
    let _ = tokio::time::timeout(GOODBYE, run).await;
}

async fn listen(preferred: u16) -> Result<(MqttBroker, SocketAddr), BrokerError> {
    // Any failure of the first attempt leads to the second: taken, reserved for root, forbidden by policy, all the same here.
    let broker = match MqttBroker::with_config(configuration(preferred)).await {
        Ok(broker) => broker,
        Err(_) => MqttBroker::with_config(configuration(0))
            .await
            .map_err(|e| BrokerError::Listen(e.into()))?,
    };
    let address = broker
        .local_addr()
        .ok_or_else(|| BrokerError::Listen("the port is not known".into()))?;
    Ok((broker, address))
}

fn configuration(port: u16) -> BrokerConfig {
    let mut configuration = BrokerConfig::default()
        .with_bind_address((Ipv4Addr::LOCALHOST, port))
        .with_max_packet_size(LARGEST_PACKET)
        // The default is a folder in the working directory.
        .with_storage(StorageConfig::default().with_backend(StorageBackend::Memory));
    // A subscriber to `#` shall see the demo's topics and nothing else.
    configuration.sys_topics_enabled = false;
    configuration
}

fn in_words(end: mqtt5::Result<()>) -> String {
    match end {
        Ok(()) => "it was told to".to_owned(),
        Err(error) => error.to_string(),
    }
}
