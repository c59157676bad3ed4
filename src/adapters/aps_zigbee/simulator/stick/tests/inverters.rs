//! What inverters measure, and what they do when they are told.

use super::*;

#[test]
fn every_kind_is_polled_and_its_counters_are_the_truth() {
    let mut host = Host::new("YC600,QS1,QS1A,DS3,DS3-L,QS2", true, &[], NOON).up();
    let mut first = Vec::new();
    for place in 0..6 {
        first.push(host.poll(place).unwrap());
    }
    host.hear(300 * SECOND);
    for (place, was) in first.iter().enumerate() {
        let now = host.poll(place).unwrap();
        let seconds = u64::from(now.clock - was.clock);
        assert!((295..340).contains(&seconds), "{seconds}");
        // Answers tell how it was when it was asked, four seconds ago.
        let truth = host.bench.truth();
        for (input, told) in now.inputs.iter().enumerate() {
            let energy = now.counter_scale().energy_of(told.counter);
            let really = truth.inverters[place].of_this_run[input];
            let ahead = really - energy;
            assert!(ahead < 1_000_000, "{place} {input}: {energy} of {really}");
            let gained = energy - now.counter_scale().energy_of(was.inputs[input].counter);
            let power = gained as f64 * 3600.0 / seconds as f64 / 1e6;
            let direct = told.power().to_f64();
            assert!(
                (0.80..1.05).contains(&(power / direct)),
                "{place} {input}: {power} of {direct}"
            );
        }
    }
}

#[test]
fn limits_are_kept_as_they_come() {
    let mut host = Host::new("YC600,DS3,QS1", true, &["limit-ignored@first=1"], NOON).up();
    for (place, scale) in [
        (0, LimitScale::Qs1),
        (1, LimitScale::Ds3),
        (2, LimitScale::Qs1),
    ] {
        let code = scale.of_watts(101).unwrap();
        let mut limits = Vec::new();
        for _ in 0..2 {
            let answers = host.answers(place, InverterCommand::Limit(code));
            assert!(
                matches!(answers[..], [AnswerContent::Accepted(_)]),
                "{answers:?}"
            );
            let answers = host.answers(place, InverterCommand::Settings(SettingsPage::B));
            let [AnswerContent::Settings(page)] = &answers[..] else {
                panic!("{answers:?}")
            };
            limits.push(page.limit().unwrap() == code);
        }
        assert_eq!(limits, [place > 0, true]);
        let telemetry = host.poll(place).unwrap();
        for input in &telemetry.inputs {
            let power = input.power().to_f64() * 0.95;
            assert!((99.0..101.5).contains(&power), "{power}");
        }
    }
    // Whoever mixes the scales up sets another limit.
    let code = LimitScale::Ds3.of_watts(100).unwrap();
    host.answers(0, InverterCommand::Limit(code));
    let watts = host.bench.truth().inverters[0].limit.watts().to_f64();
    assert!((57.0..58.0).contains(&watts), "{watts}");
    let answers = host.answers(1, InverterCommand::SwitchOff);
    assert!(matches!(answers[..], [AnswerContent::Accepted(_)]));
    assert_eq!(host.poll(1).unwrap().ac_power, Some(0));
    // What is damaged on the way is refused.
    let (address, mut data) = (host.address(1), InverterCommand::SwitchOn.data(gateway()));
    data[12] ^= 1;
    let heard = host.ask(&ZnpRequest::Send(message(address, data)), 4 * SECOND);
    let answer = InverterAnswer::decode(&incoming(heard)[0].data).unwrap();
    assert!(matches!(answer.content, AnswerContent::Refused(_)));
}

#[test]
fn what_cannot_be_read_is_told_apart() {
    let mut host = Host::new("sealed,QT2", true, &[], NOON).up();
    assert!(matches!(
        host.answers(0, InverterCommand::Poll)[..],
        [AnswerContent::Sealed(_)]
    ));
    let answers = host.answers(1, InverterCommand::Poll);
    assert!(matches!(
        answers[..],
        [AnswerContent::Unread {
            model: Some(0x29),
            ..
        }]
    ));
}

#[test]
fn grids_and_panels_may_be_missing() {
    let mut host = Host::new("DS3,QS1", true, &["no-grid"], NOON).up();
    let telemetry = host.poll(0).unwrap();
    assert_eq!(telemetry.ac_power, Some(0));
    let keys: Vec<_> = telemetry.status.events().map(|it| it.key).collect();
    assert!(keys.contains(&"under_voltage_1"), "{keys:?}");
    assert_eq!(telemetry.frequency, None);
    let mut host = Host::new("DS3,QS1", true, &["no-panel=2", "zeros"], NOON).up();
    let telemetry = host.poll(0).unwrap();
    assert_eq!((telemetry.inputs[1].counter, telemetry.state), (0, Some(6)));
    assert!(telemetry.inputs[0].counter > 0);
    let telemetry = host.poll(1).unwrap();
    assert_eq!((telemetry.frequency, telemetry.grid_voltage), (None, None));
    assert!(telemetry.inputs[3].counter > 0);
}

