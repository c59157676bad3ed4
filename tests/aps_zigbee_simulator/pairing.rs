//! Inverters that are brought into the network, and why that may fail.

use serde_json::Value as Json;
use wattbridge::adapters::aps_zigbee::simulator::{InverterManners, SimulatedStick};

use crate::site::{Site, has, ids, network, section, settings, stick_id, tcp};

fn manners(stick: &SimulatedStick, place: usize, change: impl FnOnce(&mut InverterManners)) {
    let serial = stick.truth().inverters[place].serial;
    assert!(stick.change_manners(serial, change));
}

#[tokio::test]
async fn an_inverter_is_paired_by_a_command_and_stays_so() {
    let Some(site) = Site::open().await else {
        return;
    };
    let stick = site.plugged(settings(0xd8, "DS3,YC600", false)).await;
    let [first, second] = &ids(&stick)[..] else {
        panic!("two of them")
    };
    // To pair needs no leave: it changes nothing that anybody has.
    site.home.write(&[section(0xd8, &stick, "")]);
    let mut bridge = site.run();
    for id in [first, second] {
        let (state, _) = site.reason(0, id, "it is not paired with this stick").await;
        assert_eq!(state["health"], "no_data", "{state}");
    }
    let mark = site.wire.mark();
    let result = site.command(first, "pair", "PRESS").await;
    assert_eq!(result["ok"], true, "{result}");
    let (state, _) = site
        .reason(mark, first, "it is being paired, round 1")
        .await;
    assert_eq!(state["problem"], "OFF", "{state}");
    site.online(mark, first, has("power")).await;
    let truth = stick.truth();
    assert_eq!(truth.inverters[0].gateway, network(0xd8).parse().ok());
    assert_eq!(truth.inverters[1].gateway, None);
    let one = |state: &Json| state["inverters_paired"] == 1 && state["inverters_online"] == 1;
    site.online(mark, &stick_id(0xd8), one).await;
    assert!(bridge.end().await.success());
    assert_eq!(bridge.count(&["WARN"]), 0, "{}", bridge.said());

    // It is remembered, and the other one is paired by all that are missing.
    let (mark, foreign) = (site.wire.mark(), stick.counts().foreign);
    let mut bridge = site.run();
    site.online(mark, first, has("power")).await;
    assert_eq!(stick.counts().foreign, foreign);
    let result = site.command(&stick_id(0xd8), "pairing", "ON").await;
    assert_eq!(
        (&result["ok"], &result["value"]),
        (&true.into(), &"ON".into()),
        "{result}"
    );
    site.online(mark, second, has("power")).await;
    let over = |state: &Json| state["pairing"] == "OFF" && state["inverters_paired"] == 2;
    site.online(mark, &stick_id(0xd8), over).await;
    assert!(bridge.end().await.success());
    stick.stop().await;
}

/// A stick that fails to pair an inverter of its.
struct Case {
    number: u8,
    stick: SimulatedStick,
    /// The place of the one that is to be paired.
    place: usize,
    words: &'static str,
    advice: &'static str,
}

async fn cases() -> Vec<Case> {
    let case = async |number: u8, list: &str, place, words, advice| Case {
        number,
        stick: tcp(settings(number, list, false)).await,
        place,
        words,
        advice,
    };
    let join = |case: &Case, place: usize| {
        let serial = case.stick.truth().inverters[place].serial;
        case.stick
            .take_away(Some(serial), network(case.number).parse().unwrap());
    };
    let nobody = case(
        0xd1,
        "704000123401",
        0,
        "nobody answered or passed it on",
        "noon",
    )
    .await;
    manners(&nobody.stick, 0, |it| it.is_in_reach = false);

    let echoes = case(
        0xd2,
        "704000123411,704000123412",
        1,
        "was passed on by 0x",
        "serial number against the label",
    );
    let echoes = echoes.await;
    join(&echoes, 0);
    manners(&echoes.stick, 1, |it| it.is_in_reach = false);

    let other = case(
        0xd3,
        "704000123421,704000123422",
        1,
        "another inverter answered, 704000123421",
        "against the labels",
    );
    let other = other.await;
    manners(&other.stick, 0, |it| it.answers_for_others = true);
    manners(&other.stick, 1, |it| it.is_in_reach = false);

    let unverified = case(0xd4, "704000123431", 0, "it told its address, 0x", "nearer").await;
    manners(&unverified.stick, 0, |it| it.loss = 1.0);

    let mistaken = case(
        0xd5,
        "704000123441,704000123442",
        1,
        "another inverter answers, 704000123441",
        "Pair that other inverter again",
    );
    let mistaken = mistaken.await;
    join(&mistaken, 0);
    let [first, second] = &mistaken.stick.truth().inverters[..] else {
        panic!("two of them")
    };
    let (address, second) = (first.address, second.serial);
    mistaken.stick.change(|stick| {
        if let Some(it) = stick.mesh.inverter(second) {
            it.address = address;
        }
    });

    vec![nobody, echoes, other, unverified, mistaken]
}

