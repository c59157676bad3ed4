//! The topics, on a real broker.

use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use wattbridge::bridge::Hub;
use wattbridge::model::{DeviceState, Health, HealthCode};
use wattbridge::outputs::kaifareader::KaifareaderSettings;
use wattbridge::outputs::mqtt::session::{Event, Events, Message, Qos, Session};

use crate::support::mosquitto::{Mosquitto, Setup};
use crate::{Arc, DEADLINE, Duration, hub, me, meter, mqtt, run, telegram};

/// Somebody who reads everything.
struct Watcher {
    session: Session,
    events: Events,
    _stop: DropGuard,
}

impl Watcher {
    async fn connect(port: u16, name: &str) -> Self {
        let stop = CancellationToken::new();
        let mut settings = mqtt(port).connection(&me()).unwrap();
        name.clone_into(&mut settings.client_id);
        let (session, mut events) = Session::start(settings, stop.clone());
        let connected = async { while events.recv().await != Some(Event::Connected) {} };
        timeout(DEADLINE, connected).await.unwrap();
        session.subscribe(&["#"]).await.unwrap();
        Self {
            session,
            events,
            _stop: stop.drop_guard(),
        }
    }

    /// Topic, payload and retain flag of the next message.
    async fn next(&mut self) -> (String, String, bool) {
        loop {
            if let Event::Received(message) = self.events.recv().await.unwrap() {
                let words = String::from_utf8(message.payload).unwrap();
                return (message.topic, words, message.retain);
            }
        }
    }

    /// Everything that comes until a message of its own does.
    async fn all(&mut self) -> Vec<String> {
        let fence = Message {
            topic: "fence".to_owned(),
            payload: Vec::new(),
            qos: Qos::AtLeastOnce,
            retain: false,
            expiry: None,
        };
        self.session.publish(fence).await.unwrap();
        let mut all = Vec::new();
        let until_fence = async {
            loop {
                let (topic, words, retained) = self.next().await;
                if topic == "fence" {
                    break;
                }
                assert!(!retained, "{topic} was kept by the broker");
                all.push(format!("{topic} {words}"));
            }
        };
        timeout(DEADLINE, until_fence).await.unwrap();
        all
    }

    /// So many messages.
    async fn take(&mut self, count: usize) -> Vec<String> {
        let mut taken = Vec::new();
        for _ in 0..count {
            let (topic, words, _) = timeout(DEADLINE, self.next()).await.unwrap();
            taken.push(format!("{topic} {words}"));
        }
        taken
    }
}

fn start(hub: &Hub, port: u16) -> DropGuard {
    let settings = KaifareaderSettings {
        enabled: true,
        base_topic: "/home/meter".to_owned(),
        device: None,
    };
    let stop = CancellationToken::new();
    tokio::spawn(run(settings, hub, port, &stop));
    stop.drop_guard()
}

#[tokio::test]
async fn each_telegram_is_published_once_as_kaifareader_did() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let mut watcher = Watcher::connect(broker.port(), "watcher").await;
    let device = meter("1");
    let hub = hub(std::slice::from_ref(&device));
    // With the same settings as Home Assistant's session, which must not be thrown out.
    let mut neighbour = Watcher::connect(broker.port(), "wattbridge-b2c3d4").await;
    let _output = start(&hub, broker.port());
    // What comes before it is connected is lost, so telegrams go on until one is heard.
    let mut second = 0;
    let first = loop {
        second += 1;
        hub.put_state(telegram(&device, second, [Some(1000), Some(0)]));
        if let Ok(message) = timeout(Duration::from_millis(200), watcher.next()).await {
            break message;
        }
    };
    assert_eq!(first.0, "/home/meter/RealEnergyIn_S");
    assert_eq!(first.1, "1.000");
    assert_eq!(watcher.take(1).await, ["/home/meter/RealEnergyOut_S 0.000"]);

    let said = |import| telegram(&device, second + 1, [Some(import), Some(987_654)]);
    hub.put_state(said(12_345_678));
    // The health alone is no telegram, and neither is the same once more.
    let retrying = DeviceState {
        health: Health::new(HealthCode::Retrying),
        ..(*said(12_345_678)).clone()
    };
    hub.put_state(Arc::new(retrying));
    hub.put_state(said(12_345_678));
    // Three in a row: nothing is left out though the totals stay.
    for later in 2..5 {
        hub.put_state(telegram(&device, second + later, [None, Some(987_654)]));
    }
    hub.put_state(telegram(&device, second + 5, [Some(12_345_679), None]));
    let mut expected = vec![
        "/home/meter/RealEnergyIn_S 12345.678",
        "/home/meter/RealEnergyOut_S 987.654",
    ];
    expected.extend(["/home/meter/RealEnergyOut_S 987.654"; 3]);
    expected.push("/home/meter/RealEnergyIn_S 12345.679");
    assert_eq!(watcher.take(expected.len()).await, expected);
    assert_eq!(watcher.all().await, [""; 0]);

    while let Some(event) = neighbour.events.try_recv() {
        assert!(!matches!(event, Event::Disconnected(_)), "{event:?}");
    }

    // Nothing is kept for who comes later.
    let mut late = Watcher::connect(broker.port(), "late").await;
    assert_eq!(late.all().await, [""; 0]);
}

#[tokio::test]
async fn it_goes_on_after_the_broker_was_away() {
    let Some(mut broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let device = meter("1");
    let hub = hub(std::slice::from_ref(&device));
    let _output = start(&hub, broker.port());
    for round in 0..2_i64 {
        let mut watcher = Watcher::connect(broker.port(), "watcher").await;
        let mut second = round * 1000;
        loop {
            second += 1;
            hub.put_state(telegram(&device, second, [Some(second), None]));
            // The session waits for some seconds before it tries again.
            if let Ok(message) = timeout(Duration::from_millis(200), watcher.next()).await {
                assert_eq!(message.0, "/home/meter/RealEnergyIn_S");
                break;
            }
            assert!(second % 1000 < 150, "nothing came in half a minute");
        }
        if round == 0 {
            drop(watcher);
            broker.kill();
            broker.start();
        }
    }
}
