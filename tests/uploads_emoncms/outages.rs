//! Lines that are cut, servers that fail and programs that are killed, at random: in the end each input has each value
//! once, in order, and a process that accumulates has the truth.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use wattbridge::uploads::LoadSlot;

use super::driver::{Driver, FIRST, device, number, slot};
use super::stand_in::{Fault, StandIn, WRITE_KEY};

/// What happens in one round.
#[derive(Debug, Clone)]
struct Round {
    faults: Vec<Option<Fault>>,
    kill_at: Option<usize>,
    restarts: bool,
    most: usize,
}

fn fault() -> impl Strategy<Value = Option<Fault>> {
    let stored = prop_oneof![Just(0_usize), 1..12_usize, Just(usize::MAX)];
    prop_oneof![
        3 => Just(None),
        2 => stored.clone().prop_map(|stored| Some(Fault::Cut(stored))),
        1 => stored.clone().prop_map(|stored| Some(Fault::Html(stored))),
        1 => stored.prop_map(|stored| Some(Fault::Empty(stored))),
    ]
}

fn round() -> impl Strategy<Value = Round> {
    let kill =
        prop_oneof![6 => Just(None), 2 => (0..9_usize).prop_map(Some), 1 => Just(Some(usize::MAX))];
    let all = (
        prop::collection::vec(fault(), 0..8),
        kill,
        any::<bool>(),
        1..9_usize,
    );
    all.prop_map(|(faults, kill_at, restarts, most)| Round {
        faults,
        kill_at,
        restarts: restarts && most % 3 == 0,
        most,
    })
}

/// What each of three devices says in each slot: gains of two counters, each known or not.
type Gains = Vec<[Option<(u16, Option<u16>)>; 3]>;

fn gains() -> impl Strategy<Value = Gains> {
    let value = prop::option::weighted(0.7, (0..500_u16, prop::option::weighted(0.6, 0..50_u16)));
    prop::collection::vec([value.clone(), value.clone(), value], 1..40)
}

const DEVICES: [(&str, &str, &str); 3] = [
    ("aps_ecu_216000000001", "ECU", "ecu_216000000001"),
    ("victron_hq2123abcde", "MpttBleu", "vic_hq2123abcde"),
    ("text_clamp", "Clamp", "text_clamp"),
];

/// By node and input: all times and values.
type Truth = BTreeMap<(String, String), Vec<(i64, f64)>>;

fn slots(gains: &Gains) -> (Vec<LoadSlot>, Truth) {
    let mut counters = [[0_u32; 2]; 3];
    let (mut slots, mut truth) = (Vec::new(), Truth::new());
    for (at, row) in gains.iter().enumerate() {
        let end = FIRST + i64::try_from(at).unwrap() * 300;
        let mut devices = Vec::new();
        for ((gain, (id, name, node)), counters) in row.iter().zip(DEVICES).zip(&mut counters) {
            let Some((first, second)) = gain else {
                continue;
            };
            let mut values = Vec::new();
            let all = [
                ("energy_total", Some(first)),
                ("energy_import", second.as_ref()),
            ];
            for ((key, gain), counter) in all.into_iter().zip(counters) {
                let Some(gain) = gain else {
                    continue;
                };
                *counter += u32::from(*gain);
                values.push((key, number(&counter.to_string())));
                let place = (node.to_owned(), key.to_owned());
                let list: &mut Vec<_> = truth.entry(place).or_default();
                list.push((end, f64::from(*counter)));
            }
            devices.push(device(id, name, values));
        }
        slots.push(slot(end, devices));
    }
    (slots, truth)
}

async fn live(gains: &Gains, rounds: &[Round]) {
    let server = StandIn::start().await;
    let toml = format!(
        "[emoncms]\nurl = \"{}\"\nkey = \"{WRITE_KEY}\"\n",
        server.url
    );
    let mut driver = Driver::new(toml);
    let (slots, truth) = slots(gains);
    for round in rounds {
        if round.restarts {
            driver.restart();
        }
        server.account().faults = round.faults.iter().copied().collect();
        driver.round(&slots, round.most, round.kill_at).await;
        let wrongs = std::mem::take(&mut server.account().wrongs);
        assert_eq!(wrongs, [""; 0]);
    }
    server.account().faults.clear();
    let mut left = 500;
    while driver.round(&slots, 7, None).await {
        left -= 1;
        assert!(left > 0, "it never ends: {:?}", driver.last);
    }
    let account = server.account();
    assert_eq!(account.wrongs, [""; 0]);
    assert!(driver.given_up.is_empty());
    for ((node, input), values) in &truth {
        let there = account.input(node, input);
        assert_eq!(there.came, *values, "{node}/{input}");
        let gained = values.last().unwrap().1 - values[0].1;
        assert!((there.accumulated - gained).abs() < 1e-9, "{node}/{input}");
    }
    let count: usize = account.nodes.values().map(BTreeMap::len).sum();
    assert_eq!(count, truth.len());
}

#[test]
fn each_value_arrives_once_and_in_order_whatever_is_cut_and_killed() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(Config {
        cases: 150,
        failure_persistence: None,
        ..Config::default()
    });
    let all = (gains(), prop::collection::vec(round(), 0..25));
    let ran = runner.run(&all, |(gains, rounds)| {
        runtime.block_on(live(&gains, &rounds));
        Ok(())
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
}
