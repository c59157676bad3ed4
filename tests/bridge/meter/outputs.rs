//! What users of an older program have built: its topics, its file, its configuration.

use std::fs;

use super::{KEY, Line, Plan, keyed, until_true};
use crate::home::Home;
use crate::process::done;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::Wire;

/// The number as both old outputs write it.
fn kilowatt_hours(watt_hours: u32) -> String {
    format!("{}.{:03}", watt_hours / 1000, watt_hours % 1000)
}

#[tokio::test]
async fn old_topics_and_the_old_file_carry_every_telegram() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let line = Line::tcp(Plan::default()).await;
    let mut sections = keyed(&line);
    sections.push("[kaifareader]\nenabled = true\nbase_topic = \"home/meter\"\n".to_owned());
    sections.push("[solarview]\nenabled = true\npath = \"meter.txt\"\n".to_owned());
    let home = Home::new(broker.port(), &sections);
    let mut program = home.run();
    until_true(&wire, 0, "tinetz", &line, 0).await;

    let mark = wire.mark();
    let truth = || line.simulator.samples().first().copied().unwrap();
    let (_, mark) = wire
        .until("the import as before", mark, |seen| {
            seen.topic == "home/meter/RealEnergyIn_S"
                && seen.text == kilowatt_hours(truth().energy_import)
        })
        .await;
    let (_, mark) = wire
        .until("the export as before", mark, |seen| {
            seen.topic == "home/meter/RealEnergyOut_S"
                && seen.text == kilowatt_hours(truth().energy_export)
        })
        .await;
    // One message for each telegram, although nothing has changed.
    let sent = line.simulator.sent();
    let mut next = mark;
    for _ in 0..5 {
        let import = |seen: &crate::wire::Seen| seen.topic == "home/meter/RealEnergyIn_S";
        next = wire.until("the next telegram", next, import).await.1;
    }
    assert!(line.simulator.sent() >= sent + 4);
    assert!(program.end().await.success());

    let file = fs::read_to_string(home.path().join("meter.txt")).unwrap();
    let lines: Vec<_> = file.split('\n').collect();
    let sample = truth();
    let number = |watt_hours| format!("{:0>10}", kilowatt_hours(watt_hours));
    let expected = [
        "/?!".to_owned(),
        "/KAIFA".to_owned(),
        format!("1.8.0({}*kWh)", number(sample.energy_import)),
        format!("2.8.0({}*kWh)", number(sample.energy_export)),
        "!".to_owned(),
        String::new(),
    ];
    // The very last telegram may not have been read any more.
    assert_eq!(lines.len(), expected.len(), "{file}");
    for (line, expected) in lines.iter().zip(&expected) {
        assert_eq!(line.len(), expected.len(), "{file}");
        assert_eq!(line.split('.').next(), expected.split('.').next(), "{file}");
    }
}

#[tokio::test]
async fn a_moved_configuration_reads_the_meter() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[]);
    let line = Line::serial(home.path(), Plan::default()).await;
    let old = serde_json::json!({
        "loglevel": "logging.INFO",
        "logfile": "/var/log/kaifareader/kaifa.log",
        "port": line.simulator.address(),
        "baudrate": 2400,
        "parity": "serial.PARITY_NONE",
        "stopbits": "serial.STOPBITS_ONE",
        "bytesize": "serial.EIGHTBITS",
        "key_hex_string": KEY,
        "interval": 15,
        "supplier": "TINETZ",
        "export_format": "MQTT",
        "export_mqtt_server": "127.0.0.1",
        "export_mqtt_port": broker.port(),
        "export_mqtt_user": "",
        "export_mqtt_password": "",
        "export_mqtt_basetopic": "old/meter",
    });
    fs::write(home.path().join("meter.json"), old.to_string()).unwrap();
    let moved = done(home.path(), &["migrate", "kaifareader", "meter.json"]).await;
    assert_eq!(moved.code, Some(0), "{moved:?}");
    fs::write(home.file(), &moved.out).unwrap();
    let check = home.done(&["check"]).await;
    assert_eq!(check.code, Some(0), "{check:?}\n{}", moved.out);
    let mut program = home.run();
    until_true(&wire, 0, "tinetz", &line, 0).await;
    let import = |seen: &crate::wire::Seen| seen.topic == "old/meter/RealEnergyIn_S";
    wire.until("the old topic", 0, import).await;
    assert!(program.end().await.success());
}