#[test]
fn inverters_start_in_the_morning_and_a_ds3_again_after_twelve_hours() {
    let mut host = Host::new("YC600,DS3", true, &[], "2026-06-21T04:00[Europe/Vienna]").up();
    assert_eq!(host.poll(0), None);
    host.hear(15 * 3600 * SECOND);
    let truth = host.bench.truth();
    let starts: Vec<_> = truth.inverters.iter().map(|it| it.starts).collect();
    assert_eq!(starts, [1, 2]);
    let telemetry = host.poll(1).unwrap();
    assert!(telemetry.clock < 2 * 3600, "{}", telemetry.clock);
    assert!(host.poll(0).unwrap().clock > 12 * 3600);
    let really = &truth.inverters[1];
    assert!(really.produced[0] > 1_000_000_000 && really.of_this_run[0] < really.produced[0] / 4);
    host.hear(6 * 3600 * SECOND);
    assert!(!host.bench.truth().inverters[0].is_awake);
    // The truth goes on from day to day.
    let evening = host.bench.truth().produced();
    host.hear(10 * 3600 * SECOND);
    assert!(host.bench.truth().produced() > evening);
    assert_eq!(host.bench.truth().inverters[0].starts, 2);
    host.bench.stick().mesh.restart_all();
    assert!(host.poll(0).unwrap().clock < 60);
}

#[test]
fn at_dawn_they_may_start_over_and_over() {
    let mut host = Host::new(
        "YC600",
        true,
        &["flapping"],
        "2026-06-21T05:00[Europe/Vienna]",
    )
    .up();
    host.hear(3 * 3600 * SECOND);
    let starts = host.bench.truth().inverters[0].starts;
    assert!((3..12).contains(&starts), "{starts}");
}

#[test]
fn fifty_inverters_answer_within_five_minutes() {
    let mut host = Host::new("20xDS3,20xQS1,10xYC600", true, &[], NOON).up();
    let begun = host.bench.now().steady;
    for place in 0..50 {
        assert!(host.poll(place).is_some(), "{place}");
    }
    assert!(host.bench.now().steady - begun <= 200 * SECOND);
}

#[test]
fn over_a_fortnight_counters_tell_what_was_produced() {
    let mut host = Host::new("YC600,DS3", true, &[], "2026-06-21T03:00[Europe/Vienna]").up();
    let mut told = [0.0; 2];
    let mut last: [Option<PanelTelemetry>; 2] = [None, None];
    for _ in 0..14 * 144 {
        for place in 0..2 {
            let Some(now) = host.poll(place) else {
                continue;
            };
            let scale = now.counter_scale();
            let before = last[place].as_ref().filter(|last| last.clock < now.clock);
            for (input, panel) in now.inputs.iter().enumerate() {
                let was = before.map_or(0, |last| scale.energy_of(last.inputs[input].counter));
                told[place] += (scale.energy_of(panel.counter) - was) as f64;
            }
            last[place] = Some(now);
        }
        host.hear(592 * SECOND);
    }
    let truth = host.bench.truth();
    for (place, told) in told.into_iter().enumerate() {
        let really: u64 = truth.inverters[place].produced.iter().sum();
        let share = told / really as f64;
        // What is produced after the last answer of a run is not told of.
        assert!((0.985..=1.0).contains(&share), "{place} {share}");
    }
    assert!(truth.produced() > 30_000_000_000);
}

#[test]
fn what_stands_behind_a_limit_may_be_anything() {
    let mut host = Host::new("YC600,DS3", true, &["limit-marker=0366"], NOON).up();
    let read = InverterCommand::Settings(SettingsPage::B);
    let [AnswerContent::Settings(page)] = &host.answers(0, read)[..] else {
        panic!("one page")
    };
    let [rest @ .., _, _] = &page.body[..] else {
        panic!("a long page")
    };
    assert_eq!(rest.last_chunk(), Some(&[0x03, 0x66]), "{page:?}");
    let watts = page.limit().unwrap().watts().to_f64();
    assert!((499.9..500.1).contains(&watts), "{watts}");
    let answers = host.answers(1, read);
    assert!(matches!(&answers[..], [AnswerContent::Settings(page)] if page.limit().is_some()));
}