#[tokio::test]
async fn why_pairing_failed_is_told_with_advice() {
    let Some(site) = Site::open().await else {
        return;
    };
    let cases = cases().await;
    let sections = cases
        .iter()
        .map(|case| section(case.number, &case.stick, ""));
    site.home.write(&sections.collect::<Vec<_>>());
    let mut bridge = site.run();
    let mark = site.wire.mark();
    for case in &cases {
        site.online(0, &stick_id(case.number), |_| true).await;
        let id = &ids(&case.stick)[case.place];
        site.reason(0, id, "it is not paired with this stick").await;
        assert_eq!(site.command(id, "pair", "PRESS").await["ok"], true);
        site.reason(mark, id, "it is being paired, round 1").await;
    }
    for case in &cases {
        let id = &ids(&case.stick)[case.place];
        site.reason(mark, id, "round 3").await;
        bridge.until_said(case.words).await;
        let serial = id.strip_prefix("aps_zigbee_").unwrap();
        let told = [serial, "is not paired: ", case.words, case.advice];
        assert_eq!(bridge.count(&told), 1, "{told:?}: {}", bridge.said());
        let (state, _) = site.reason(mark, id, case.words).await;
        assert_eq!(state["health"], "no_data", "{state}");
        let advice = state["status_advice"].as_str().unwrap();
        assert!(advice.contains(case.advice), "{state}");
        assert!(
            state["power"].is_null() && state["energy_total"].is_null(),
            "{state}"
        );
    }
    // Who was paired before is still read.
    let neighbour = &ids(&cases[1].stick)[0];
    site.online(site.wire.mark(), neighbour, has("power")).await;
    assert!(bridge.end().await.success());
}

#[tokio::test]
async fn who_is_not_paired_anew_keeps_the_address_that_it_has() {
    let Some(site) = Site::open().await else {
        return;
    };
    let stick = tcp(settings(0xd8, "DS3", true)).await;
    let id = &ids(&stick)[0];
    site.home.write(&[section(0xd8, &stick, "")]);
    let mut bridge = site.run();
    let (state, _) = site.online(0, id, has("power")).await;
    stick.set_fault("pair-never".parse().unwrap());
    // Who passes a request on is asked whether it is the one.
    stick.set_fault("no-echo".parse().unwrap());
    let mark = site.wire.mark();
    assert_eq!(site.command(id, "pair", "PRESS").await["ok"], true);
    site.reason(mark, id, "it is being paired, round 3").await;
    bridge.until_said("is not paired: ").await;
    let same = |after: &Json| after["power"].is_number() && after["address"] == state["address"];
    site.online(site.wire.mark(), id, same).await;
    assert!(bridge.end().await.success());
    stick.stop().await;
}

#[tokio::test]
async fn a_stick_that_goes_away_while_it_pairs_goes_on_when_it_is_back() {
    let Some(site) = Site::open().await else {
        return;
    };
    let stick = site.plugged(settings(0xd8, "DS3,YC600", true)).await;
    let wanted = stick.truth().inverters[1].serial;
    stick.take_away(Some(wanted), network(0xe9).parse().unwrap());
    site.home.write(&[section(0xd8, &stick, "")]);
    let mut bridge = site.run();
    let [paired, missing] = &ids(&stick)[..] else {
        panic!("two of them")
    };
    site.online(0, paired, has("power")).await;
    let mark = site.wire.mark();
    assert_eq!(site.command(missing, "pair", "PRESS").await["ok"], true);
    site.reason(mark, missing, "round 1").await;
    stick.unplug();
    bridge
        .until_said("is not paired: the stick did not get ready for it. Look at the status")
        .await;
    let gone = |state: &Json| state["health"] == "unreachable";
    let (_, mark) = site.wire.state("gone", mark, missing, gone).await;
    stick.plug();
    site.online(mark, paired, has("power")).await;
    let words = "not paired: the stick did not get ready for it";
    site.reason(mark, missing, words).await;
    assert_eq!(site.command(missing, "pair", "PRESS").await["ok"], true);
    site.online(mark, missing, |state| state["voltage"].is_number())
        .await;
    assert!(bridge.end().await.success());
    stick.stop().await;
}

#[tokio::test]
async fn a_stick_that_freezes_while_it_pairs_is_told_and_pairs_when_it_is_plugged_in_anew() {
    let Some(site) = Site::open().await else {
        return;
    };
    let stick = site.plugged(settings(0xd8, "DS3", false)).await;
    let id = &ids(&stick)[0];
    site.home.write(&[section(0xd8, &stick, "")]);
    let mut bridge = site.run();
    site.online(0, &stick_id(0xd8), |_| true).await;
    let mark = site.wire.mark();
    assert_eq!(site.command(id, "pair", "PRESS").await["ok"], true);
    site.reason(mark, id, "it is being paired, round 1").await;
    stick.freeze();
    bridge
        .until_said("is not paired: the stick did not get ready for it. Look at the status")
        .await;
    let (state, _) = site
        .reason(mark, &stick_id(0xd8), "the stick does not answer any more")
        .await;
    assert_eq!(state["health"], "silent", "{state}");
    let unpaired = |state: &Json| state["health"] == "no_data" && state["power"].is_null();
    site.wire.state("not paired", mark, id, unpaired).await;
    stick.unplug();
    let gone = |state: &Json| state["health"] == "unreachable";
    let (_, mark) = site.wire.state("gone", mark, &stick_id(0xd8), gone).await;
    stick.plug();
    site.online(mark, &stick_id(0xd8), |_| true).await;
    assert_eq!(site.command(id, "pair", "PRESS").await["ok"], true);
    site.online(mark, id, has("power")).await;
    assert!(bridge.end().await.success());
    stick.stop().await;
}
