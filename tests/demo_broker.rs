//! The demo's broker, seen from outside: our own MQTT 5 client, hand-made MQTT 3.1.1 packets, and Mosquitto's clients.
#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

#[path = "support/ports.rs"]
mod ports;

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rumqttc::{
    AsyncClient, Event, EventLoop, Incoming, LastWill, MqttOptions, Publish, PublishOptions, QoS,
    RetainForwardRule, SubscribeFilter, SubscribeProperties,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use wattbridge::demo::{Broker, LOG_TARGETS};

/// Nothing here waits for time to pass; this only turns a hang into a failure.
const HANG: Duration = Duration::from_secs(20);

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANG, future)
        .await
        .unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Any free port: the tests run side by side.
async fn broker() -> Broker {
    soon("the broker", Broker::start(0)).await.unwrap()
}

/// Our own MQTT 5 client, driven step by step.
struct Client {
    client: AsyncClient,
    events: EventLoop,
}

impl Client {
    async fn connect(address: SocketAddr, id: &str, will: Option<LastWill>) -> Client {
        let mut options = MqttOptions::new(id, (address.ip().to_string(), address.port()));
        options.set_max_packet_size(Some(1024 * 1024));
        if let Some(will) = will {
            options.set_last_will(will);
        }
        let (client, events) = AsyncClient::builder(options).capacity(400).build();
        let mut connected = Client { client, events };
        connected
            .until("CONNACK", |packet| {
                matches!(packet, Incoming::ConnAck(_)).then_some(())
            })
            .await;
        connected
    }

    async fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(Incoming) -> Option<T>) -> T {
        soon(what, async {
            loop {
                if let Event::Incoming(packet) = self.events.poll().await.unwrap()
                    && let Some(found) = wanted(packet)
                {
                    return found;
                }
            }
        })
        .await
    }

    async fn subscribe(&mut self, filter: SubscribeFilter, id: Option<usize>) {
        let properties = SubscribeProperties {
            id,
            user_properties: Vec::new(),
        };
        self.client
            .subscribe_many_with_properties([filter], properties)
            .await
            .unwrap();
        self.until("SUBACK", |packet| {
            matches!(packet, Incoming::SubAck(_)).then_some(())
        })
        .await;
    }

    /// Returns once the broker has acknowledged.
    async fn publish(&mut self, topic: &str, payload: impl Into<Vec<u8>>, retain: bool) {
        let options = PublishOptions::at_least_once().retain(retain);
        self.client
            .publish(topic, payload.into(), options)
            .await
            .unwrap();
        self.until("PUBACK", |packet| {
            matches!(packet, Incoming::PubAck(_)).then_some(())
        })
        .await;
    }

    async fn message(&mut self) -> Publish {
        self.until("a message", |packet| match packet {
            Incoming::Publish(publish) => Some(publish),
            _ => None,
        })
        .await
    }
}

fn filter(path: &str) -> SubscribeFilter {
    SubscribeFilter::new(path, QoS::AtLeastOnce)
}

fn text(message: &Publish) -> (&str, &str) {
    (
        std::str::from_utf8(&message.topic).unwrap(),
        std::str::from_utf8(&message.payload).unwrap(),
    )
}

#[tokio::test]
async fn late_subscriber_gets_the_retained_message_with_flag_and_subscription_identifier() {
    let broker = broker().await;
    let mut device = Client::connect(broker.address(), "device", None).await;
    device.publish("a/b/config", "hello", true).await;
    device.publish("a/b/state", "passing", false).await;

    let mut late = Client::connect(broker.address(), "late", None).await;
    late.subscribe(filter("a/+/config"), Some(7)).await;
    let message = late.message().await;
    assert_eq!(text(&message), ("a/b/config", "hello"));
    assert!(message.retain);
    assert_eq!(message.properties.unwrap().subscription_identifiers, [7]);

    // What is published now is news to everyone: no flag. Nothing retained came in between.
    device.publish("a/b/config", "news", true).await;
    let message = late.message().await;
    assert_eq!(text(&message), ("a/b/config", "news"));
    assert!(!message.retain);
    assert_eq!(message.properties.unwrap().subscription_identifiers, [7]);
    broker.stop().await;
}

#[tokio::test]
async fn an_empty_payload_removes_the_retained_message() {
    let broker = broker().await;
    let mut device = Client::connect(broker.address(), "device", None).await;
    device.publish("a/gone", "hello", true).await;
    device.publish("a/stays", "hello", true).await;
    device.publish("a/gone", "", true).await;

    let mut late = Client::connect(broker.address(), "late", None).await;
    late.subscribe(filter("#"), None).await;
    assert_eq!(text(&late.message().await), ("a/stays", "hello"));
    // Proves that "a/gone" did not come: messages of one publisher keep their order.
    device.publish("a/end", "end", false).await;
    assert_eq!(text(&late.message().await), ("a/end", "end"));
    broker.stop().await;
}

