//! Frames of simulated inverters, by way of capture, bridge, history and outbox into a real MariaDB: what is there is what
//! was in the frames, byte by byte.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use tokio_util::sync::CancellationToken;
use wattbridge::adapters::solaredge::simulator::{Exchange, InverterSettings};
use wattbridge::adapters::solaredge::wire::Records;
use wattbridge::adapters::solaredge::{ADAPTER, KIND};
use wattbridge::bridge::{Bridge, Setup};
use wattbridge::clock::Clock;
use wattbridge::config::Section;
use wattbridge::device::Adapter as _;
use wattbridge::links::{Event, Links, RecordedLine, Recording};
use wattbridge::simulation::{House as SimulatedHouse, Sky};
use wattbridge::store::Store;

use super::house::House;
use super::server::Server;

const ADDRESS: &str = "tcp://127.0.0.1:2021";
const ZONE: &str = "Europe/Vienna";

/// Table, id and time.
type RowKey = (&'static str, i64, i64);

/// A day from early to late.
struct Day {
    pieces: Vec<(Timestamp, Vec<u8>)>,
    /// The rows of all tables.
    rows: BTreeMap<RowKey, Vec<f64>>,
}

fn day(phases: usize, faults: &[&str]) -> Day {
    let zone = TimeZone::get(ZONE).unwrap();
    let begun = date(2026, 6, 21).at(4, 0, 0, 0).to_zoned(zone).unwrap();
    let settings = InverterSettings {
        phases,
        optimizers: 5,
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        ..InverterSettings::new(SimulatedHouse::new(&begun, Sky::default()).at_speed(0.0))
    };
    let begun = begun.timestamp();
    let mut exchange = Exchange::new(settings, begun.as_second());
    let end = (begun + 19.hours()).as_second();
    let (mut pieces, mut rows) = (Vec::new(), BTreeMap::new());
    while exchange.next_due() <= end {
        let at = exchange.next_due();
        exchange.run_until(at);
        let bytes = exchange.take();
        if !bytes.is_empty() {
            pieces.push((Timestamp::from_second(at + 1).unwrap(), bytes));
        }
        for spoken in exchange.spoken() {
            assert!(spoken.is_seen);
            let mut records = Records::new(&spoken.data);
            while let Some(record) = records.next_raw() {
                let record = record.unwrap();
                if let Some((key, row)) = row(record.kind, record.id, record.body) {
                    rows.insert(key, row);
                }
            }
        }
    }
    Day { pieces, rows }
}

fn u32_at(body: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(body[at..at + 4].try_into().unwrap())
}

/// What se-logger makes of a record: the numbers as they stand there.
fn row(kind: u16, id: u32, body: &[u8]) -> Option<(RowKey, Vec<f64>)> {
    let at = i64::from(u32_at(body, 0));
    let float = |at: &usize| f64::from(f32::from_bits(u32_at(body, *at)));
    let floats = |places: &[usize]| places.iter().map(float).collect::<Vec<_>>();
    let whole = |at: usize| f64::from(u32_at(body, at));
    let inverter = i64::from(id & 0xff7f_ffff);
    match kind {
        0x0080 | 0x0082 => {
            let word = u32_at(body, 6);
            let short = |at: usize| u16::from_le_bytes([body[at], body[at + 1]]);
            let row = vec![
                f64::from(short(4)),
                f64::from(word & 0x3ff),
                f64::from(word >> 10 & 0x3ff),
                f64::from(word >> 20),
                f64::from(short(10)),
                f64::from(body[12].cast_signed()),
            ];
            Some((("telemetry_optimizers", i64::from(id), at), row))
        }
        0x0010 => {
            let mut row = floats(&[12, 16, 20, 24, 28, 32, 44]);
            row.extend([
                whole(116),
                float(&56),
                whole(68),
                float(&92),
                float(&96),
                float(&100),
            ]);
            Some((("telemetry_inverter", inverter, at), row))
        }
        0x0011 => {
            let mut row = floats(&[12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 68]);
            row.extend([whole(192), float(&80), whole(108)]);
            row.extend(floats(&[
                132, 136, 140, 144, 148, 152, 156, 160, 164, 168, 172, 176,
            ]));
            Some((("telemetry_inverter_3phase", inverter, at), row))
        }
        _ => None,
    }
}

/// Runs a bridge on a part of the capture to its end.
async fn overhear(pieces: &[(Timestamp, Vec<u8>)], house: &House, store: &std::path::Path) {
    let started = pieces[0].0;
    let line = |at: Timestamp, event| RecordedLine {
        after: Duration::try_from(at.duration_since(started)).unwrap(),
        connection: 1,
        event,
    };
    let mut lines = vec![
        line(started, Event::Open(ADDRESS.to_owned())),
        line(started, Event::Received(Exchange::head())),
    ];
    for (at, bytes) in pieces {
        lines.push(line(*at, Event::Received(bytes.clone())));
    }
    lines.push(line(pieces.last().unwrap().0, Event::Close));
    let recording = Recording {
        adapter: KIND.to_owned(),
        started,
        settings: Vec::new(),
        lines,
    };
    let pairs = [("capture", ADDRESS), ("time_zone", ZONE)];
    let section = Section::from_pairs(
        KIND,
        &pairs.map(|(key, value)| (key.to_owned(), value.to_owned())),
    )
    .unwrap();
    let clock = Clock::manual(started, TimeZone::get(ZONE).unwrap());
    let (store, saved) = Store::open(store);
    let (bridge, hub) = Bridge::new(Setup {
        sources: vec![ADAPTER.configure(&section).unwrap()],
        sums: Vec::new(),
        incomplete: Vec::new(),
        refused: 0,
        instance: "test".to_owned(),
        clock: clock.clone(),
        links: Links::replayed(recording.script(), clock),
        store: store.clone(),
        saved,
        save_every: Duration::from_secs(300),
        history: house.history.clone(),
    });
    drop(hub);
    bridge.run(CancellationToken::new()).await;
    store.close();
}

fn rows(server: &Server) -> BTreeMap<RowKey, Vec<f64>> {
    let mut all = BTreeMap::new();
    for (table, id) in [
        ("telemetry_optimizers", "op_id"),
        ("telemetry_inverter", "inv_id"),
        ("telemetry_inverter_3phase", "inv_id"),
    ] {
        let columns = server.sql(
            "solaredge",
            &format!(
                "SELECT GROUP_CONCAT(CONCAT('CAST(', column_name, ' AS DOUBLE)') ORDER BY ordinal_position)
                 FROM information_schema.columns WHERE table_schema='solaredge' AND table_name='{table}'
                 AND column_name NOT IN ('{id}', 'timestamp')"
            ),
        );
        let columns = &columns[0][0];
        for row in server.sql(
            "solaredge",
            &format!("SELECT {id}, timestamp, {columns} FROM {table}"),
        ) {
            let (key, values) = row.split_at(2);
            let key = (table, key[0].parse().unwrap(), key[1].parse().unwrap());
            let values = values.iter().map(|value| value.parse().unwrap());
            assert_eq!(all.insert(key, values.collect()), None);
        }
    }
    all
}

fn compare(day: &Day, server: &Server) {
    let there = rows(server);
    assert_eq!(
        there.keys().collect::<Vec<_>>(),
        day.rows.keys().collect::<Vec<_>>()
    );
    for (key, values) in &day.rows {
        // Both are what a float of the tables holds.
        let as_floats =
            |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<_>>();
        assert_eq!(as_floats(&there[key]), as_floats(values), "{key:?}");
    }
}

/// Replaced by a client that is killed in the middle, as often as the file says.
const KILLED: &str = "#!/bin/sh
if [ -e KILL ]; then
  rm KILL
  head -n 40 | mariadb \"$@\"
  kill -9 $$
fi
exec mariadb \"$@\"
";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_what_was_in_the_frames_also_when_the_client_is_killed() {
    let Some(server) = Server::start() else {
        return;
    };
    let kill = server.at("kill");
    server.write(
        "client",
        &KILLED.replace("KILL", &kill.display().to_string()),
    );
    let mut command = server.command();
    command[0] = server.at("client").display().to_string();
    command.insert(0, "sh".to_owned());
    let house = House::new(&server.at("history.db"), &command);
    // The server is away for an hour: what was kept back comes late, and some frames come twice.
    let day = day(1, &["server-away@5h..6h", "restart@8h10m.."]);
    assert!(day.rows.len() > 800, "{}", day.rows.len());
    let half = day.pieces.len() / 2;
    overhear(&day.pieces[..half], &house, &server.at("store.db")).await;
    std::fs::write(&kill, "").unwrap();
    let said = house.run(|said| said.words().contains("fails")).await;
    assert!(said.pending > Some(100), "{said:?}");
    let some = server.number("SELECT COUNT(*) FROM telemetry_optimizers");
    // The transaction that was open is not there.
    assert!((1..100).contains(&some), "{some}");
    overhear(&day.pieces[half..], &house, &server.at("store.db")).await;
    house.run(super::house::Said::is_through).await;
    compare(&day, &server);
    let told = server.sql(
        "solaredge",
        "SELECT pvo_last_live, last_telemetry FROM live_update",
    );
    assert_eq!(told[0][0], "77");
    let told: i64 = told[0][1].parse().unwrap();
    // The clock of the test may be ahead of what is worked on.
    let last = day.rows.keys().map(|(_, _, at)| *at).max().unwrap();
    let end = day.pieces.last().unwrap().0.as_second();
    assert!((last..end + 60).contains(&told), "{told} {last}");
    // The first half once more: nothing is doubled.
    overhear(&day.pieces[..half], &house, &server.at("other.db")).await;
    let waits = house
        .history
        .cursors()
        .count_records(&house.target.id)
        .await
        .unwrap();
    assert!(waits > 100, "{waits}");
    house.run(super::house::Said::is_through).await;
    compare(&day, &server);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inverter_with_three_phases_has_its_own_table() {
    let Some(server) = Server::start() else {
        return;
    };
    let house = House::new(&server.at("history.db"), &server.command());
    let day = day(3, &[]);
    overhear(&day.pieces, &house, &server.at("store.db")).await;
    house.run(super::house::Said::is_through).await;
    assert!(
        day.rows
            .keys()
            .any(|(table, ..)| *table == "telemetry_inverter_3phase")
    );
    compare(&day, &server);
}
