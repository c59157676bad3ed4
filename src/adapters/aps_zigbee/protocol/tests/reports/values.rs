//! Values that mean something else, and hours without any.

use super::*;

/// Report 9.
#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_family_that_nobody_knows_is_not_decoded_as_another() {
    let bytes = bytes_of("r-qt2-model-29");
    let message = heard(&bytes).pop().unwrap();
    let expected = &capture("r-qt2-model-29")["expected"];
    let serial: InverterSerial = expected["serial"].as_str().unwrap().parse().unwrap();
    let mut bench = Bench::quiet(serial, message.source, &at("2026-06-21T10:00"));
    bench.play(message.source, &bytes);
    let id = bench.ids()[0].clone();
    let health = bench.health(&id).unwrap();
    assert_eq!(health.code, HealthCode::Unsupported, "{health:?}");
    assert!(health.detail.contains("model 29"), "{health:?}");
    let raw = bench.last(&id, "raw_record");
    let hex = Hex::of(&message.data).to_string();
    let Value::Text(shown) = raw else {
        panic!("{raw:?}")
    };
    assert!(hex.starts_with(&shown[..]) && shown.len() > 100, "{shown}");
    assert!(bench.number(&id, "signal_quality").is_some());
    for key in expected["not_published"].as_array().unwrap() {
        let key = key.as_str().unwrap();
        let keys = match key {
            "energy" => &["energy_total", "energy_today"][..],
            "power" => &["power", "dc_power", "power_counted", "panel_1_power"],
            key => &[key],
        };
        for key in keys {
            assert_eq!(bench.values(&id, key).count(), 0, "{key}");
        }
    }
}

/// Report 11.
#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_negative_offset_asks_longer_at_both_ends() {
    let window = capture("r-window-offset-minus-30");
    // Where the sun rose and set at these times on that day.
    let place = (53.05, 9.75);
    let offset = window["inputs"]["offset_min"].as_i64().unwrap();
    let settings = settings("YC600", true, &["night"]);
    let mut bench = Bench::of(
        settings,
        &at("2026-02-20T05:00"),
        |_, _| {},
        |config| {
            (config.latitude, config.longitude) = (Some(place.0), Some(place.1));
            config.sun_offset = i32::try_from(offset).unwrap();
        },
    );
    bench.minutes(60 * 16);
    // In vain: also with its address in the other order.
    let polls = bench.told_inverters().into_iter();
    let polls = polls.filter(|(.., command)| *command == InverterCommand::Poll);
    let polls: Vec<Duration> = polls.map(|(at, ..)| at).collect();
    let begun = bench.stick.wall() - bench.stick.now().steady;
    let minutes = |steady: &Duration| {
        let local = (begun + *steady).to_zoned(zone()).time();
        f64::from(local.hour()) * 60.0 + f64::from(local.minute())
    };
    let told = |key: &str| {
        let text = window["expected"][key].as_str().unwrap();
        let (hours, minutes) = text.split_once(':').unwrap();
        hours.parse::<f64>().unwrap() * 60.0 + minutes.parse::<f64>().unwrap()
    };
    near(minutes(polls.first().unwrap()), told("start"), 5.0);
    near(minutes(polls.last().unwrap()), told("end"), 7.0);
}

/// Report 12.
#[test]
fn without_a_time_inverters_are_asked_all_day() {
    let mut bench = Bench::new("DS3", true);
    bench.ahead = jiff::Timestamp::UNIX_EPOCH.duration_since(bench.stick.wall());
    bench.minutes(60 * 24);
    let id = bench.ids()[0].clone();
    let address = bench.remembered_address(0).unwrap();
    let polls = bench.polls(address);
    for hour in 1..24 {
        let (from, to) = (hour * 3600 * SECOND, (hour + 1) * 3600 * SECOND);
        let asked = polls.iter().filter(|at| (from..to).contains(*at)).count();
        assert!(asked >= 10, "{hour}: {asked}");
    }
    let told = bench.number(&id, "energy_total").unwrap();
    let really = bench.stick.truth().produced() as f64 / 1e9;
    assert!(
        (0.95..=1.0).contains(&(told / really)),
        "{told} of {really}"
    );
    // Then somebody sets the clock, and nothing is lost by that.
    bench.ahead = SignedDuration::ZERO;
    bench.minutes(60);
    assert_eq!(bench.code(&id), Some(HealthCode::Online));
    let told = bench.number(&id, "energy_total").unwrap();
    let really = bench.stick.truth().produced() as f64 / 1e9;
    assert!(
        (0.95..=1.0).contains(&(told / really)),
        "{told} of {really}"
    );
}

