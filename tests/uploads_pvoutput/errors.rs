//! What the stand-in refuses by itself, and answers that lack something.

use serde_json::json;
use wattbridge::model::HealthCode;

use crate::house::{ECU, House, METER, SLOT, Told, at};
use crate::stand_in::{Demand, KEY, READ_ONLY};

fn produced(generated: i64, power: i64) -> Told {
    Told {
        generated: Some(generated),
        power: Some(power),
        ..Told::default()
    }
}

/// So many slots with the sun, from noon on.
async fn noon(slots: i64) -> (House, i64) {
    let mut house = House::new("UTC", json!({ "generation": ECU })).await;
    let first = at("2026-06-15T12:00:00Z");
    for i in 0..slots {
        house.tell(first + i * SLOT, &produced(1000 + 50 * i, 600));
    }
    house.done = first - SLOT;
    house.dirty.clear();
    let closed = first + (slots - 1) * SLOT;
    house.now = closed + 60;
    (house, closed)
}

#[tokio::test]
async fn a_wrong_login_is_told_by_its_key() {
    for (settings, about) in [
        (json!({ "generation": ECU, "key": "wrong" }), "key of"),
        (json!({ "generation": ECU, "key": READ_ONLY }), "read-only"),
        (
            json!({ "generation": ECU, "system_id": "54321" }),
            "system_id of",
        ),
    ] {
        let mut house = House::new("UTC", settings).await;
        let end = at("2026-06-15T12:00:00Z");
        house.tell(end, &produced(1000, 600));
        house.dirty.clear();
        house.done = end - SLOT;
        house.now = end + 60;
        house.send_all(end).await;
        assert_eq!(house.health, HealthCode::Refused);
        assert!(house.advice.contains(about), "{}", house.advice);
        assert!(house.given_up.is_empty() && house.done < end);
    }
}

#[tokio::test]
async fn the_trial_writes_nothing_and_says_what_is_wrong() {
    let house = House::new("UTC", json!({ "generation": ECU, "key": "wrong" })).await;
    let answer = wattbridge::uploads::Courier::default()
        .carry(&house.target.trial())
        .await;
    let error = house.target.judge_trial(&answer).unwrap_err();
    assert!(
        error.contains("Invalid API Key") && error.contains("key"),
        "{error}"
    );
    assert!(house.stand_in.batches().is_empty());
}

#[tokio::test]
async fn a_row_without_an_answer_is_sent_three_times_and_given_up() {
    let (mut house, closed) = noon(4).await;
    house.stand_in.with(|books| {
        // The second row of four, then the first of the rest, twice more.
        for place in [1, 0, 0, 0] {
            books.demands.push_back(Demand::LeaveOut(place));
        }
    });
    house.send_all(closed).await;
    let sizes: Vec<usize> = house
        .stand_in
        .batches()
        .iter()
        .map(|(_, rows)| rows.len())
        .collect();
    assert_eq!(sizes, [4, 3, 3, 3, 2]);
    let given_up: Vec<i64> = house.given_up.keys().copied().collect();
    assert_eq!(given_up, [at("2026-06-15T12:05:00Z")]);
    assert_eq!(house.done, closed);
}

#[tokio::test]
async fn what_is_no_answer_of_pvoutput_is_a_fault_that_passes() {
    let (mut house, closed) = noon(3).await;
    house.stand_in.with(|books| {
        for body in [
            "<html>Log in, please</html>",
            "",
            "20260615,1;",
            "Bad request 400: Moon Powered",
        ] {
            books
                .demands
                .push_back(Demand::Say(200, Vec::new(), body.to_owned()));
        }
        books
            .demands
            .push_back(Demand::Say(503, Vec::new(), "Busy".to_owned()));
        books.demands.push_back(Demand::HangUp);
    });
    house.send_all(closed).await;
    assert!(house.given_up.is_empty());
    assert_eq!((house.done, house.health), (closed, HealthCode::Online));
    assert_eq!(house.stand_in.with(|books| books.statuses.len()), 3);
}

#[tokio::test]
async fn another_address_or_way_is_told() {
    for status in [301, 405] {
        let (mut house, closed) = noon(1).await;
        let answer = Demand::Say(status, Vec::new(), String::new());
        house.stand_in.with(|books| books.demands.push_back(answer));
        house.send_all(closed).await;
        assert_eq!(house.health, HealthCode::Refused);
        assert!(house.advice.contains("url"), "{}", house.advice);
    }
}

