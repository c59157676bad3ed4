//! Where inverters are, and how that is found out.

use super::*;

const ELSEWHERE: ShortAddress = ShortAddress(0x1234);
/// That it has taken what it was told.
const TAKEN: [u8; 13] = [0xfb, 0xfb, 6, 0xde, 2, 0, 0, 0, 0, 0, 0, 0xfe, 0xfe];

impl Bench {
    fn address(&self, place: usize) -> Option<ShortAddress> {
        let serial = self.config.inverters[place];
        self.conversation.inverters[&serial]
            .remembered
            .place
            .address()
    }

    /// Whether a message from elsewhere was noticed at all.
    fn notices_elsewhere(&self) -> bool {
        let serial = self.config.inverters[0];
        let mut place = self.conversation.inverters[&serial]
            .remembered
            .place
            .clone();
        (0..9).any(|_| {
            place.fell_silent();
            place.ask() == Some(ELSEWHERE)
        })
    }

    fn fault(&mut self, rule: &str) {
        self.stick.stick().faults.set(rule.parse().unwrap());
    }

    /// Somebody who calls himself the first inverter is heard from elsewhere.
    fn forge(&mut self) {
        let serial = self.config.inverters[0];
        let message = overheard(ELSEWHERE, 0x0106, [&serial.wire()[..], &TAKEN].concat());
        let bytes = message.encode().unwrap();
        self.handle(Input::Bytes(&bytes));
    }
}

#[test]
fn a_forged_message_does_not_lead_the_questions_astray() {
    let mut bench = Bench::new("DS3,YC600", true);
    bench.minutes(3);
    let (id, address) = (bench.ids()[0].clone(), bench.address(0));
    for _ in 0..20 {
        bench.forge();
        bench.minutes(1);
    }
    assert_eq!(bench.address(0), address);
    assert!(bench.notices_elsewhere());
    assert_eq!(bench.code(&id), Some(HealthCode::Online));
    let outages = bench.reports.iter().filter(
        |report| matches!(report, Report::Health(of, health) if of.as_str() == id && health.code.is_problem()),
    );
    assert_eq!(outages.count(), 0);
}

#[test]
fn an_inverter_with_a_new_address_is_found_where_it_was_heard() {
    let mut bench = Bench::new("DS3,YC600", true);
    bench.minutes(3);
    let id = bench.ids()[0].clone();
    let serial = bench.config.inverters[0];
    let old = bench.address(0);
    bench.stick.stick().mesh.inverter(serial).unwrap().address = ELSEWHERE;
    bench.forge();
    bench.minutes(2);
    assert_eq!(bench.address(0), old);
    bench.minutes(20);
    assert_eq!(bench.address(0), Some(ELSEWHERE));
    assert_eq!(bench.code(&id), Some(HealthCode::Online));
    // That is still so after a restart.
    bench.restart();
    bench.minutes(2);
    assert_eq!(bench.address(0), Some(ELSEWHERE));
    assert_eq!(bench.code(&id), Some(HealthCode::Online));
}

#[test]
fn an_inverter_that_answers_somebody_else_from_elsewhere_is_found_there() {
    let mut bench = Bench::new("DS3,YC600", true);
    bench.minutes(3);
    let (id, old) = (bench.ids()[0].clone(), bench.address(0));
    let serial = bench.config.inverters[0];
    bench.stick.stick().mesh.inverter(serial).unwrap().address = ELSEWHERE;
    bench.fault("other-gateway=1s");
    // It is heard while an answer to us is waited for, every time.
    bench.minutes(2);
    assert_eq!(bench.address(0), old);
    assert_eq!(bench.code(&id), Some(HealthCode::Online));
    bench.minutes(15);
    assert_eq!(bench.address(0), Some(ELSEWHERE));
    assert_eq!(bench.code(&id), Some(HealthCode::Online));
}

#[test]
fn who_only_passed_our_words_on_may_be_the_one_that_is_paired() {
    let silent = |_, manners: &mut InverterManners| {
        (manners.answers_ask, manners.answers_move) = (Some(false), Some(false));
    };
    let mut bench = Bench::with("DS3,DS3", false, silent, |_| {});
    bench.minutes(1);
    let ids = bench.ids();
    bench.command(&ids[0], "pair", Value::Unknown);
    bench.minutes(8);
    let health = bench.health(&ids[0]);
    assert_eq!(bench.code(&ids[0]), Some(HealthCode::Online), "{health:?}");
    assert_eq!(bench.code(&ids[1]), Some(HealthCode::NoData));
    assert_eq!(bench.address(1), None);
}

#[test]
fn an_address_that_was_told_and_not_verified_is_tried_for_a_while() {
    let mut bench = Bench::new("DS3", false);
    bench.minutes(1);
    let id = bench.ids()[0].clone();
    bench.fault("lost");
    bench.command(&id, "pair", Value::Unknown);
    bench.minutes(5);
    let health = bench.health(&id).unwrap();
    assert!(
        health.detail.contains("does not answer there"),
        "{health:?}"
    );
    assert_eq!(bench.address(0), None);
    bench.stick.stick().faults.remove("lost");
    bench.minutes(3);
    let health = bench.health(&id);
    assert_eq!(bench.code(&id), Some(HealthCode::Online), "{health:?}");
    assert!(bench.address(0).is_some());
}

#[test]
fn why_an_inverter_is_not_paired_is_still_known_the_next_morning() {
    let far = |_, manners: &mut InverterManners| manners.is_in_reach = false;
    let mut bench = Bench::with("DS3", false, far, |_| {});
    bench.minutes(1);
    let id = bench.ids()[0].clone();
    bench.command(&id, "pair", Value::Unknown);
    bench.minutes(24 * 60);
    let health = bench.health(&id).unwrap();
    assert!(health.detail.contains("nobody answered"), "{health:?}");
}

#[test]
fn an_answer_before_its_confirm_costs_the_next_command_no_try() {
    let mut bench = Bench::new("DS3", true);
    bench.minutes(2);
    let id = bench.ids()[0].clone();
    bench.fault("no-confirm");
    let noticed = bench.stick.stick().counts().messages;
    let command = bench.command(&id, "power_limit", Decimal::integer(200).into());
    bench.run(Duration::from_secs(40));
    let answer = bench.answer(command).unwrap().as_ref().unwrap();
    assert!((answer.as_number().unwrap().to_f64() - 200.0).abs() < 1.0);
    // What the limit is, the limit, what it is then; and a poll perhaps.
    let sent = bench.stick.stick().counts().messages - noticed;
    assert!((3..=5).contains(&sent), "{sent}");
}
