//! Several bridges on one broker.

use std::collections::BTreeMap;

use super::super::super::topics::Topics;
use super::*;
use crate::model::{Device, Health, Metric, Quantity};
use crate::outputs::mqtt::MqttSettings;
use crate::store::Identity;

/// A broker, and bridges on it, in one time of our own.
struct World {
    kept: BTreeMap<String, Vec<u8>>,
    bridges: BTreeMap<String, Member>,
    /// All that was ever cleared.
    cleared: Vec<String>,
}

struct Member {
    bench: Bench,
    devices: BTreeMap<DeviceId, Known>,
    topics: Topics,
    filters: Vec<String>,
    is_connected: bool,
}

fn fits(filter: &str, topic: &str) -> bool {
    let (mut filter, mut topic) = (filter.split('/'), topic.split('/'));
    loop {
        match (filter.next(), topic.next()) {
            (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(want), Some(have)) if want == have => {}
            _ => return false,
        }
    }
}

fn own(id: &str) -> Known {
    let mut known = meter("0");
    let device = Device::new("wattbridge", id, "wattbridge", "wattbridge");
    Arc::make_mut(&mut known.state).device = device.id.clone();
    known.device = Arc::new(device);
    known
}

impl World {
    fn new() -> Self {
        Self {
            kept: BTreeMap::new(),
            bridges: BTreeMap::new(),
            cleared: Vec::new(),
        }
    }

    /// A bridge with its own device and these meters starts.
    fn start(&mut self, identity: &Identity, serials: &[&str]) {
        let id = identity.id().to_owned();
        let meters = serials.iter().map(|serial| meter(serial));
        let devices: Vec<Known> = [own(&id)].into_iter().chain(meters).collect();
        let settings = HomeAssistantSettings::default();
        let topics = settings.topics(&MqttSettings::default(), identity);
        let mut bench = Bench::of(settings, identity);
        bench.orphans = |_| true;
        if let Some(other) = self.bridges.values().next() {
            bench.now = other.bench.now;
        }
        let member = Member {
            bench,
            devices: devices
                .into_iter()
                .map(|it| (it.device.id.clone(), it))
                .collect(),
            topics,
            filters: Vec::new(),
            is_connected: false,
        };
        self.bridges.insert(id.clone(), member);
        self.connect(&id);
    }

    fn connect(&mut self, id: &str) {
        let member = self.bridges.get_mut(id).unwrap();
        member.is_connected = true;
        member.filters.clear();
        let topics = &member.topics;
        let filters = [
            topics.all_configs(),
            topics.earlier_status(),
            topics.birth.clone(),
        ];
        let devices = member.devices.values().cloned().collect();
        let online = kept(topics.status(), "online");
        member.bench.connect(devices);
        self.subscribe(id, filters.into());
        self.publish(online);
    }

    fn subscribe(&mut self, id: &str, filters: Vec<String>) {
        let member = self.bridges.get_mut(id).unwrap();
        for (topic, payload) in &self.kept {
            if filters.iter().any(|filter| fits(filter, topic)) {
                member.bench.receive(topic, payload.clone(), true);
            }
        }
        member.filters.extend(filters);
    }

    fn publish(&mut self, message: Message) {
        let Message {
            topic,
            payload,
            retain,
            ..
        } = message;
        if payload.is_empty() {
            self.kept.remove(&topic);
            self.cleared.push(topic.clone());
        } else if retain {
            self.kept.insert(topic.clone(), payload.clone());
        }
        for member in self.bridges.values_mut().filter(|it| it.is_connected) {
            if member.filters.iter().any(|filter| fits(filter, &topic)) {
                member.bench.receive(&topic, payload.clone(), false);
            }
        }
    }

    /// Stopped, killed or without power: the broker says the last will.
    fn end(&mut self, id: &str) {
        let member = self.bridges.remove(id).unwrap();
        self.publish(kept(member.topics.status(), "offline"));
    }

    /// A bridge's device fares otherwise.
    fn fare(&mut self, id: &str, serial: &str, code: HealthCode) {
        let member = self.bridges.get_mut(id).unwrap();
        let known = member
            .devices
            .get_mut(&DeviceId::new("smart_meter", serial))
            .unwrap();
        Arc::make_mut(&mut known.state).health = Health::new(code);
        let state = Arc::clone(&known.state);
        member.bench.publisher.state(state, member.bench.now);
    }

