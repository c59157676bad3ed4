use super::*;
use crate::model::{Control, ControlKind, Health};

fn device(serial: &str, via: Option<&str>) -> (Arc<Device>, Arc<DeviceState>) {
    let mut device = Device::new("aps_ecu", serial, serial, "APsystems");
    device.via = via.map(|serial| DeviceId::new("aps_ecu", serial));
    let state = DeviceState {
        device: device.id.clone(),
        at: None,
        values: BTreeMap::new(),
        health: Health::ONLINE,
        era: 0,
        held: Default::default(),
    };
    (Arc::new(device), Arc::new(state))
}

fn put(hub: &Hub, (device, state): (Arc<Device>, Arc<DeviceState>)) {
    hub.put_device(device, state);
}

#[test]
fn parents_come_first() {
    let (hub, _commands) = Hub::new();
    put(&hub, device("1", Some("9")));
    put(&hub, device("9", Some("5")));
    put(&hub, device("5", None));
    let order: Vec<_> = hub
        .feed()
        .snapshot()
        .iter()
        .map(|k| k.device.serial.clone())
        .collect();
    assert_eq!(order, ["5", "9", "1"]);
}

#[test]
fn a_circle_of_parents_ends() {
    let (hub, _commands) = Hub::new();
    put(&hub, device("1", Some("2")));
    put(&hub, device("2", Some("1")));
    assert_eq!(hub.feed().snapshot().len(), 2);
}

#[test]
fn nothing_is_an_orphan_before_its_adapter_has_settled() {
    let (hub, _commands) = Hub::new();
    let feed = hub.feed();
    put(&hub, device("1", None));
    hub.set_settled("aps_ecu", false);
    assert!(!feed.is_orphan("aps_ecu_2"));
    assert!(feed.is_orphan("smart_meter_1"));
    hub.set_settled("aps_ecu", true);
    assert!(feed.is_orphan("aps_ecu_2"));
    assert!(!feed.is_orphan("aps_ecu_1"));
}

#[tokio::test]
async fn an_output_that_falls_behind_is_told() {
    let (hub, _commands) = Hub::new();
    let mut feed = hub.feed();
    let (description, state) = device("1", None);
    hub.put_device(description, Arc::clone(&state));
    for _ in 0..2 * BACKLOG {
        hub.put_state(Arc::clone(&state));
    }
    assert!(matches!(feed.next().await, Some(News::Missed)));
    assert_eq!(feed.snapshot().len(), 1);
}

#[tokio::test]
async fn commands_are_checked_before_they_travel() {
    let (hub, mut commands) = Hub::new();
    let (description, state) = device("1", None);
    let mut description = Arc::unwrap_or_clone(description);
    description.controls = vec![Control {
        key: "load".into(),
        name: "Load".into(),
        kind: ControlKind::Switch,
        is_setup: false,
    }];
    hub.put_device(Arc::new(description), state);
    let commander = hub.feed().commander();
    for (id, key, text) in [
        ("aps_ecu_2", "load", "ON"),
        ("aps_ecu_1", "relay", "ON"),
        ("aps_ecu_1", "load", "?"),
    ] {
        assert!(commander.command(id, key, text).await.result.is_err());
    }
    let answer = async {
        let pending = commands.recv().await.unwrap();
        assert_eq!(pending.command.value, Value::OnOff(true));
        let outcome = CommandOutcome {
            result: Ok(Value::OnOff(true)),
        };
        pending.reply.send(outcome).unwrap();
    };
    let (outcome, ()) = tokio::join!(commander.command("aps_ecu_1", "load", "ON"), answer);
    assert_eq!(outcome.result, Ok(Value::OnOff(true)));
}

#[tokio::test]
async fn it_is_told_whether_anybody_is_there_to_give_commands() {
    let (hub, _commands) = Hub::new();
    let mut operators = hub.operators();
    assert_eq!(*operators.borrow_and_update(), 0);
    let commander = hub.feed().commander();
    let (first, second) = (commander.attend(), commander.attend());
    drop(first);
    assert_eq!(*operators.borrow_and_update(), 1);
    drop(second);
    operators.changed().await.unwrap();
    assert_eq!(*operators.borrow(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_waits_to_be_taken_is_known() {
    let (hub, _pending) = Hub::new();
    let (feed, view) = (hub.feed(), hub.view());
    assert_eq!(view.waiting(), None);
    feed.passing();
    tokio::time::advance(Duration::from_secs(100)).await;
    // Tried again.
    feed.passing();
    tokio::time::advance(Duration::from_secs(50)).await;
    assert_eq!(view.waiting(), Some(Duration::from_secs(150)));
    feed.passed();
    assert_eq!(view.waiting(), None);
}
