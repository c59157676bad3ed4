//! Sensors on ports: asked and unasked, plugged and unplugged, saying nonsense.

use serde_json::{Value as Json, json};

use super::{CLAMP, bytes, clamp, on_port, reason, talker};
use crate::home::Home;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::Wire;

const ID: &str = "text_clamp";

#[tokio::test]
async fn a_clamp_that_is_asked_says_amperes_and_watts() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[]);
    let sensor = clamp(home.path(), &["00.1A\r\n"]).await;
    home.write(&[on_port("clamp", &sensor, CLAMP)]);
    let check = home.done(&["check", "--connect"]).await;
    assert_eq!(check.code, Some(0), "{check:?}");
    assert!(check.out.contains("current 0.1 A, power 23 W"), "{check:?}");

    let mut program = home.run();
    let there = |state: &Json| state["health"] == "online" && !state["power"].is_null();
    let (state, _) = wire.state("values", 0, ID, there).await;
    assert_eq!(
        (&state["current"], &state["power"]),
        (&json!(0.1), &json!(23))
    );
    let config = format!("homeassistant/device/{ID}/config");
    let (announced, _) = wire
        .until("discovery", 0, |seen| seen.topic == config)
        .await;
    let announced = announced.json();
    assert_eq!(announced["device"]["name"], "Clamp");
    let components = &announced["components"];
    assert_eq!(components["power"]["unit_of_measurement"], "W");
    assert_eq!(components["current"]["device_class"], "current");
    assert_eq!(
        components["energy_total"]["state_class"],
        "total_increasing"
    );
    assert!(program.end().await.success());
}

#[tokio::test]
async fn what_is_above_the_ceiling_is_left_out_and_unknown_when_it_lasts() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[]);
    // 99.9 amperes come alone at first, and are 22977 watts.
    let sensor = clamp(home.path(), &["00.1A\r\n", "99.9A\r\n", "00.2A\r\n"]).await;
    home.write(&[on_port("clamp", &sensor, CLAMP)]);
    let _program = home.run();
    let refused = |state: &Json| state["values_refused"].as_i64() >= Some(3);
    let (_, mark) = wire.state("some refused", 0, ID, refused).await;
    for state in wire.states(ID) {
        let power = &state["power"];
        assert!(power.is_null() || *power == 23 || *power == 46, "{state}");
        assert_ne!(state["health"], "degraded", "{state}");
    }
    let seen = |amperes: f64| move |state: &Json| state["current"].as_f64() == Some(amperes);
    let (state, mark) = wire.state("the other value", mark, ID, seen(99.9)).await;
    assert!(!state["power"].is_null(), "{state}");

    sensor.set_lines(bytes(&["99.9A\r\n"]));
    let unknown = |state: &Json| state["health"] == "degraded" && state["power"].is_null();
    let (state, mark) = wire.state("unknown", mark, ID, unknown).await;
    assert!(
        reason(&state).contains("22977 is above the ceiling of 1500"),
        "{state}"
    );
    sensor.set_lines(bytes(&["00.3A\r\n"]));
    let back = |state: &Json| state["health"] == "online" && state["power"] == 69;
    wire.state("the end of it", mark, ID, back).await;
}

#[tokio::test]
async fn a_sensor_that_is_unplugged_is_said_and_found_again() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[]);
    let sensor = clamp(home.path(), &["00.1A\r\n"]).await;
    home.write(&[on_port("clamp", &sensor, CLAMP)]);
    let mut program = home.run();
    let there = |state: &Json| state["health"] == "online" && state["power"] == 23;
    let (_, mut mark) = wire.state("values", 0, ID, there).await;
    for _ in 0..2 {
        sensor.unplug();
        let gone = |state: &Json| state["health"] == "unreachable" && state["power"].is_null();
        let (state, behind) = wire.state("the reason", mark, ID, gone).await;
        assert!(
            reason(&state).contains("there is no serial port"),
            "{state}"
        );
        sensor.plug();
        (_, mark) = wire.state("values again", behind, ID, there).await;
    }
    assert!(program.end().await.success());
}

#[tokio::test]
async fn each_kind_of_nonsense_has_its_own_words() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[]);
    let sensor = clamp(home.path(), &["00.1A\r\n"]).await;
    let patience = format!("silent_after = \"1s\"\n{CLAMP}");
    home.write(&[on_port("clamp", &sensor, &patience)]);
    let _program = home.run();
    let there = |state: &Json| state["health"] == "online" && state["power"] == 23;
    let (_, mut mark) = wire.state("values", 0, ID, there).await;
    let garbled = vec![b"\x80\xf8\x80\r\n".to_vec()];
    for (lines, health, words) in [
        (Vec::new(), "silent", "nothing came back within 1s"),
        (
            bytes(&["ERROR 5\r\n"]),
            "unsupported",
            "\"ERROR 5\": the pattern does not fit",
        ),
        (garbled, "garbled", "baud"),
    ] {
        sensor.set_lines(lines);
        let trouble = |state: &Json| state["health"] == health && state["power"].is_null();
        let (state, behind) = wire.state(words, mark, ID, trouble).await;
        assert!(reason(&state).contains(words), "{state}");
        if health == "unsupported" {
            assert_eq!(state["last_line"], "ERROR 5", "{state}");
        }
        sensor.set_lines(bytes(&["\0\u{7f} 00.1A\r\n"]));
        (_, mark) = wire.state("values again", behind, ID, there).await;
    }
}

#[tokio::test]
async fn one_that_talks_by_itself_is_read_as_lines_come() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let sensor = talker(&["T=18.50\n", "# a remark\n", "H=48,5\n"]).await;
    let more = r#"
pattern = 'T=(?<t>\S+)|H=(?<h>\S+)'
silent_after = "2s"
values = [
    { id = "temperature", quantity = "temperature", group = "t", offset = -3 },
    { id = "humidity", quantity = "ratio", group = "h" },
]"#;
    let home = Home::new(broker.port(), &[on_port("board", &sensor, more)]);
    let mut program = home.run();
    let both = |state: &Json| state["temperature"] == 15.5 && state["humidity"] == 48.5;
    let (_, mark) = wire.state("both", 0, "text_board", both).await;
    sensor.set_lines(Vec::new());
    let silent = |state: &Json| state["health"] == "silent" && state["humidity"].is_null();
    let (state, mark) = wire.state("silence", mark, "text_board", silent).await;
    assert!(
        reason(&state).contains("no line has come for 2s"),
        "{state}"
    );
    sensor.set_lines(bytes(&["H=50\nT=3\n"]));
    let back = |state: &Json| state["temperature"] == 0 && state["humidity"] == 50;
    wire.state("both again", mark, "text_board", back).await;
    assert!(program.end().await.success());
}
