//! All rules together, in stories that nobody thought of.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::Health;

#[derive(Debug, Clone)]
enum Happening {
    Device(u8, bool),
    Removed(u8),
    State(u8, bool),
    Birth,
    Reconnect,
    Wait(u16),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        (0_u8..3, any::<bool>()).prop_map(|(n, more)| Happening::Device(n, more)),
        (0_u8..3).prop_map(Happening::Removed),
        (0_u8..3, any::<bool>()).prop_map(|(n, online)| Happening::State(n, online)),
        Just(Happening::Birth),
        Just(Happening::Reconnect),
        (0_u16..8000).prop_map(Happening::Wait),
    ]
}

proptest! {
    /// Whatever happens: two announcements of one device are never close together, and in the end
    /// the broker holds what is true.
    #[test]
    fn the_broker_ends_up_with_the_truth(story in proptest::collection::vec(happening(), 0..40)) {
        let mut bench = Bench::connected(vec![]);
        let mut truth: BTreeMap<u8, Known> = BTreeMap::new();
        let mut broker: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut sent: BTreeMap<String, Instant> = BTreeMap::new();
        for happening in story {
            let mut wait = Duration::ZERO;
            match happening {
                Happening::Device(n, more) => {
                    let keys: &[&str] = if more { &["power", "a"] } else { &["power"] };
                    let known = known(&n.to_string(), keys, HealthCode::Online);
                    bench.put(&known);
                    truth.insert(n, known);
                }
                Happening::Removed(n) => {
                    truth.remove(&n);
                    bench.publisher.removed(&DeviceId::new("smart_meter", &n.to_string()));
                    sent.remove(&format!("homeassistant/device/smart_meter_{n}/config"));
                }
                Happening::State(n, online) => if let Some(known) = truth.get_mut(&n) {
                    let code = if online { HealthCode::Online } else { HealthCode::Silent };
                    Arc::make_mut(&mut known.state).health = Health::new(code);
                    bench.publisher.state(Arc::clone(&known.state), bench.now);
                },
                Happening::Birth => bench.birth(),
                Happening::Reconnect => {
                    bench.publisher.disconnected();
                    bench.connect(truth.values().cloned().collect());
                }
                Happening::Wait(ms) => wait = Duration::from_millis(ms.into()),
            }
            // In small steps, so that the time of each message is known.
            let end = bench.now + wait;
            loop {
                let step = (end - bench.now).min(Duration::from_millis(50));
                for message in bench.advance(step) {
                    if message.topic.ends_with("/config") && !message.payload.is_empty()
                        && let Some(before) = sent.insert(message.topic.clone(), bench.now) {
                            let apart = bench.now - before;
                            prop_assert!(apart + Duration::from_millis(100) >= CONFIG_PAUSE, "{apart:?}");
                        }
                    broker.insert(message.topic, message.payload);
                }
                if bench.now >= end {
                    break;
                }
            }
        }
        for message in bench.advance(Duration::from_secs(30)) {
            broker.insert(message.topic, message.payload);
        }
        broker.retain(|_, payload| !payload.is_empty());
        prop_assert_eq!(broker.len(), truth.len() * 3);
        for known in truth.values() {
            let id = known.device.id.as_str();
            prop_assert_eq!(&broker[&format!("homeassistant/device/{id}/config")], &bench.payload(known));
            let online = known.state.health.code.has_data();
            let words: &[u8] = if online { b"online" } else { b"offline" };
            prop_assert_eq!(&broker[&format!("wattbridge/{id}/availability")][..], words);
        }
    }
}