    fn add(&mut self, id: &str, serial: &str) {
        let member = self.bridges.get_mut(id).unwrap();
        let known = meter(serial);
        member.bench.put(&known);
        member.devices.insert(known.device.id.clone(), known);
    }

    fn remove(&mut self, id: &str, serial: &str) {
        let member = self.bridges.get_mut(id).unwrap();
        let device = DeviceId::new("smart_meter", serial);
        member.devices.remove(&device);
        member.bench.publisher.removed(&device);
    }

    /// Lets all of them live, in steps small enough for them to answer each other.
    fn live(&mut self, time: Duration) {
        const STEP: Duration = Duration::from_millis(500);
        let steps = time.as_millis() / STEP.as_millis();
        for _ in 0..steps {
            let ids: Vec<String> = self.bridges.keys().cloned().collect();
            for id in ids {
                let Some(member) = self.bridges.get_mut(&id).filter(|it| it.is_connected) else {
                    continue;
                };
                let messages = member.bench.advance(STEP);
                let listen = std::mem::take(&mut member.bench.listened);
                if !listen.is_empty() {
                    self.subscribe(&id, listen);
                }
                for message in messages {
                    self.publish(message);
                }
            }
        }
    }

    fn birth(&mut self) {
        let message = Message {
            retain: false,
            ..kept("homeassistant/status".to_owned(), "online")
        };
        self.publish(message);
    }

    /// The bridge that a device is announced by.
    fn holder(&self, device: &str) -> Option<String> {
        let payload = self.kept.get(&config(device))?;
        let found = ReadBack::read(device, payload.clone()).unwrap();
        Some(bridge_of(&found.status).to_owned())
    }

    /// Whether Home Assistant shows the device as available.
    fn is_available(&self, device: &str) -> bool {
        let Some(payload) = self.kept.get(&config(device)) else {
            return false;
        };
        let found = ReadBack::read(device, payload.clone()).unwrap();
        let is_online = |topic: &String| self.kept.get(topic).is_some_and(|it| it == b"online");
        is_online(&found.status) && is_online(&found.availability)
    }

    fn trouble(&self, id: &str) -> Option<String> {
        let trouble = self.bridges[id].bench.publisher.trouble()?;
        Some(trouble.sentence())
    }
}

const MINUTE: Duration = Duration::from_secs(60);

fn ids(count: usize) -> Vec<Identity> {
    (0..count)
        .map(|n| Identity::named(&format!("b{n}")))
        .collect()
}

/// An hour with births of Home Assistant, restarts, lost connections and devices that come, fail and
/// come back.
fn an_hour_of(count: usize) {
    let mut world = World::new();
    let ids = ids(count);
    let serials = |n: usize| [format!("{n}1"), format!("{n}2")];
    for (n, id) in ids.iter().enumerate() {
        let serials = serials(n);
        world.start(id, &[&serials[0], &serials[1]]);
        world.live(Duration::from_secs(1));
    }
    let name = |n: usize| ids[n % count].id().to_owned();
    for minute in 0..60 {
        match minute % 6 {
            0 => world.birth(),
            1 => {
                let id = name(minute);
                world
                    .bridges
                    .get_mut(&id)
                    .unwrap()
                    .bench
                    .publisher
                    .disconnected();
                world.connect(&id);
            }
            2 => {
                let n = minute % count;
                let serials = serials(n);
                world.end(&name(n));
                world.live(Duration::from_secs(5));
                world.start(&ids[n], &[&serials[0], &serials[1]]);
            }
            3 => world.fare(
                &name(minute),
                &serials(minute % count)[0],
                HealthCode::Silent,
            ),
            4 => world.fare(
                &name(minute - 1),
                &serials((minute - 1) % count)[0],
                HealthCode::Online,
            ),
            _ => {}
        }
        world.live(MINUTE);
    }
    assert_eq!(world.cleared, [""; 0], "nobody removed anything");
    let all = |world: &World, away: &[usize]| {
        for n in 0..count {
            let [one, two] = serials(n);
            for device in [
                format!("smart_meter_{one}"),
                format!("smart_meter_{two}"),
                format!("wattbridge_{}", name(n)),
            ] {
                assert_eq!(world.holder(&device), Some(name(n)), "{device}");
                assert_eq!(world.is_available(&device), !away.contains(&n), "{device}");
            }
        }
    };
    all(&world, &[]);
    assert!(ids.iter().all(|id| world.trouble(id.id()).is_none()));
    // The end of one is nobody else's.
    world.end(&name(0));
    world.live(5 * MINUTE);
    all(&world, &[0]);
    assert_eq!(world.cleared, [""; 0]);
}

