//! With a stand-in: what it refuses, what is late, what is lost, what does not fit.

use jiff::{SignedDuration, Timestamp};
use wattbridge::home_assistant::CoreAddress;
use wattbridge::model::HealthCode;
use wattbridge::uploads::{Errand, UploadVerdict, Uploads};
use zeroize::Zeroizing;

use super::driver::{Driver, ENERGY, FIRST, HOUR, POWER, Past, now, toml};
use super::stand_in::StandIn;

const OWN: &str = "own = true\nfill_gaps = false";
const ID: &str = "wattbridge:aps_ecu_216000000001_energy_total";
const UNIQUE: &str = "aps_ecu_216000000001_energy_total";
const ENTITY: &str = "sensor.roof";

fn later(hours: i64) -> Timestamp {
    now() + SignedDuration::from_hours(hours)
}

fn seen(verdict: &UploadVerdict) -> String {
    match verdict {
        UploadVerdict::Done {
            trouble: Some(health),
        }
        | UploadVerdict::Hold { health, .. } => {
            format!("{:?} {} {}", health.code, health.detail, health.advice)
        }
        UploadVerdict::Again { why, .. } => why.to_string(),
        verdict => panic!("{verdict:?}"),
    }
}

/// Sums begin with 0 and grow by what the counter grows.
fn assert_sums(rows: &[(i64, f64, f64)], hours: usize) {
    assert_eq!(rows.len(), hours, "{rows:?}");
    assert_eq!(rows[0].2, 0.0);
    for pair in rows.windows(2) {
        let [before, after] = pair else { panic!() };
        assert_eq!(after.0 - before.0, HOUR);
        assert!(
            (after.2 - before.2 - (after.1 - before.1)).abs() < 1e-9,
            "{pair:?}"
        );
    }
}

#[tokio::test]
async fn hours_come_when_they_are_70_minutes_past_and_sums_add_up_to_the_gain() {
    let server = StandIn::start().await;
    let mut driver = Driver::new(toml(&server.url, OWN));
    let past = Past::new().counting(1_000_000, 30, 50);
    let before = Timestamp::from_second(FIRST + 4 * HOUR + 599).unwrap();
    assert_eq!(driver.round(&past, before).await, UploadVerdict::done());
    assert_sums(&server.sums(ID), 2);
    assert_eq!(driver.round(&past, now()).await, UploadVerdict::done());
    assert_sums(&server.sums(ID), 3);
    assert_eq!(driver.round(&past, later(20)).await, UploadVerdict::done());
    let rows = server.sums(ID);
    assert_sums(&rows, 23);
    assert!((rows[22].2 - 22.0 * 0.6).abs() < 1e-9, "{rows:?}");
    assert_eq!(server.kept().writes, 23);
    // Nothing is new: nothing is asked for.
    let count = driver.sent.len();
    assert_eq!(driver.round(&past, later(20)).await, UploadVerdict::done());
    assert_eq!(driver.sent.len(), count);
}

#[tokio::test]
async fn a_base_is_never_taken_anew_also_where_it_is_lost() {
    let server = StandIn::start().await;
    let mut driver = Driver::new(toml(&server.url, OWN));
    let past = Past::new().counting(1_000_000, 30, 50);
    driver.round(&past, now()).await;
    let first = server.sums(ID);
    driver.restart(true);
    driver.round(&past, later(5)).await;
    assert_sums(&server.sums(ID), 8);
    // The file of the history is gone, and with it where we were: everything once more.
    driver.restart(false);
    driver.done = FIRST + 5 * HOUR;
    assert_eq!(driver.round(&past, later(10)).await, UploadVerdict::done());
    let rows = server.sums(ID);
    assert_sums(&rows, 13);
    assert_eq!(rows[..3], first);
    // And from the very beginning: the same again.
    driver.restart(false);
    driver.done = FIRST - 300;
    driver.round(&past, later(10)).await;
    assert_eq!(server.sums(ID), rows);
}

#[tokio::test]
async fn what_comes_late_is_written_once_more_and_nothing_before_the_beginning() {
    let server = StandIn::start().await;
    let mut driver = Driver::new(toml(&server.url, OWN));
    let mut past = Past::new().counting(1_000_000, 8, 50);
    past.counted(FIRST - 600, 999_000);
    driver.round(&past, now()).await;
    // The second hour ends higher than it was thought.
    past.counted(FIRST + 2 * HOUR, 1_001_240);
    let verdict = driver.again(&past, &[FIRST + 2 * HOUR], later(1)).await;
    assert_eq!(verdict, UploadVerdict::done());
    let rows = server.sums(ID);
    assert_sums(&rows, 3);
    assert_eq!(rows[1], (FIRST + HOUR, 1001.24, 0.64));
    let writes = server.kept().writes;
    driver.again(&past, &[FIRST - 600], later(1)).await;
    assert_eq!(server.sums(ID), rows);
    assert_eq!(server.kept().writes, writes);
}