#[tokio::test]
async fn the_options_of_mqtt_5_subscriptions_are_kept() {
    let broker = broker().await;
    let mut client = Client::connect(broker.address(), "client", None).await;
    client.publish("x/old", "old", true).await;
    let mut options = filter("x/#");
    options.nolocal = true;
    options.preserve_retain = true;
    options.retain_forward_rule = RetainForwardRule::Never;
    client.subscribe(options, None).await;
    client.publish("x/own", "own", false).await;

    let mut other = Client::connect(broker.address(), "other", None).await;
    other.publish("x/foreign", "foreign", true).await;
    let message = client.message().await;
    assert_eq!(
        text(&message),
        ("x/foreign", "foreign"),
        "neither the old nor its own message"
    );
    assert!(message.retain, "the flag as it was published");
    broker.stop().await;
}

#[tokio::test]
async fn the_will_is_published_and_retained_when_a_connection_breaks() {
    let broker = broker().await;
    let mut watcher = Client::connect(broker.address(), "watcher", None).await;
    watcher.subscribe(filter("status/+"), None).await;

    let will = LastWill::new("status/device", "offline", QoS::AtLeastOnce, true, None);
    let device = Client::connect(broker.address(), "device", Some(will)).await;
    // Closes the socket without a DISCONNECT.
    drop(device);
    assert_eq!(text(&watcher.message().await), ("status/device", "offline"));

    let mut late = Client::connect(broker.address(), "late", None).await;
    late.subscribe(filter("status/device"), None).await;
    let message = late.message().await;
    assert_eq!(text(&message), ("status/device", "offline"));
    assert!(message.retain);
    broker.stop().await;
}

/// MQTT 3.1.1 packets by hand, so that this version is tested where Mosquitto is missing, and a connection that is reset.
#[tokio::test]
async fn mqtt_3_1_1_shares_the_port_and_its_will_survives_a_reset() {
    let broker = broker().await;
    let mut watcher = Client::connect(broker.address(), "watcher", None).await;
    watcher.publish("a", "five", true).await;
    watcher.subscribe(filter("w"), None).await;

    let mut old = TcpStream::connect(broker.address()).await.unwrap();
    // CONNECT: level 4, clean session, retained will "gone" on "w" at QoS 1, keep-alive 60 s, client "o".
    old.write_all(b"\x10\x16\x00\x04MQTT\x04\x2e\x00\x3c\x00\x01o\x00\x01w\x00\x04gone")
        .await
        .unwrap();
    expect(&mut old, b"\x20\x02\x00\x00").await;
    // SUBSCRIBE: packet 1, filter "+", QoS 0. Then the retained message, without properties.
    old.write_all(b"\x82\x06\x00\x01\x00\x01+\x00")
        .await
        .unwrap();
    expect(&mut old, b"\x90\x03\x00\x01\x00").await;
    expect(&mut old, b"\x31\x07\x00\x01afive").await;

    // With no time to linger, closing sends a reset.
    old.set_zero_linger().unwrap();
    drop(old);
    assert_eq!(text(&watcher.message().await), ("w", "gone"));
    broker.stop().await;
}

async fn expect(stream: &mut TcpStream, bytes: &[u8]) {
    let mut got = vec![0; bytes.len()];
    soon("an answer", stream.read_exact(&mut got))
        .await
        .unwrap();
    assert_eq!(got, bytes);
}

#[tokio::test]
async fn three_hundred_retained_topics_of_ten_kilobytes_reach_a_late_subscriber() {
    const TOPICS: usize = 300;
    let broker = broker().await;
    let mut device = Client::connect(broker.address(), "device", None).await;
    let payload = |index: usize| vec![b'a' + u8::try_from(index % 26).unwrap(); 10_000];
    for index in 0..TOPICS {
        device
            .publish(
                &format!("homeassistant/device/{index:03}/config"),
                payload(index),
                true,
            )
            .await;
    }

    let mut late = Client::connect(broker.address(), "late", None).await;
    late.subscribe(filter("#"), None).await;
    let mut topics = Vec::new();
    for _ in 0..TOPICS {
        let message = late.message().await;
        assert!(message.retain);
        let topic = text(&message).0.to_owned();
        let index: usize = topic.split('/').nth(2).unwrap().parse().unwrap();
        assert_eq!(message.payload, payload(index), "{topic}");
        topics.push(topic);
    }
    topics.sort();
    topics.dedup();
    assert_eq!(topics.len(), TOPICS);
    broker.stop().await;
}

