//! What emoncms does without saying so, one after the other.

use wattbridge::model::HealthCode;
use wattbridge::uploads::{Courier, LoadSlot, LoadValue, UploadVerdict};

use super::driver::{Driver, FIRST, device, number, slot};
use super::stand_in::{Fault, READ_KEY, StandIn, WRITE_KEY};

fn section(server: &StandIn, more: &str) -> String {
    format!(
        "[emoncms]\nurl = \"{}\"\nkey = \"{WRITE_KEY}\"\n{more}",
        server.url
    )
}

/// Slots of one ECU whose counter rises by a tenth.
fn slots(count: i64) -> Vec<LoadSlot> {
    let slot_of = |at: i64| {
        let energy = number(&format!("{}.{}", 100 + at / 10, at % 10));
        slot(
            FIRST + at * 300,
            vec![device(
                "aps_ecu_216000000001",
                "ECU",
                vec![("energy_total", energy)],
            )],
        )
    };
    (0..count).map(slot_of).collect()
}

fn code(driver: &Driver) -> Option<HealthCode> {
    match driver.last.as_ref()? {
        UploadVerdict::Hold { health, .. } => Some(health.code),
        UploadVerdict::Done { trouble } => trouble.as_ref().map(|health| health.code),
        _ => None,
    }
}

#[tokio::test]
async fn all_is_there_once_and_in_order() {
    let server = StandIn::start().await;
    let mut driver = Driver::new(section(&server, ""));
    let slots = slots(1200);
    while driver.round(&slots, 5000, None).await {}
    let account = server.account();
    let input = account.input("ecu_216000000001", "energy_total");
    assert_eq!(input.came.len(), 1200);
    assert!(
        (input.accumulated - 119.9).abs() < 1e-6,
        "{}",
        input.accumulated
    );
    assert_eq!(account.wrongs, [""; 0]);
    // One question before, one after the first, and then no more.
    let asked = account
        .requests
        .iter()
        .filter(|line| line.starts_with("GET"));
    assert_eq!(asked.count(), 2, "{:?}", account.requests);
    assert_eq!(account.requests.len(), 5);
}

#[tokio::test]
async fn the_key_must_be_there_and_may_write() {
    let server = StandIn::start().await;
    for (key, says) in [
        ("wrong", "refused"),
        (READ_KEY, "may only read"),
        ("", "may only read"),
    ] {
        let toml = format!("[emoncms]\nurl = \"{}\"\nkey = \"{key}\"\n", server.url);
        let mut driver = Driver::new(toml);
        driver.round(&slots(2), 500, None).await;
        let Some(UploadVerdict::Hold { health, every }) = &driver.last else {
            panic!("{:?}", driver.last);
        };
        assert_eq!(health.code, HealthCode::Refused);
        assert!(
            health.detail.to_string().contains(says),
            "{}",
            health.detail
        );
        assert!(
            health.advice.to_string().contains("key"),
            "{}",
            health.advice
        );
        assert_eq!(every.as_secs(), 3600);
    }
    assert!(server.account().nodes.is_empty());
}

#[tokio::test]
async fn the_login_is_tried_without_writing() {
    let server = StandIn::start().await;
    let courier = Courier::default();
    for (key, is_right) in [(WRITE_KEY, true), ("wrong", false), ("", false)] {
        let toml = format!("[emoncms]\nurl = \"{}\"\nkey = \"{key}\"\n", server.url);
        let target = super::driver::target(&toml);
        let errand = target.trial();
        assert!(key.is_empty() || !errand.to_string().contains(key));
        let answer = courier.carry(&errand).await;
        let said = target.judge_trial(&answer);
        assert_eq!(said.is_ok(), is_right, "{said:?}");
    }
    // The path of PvMonit is none of ours.
    let toml = format!(
        "[emoncms]\nurl = \"{}/input/post.json\"\nkey = \"{WRITE_KEY}\"\n",
        server.url
    );
    let target = super::driver::target(&toml);
    let answer = courier.carry(&target.trial()).await;
    assert!(target.judge_trial(&answer).unwrap_err().contains("url"));
    assert!(server.account().nodes.is_empty());
}