#[tokio::test]
async fn a_counter_that_begins_anew_makes_no_hour_below_0() {
    let server = StandIn::start().await;
    let mut driver = Driver::new(toml(&server.url, OWN));
    let mut past = Past::new().counting(1_000_000, 2, 50);
    for hour in 3..=8 {
        past.counted(FIRST + hour * HOUR, (hour - 2) * 500);
    }
    driver.round(&past, later(1)).await;
    driver.restart(true);
    driver.round(&past, later(5)).await;
    let sums: Vec<f64> = server.sums(ID).iter().map(|(_, _, sum)| *sum).collect();
    assert_eq!(sums, [0.0, 0.6, 0.6, 1.1, 1.6, 2.1, 2.6, 3.1]);
}

#[tokio::test]
async fn an_older_home_assistant_gets_what_it_knows() {
    let server = StandIn::start().await;
    server.kept().version = "2025.10.4".to_owned();
    let mut driver = Driver::new(toml(&server.url, OWN));
    let mut past = Past::new().counting(1_000_000, 3, 50);
    past.measured(FIRST + 300, 7, None);
    assert_eq!(driver.round(&past, now()).await, UploadVerdict::done());
    assert_sums(&server.sums(ID), 3);
    let kept = server.kept();
    let (power, rows) = &kept.statistics["wattbridge:aps_ecu_216000000001_power"];
    assert_eq!((power["has_mean"] == true, rows.len()), (true, 1));
}

#[tokio::test]
async fn a_class_that_is_not_known_is_left_out() {
    let server = StandIn::start().await;
    server.kept().unknown_classes = vec!["power", "energy"];
    let mut driver = Driver::new(toml(&server.url, OWN));
    let mut past = Past::new().counting(1_000_000, 3, 50);
    past.measured(FIRST + 300, 7, None);
    assert_eq!(driver.round(&past, now()).await, UploadVerdict::done());
    assert_sums(&server.sums(ID), 3);
    assert!(server.kept().statistics[ID].0["unit_class"].is_null());
}

#[tokio::test]
async fn what_is_queued_is_waited_for() {
    let server = StandIn::start().await;
    let mut driver = Driver::new(toml(&server.url, OWN));
    let past = Past::new().counting(1_000_000, 3, 50);
    // The question about the base, and the first look.
    server.kept().slow = 2;
    assert_eq!(driver.round(&past, now()).await, UploadVerdict::done());
    assert_sums(&server.sums(ID), 3);
    assert_eq!(server.kept().writes, 3, "it is not written again meanwhile");
}

#[tokio::test]
async fn whoever_may_not_write_holds_and_loses_nothing() {
    let server = StandIn::start().await;
    let mut driver = Driver::new(toml(&server.url, OWN));
    let past = Past::new().counting(1_000_000, 3, 50);
    for (code, word) in [
        ("unauthorized", "administrator"),
        ("unknown_command", "recorder"),
    ] {
        let error = ("recorder/import_statistics", code, "No.");
        server.kept().errors.push_back(error);
        let verdict = driver.round(&past, now()).await;
        assert!(matches!(verdict, UploadVerdict::Hold { .. }), "{verdict:?}");
        assert!(
            seen(&verdict).starts_with("Refused") && seen(&verdict).contains(word),
            "{}",
            seen(&verdict)
        );
    }
    assert_eq!(driver.done, FIRST - 300);
    let mut stranger = Driver::new(toml(&server.url, OWN).replace("swordfish", "herring"));
    let verdict = stranger.round(&past, now()).await;
    assert!(
        seen(&verdict).contains("does not know this token"),
        "{}",
        seen(&verdict)
    );
    assert!(!format!("{:?}", stranger.target).contains("herring"));
    driver.round(&past, now()).await;
    assert_sums(&server.sums(ID), 3);
}

