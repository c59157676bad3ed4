use std::fmt::Write as _;
use std::os::unix::fs::symlink;

use jiff::tz::TimeZone;
use tempfile::TempDir;

use super::*;
use crate::adapters::victron::wire::text::encode_block;
use crate::clock::Clock;
use crate::device::{Reports, Traffic};
use crate::links::{Happening, Ports, PseudoTerminal, Recording};
use crate::model::{Device, Health, HealthCode};
use crate::store::{Memory, Store};

const BY_ID: &str = "usb-VictronEnergy_BV_VE_Direct_cable_VE000001-if00-port0";

/// A source at a machine with one cable.
struct Scene {
    run: Run,
    cable: PseudoTerminal,
    bridge: mpsc::Receiver<(usize, Report)>,
    folder: TempDir,
    _asker: mpsc::Sender<PendingCommand>,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cable = PseudoTerminal::new(folder.path().join("ttyUSB0")).unwrap();
        let (reports, bridge) = mpsc::channel(64);
        let (asker, commands) = mpsc::channel(1);
        let (store, saved) = Store::in_memory();
        let context = Context {
            reports: Reports::new(0, reports),
            commands,
            forgotten: mpsc::unbounded_channel().1,
            stop: CancellationToken::new(),
            clock: Clock::system(),
            links: Links::new().with_ports(Ports::below(folder.path())),
            reserved: Arc::new([]),
            operators: tokio::sync::watch::Sender::new(0).subscribe(),
            memory: Memory::new(store, "victron@auto", &saved),
            traffic: Arc::new(Traffic::default()),
        };
        Self {
            run: Run::new(Arc::default(), context),
            cable,
            bridge,
            folder,
            _asker: asker,
        }
    }

    /// The port as the kernel makes it.
    fn port(&self) -> PortInfo {
        PortInfo {
            path: self.cable.path().to_owned(),
            by_id: None,
            description: Some("VictronEnergy BV VE Direct cable".to_owned()),
            serial: Some("VE000001".to_owned()),
        }
    }

    /// The port once it has got the name that stays.
    fn named(&self) -> PortInfo {
        let link = self.folder.path().join(BY_ID);
        symlink("ttyUSB0", &link).unwrap();
        PortInfo {
            by_id: Some(link),
            ..self.port()
        }
    }

    async fn until_open(&mut self) {
        while self.cable.next().await.unwrap() != Happening::Opened {}
    }
}

#[tokio::test]
async fn a_cable_that_gets_another_name_has_one_line_at_a_time() {
    let mut scene = Scene::new();
    let (first, second) = (scene.port(), scene.named());
    scene.run.appear(&first);
    scene.until_open().await;
    let changes = [
        PortChange::Vanished(first),
        PortChange::Appeared(second.clone()),
        PortChange::Appeared(second),
    ];
    for change in changes {
        scene.run.change(change).await.unwrap();
        assert_eq!(scene.run.lines.len(), 1);
    }
    let ended = scene.run.lines.join_next().await.unwrap();
    scene.run.ended(ended).unwrap();
    assert_eq!(scene.run.lines.len(), 1);
    scene.until_open().await;
    // At its first attempt, for nobody else has the port any more.
    while let Ok((_, report)) = scene.run.inbox.try_recv() {
        if let Report::Source(health) | Report::Health(_, health) = report {
            assert_ne!(health.code, HealthCode::Unreachable, "{health:?}");
        }
    }
}

#[tokio::test]
async fn what_a_line_says_after_its_cable_went_is_neither_told_nor_remembered() {
    let mut scene = Scene::new();
    let port = scene.port();
    scene.run.appear(&port);
    scene.until_open().await;
    let gone = PortChange::Vanished(port.clone());
    scene.run.change(gone).await.unwrap();
    let ended = scene.run.lines.join_next().await.unwrap();
    let stopped = ended.as_ref().unwrap().0;
    scene.run.ended(ended).unwrap();
    scene.run.appear(&port);
    while scene.bridge.try_recv().is_ok() {}
    let device = Device::new(KIND, "HQ000000001", "Late", "Victron Energy");
    let id = device.id.clone();
    for report in [
        Report::Device(Box::new(device)),
        Report::Health(id, Health::ONLINE),
    ] {
        scene.run.hear(stopped, report).await.unwrap();
    }
    assert_eq!(scene.run.slots.devices().count(), 0);
    assert!(scene.bridge.try_recv().is_err());
}

#[tokio::test]
async fn a_device_whose_cable_goes_is_absent_until_it_is_to_be_forgotten() {
    let mut scene = Scene::new();
    let port = scene.port();
    scene.run.appear(&port);
    let id = DeviceId::new(KIND, "HQ000000001");
    scene.run.slots.take("VE000001", &id);
    let key = Remembered::key("VE000001");
    let memory = scene.run.context.memory.clone();
    memory.put(&key, &Remembered::default());
    scene.run.tell_absent().await.unwrap();
    assert!(scene.bridge.try_recv().is_err(), "it is plugged in");
    scene
        .run
        .change(PortChange::Vanished(port.clone()))
        .await
        .unwrap();
    let unplugged = Report::Absent(id.clone(), health::unplugged());
    assert_eq!(scene.bridge.try_recv().unwrap(), (0, unplugged));
    assert!(memory.get::<Remembered>(&key).is_some());
    scene.run.forget(&id);
    assert_eq!(scene.run.slots.devices().count(), 0);
    assert!(memory.get::<Remembered>(&key).is_none());
    while scene.bridge.try_recv().is_ok() {}
    scene.run.tell_absent().await.unwrap();
    let no_cable = Report::Source(health::no_cable());
    assert_eq!(scene.bridge.try_recv().unwrap(), (0, no_cable));
    // Of a cable at which nobody ever was nothing is kept.
    let ended = scene.run.lines.join_next().await.unwrap();
    scene.run.ended(ended).unwrap();
    memory.put(&key, &Remembered::default());
    scene.run.appear(&port);
    scene.run.change(PortChange::Vanished(port)).await.unwrap();
    assert!(memory.get::<Remembered>(&key).is_none());
}

#[tokio::test]
async fn a_recording_is_played_at_its_own_pace_from_the_first_second_on() {
    let address = "tcp://127.0.0.1:2001";
    let mut text = format!(
        "# wattbridge recording 1\n# adapter: victron\n# started: 2026-06-21T10:00:00Z\n0 1 open {address}\n"
    );
    for second in 1..20 {
        let block = encode_block(&[("BMV", "602S"), ("V", "12800"), ("I", "-100")]);
        let hex = block.unwrap().iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let _ = writeln!(text, "{second} 1 < {hex}");
    }
    let recording = Recording::parse(&text).unwrap();
    let clock = Clock::manual(recording.started, TimeZone::UTC);
    let mut scene = Scene::new();
    scene.run.context.links = Links::replayed(recording.script(), clock.clone());
    scene.run.context.clock = clock;
    scene.run.config = Arc::new(VictronConfig {
        port: Port::At(address.parse().unwrap()),
        ..VictronConfig::default()
    });
    let ended = scene.run.run().await;
    assert!(matches!(ended, Err(SourceError::RecordingEnded)));
    let mut seconds = Vec::new();
    while let Ok((_, report)) = scene.bridge.try_recv() {
        if let Report::Readings(readings) = report {
            seconds.push(readings.at.as_second() - recording.started.as_second());
        }
    }
    assert!(seconds.len() > 10, "{seconds:?}");
    assert!(
        seconds.is_sorted() && seconds.iter().all(|second| *second <= 21),
        "{seconds:?}"
    );
}