#[test]
fn two_bridges_live_beside_each_other() {
    an_hour_of(2);
}

#[test]
fn three_bridges_live_beside_each_other() {
    an_hour_of(3);
}

#[test]
fn ten_bridges_live_beside_each_other() {
    an_hour_of(10);
}

#[test]
fn a_bridge_removes_what_it_announced_itself_and_nothing_else() {
    let mut world = World::new();
    let ids = ids(2);
    world.start(&ids[0], &["1", "2"]);
    world.start(&ids[1], &["3"]);
    world.live(MINUTE);
    world.end("b0");
    // Its section was taken out of the configuration.
    world.start(&ids[0], &["1"]);
    world.live(MINUTE);
    assert_eq!(world.holder("smart_meter_2"), None);
    assert_eq!(world.cleared.len(), 3, "{:?}", world.cleared);
    assert!(world.is_available("smart_meter_1") && world.is_available("smart_meter_3"));
}

#[test]
fn a_device_that_was_moved_while_its_bridge_was_off_is_taken_over_at_once() {
    let mut world = World::new();
    let ids = ids(2);
    world.start(&ids[0], &["1", "2"]);
    world.live(MINUTE);
    world.end("b0");
    world.start(&ids[1], &["1"]);
    world.live(Duration::from_secs(2));
    assert_eq!(world.holder("smart_meter_1").as_deref(), Some("b1"));
    assert!(world.is_available("smart_meter_1"));
    // The old one comes back and still has it in its configuration, in vain.
    world.start(&ids[0], &["1", "2"]);
    world.fare("b0", "1", HealthCode::Unreachable);
    for _ in 0..10 {
        world.birth();
        world.live(MINUTE);
        assert_eq!(world.holder("smart_meter_1").as_deref(), Some("b1"));
        assert!(world.is_available("smart_meter_1") && world.is_available("smart_meter_2"));
    }
    let trouble = world.trouble("b0").unwrap();
    assert!(
        trouble.contains("Meter 1 is left to another wattbridge, b1"),
        "{trouble}"
    );
    assert!(trouble.contains("Remove the device"), "{trouble}");
    assert_eq!(world.trouble("b1"), None);
    // Taken out of its configuration, it stays where it is.
    world.remove("b0", "1");
    world.live(MINUTE);
    assert!(world.is_available("smart_meter_1"));
    assert_eq!(world.cleared, [""; 0]);
}

#[test]
fn a_device_that_was_moved_from_a_bridge_that_runs_is_taken_over_when_that_has_lost_it() {
    let mut world = World::new();
    let ids = ids(2);
    world.start(&ids[0], &["1"]);
    world.start(&ids[1], &[]);
    world.live(MINUTE);
    world.fare("b0", "1", HealthCode::Unreachable);
    world.add("b1", "1");
    world.live(MINUTE / 2);
    assert_eq!(
        world.holder("smart_meter_1").as_deref(),
        Some("b0"),
        "it may come back"
    );
    world.live(2 * MINUTE);
    assert_eq!(world.holder("smart_meter_1").as_deref(), Some("b1"));
    assert!(world.is_available("smart_meter_1"));
    // And back again, the same way.
    world.fare("b1", "1", HealthCode::Unreachable);
    world.fare("b0", "1", HealthCode::Online);
    world.live(2 * MINUTE);
    assert_eq!(world.holder("smart_meter_1").as_deref(), Some("b0"));
    assert!(world.is_available("smart_meter_1"));
}

#[test]
fn a_device_that_two_bridges_read_stays_with_the_first_and_the_other_one_says_so() {
    let mut world = World::new();
    let ids = ids(2);
    world.start(&ids[0], &["1"]);
    world.live(MINUTE);
    world.start(&ids[1], &["1", "2"]);
    let announced = world.kept.get(&config("smart_meter_1")).cloned();
    for _ in 0..60 {
        world.birth();
        world.live(MINUTE);
    }
    assert_eq!(world.kept.get(&config("smart_meter_1")).cloned(), announced);
    assert!(world.trouble("b1").is_some() && world.trouble("b0").is_none());
    assert!(
        world.bridges["b1"]
            .bench
            .publisher
            .told
            .iter()
            .any(|it| it.contains("smart_meter_1"))
    );
    // The first one gives it up for good.
    world.remove("b0", "1");
    world.live(MINUTE);
    assert_eq!(world.holder("smart_meter_1").as_deref(), Some("b1"));
    assert!(world.is_available("smart_meter_1"));
    assert_eq!(world.trouble("b1"), None);
}