#[tokio::test]
async fn nobody_there_passes_and_no_address_is_told() {
    let past = Past::new().counting(1_000_000, 3, 50);
    let mut driver = Driver::new(toml("ws://127.0.0.1:1", OWN));
    let verdict = driver.round(&past, now()).await;
    assert!(
        seen(&verdict).contains("cannot be reached"),
        "{}",
        seen(&verdict)
    );
    let mut driver = Driver::new("[statistics]\nown = true\n".to_owned());
    let verdict = driver.round(&past, now()).await;
    assert!(
        seen(&verdict).starts_with("Misconfigured"),
        "{}",
        seen(&verdict)
    );
}

#[tokio::test]
async fn an_app_knows_where_home_assistant_is() {
    let server = StandIn::start().await;
    let file = wattbridge::config::File::parse("[statistics]\n", "test.toml").unwrap();
    let (mut uploads, problems) = Uploads::read(&file);
    assert!(problems.is_empty(), "{problems}");
    let token = Zeroizing::new("swordfish".to_owned());
    uploads.meet_core(&CoreAddress::new(&server.url, token).unwrap());
    let named = uploads.find("statistics").unwrap();
    assert_eq!(named.id, "statistics_app");
    let said = wattbridge::uploads::try_login(named.plan.as_ref()).await;
    assert_eq!(said, Ok("Home Assistant 2026.11.0 answers".to_owned()));
}

/// 08 to 13 o'clock are missing.
fn gap() -> ([(i64, f64, f64); 4], Past) {
    let hour = |hour: i64, sum: f64| (FIRST + hour * HOUR, 1000.0 + sum, 88.0 + sum);
    let rows = [hour(-2, -0.5), hour(-1, 0.0), hour(6, 4.2), hour(7, 4.8)];
    (rows, Past::new().counting(1_000_000, 9, 50))
}

#[tokio::test]
async fn a_gap_is_filled_when_its_end_is_there_and_a_repeat_changes_nothing() {
    let server = StandIn::start().await;
    let (rows, past) = gap();
    server.put(UNIQUE, ENTITY, &rows[..2]);
    let mut driver = Driver::new(toml(&server.url, ""));
    // It still lasts.
    assert_eq!(driver.round(&past, now()).await, UploadVerdict::done());
    assert!(
        driver.memory.contains(ENERGY) && !driver.memory.contains(POWER),
        "{}",
        driver.memory
    );
    driver.restart(true);
    server.put(UNIQUE, ENTITY, &rows);
    assert_eq!(driver.round(&past, later(5)).await, UploadVerdict::done());
    let filled = server.sums(ENTITY);
    assert_eq!(filled.len(), 10);
    for (place, (start, state, sum)) in filled.iter().enumerate().skip(1) {
        assert_eq!(*start, FIRST + (place as i64 - 2) * HOUR);
        assert!((sum - 88.0 - (state - 1000.0)).abs() < 1e-9, "{filled:?}");
    }
    assert_eq!(
        (filled[0], filled[8], filled[9]),
        (rows[0], rows[2], rows[3])
    );
    assert_eq!((server.kept().writes, driver.memory.as_str()), (6, ""));
    driver.done = FIRST - 300;
    assert_eq!(driver.round(&past, later(5)).await, UploadVerdict::done());
    assert_eq!(server.kept().writes, 6);
    assert_eq!(server.sums(ENTITY), filled);
}

#[tokio::test]
async fn hours_that_stood_still_are_a_gap_and_a_quiet_night_is_none() {
    let server = StandIn::start().await;
    let (rows, past) = gap();
    let mut stuck = rows.to_vec();
    stuck.extend((0..6).map(|hour| (FIRST + hour * HOUR, 1000.0, 88.0)));
    server.put(UNIQUE, ENTITY, &stuck);
    let mut driver = Driver::new(toml(&server.url, ""));
    assert_eq!(driver.round(&past, later(5)).await, UploadVerdict::done());
    assert_eq!(server.kept().writes, 6);
    assert!((server.sums(ENTITY)[7].2 - 91.6).abs() < 1e-9);
    let night = Past::new().counting(1_000_000, 9, 0);
    let still: Vec<_> = (-1..8)
        .map(|hour| (FIRST + hour * HOUR, 1000.0, 88.0))
        .collect();
    server.put(UNIQUE, ENTITY, &still);
    let mut driver = Driver::new(toml(&server.url, ""));
    assert_eq!(driver.round(&night, later(5)).await, UploadVerdict::done());
    assert_eq!(server.kept().writes, 6);
}

