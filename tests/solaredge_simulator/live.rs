//! A simulated inverter over sockets, read by the bridge.

use std::net::SocketAddr;
use std::time::Duration;

use jiff::Zoned;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wattbridge::adapters::solaredge::simulator::{
    InverterSettings, SimulatedCapture, SimulatedDialer, SimulatedServer,
};
use wattbridge::adapters::solaredge::{ADAPTER, KIND};
use wattbridge::bridge::{Bridge, Hub, Known, Setup};
use wattbridge::clock::Clock;
use wattbridge::config::Section;
use wattbridge::device::Adapter;
use wattbridge::links::Links;
use wattbridge::simulation::House;
use wattbridge::store::Store;

use crate::KEY;

/// Only reached when something is broken.
const DEADLINE: Duration = Duration::from_secs(60);
const INVERTER: &str = "solaredge_7f1a2b3c_00";
const ANYWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn settings(key: Option<&str>) -> InverterSettings {
    InverterSettings {
        interval: 1,
        optimizers: 5,
        key: key.map(|key| key.parse().unwrap()),
        ..InverterSettings::new(House::of_the_demo(&Zoned::now()))
    }
}

struct Reader {
    hub: Hub,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Reader {
    fn start(pairs: &[(&str, &str)]) -> Self {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let section = Section::from_pairs(KIND, &pairs).unwrap();
        let (store, saved) = Store::in_memory();
        let (bridge, hub) = Bridge::new(Setup {
            sources: vec![ADAPTER.configure(&section).unwrap()],
            sums: Vec::new(),
            incomplete: Vec::new(),
            refused: 0,
            instance: "test".to_owned(),
            clock: Clock::system(),
            links: Links::new(),
            store,
            saved,
            save_every: Duration::MAX,
            history: wattbridge::history::History::off(),
        });
        let stop = CancellationToken::new();
        let running = tokio::spawn(bridge.run(stop.clone()));
        Self { hub, stop, running }
    }

    fn known(&self) -> Vec<Known> {
        let all = self.hub.view().snapshot().into_iter();
        all.filter(|known| known.device.adapter == KIND).collect()
    }

    /// Waits until all that is known is as it should be.
    async fn until(&self, what: &str, is_it: impl Fn(&[Known]) -> bool) {
        let mut feed = self.hub.feed();
        let wait = async {
            while !is_it(&self.known()) {
                feed.next().await;
            }
        };
        let waited = timeout(DEADLINE, wait).await;
        waited.unwrap_or_else(|_| panic!("never: {what}: {:#?}", self.known()));
    }

    async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }
}

/// The watt-hours in the life of the inverter, as they are shown.
fn total(known: &[Known]) -> Option<u64> {
    let inverter = known
        .iter()
        .find(|known| known.device.id.to_string() == INVERTER)?;
    let total = inverter.state.value("energy_total").as_number()?;
    Some((total.to_f64() * 1000.0).round() as u64)
}

fn has_all(known: &[Known]) -> bool {
    let online = known
        .iter()
        .filter(|known| known.state.value("power").as_number().is_some());
    // The inverter and its optimizers.
    online.count() >= 6
}

#[tokio::test]
async fn a_capture_that_comes_over_tcp_is_read_at_once_and_goes_on() {
    for key in [None, Some(KEY)] {
        let simulator = SimulatedCapture::start(settings(key), ANYWHERE)
            .await
            .unwrap();
        let address = simulator.address().to_owned();
        let mut pairs = vec![("capture", address.as_str())];
        pairs.extend(key.map(|key| ("key", key)));
        let reader = Reader::start(&pairs);
        reader.until("all devices", has_all).await;
        let first = total(&reader.known());
        // What is said later than that is read, too.
        reader
            .until("more energy", |known| total(known) > first)
            .await;
        assert!(total(&reader.known()).unwrap() <= simulator.truth().energy_total);
        // It comes back by itself, in the middle of the session.
        simulator.unplug();
        simulator.plug();
        let before = simulator.truth().energy_total;
        reader
            .until("values after the pause", |known| {
                total(known).is_some_and(|total| total > before)
            })
            .await;
        reader.stop().await;
        simulator.stop().await;
    }
}

#[tokio::test]
async fn through_a_proxy_the_server_gets_all_and_so_does_the_reader() {
    for key in [None, Some(KEY)] {
        let house = House::of_the_demo(&Zoned::now());
        let device_key = key.map(|key| key.parse().unwrap());
        let server = SimulatedServer::start(ANYWHERE, device_key, house)
            .await
            .unwrap();
        let proxy = std::net::TcpListener::bind(ANYWHERE)
            .unwrap()
            .local_addr()
            .unwrap();
        let listen = proxy.to_string();
        let to = server.address().to_owned();
        let mut pairs = vec![("proxy", listen.as_str()), ("server", to.as_str())];
        pairs.extend(key.map(|key| ("key", key)));
        let reader = Reader::start(&pairs);
        let dialer = SimulatedDialer::start(settings(key), proxy);
        reader.until("all devices", has_all).await;
        // The server is away for a moment: what is measured meanwhile comes later.
        server.unplug();
        let before = dialer.truth().energy_total;
        server.plug();
        reader
            .until("values after the pause", |known| {
                total(known).is_some_and(|total| total > before)
            })
            .await;
        let (spoken, received) = (dialer.spoken(), server.received());
        // What was not answered before the pause is told twice.
        let missing = received.iter().filter(|data| !spoken.contains(data));
        assert_eq!(missing.count(), 0);
        let unheard = spoken.iter().filter(|data| !received.contains(data));
        // The last may be on its way.
        assert!(unheard.count() <= 1);
        reader.stop().await;
        dialer.stop().await;
        server.stop().await;
    }
}