#[tokio::test]
async fn words_and_unknown_values_never_become_a_zero() {
    let server = StandIn::start().await;
    let mut driver = Driver::new(section(&server, ""));
    let values = vec![
        ("battery_voltage", number("26.18")),
        ("state", LoadValue::Text("bulk".to_owned())),
        ("load_output", LoadValue::OnOff(true)),
    ];
    let only_words = vec![("state", LoadValue::Text("off".to_owned()))];
    let slots = [
        slot(FIRST, vec![device("victron_hq2123abcde", "Blue", values)]),
        slot(
            FIRST + 300,
            vec![device("victron_hq2123abcde", "Blue", only_words)],
        ),
    ];
    while driver.round(&slots, 500, None).await {}
    let account = server.account();
    assert_eq!(account.wrongs, [""; 0]);
    let inputs = &account.nodes["vic_hq2123abcde"];
    assert_eq!(
        inputs.keys().collect::<Vec<_>>(),
        ["battery_voltage", "load_output"]
    );
    assert_eq!(inputs["load_output"].came, [(FIRST, 1.0)]);
    assert_eq!(driver.done, FIRST + 300);
}

#[tokio::test]
async fn a_node_that_does_not_appear_is_told_of() {
    let server = StandIn::start().await;
    server.account().is_closed = true;
    let mut driver = Driver::new(section(&server, ""));
    driver.round(&slots(3), 500, None).await;
    assert_eq!(
        code(&driver),
        Some(HealthCode::Refused),
        "{:?}",
        driver.last
    );
    assert_eq!(driver.done, FIRST - 300, "all is kept");
    // Once it may be made, all of it arrives.
    server.account().is_closed = false;
    while driver.round(&slots(3), 500, None).await {}
    let account = server.account();
    assert_eq!(
        account.input("ecu_216000000001", "energy_total").came.len(),
        3
    );
    assert_eq!(account.wrongs, [""; 0]);
}

#[tokio::test]
async fn an_input_that_does_not_appear_is_told_of_and_the_others_go_on() {
    let server = StandIn::start().await;
    let mut driver = Driver::new(section(&server, ""));
    driver.round(&slots(1), 500, None).await;
    server.account().is_closed = true;
    let mut slots = slots(3);
    for slot in &mut slots[1..] {
        slot.devices[0]
            .values
            .push(("power".to_owned(), number("5")));
    }
    while driver.round(&slots, 1, None).await {}
    assert_eq!(code(&driver), Some(HealthCode::Degraded));
    let account = server.account();
    assert_eq!(
        account.input("ecu_216000000001", "energy_total").came.len(),
        3
    );
    assert_eq!(driver.done, FIRST + 600);
}

#[tokio::test]
async fn too_many_nodes_are_held_and_what_is_stored_is_not_sent_again() {
    let server = StandIn::start().await;
    let mut driver = Driver::new(section(&server, ""));
    let devices = |at: i64| {
        let one = |n: i64| {
            let id = format!("text_n{n:02}");
            device(
                &id,
                "",
                vec![("energy", number(&(at * 10 + n).to_string()))],
            )
        };
        (1..=32).map(one).collect()
    };
    let slots: Vec<_> = (0..2)
        .map(|at| slot(FIRST + at * 300, devices(at)))
        .collect();
    server
        .account()
        .nodes
        .entry("another".to_owned())
        .or_default();
    for _ in 0..3 {
        driver.round(&slots, 500, None).await;
        let Some(UploadVerdict::Hold { health, every }) = &driver.last else {
            panic!("{:?}", driver.last);
        };
        assert_eq!((health.code, every.as_secs()), (HealthCode::Refused, 3600));
        assert!(
            health.detail.to_string().contains("limit is 32"),
            "{}",
            health.detail
        );
        assert!(health.advice.to_string().contains("node"));
    }
    assert_eq!(server.account().wrongs, [""; 0]);
    // The user deletes a node that is none of ours.
    server.account().nodes.remove("another");
    while driver.round(&slots, 500, None).await {}
    let account = server.account();
    assert_eq!(account.wrongs, [""; 0]);
    for n in 1..=32 {
        let node = format!("text_n{n:02}");
        assert_eq!(account.input(&node, "energy").came.len(), 2, "{node}");
    }
}