#[test]
fn two_that_announce_a_device_in_one_moment_agree_on_who_has_it() {
    let mut world = World::new();
    let ids = ids(2);
    world.start(&ids[0], &["1"]);
    world.start(&ids[1], &["1"]);
    let mut holders = Vec::new();
    for _ in 0..10 {
        world.live(MINUTE);
        holders.push(world.holder("smart_meter_1").unwrap());
    }
    holders.dedup();
    assert_eq!(holders.len(), 1, "{holders:?}");
    let troubled = ids.iter().filter(|id| world.trouble(id.id()).is_some());
    assert_eq!(troubled.count(), 1);
    assert!(world.is_available("smart_meter_1"));
}

/// What the version without ids left on the broker: one status for all, and no id anywhere.
fn left_by_an_earlier_version(world: &mut World, serials: &[&str]) {
    let devices = serials.iter().map(|serial| meter(serial).device);
    let mut bridge = Arc::unwrap_or_clone(own("x").device);
    bridge.id = DeviceId::new("wattbridge", "bridge");
    let bench = Bench::new();
    for device in devices.chain([Arc::new(bridge)]) {
        let id = device.id.clone();
        let text = String::from_utf8(bench.payload(&Known {
            device,
            ..meter("0")
        }))
        .unwrap();
        let text = text.replace("wattbridge/b2c3d4/status", "wattbridge/status");
        let text = text.replace("wattbridge_b2c3d4", "wattbridge_bridge");
        world.publish(kept(config(id.as_str()), text));
        world.publish(kept(format!("wattbridge/{id}/availability"), "online"));
    }
    world.publish(kept("wattbridge/status".to_owned(), "offline"));
}

#[test]
fn what_an_earlier_version_announced_is_taken_over_without_a_lost_entity() {
    let mut world = World::new();
    left_by_an_earlier_version(&mut world, &["1", "2", "3"]);
    // Device 3 is no longer configured.
    let identity = Identity::upgraded("b0", &["smart_meter_1", "smart_meter_2", "smart_meter_3"]);
    world.start(&identity, &["1", "2"]);
    world.live(MINUTE);
    for device in ["smart_meter_1", "smart_meter_2", "wattbridge_bridge"] {
        assert_eq!(world.holder(device).as_deref(), Some("b0"), "{device}");
        assert!(world.is_available(device), "{device}");
        assert!(!world.cleared.contains(&config(device)));
    }
    assert_eq!(
        world.holder("wattbridge_b0"),
        None,
        "its own device keeps its id"
    );
    assert_eq!(world.holder("smart_meter_3"), None);
    assert_eq!(
        world.kept.get("wattbridge/status"),
        None,
        "nothing refers to it"
    );
}

#[test]
fn two_bridges_of_an_earlier_version_are_upgraded_one_after_the_other() {
    let mut world = World::new();
    left_by_an_earlier_version(&mut world, &["1", "2", "3"]);
    world.start(&Identity::upgraded("b0", &["smart_meter_1"]), &["1"]);
    world.live(5 * MINUTE);
    // What the other one announced is not touched, and neither is what that refers to.
    let others = ["smart_meter_2", "smart_meter_3"];
    assert!(
        others
            .iter()
            .all(|id| world.holder(id).as_deref() == Some("wattbridge"))
    );
    assert!(world.kept.contains_key("wattbridge/status"));
    assert_eq!(world.cleared, [""; 0]);
    assert_eq!(world.holder("wattbridge_bridge").as_deref(), Some("b0"));

    world.start(
        &Identity::upgraded("b1", &["smart_meter_2", "smart_meter_3"]),
        &["2", "3"],
    );
    world.live(5 * MINUTE);
    for (device, holder) in [
        ("smart_meter_1", "b0"),
        ("smart_meter_2", "b1"),
        ("smart_meter_3", "b1"),
        ("wattbridge_bridge", "b0"),
        ("wattbridge_b1", "b1"),
    ] {
        assert_eq!(world.holder(device).as_deref(), Some(holder), "{device}");
        assert!(world.is_available(device), "{device}");
    }
    let child = &world.kept[&config("smart_meter_2")];
    let child: Value = serde_json::from_slice(child).unwrap();
    assert_eq!(child["device"]["via_device"], "wattbridge_b1");
    assert_eq!(world.cleared, ["wattbridge/status"]);
}