/// Report 12: a clock that is right, in a zone or at a place that is not, must not end the day at noon.
#[test]
fn who_still_answers_after_the_sun_should_be_down_is_asked_on() {
    let far = |config: &mut ZigbeeConfig| config.longitude = Some(140.0);
    let mut bench = Bench::with("DS3", true, |_, _| {}, far);
    bench.minutes(60 * 24);
    let address = bench.remembered_address(0).unwrap();
    let polls = bench.polls(address);
    // There the sun is down at noon already.
    let asked = |from: u32, to: u32| {
        let hours = from * 3600 * SECOND..to * 3600 * SECOND;
        polls.iter().filter(|at| hours.contains(*at)).count()
    };
    assert!(asked(2, 10) > 400, "{}", asked(2, 10));
}

/// Report 15.
#[test]
fn without_a_grid_all_values_are_there_and_the_reason_for_no_power() {
    let mut bench = Bench::faulty("DS3,YC600,QS1", true, &["no-grid"]);
    bench.minutes(6);
    for id in bench.ids() {
        assert_eq!(bench.code(&id), Some(HealthCode::Online), "{id}");
        assert_eq!(bench.number(&id, "power"), Some(0.0), "{id}");
        let volts = bench.number(&id, "voltage").unwrap();
        assert!(volts < 50.0, "{id} {volts}");
        assert_eq!(bench.last(&id, "frequency"), &Value::Unknown, "{id}");
        assert!(bench.number(&id, "panel_1_voltage").unwrap() > 20.0, "{id}");
        assert!(bench.number(&id, "temperature").unwrap() > 0.0, "{id}");
        let Value::Text(events) = bench.last(&id, "events") else {
            panic!("{id}")
        };
        assert!(events.contains("grid frequency too low"), "{id} {events}");
        let is_ds3 = id == "aps_zigbee_704000123401";
        assert_eq!(
            events.contains("grid voltage too low"),
            is_ds3,
            "{id} {events}"
        );
    }
    assert_eq!(bench.problems(), Vec::<&Health>::new());
    // And then it delivers.
    bench.stick.stick().faults.replace(&[]);
    bench.minutes(3);
    for id in bench.ids() {
        assert!(bench.number(&id, "power").unwrap() > 10.0, "{id}");
    }
}

/// Report 15: the state is told in plain words.
#[test]
fn no_event_is_told_twice() {
    let mut bench = Bench::faulty("DS3", true, &["no-grid"]);
    bench.minutes(3);
    let id = bench.ids()[0].clone();
    let Value::Text(events) = bench.last(&id, "events") else {
        panic!("no text")
    };
    let mut words: Vec<&str> = events.split(", ").collect();
    let all = words.len();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), all, "{events}");
}

/// Report 15: as it was heard of a real one.
#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_real_inverter_without_a_grid_is_online() {
    let bytes = bytes_of("qs1-poll-no-grid");
    let (serial, address, telemetry) = measured(&bytes);
    let mut bench = Bench::quiet(serial, address, &at("2026-06-21T10:00"));
    bench.play(address, &bytes);
    let id = bench.ids()[0].clone();
    assert_eq!(bench.code(&id), Some(HealthCode::Online));
    assert_eq!(bench.last(&id, "frequency"), &Value::Unknown);
    let volts = bench.number(&id, "panel_1_voltage").unwrap();
    near(volts, telemetry.inputs[0].voltage.to_f64(), 0.01);
    assert!(bench.number(&id, "energy_total").is_some());
}