#[tokio::test]
async fn a_line_that_is_cut_after_storing_repeats_nothing() {
    for stored in [0, 1, 2, usize::MAX] {
        let server = StandIn::start().await;
        let mut driver = Driver::new(section(&server, ""));
        // The question before goes well, what is sent does not.
        server
            .account()
            .faults
            .extend([None, Some(Fault::Cut(stored))]);
        let slots = slots(3);
        driver.round(&slots, 500, None).await;
        let is_done = stored >= 3;
        assert_eq!(
            matches!(driver.last, Some(UploadVerdict::Done { .. })),
            is_done
        );
        while driver.round(&slots, 500, None).await {}
        let account = server.account();
        let input = account.input("ecu_216000000001", "energy_total");
        assert_eq!(input.came.len(), 3, "{stored}");
        assert!((input.accumulated - 0.2).abs() < 1e-9);
        assert_eq!(account.wrongs, [""; 0]);
    }
}

#[tokio::test]
async fn a_program_that_is_killed_before_it_notes_what_arrived_repeats_nothing() {
    let server = StandIn::start().await;
    let mut driver = Driver::new(section(&server, ""));
    let slots = slots(40);
    for kill in [0, 1, 2, usize::MAX, 0, 1, usize::MAX, 1] {
        driver.round(&slots, 7, Some(kill)).await;
    }
    while driver.round(&slots, 7, None).await {}
    let account = server.account();
    assert_eq!(account.wrongs, [""; 0]);
    assert_eq!(
        account.input("ecu_216000000001", "energy_total").came.len(),
        40
    );
}

#[tokio::test]
async fn after_redis_was_restarted_its_silence_says_nothing() {
    let server = StandIn::start().await;
    let mut driver = Driver::new(section(&server, ""));
    let slots = slots(4);
    driver.round(&slots, 2, None).await;
    server.account().forget_times();
    driver.restart();
    while driver.round(&slots, 2, None).await {}
    let account = server.account();
    assert_eq!(account.wrongs, [""; 0]);
    assert_eq!(
        account.input("ecu_216000000001", "energy_total").came.len(),
        4
    );
}

#[tokio::test]
async fn what_another_program_has_sent_is_not_sent_once_more() {
    let server = StandIn::start().await;
    let toml = section(&server, "names = \"pvmonit\"\n");
    let charger = |at: i64| {
        let energy = number(&format!("{}", 30 + at));
        let values = vec![("energy_resettable", energy)];
        slot(
            FIRST + at * 300,
            vec![device("victron_hq2123abcde", "MpttBleu", values)],
        )
    };
    let slots: Vec<_> = (0..6).map(charger).collect();
    // PvMonit sent up to here, at times of its own.
    let mut other = Driver::new(toml.clone());
    let mut before = slots[..3].to_vec();
    before[2].end += 40;
    while other.round(&before, 500, None).await {}
    let mut driver = Driver::new(toml);
    while driver.round(&slots, 500, None).await {}
    let account = server.account();
    assert_eq!(account.wrongs, [""; 0]);
    let input = account.input("MpttBleu", "H19");
    assert_eq!(input.came.len(), 6);
    assert!(
        (input.accumulated - 500.0).abs() < 1e-9,
        "{}",
        input.accumulated
    );
}

#[tokio::test]
async fn late_slots_are_sent_only_where_it_is_wanted() {
    let server = StandIn::start().await;
    let load = wattbridge::uploads::Load {
        slots: slots(2),
        through: FIRST + 300,
    };
    let mut target = super::driver::target(&section(&server, ""));
    assert!(!target.takes_again());
    let parcel = target.prepare(&load, true, super::driver::now());
    assert!(parcel.errand.is_none());
    assert_eq!(parcel.skipped.len(), 2);
    let mut target = super::driver::target(&section(&server, "late = true\n"));
    assert!(target.takes_again());
    let parcel = target.prepare(&load, true, super::driver::now());
    assert!(target.ask_before(&parcel).is_none());
    assert!(
        super::driver::body(parcel.errand.as_ref().unwrap()).starts_with("time=1781517900&data=")
    );
}