#[tokio::test]
async fn a_taken_port_leads_to_another_one() {
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = holder.local_addr().unwrap();
    let broker = soon("the broker", Broker::start(taken.port()))
        .await
        .unwrap();
    assert_eq!(broker.address().ip(), taken.ip());
    assert_ne!(broker.address().port(), taken.port());
    Client::connect(broker.address(), "client", None).await;
    broker.stop().await;
}

#[tokio::test]
async fn stop_frees_the_port_whatever_the_connections_do() {
    // Nobody else shall be given it once it is free.
    let port = ports::free_address().port();
    let broker = soon("the broker", Broker::start(port)).await.unwrap();
    let address = broker.address();
    let mut client = Client::connect(address, "client", None).await;
    // One that has not even said CONNECT.
    let mut mute = TcpStream::connect(address).await.unwrap();
    soon("the stop", broker.stop()).await;

    assert!(
        TcpStream::connect(address).await.is_err(),
        "somebody still listens"
    );
    soon(
        "the end of the mute connection",
        mute.read_to_end(&mut Vec::new()),
    )
    .await
    .ok();
    soon("the client to notice", async {
        while client.events.poll().await.is_ok() {}
    })
    .await;

    let again = soon("the second broker", Broker::start(address.port()))
        .await
        .unwrap();
    assert_eq!(again.address(), address, "the very same port is free again");
    again.stop().await;
}

#[tokio::test]
async fn a_dropped_broker_stops_too() {
    let broker = broker().await;
    let mut client = Client::connect(broker.address(), "client", None).await;
    drop(broker);
    soon("the client to notice", async {
        while client.events.poll().await.is_ok() {}
    })
    .await;
}

/// Notes the target of each event down to DEBUG that comes from the thread of a broker.
#[derive(Clone, Default)]
struct Targets(Arc<Mutex<Vec<&'static str>>>);

impl<S: tracing::Subscriber> Layer<S> for Targets {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if std::thread::current().name() == Some("demo-broker")
            && *metadata.level() <= tracing::Level::DEBUG
        {
            self.0.lock().unwrap().push(metadata.target());
        }
    }
}

#[tokio::test]
async fn everything_the_broker_logs_can_be_filtered_by_its_targets() {
    let targets = Targets::default();
    // For the whole process, as the broker is on another thread.
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(targets.clone()))
        .unwrap();
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = holder.local_addr().unwrap().port();
    let broker = soon("the broker", Broker::start(port)).await.unwrap();
    let mut client = Client::connect(broker.address(), "client", None).await;
    client.publish("a", "b", true).await;
    drop(client);
    broker.stop().await;

    let targets = targets.0.lock().unwrap();
    assert!(
        !targets.is_empty(),
        "the broker logs, so this test has to see it"
    );
    for target in &*targets {
        let crate_name = target.split("::").next().unwrap();
        assert!(LOG_TARGETS.contains(&crate_name), "unknown target {target}");
    }
}

#[tokio::test]
async fn mosquitto_clients_of_both_versions_understand_each_other() {
    if Command::new("mosquitto_pub")
        .arg("--version")
        .output()
        .await
        .is_err()
    {
        eprintln!(
            "passed over: the Mosquitto clients are not installed (Debian: mosquitto-clients)"
        );
        return;
    }
    let broker = broker().await;
    let port = broker.address().port().to_string();
    let run = async |program: &str, version: &str, arguments: &[&str]| {
        let output = Command::new(program)
            .args(["-h", "127.0.0.1", "-p", &port, "-V", version])
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = soon(program, output).await.unwrap();
        assert!(
            output.status.success(),
            "{program} -V {version}: {output:?}"
        );
        String::from_utf8(output.stdout).unwrap()
    };
    for publisher in ["5", "311"] {
        for subscriber in ["5", "311"] {
            for qos in ["0", "1", "2"] {
                let topic = format!("from/{publisher}/{qos}");
                run(
                    "mosquitto_pub",
                    publisher,
                    &["-r", "-q", qos, "-t", &topic, "-m", "hello"],
                )
                .await;
                let read = [
                    "-q",
                    qos,
                    "-t",
                    &format!("+/{publisher}/{qos}"),
                    "-C",
                    "1",
                    "-F",
                    "%t %p %r",
                ];
                assert_eq!(
                    run("mosquitto_sub", subscriber, &read).await,
                    format!("{topic} hello 1\n")
                );
            }
        }
    }
    broker.stop().await;
}
