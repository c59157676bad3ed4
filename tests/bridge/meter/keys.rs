//! Keys: missing, wrong, several.

use serde_json::Value as Json;

use super::{AUTHENTICATION_KEY, KEY, Line, Plan, id, model, until_true};
use crate::home::Home;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::{Wire, kept};

const OTHER_KEY: &str = "000102030405060708090A0B0C0D0E0F";

#[tokio::test]
async fn a_meter_is_there_before_its_key_and_keeps_its_history_after() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let line = Line::tcp(Plan::default()).await;
    let home = Home::new(broker.port(), &[line.section("")]);
    let mut program = home.run();
    let title = model("tinetz").title.to_string().to_lowercase();
    let stand_in = format!("smart_meter_{title}");
    let missing = |state: &Json| state["health"] == "key_missing";
    let (state, _) = wire.state("no key", 0, &stand_in, missing).await;
    let reason = state["reason"].as_str().unwrap();
    assert!(
        reason.contains("Kaifa") && reason.contains("654321"),
        "{reason}"
    );
    assert!(reason.contains("grid operator"), "{reason}");
    assert!(program.end().await.success());

    // A wrong key is another trouble, with other words.
    let mark = wire.mark();
    home.write(&[line.section(&format!("key = \"{OTHER_KEY}\""))]);
    let mut program = home.run();
    let wrong = |state: &Json| state["health"] == "key_wrong";
    wire.state("a wrong key", mark, &stand_in, wrong).await;
    assert!(program.end().await.success());

    // With the right one the meter has its number, and nothing else is left.
    let mark = wire.mark();
    home.write(&[line.section(&format!("key = \"{KEY}\""))]);
    let mut program = home.run();
    until_true(&wire, mark, "tinetz", &line, 0).await;
    assert!(program.end().await.success());
    let topics = kept(broker.port()).await;
    let of_stand_in = topics
        .iter()
        .filter(|(topic, text)| topic.contains(&stand_in) && !text.is_empty());
    assert_eq!(of_stand_in.count(), 0, "{topics:?}");

    // And keeps it, should the key be wrong one day.
    let mark = wire.mark();
    home.write(&[line.section(&format!("key = \"{OTHER_KEY}\""))]);
    let _program = home.run();
    wire.state("a wrong key", mark, &id("tinetz"), wrong).await;
    let later = wire.all();
    let on_stand_in = |topic: &str| topic.contains(&stand_in);
    assert!(
        !later
            .iter()
            .skip(mark)
            .any(|seen| on_stand_in(&seen.topic) && !seen.old && !seen.text.is_empty())
    );
}

#[tokio::test]
async fn several_meters_on_one_line_each_find_their_key() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let models = ["tinetz", "evn", "e450"];
    let plan = Plan {
        models: &models,
        ..Plan::default()
    };
    let line = Line::tcp(plan).await;
    let keys = format!(
        "key = \"{OTHER_KEY}\"\n\
         keys = {{ {} = \"{KEY}\", flat = \"{OTHER_KEY}\", garden = \"{KEY}\" }}\n\
         authentication_key = \"{AUTHENTICATION_KEY}\"\n\
         names = {{ {} = \"Upstairs\" }}",
        model("tinetz").title,
        model("evn").number,
    );
    let home = Home::new(broker.port(), &[line.section(&keys)]);
    let mut program = home.run();
    for (index, name) in models.iter().enumerate() {
        until_true(&wire, 0, name, &line, index).await;
    }
    let config = format!("homeassistant/device/{}/config", id("evn"));
    let (announced, _) = wire.until("its name", 0, |seen| seen.topic == config).await;
    assert_eq!(announced.json()["device"]["name"], "Upstairs");
    assert!(program.end().await.success());
}

#[tokio::test]
async fn a_wrong_authentication_key_is_no_reason_to_read_nothing() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let plan = Plan {
        models: &["e450"],
        ..Plan::default()
    };
    let line = Line::tcp(plan).await;
    for (authentication, health, word) in [
        (Some(AUTHENTICATION_KEY), "online", "verified"),
        (Some(OTHER_KEY), "degraded", "failed"),
        (None, "online", "not_checked"),
    ] {
        let mark = wire.mark();
        let second = authentication.map(|key| format!("authentication_key = \"{key}\""));
        let section = format!("key = \"{KEY}\"\n{}", second.unwrap_or_default());
        let home = Home::new(broker.port(), &[line.section(&section)]);
        let mut program = home.run();
        let there = |state: &Json| state["health"] == health && state["authentication"] == word;
        wire.state(word, mark, &id("e450"), there).await;
        until_true(&wire, mark, "e450", &line, 0).await;
        assert!(program.end().await.success());
    }
}

#[tokio::test]
async fn keys_are_never_shown() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let line = Line::tcp(Plan::default()).await;
    let wrong = "00112233445566778899AABBCCDDEE";
    let section = format!("key = \"{KEY}\"\nkeys = {{ cellar = \"{OTHER_KEY}\" }}");
    let home = Home::new(
        broker.port(),
        &[
            line.section(&section),
            "[log]\nlevel = \"trace\"\n".to_owned(),
        ],
    );
    let check = home.done(&["check"]).await;
    let mut program = home.run();
    until_true(&wire, 0, "tinetz", &line, 0).await;
    line.set_faults(&["wrong-key"]);
    let refused = |state: &Json| state["health"] == "key_wrong";
    wire.state("a wrong key", 0, &id("tinetz"), refused).await;
    assert!(program.end().await.success());

    home.write(&[line.section(&format!("key = \"{wrong}\""))]);
    let broken = home.done(&["check"]).await;
    assert_ne!(broken.code, Some(0), "{broken:?}");
    assert!(
        broken.err.contains("32 hexadecimal digits")
            || broken.out.contains("32 hexadecimal digits"),
        "{broken:?}"
    );

    let mut said = vec![program.said(), check.out, check.err, broken.out, broken.err];
    said.extend(wire.all().into_iter().map(|seen| seen.topic + &seen.text));
    for file in home.files().iter().filter(|file| !file.ends_with(".toml")) {
        let bytes = std::fs::read(home.path().join(file)).unwrap_or_default();
        said.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    for secret in [KEY, OTHER_KEY, wrong] {
        let shown = said
            .iter()
            .find(|text| text.to_uppercase().contains(secret));
        assert_eq!(shown, None, "{secret}");
    }
}
