//! Brokers that are not there, not yet, or no more.

use std::future::ready;

use tokio::time::timeout;
use wattbridge::outputs::mqtt::session::SessionError;

use super::support::mosquitto::{Mosquitto, Setup};
use super::support::ports::free_port;
use super::{DEADLINE, Peer, message, received, retained, settings};

#[tokio::test]
async fn nothing_is_queued_without_a_connection() {
    let mut peer = Peer::start(settings(free_port(), "early"));
    let at_once = tokio::select! {
        biased;
        result = peer.session.publish(message("a", "b")) => Some(result),
        () = ready(()) => None,
    };
    assert_eq!(at_once, Some(Err(SessionError::NotConnected)));
    let refused = peer.session.subscribe(&["a"]).await;
    assert_eq!(refused, Err(SessionError::NotConnected));
    let error = peer.disconnected().await;
    assert!(matches!(error, SessionError::Refused { .. }), "{error}");
    assert!(
        error.to_string().contains("nothing listens on 127.0.0.1:"),
        "{error}"
    );
}

#[tokio::test]
async fn stop_ends_the_attempts() {
    let mut peer = Peer::start(settings(free_port(), "stopped"));
    peer.disconnected().await;
    peer.stop.disarm().cancel();
    let ended = timeout(DEADLINE, async {
        while peer.events.recv().await.is_some() {}
    });
    ended.await.unwrap();
}

#[tokio::test]
async fn a_broker_may_come_later() {
    let Some(mut broker) = Mosquitto::prepare(&Setup::default()) else {
        return;
    };
    let mut peer = Peer::start(settings(broker.port(), "patient"));
    assert!(matches!(
        peer.disconnected().await,
        SessionError::Refused { .. }
    ));
    broker.start();
    peer.connected().await;
    peer.session.subscribe(&["a"]).await.unwrap();
    peer.session.publish(message("a", "b")).await.unwrap();
    assert_eq!(peer.received().await, received("a", "b", false));
}

#[tokio::test]
async fn a_broker_may_restart_and_remember() {
    let setup = Setup {
        persistent: true,
        ..Setup::default()
    };
    let Some(mut broker) = Mosquitto::launch(&setup) else {
        return;
    };
    let mut peer = Peer::connect(broker.port(), "loyal").await;
    peer.session.subscribe(&["config"]).await.unwrap();
    peer.session.publish(retained("config", "1")).await.unwrap();
    assert_eq!(peer.received().await, received("config", "1", false));

    broker.stop();
    let error = peer.disconnected().await;
    assert!(matches!(error, SessionError::Lost { .. }), "{error}");
    assert!(!peer.session.is_connected());
    broker.start();
    peer.connected().await;
    // The subscription did not survive, the message did.
    peer.session.publish(retained("config", "2")).await.unwrap();
    peer.session.subscribe(&["config"]).await.unwrap();
    assert_eq!(peer.received().await, received("config", "2", true));
}

#[tokio::test]
async fn a_broker_may_die_and_forget() {
    let Some(mut broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let mut peer = Peer::connect(broker.port(), "loyal").await;
    peer.session.publish(retained("config", "1")).await.unwrap();
    broker.kill();
    assert!(matches!(
        peer.disconnected().await,
        SessionError::Lost { .. }
    ));
    broker.start();
    peer.connected().await;
    peer.session.subscribe(&["config", "end"]).await.unwrap();
    peer.session.publish(message("end", "")).await.unwrap();
    assert_eq!(peer.received().await, received("end", "", false));
}