#[test]
fn what_an_earlier_version_announced_elsewhere_is_never_removed() {
    let mut world = World::new();
    left_by_an_earlier_version(&mut world, &["1", "2"]);
    world.start(&Identity::named("b0"), &["9"]);
    world.live(5 * MINUTE);
    assert_eq!(world.cleared, [""; 0]);
    assert!(world.is_available("smart_meter_9"));
    assert_eq!(
        world.holder("wattbridge_bridge").as_deref(),
        Some("wattbridge")
    );
    assert!(world.is_available("wattbridge_b0"));
}

#[test]
fn a_bridge_that_lost_its_store_takes_its_devices_over_and_tells_what_is_left() {
    let mut world = World::new();
    world.start(&Identity::named("b0"), &["1", "2"]);
    world.live(MINUTE);
    world.end("b0");
    world.start(&Identity::named("b1"), &["1", "2"]);
    world.live(MINUTE);
    for device in ["smart_meter_1", "smart_meter_2", "wattbridge_b1"] {
        assert_eq!(world.holder(device).as_deref(), Some("b1"), "{device}");
        assert!(world.is_available(device), "{device}");
    }
    assert_eq!(world.cleared, [""; 0]);
    let told = &world.bridges["b1"].bench.publisher.told;
    assert!(
        told.contains("wattbridge/b0/status"),
        "its own device is left: {told:?}"
    );
}

#[test]
fn another_bridge_that_is_silent_about_itself_does_not_keep_a_device_for_ever() {
    let mut world = World::new();
    world.start(&Identity::named("b0"), &["1"]);
    world.live(MINUTE);
    world.end("b0");
    // Somebody cleared its status.
    world.publish(kept("wattbridge/b0/status".to_owned(), ""));
    world.start(&Identity::named("b1"), &["1"]);
    world.live(MINUTE);
    assert_eq!(world.holder("smart_meter_1").as_deref(), Some("b1"));
}

/// To Home Assistant the entities of a device are the same whoever announces them.
#[test]
fn energies_that_another_bridge_has_counted_begin_anew_before_a_device_is_taken_over() {
    let counting = |era: u64| {
        let mut known = meter("1");
        let energy = Metric::lifetime("energy", Quantity::Energy).integral_of("power");
        Arc::make_mut(&mut known.device).metrics.push(energy);
        Arc::make_mut(&mut known.state).era = era;
        known
    };
    for gives_up in [false, true] {
        let mut theirs = Bench::of(HomeAssistantSettings::default(), &Identity::named("b0"));
        theirs.connect(vec![counting(0)]);
        let published = theirs.advance(MINUTE);
        let mut bench = Bench::new();
        bench.connect(vec![counting(0)]);
        for message in published.iter().filter(|it| it.topic.ends_with("config")) {
            bench.receive(&message.topic, message.payload.clone(), true);
        }
        bench.receive("wattbridge/b0/status", "online", true);
        bench.receive("wattbridge/smart_meter_1/availability", "online", true);
        assert_eq!(short(&bench.advance(MINUTE)), [""; 0]);
        assert_eq!(bench.begun_anew, []);

        if gives_up {
            bench.receive("homeassistant/device/smart_meter_1/config", "", false);
        } else {
            bench.receive("wattbridge/b0/status", "offline", false);
        }
        bench.publisher.tick(bench.now, |_| false);
        // Not before it is done, however long that takes, and asked for once.
        assert_eq!(short(&bench.advance(MINUTE)), [""; 0]);
        assert_eq!(bench.begun_anew, [counting(0).device.id.clone()]);
        bench.publisher.state(counting(1).state, bench.now);
        bench.publisher.tick(bench.now, |_| false);
        let said = short(&bench.advance(MINUTE));
        assert!(said.iter().any(|it| it.contains("config")), "{said:?}");
        assert!(said.iter().any(|it| it.contains("state")), "{said:?}");
    }
}
