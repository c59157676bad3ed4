//! A password is nobody's business, in no log and on no topic.

use std::fs;

use wattbridge::outputs::mqtt::MqttSettings;

use crate::gateway::{Gateway, Plan};
use crate::home::Home;
use crate::process::{Done, Process, wattbridge};
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::Wire;

const RIGHT: &str = "correct-horse-4711";
const WRONG: &str = "battery-staple-0815";

fn loud(home: &Home, variables: &[(&str, &str)]) -> Process {
    let mut command = wattbridge(home.path(), &["run"]);
    command.envs(variables.iter().copied());
    command.env("WATTBRIDGE_LOG", "trace");
    Process::of(command)
}

fn with_password(home: &Home, password: &str) {
    let text = fs::read_to_string(home.file()).unwrap();
    let password = match password {
        "" => String::new(),
        password => format!("password = {password}\n"),
    };
    let login = format!("[mqtt]\nusername = \"roof\"\n{password}");
    fs::write(home.file(), text.replace("[mqtt]\n", &login)).unwrap();
}

#[tokio::test]
async fn a_password_is_in_no_log_and_on_no_topic() {
    let setup = Setup {
        user: Some(("roof", RIGHT)),
        ..Setup::default()
    };
    let Some(broker) = Mosquitto::launch(&setup) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let plain = fs::read_to_string(home.file()).unwrap();

    // A wrong one: said with what to do, and tried again.
    with_password(&home, &format!("\"{WRONG}\""));
    let mut bridge = loud(&home, &[]);
    bridge.until_said(" WARN ").await;
    let rounds = gateway.handle.requests(1);
    gateway.handle.wait_for_requests(1, rounds + 12).await;
    let check = home.done(&["check", "--connect"]).await;
    assert_eq!(check.code, Some(1), "{check:?}");
    assert!(bridge.end().await.success());
    assert_eq!(bridge.count(&[" WARN "]), 1, "{}", bridge.said());
    assert_eq!(
        bridge.count(&[" WARN ", "password"]),
        1,
        "{}",
        bridge.said()
    );
    for said in [bridge.said(), check.out, check.err] {
        assert!(!said.contains(WRONG), "{said}");
    }

    // The right one, given in each way there is.
    fs::write(home.path().join("secret"), RIGHT).unwrap();
    let folder = home.path().to_str().unwrap();
    let written = format!("\"{RIGHT}\"");
    let ways: [(&str, &[(&str, &str)]); 6] = [
        (&written, &[]),
        ("{ file = \"secret\" }", &[]),
        ("{ env = \"ROOF_WORD\" }", &[("ROOF_WORD", RIGHT)]),
        // systemd, LoadCredential=
        (
            "{ credential = \"secret\" }",
            &[("CREDENTIALS_DIRECTORY", folder)],
        ),
        // Docker, secrets
        ("", &[("WATTBRIDGE_MQTT_PASSWORD__FILE", "secret")]),
        ("", &[("WATTBRIDGE_MQTT_PASSWORD", RIGHT)]),
    ];
    for (password, variables) in ways {
        fs::write(home.file(), &plain).unwrap();
        with_password(&home, password);
        let done = async |args: &[&str]| {
            let mut command = wattbridge(home.path(), args);
            command.envs(variables.iter().copied());
            let ended = tokio::task::spawn_blocking(move || command.output().unwrap());
            Done::from(ended.await.unwrap())
        };
        let listener = MqttSettings {
            port: Some(broker.port()),
            username: Some("roof".to_owned()),
            password: Some(serde_json::from_value(RIGHT.into()).unwrap()),
            ..MqttSettings::default()
        };
        let wire = Wire::tap_as(listener, "everything").await;
        let mark = wire.mark();
        let mut bridge = loud(&home, variables);
        wire.available(mark, &gateway.id(), true).await;
        // What `ps` shows to everybody.
        let listed = fs::read(format!("/proc/{}/cmdline", bridge.id())).unwrap();
        assert!(!String::from_utf8_lossy(&listed).contains(RIGHT));
        let own = wire.own_device(mark).await;
        wire.available(mark, &own, true).await;
        let shown = done(&["discovery"]).await;
        assert!(bridge.end().await.success());
        let check = done(&["check", "--connect"]).await;
        assert_eq!(check.code, Some(0), "{check:?}");
        let topics: Vec<_> = wire
            .all()
            .into_iter()
            .map(|it| it.topic + &it.text)
            .collect();
        let said = [
            bridge.said(),
            check.out,
            check.err,
            shown.out,
            shown.err,
            topics.concat(),
        ];
        for said in said {
            assert!(!said.contains(RIGHT), "{said}");
        }
        let bytes = fs::read(home.path().join("wattbridge.db")).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(RIGHT));
    }
}

/// A file with a password in which something else is wrong is shown without it.
#[tokio::test]
async fn a_mistake_beside_a_password_does_not_show_it() {
    let home = Home::new(1883, &[]);
    for text in [
        format!("[mqtt]\npassword = \"{WRONG}\"\n"),
        format!("[mqtt]\nusername = \"roof\"\npasswort = \"{WRONG}\"\n"),
        format!("[mqtt]\nusername = \"roof\"\npassword = \"{WRONG}\" oops\n"),
        format!("[mqtt]\nusername = 5\npassword = \"{WRONG}\"\n"),
        format!("[mqtt]\npassword = [\"{WRONG}\"]\n"),
        format!("[mqtt]\npassword = {{ fle = \"{WRONG}\" }}\n"),
        format!("[mqtt]\npassword = \"{WRONG}\npassword = \"{WRONG}\"\n"),
    ] {
        fs::write(home.file(), &text).unwrap();
        for command in ["run", "check"] {
            let done = home.done(&[command]).await;
            assert_eq!(done.code, Some(2), "{done:?}");
            assert!(!done.err.contains(WRONG), "{text}\n{}", done.err);
        }
    }
}
