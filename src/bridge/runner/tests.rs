//! A bridge whose sources say what a test tells them to.

use std::sync::Mutex;

use jiff::tz::TimeZone;
use tokio::sync::oneshot;

use super::*;
use crate::config::{DeviceKeys, Period};
use crate::device::{BoxFuture, Probed, SourceError};
use crate::history::History;
use crate::model::{Control, ControlKind, Device, Value};

const HOUR: Duration = Duration::from_secs(3600);

/// Hands over its context when it runs.
#[derive(Debug)]
struct Puppet(Mutex<Option<oneshot::Sender<Context>>>);

impl Source for Puppet {
    fn adapter(&self) -> &'static str {
        "victron"
    }

    fn spoken(&self) -> &'static str {
        "Text"
    }

    fn label(&self) -> String {
        "puppet".to_owned()
    }

    fn run(self: Arc<Self>, context: Context) -> BoxFuture<Result<(), SourceError>> {
        Box::pin(async move {
            let stop = context.stop.clone();
            if let Some(strings) = self.0.lock().unwrap().take() {
                strings.send(context).unwrap();
            }
            stop.cancelled().await;
            Ok(())
        })
    }

    fn probe(self: Arc<Self>, _: Links) -> BoxFuture<Result<Probed, String>> {
        Box::pin(async { Ok(Probed::default()) })
    }
}

fn device() -> Device {
    let mut device = Device::new("victron", "1", "Charger", "Victron Energy");
    device.controls = vec![Control {
        key: "load".into(),
        name: "Load".into(),
        kind: ControlKind::Switch,
        is_setup: false,
    }];
    device
}

/// A bridge with one section that says this of its devices, over what is in the store; and what its
/// source works with, if it runs.
struct Stage {
    hub: Hub,
    context: oneshot::Receiver<Context>,
    running: tokio::task::JoinHandle<()>,
    stop: CancellationToken,
}

impl Stage {
    fn new(keys: DeviceKeys, store: Store, saved: Saved) -> Self {
        let (strings, context) = oneshot::channel();
        let clock = Clock::following_tokio(Timestamp::UNIX_EPOCH, TimeZone::UTC);
        let (bridge, hub) = Bridge::new(Setup {
            sources: vec![ConfiguredSource::new(
                Puppet(Mutex::new(Some(strings))),
                keys,
            )],
            sums: Vec::new(),
            incomplete: Vec::new(),
            refused: 0,
            instance: "test".to_owned(),
            clock,
            links: Links::new(),
            store,
            saved,
            save_every: Duration::MAX,
            history: History::off(),
        });
        let stop = CancellationToken::new();
        let running = tokio::spawn(bridge.run(stop.clone()));
        Self {
            hub,
            context,
            running,
            stop,
        }
    }

    /// The device as it is shown, once it is.
    async fn shown(&self) -> Device {
        let mut feed = self.hub.feed();
        loop {
            if let Some(known) = feed.get(&device().id) {
                return Device::clone(&known.device);
            }
            feed.next().await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_section_that_is_switched_off_is_not_started_and_its_devices_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (store, saved) = Store::open(&path);
    let before = DeviceKeys {
        allow_control: true,
        ..DeviceKeys::default()
    };
    let mut stage = Stage::new(before, store.clone(), saved);
    let context = (&mut stage.context).await.unwrap();
    let description = Report::Device(Box::new(device()));
    context.reports.send(description).await.unwrap();
    assert_eq!(stage.shown().await.controls, device().controls);
    stage.stop.cancel();
    stage.running.await.unwrap();
    store.close();

    let keys = DeviceKeys {
        enabled: false,
        name: Some("Roof".to_owned()),
        ..DeviceKeys::default()
    };
    let (store, saved) = Store::open(&path);
    let mut stage = Stage::new(keys, store.clone(), saved);
    // At once, before any output has told of it.
    let known = stage.hub.feed().get(&device().id).unwrap();
    assert_eq!(known.state.health, Health::new(HealthCode::Disabled));
    assert_eq!(known.device.name, "Roof");
    assert!(
        known.device.controls.is_empty(),
        "they are not allowed any more"
    );
    // And as long as nobody stops it.
    tokio::time::sleep(50 * HOUR).await;
    assert!(!stage.running.is_finished());
    assert!(stage.context.try_recv().is_err(), "it was started");
    let known = stage.hub.feed().get(&device().id).unwrap();
    assert_eq!(known.state.health.code, HealthCode::Disabled);
    let told = stage
        .hub
        .feed()
        .commander()
        .command("victron_1", "load", "ON")
        .await;
    assert!(told.result.is_err());
    stage.stop.cancel();
    stage.running.await.unwrap();
    store.close();
}

#[tokio::test(start_paused = true)]
async fn no_adapter_hears_of_a_command_that_its_section_does_not_allow() {
    for is_allowed in [false, true] {
        let keys = DeviceKeys {
            allow_control: is_allowed,
            ..DeviceKeys::default()
        };
        let (store, saved) = Store::in_memory();
        let mut stage = Stage::new(keys, store, saved);
        let mut context = (&mut stage.context).await.unwrap();
        let description = Report::Device(Box::new(device()));
        context.reports.send(description).await.unwrap();
        assert_eq!(stage.shown().await.controls.is_empty(), !is_allowed);
        let commander = stage.hub.feed().commander();
        for (key, text) in [("load", "ON"), ("mode", "off"), ("power", "1")] {
            let asked = commander.clone();
            let asked = tokio::spawn(async move { asked.command("victron_1", key, text).await });
            if is_allowed && key == "load" {
                let pending = context.commands.recv().await.unwrap();
                assert_eq!(pending.command.value, Value::OnOff(true));
                let result = Ok(Value::OnOff(true));
                pending.reply.send(CommandOutcome { result }).unwrap();
                assert!(asked.await.unwrap().result.is_ok());
                continue;
            }
            let told = asked.await.unwrap().result.unwrap_err();
            assert!(told.contains("allow_control = true"), "{told}");
            assert!(context.commands.try_recv().is_err(), "{key}");
        }
        stage.stop.cancel();
        stage.running.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_is_told_which_device_was_forgotten() {
    let keys = DeviceKeys {
        forget_after: Period::hours(30),
        ..DeviceKeys::default()
    };
    let (store, saved) = Store::in_memory();
    let mut stage = Stage::new(keys, store, saved);
    let mut context = (&mut stage.context).await.unwrap();
    let id = device().id;
    let unplugged = Health::new(HealthCode::Unreachable);
    for report in [
        Report::Device(Box::new(device())),
        Report::Absent(id.clone(), unplugged),
    ] {
        context.reports.send(report).await.unwrap();
    }
    stage.shown().await;
    tokio::time::sleep(29 * HOUR).await;
    assert!(context.forgotten.try_recv().is_err());
    assert_eq!(context.forgotten.recv().await, Some(id.clone()));
    assert!(stage.hub.feed().get(&id).is_none());
    stage.stop.cancel();
    stage.running.await.unwrap();
}