#[tokio::test]
async fn what_does_not_fit_stays_as_it_is() {
    let server = StandIn::start().await;
    let (rows, past) = gap();
    // Its sum went on without the counter; the counter is another one; it ends below ours.
    for (state, sum) in [
        (1004.2, 93.0),
        (1400.2, 88.0),
        (1002.0, 90.0),
        (900.0, 88.0),
    ] {
        let mut wrong = rows;
        (wrong[2].1, wrong[2].2) = (state, sum);
        server.put(UNIQUE, ENTITY, &wrong[..3]);
        let mut driver = Driver::new(toml(&server.url, ""));
        let verdict = driver.round(&past, later(5)).await;
        assert!(seen(&verdict).contains(ENTITY), "{}", seen(&verdict));
        assert_eq!(server.sums(ENTITY), wrong[..3]);
    }
    // Somebody has changed its unit.
    server.put(UNIQUE, ENTITY, &rows);
    server.kept().statistics.get_mut(ENTITY).unwrap().0["unit_of_measurement"] = "MWh".into();
    let verdict = Driver::new(toml(&server.url, ""))
        .round(&past, later(5))
        .await;
    assert!(seen(&verdict).contains("(MWh)"), "{}", seen(&verdict));
    let UploadVerdict::Done {
        trouble: Some(health),
    } = verdict
    else {
        panic!()
    };
    assert_eq!(health.code, HealthCode::Degraded);
    // It is not registered, or has no statistics yet.
    server.kept().entities.clear();
    let mut driver = Driver::new(toml(&server.url, ""));
    assert_eq!(driver.round(&past, later(5)).await, UploadVerdict::done());
    assert!(driver.sent.is_empty());
    server.put(UNIQUE, ENTITY, &[]);
    server.kept().statistics.clear();
    assert_eq!(
        Driver::new(toml(&server.url, ""))
            .round(&past, later(5))
            .await,
        UploadVerdict::done()
    );
    assert_eq!(server.kept().writes, 0);
}

#[test]
fn a_dry_run_shows_everything_but_the_token() {
    let mut driver = Driver::new(toml("ws://nas:8123", OWN));
    let past = Past::new().counting(1_000_000, 3, 50);
    let errand = driver.parcel(&past, now()).errand.unwrap();
    assert!(matches!(errand, Errand::HomeAssistant(_)));
    let shown = errand.to_string();
    assert!(
        shown.starts_with("ws://nas:8123/api/websocket\n"),
        "{shown}"
    );
    assert!(
        shown.contains("\n  {\"start\":\"2026-06-15T08:00:00+00:00\",\"state\":1000.6,\"sum\":0}"),
        "{shown}"
    );
    assert!(!shown.contains("swordfish") && !format!("{errand:?}").contains("swordfish"));
}

#[test]
fn an_address_may_be_that_of_the_page() {
    for url in [
        "ws://nas:8123/api/websocket",
        "ws://nas:8123/",
        "http://nas:8123",
        "https://nas",
    ] {
        let section = format!("url = \"{url}\"\ntoken = \"x\"\nca_file = \"ca.pem\"");
        let text = format!("[statistics]\n{section}\n");
        let file = wattbridge::config::File::parse(&text, "test.toml").unwrap();
        let (uploads, problems) = Uploads::read(&file);
        assert!(problems.is_empty(), "{problems}");
        assert_eq!(uploads.all().next().unwrap().id, "statistics_nas");
    }
}

/// What a connection with TLS may lack is for the user to mend, and said at once.
#[tokio::test]
async fn a_file_of_authorities_that_is_not_there_is_said() {
    let section = toml("https://127.0.0.1:9", "ca_file = \"/nonexistent/ca.pem\"");
    let mut driver = Driver::new(section);
    let past = Past::new().counting(1_000_000, 3, 50);
    let UploadVerdict::Hold { health, .. } = driver.round(&past, later(5)).await else {
        panic!("it is not held");
    };
    assert_eq!(health.code, HealthCode::Misconfigured);
    assert!(health.sentence().contains("/nonexistent/ca.pem"));
}

#[test]
fn a_section_says_what_is_missing() {
    for (section, word) in [
        (
            "url = \"ftp://nas:8123\"\ntoken = \"x\"",
            "not where Home Assistant answers",
        ),
        ("url = \"ws://nas:8123\"", "wants a token"),
        ("token = \"x\"", "nobody knows where"),
        ("fill_gaps = false", "nothing to do"),
        ("gaps = true", "gaps"),
    ] {
        let text = format!("[statistics]\n{section}\n");
        let file = wattbridge::config::File::parse(&text, "test.toml").unwrap();
        let (uploads, problems) = Uploads::read(&file);
        assert_eq!(uploads.all().count(), 0);
        assert!(problems.to_string().contains(word), "{problems}");
    }
}