#[tokio::test]
async fn too_old_says_that_nothing_was_donated() {
    let mut house = House::new("UTC", json!({ "generation": ECU })).await;
    house.stand_in.with(|books| books.donations = 1);
    let old = at("2026-05-01T12:00:00Z");
    house.tell(old, &produced(100, 100));
    let new = at("2026-06-14T12:00:00Z");
    house.tell(new, &produced(200, 100));
    house.dirty.clear();
    house.done = old - SLOT;
    house.now = at("2026-06-15T12:00:00Z");
    let text = "Bad request 400: Date is older than 14 days [20260501]";
    let answer = Demand::Say(400, Vec::new(), text.to_owned());
    house.stand_in.with(|books| books.demands.push_back(answer));
    house.send_all(new).await;
    assert_eq!(house.given_up.keys().copied().collect::<Vec<_>>(), [old]);
    assert_eq!(
        house.given_up[&old],
        "Date is older than 14 days [20260501]"
    );
    let memory: serde_json::Value = serde_json::from_str(&house.target.memory()).unwrap();
    assert_eq!(memory["donor"], false);
    assert_eq!(house.done, new);
}

#[tokio::test]
async fn generation_at_night_costs_its_rows_and_nothing_else() {
    let settings = json!({ "generation": ECU, "consumption": METER });
    let mut house = House::new("UTC", settings).await;
    house
        .stand_in
        .with(|books| books.daylight = Some((4 * 60, 22 * 60)));
    let first = at("2026-06-15T20:00:00Z");
    let mut energy = 16_000;
    for i in 0..40 {
        let end = first + i * SLOT;
        // Something shines on the panels at 22:30.
        let power = if end == at("2026-06-15T22:30:00Z") {
            12
        } else {
            (10 - i).max(0)
        };
        energy += power;
        let told = Told {
            generated: Some(energy),
            power: Some(power),
            consumed: Some(5000 + 20 * i),
            consumption: Some(240),
            ..Told::default()
        };
        house.tell(end, &told);
    }
    house.dirty.clear();
    house.done = first - SLOT;
    let closed = first + 39 * SLOT;
    house.now = closed + 60;
    house.send_all(closed).await;
    let given_up: Vec<i64> = house.given_up.keys().copied().collect();
    assert_eq!(given_up, [at("2026-06-15T22:30:00Z")]);
    assert_eq!(house.stand_in.with(|books| books.statuses.len()), 39);
    assert_eq!((house.done, house.health), (closed, HealthCode::Online));
}

#[tokio::test]
async fn more_than_the_panels_can_is_refused_row_by_row() {
    let (mut house, closed) = noon(30).await;
    house.stand_in.with(|books| books.size = 3200);
    for i in [3, 17] {
        house.tell(
            at("2026-06-15T12:00:00Z") + i * SLOT,
            &produced(1000 + 50 * i, 48_600),
        );
    }
    house.dirty.clear();
    house.send_all(closed).await;
    assert_eq!(house.given_up.len(), 2);
    assert_eq!(house.stand_in.batches().len(), 2);
    assert_eq!(house.stand_in.with(|books| books.statuses.len()), 28);
}

#[tokio::test]
async fn another_time_zone_there_is_told_while_rows_go_on() {
    let mut house = House::new("Europe/Vienna", json!({ "generation": ECU })).await;
    let end = at("2026-06-15T10:00:00Z");
    house.tell(end, &produced(1000, 600));
    house.dirty.clear();
    house.done = end - SLOT;
    house.now = end + 60;
    house
        .stand_in
        .with(|books| books.zone_name = "Australia/Sydney".to_owned());
    house.send_all(end).await;
    assert_eq!((house.done, house.health), (end, HealthCode::Degraded));

    // Another name for the same clock is none.
    house
        .stand_in
        .with(|books| books.zone_name = "Europe/Berlin".to_owned());
    house.tell(end + SLOT, &produced(1050, 600));
    house.now += 7 * 3600;
    house.send_all(end + SLOT).await;
    assert_eq!((house.done, house.health), (end + SLOT, HealthCode::Online));
}

#[tokio::test]
async fn the_key_stands_in_no_text() {
    let (mut house, closed) = noon(1).await;
    let (parcel, _) = house.prepare(closed).unwrap();
    for text in [
        parcel.errand.as_ref().unwrap().to_string(),
        format!("{parcel:?}"),
        house.target.memory(),
    ] {
        assert!(!text.contains(KEY), "{text}");
    }
    let errand = parcel.errand.unwrap().to_string();
    assert!(errand.contains("X-Pvoutput-Apikey: ***"), "{errand}");
}
