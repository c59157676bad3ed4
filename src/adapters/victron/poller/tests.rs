mod hearing;
mod history;
mod writes;

use super::super::wire::hex::{Collector, Frame, Value, Version};
use super::*;

/// How finely time passes here.
const STEP: Duration = Duration::from_millis(100);

/// A device at the other end, and the questions to it.
struct Bench {
    poller: Poller,
    family: Family,
    now: Duration,
    /// Everything that was sent, and when.
    sent: Vec<(Duration, Request)>,
    /// What has to be answered in the next step.
    open: Option<Request>,
    outcomes: Vec<QuestionOutcome>,
    /// Whether it answers.
    hears: bool,
    /// Whether it sends text.
    talks: bool,
    /// How long its text stays away after a question.
    stops_for: Duration,
    talks_again: Duration,
    /// Registers that it does not have.
    lacks: Vec<u16>,
    /// Days that it remembers besides today.
    days: u16,
}

impl Bench {
    fn new(family: Family) -> Self {
        Self::asking(family, true)
    }

    fn asking(family: Family, is_allowed: bool) -> Self {
        Self {
            poller: Poller::new(is_allowed, Duration::ZERO),
            family,
            now: Duration::ZERO,
            sent: Vec::new(),
            open: None,
            outcomes: Vec::new(),
            hears: true,
            talks: true,
            stops_for: Duration::ZERO,
            talks_again: Duration::ZERO,
            lacks: Vec::new(),
            days: 5,
        }
    }

    fn run(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while self.now < end {
            self.now += STEP;
            self.step();
        }
    }

    fn step(&mut self) {
        if let Some(request) = self.open.take().filter(|_| self.hears) {
            self.poller.heard(self.now);
            let bytes = self.reply(&request);
            self.say(&bytes);
        }
        let is_second = self.now.subsec_millis() == 0;
        if self.talks && is_second && self.now >= self.talks_again {
            self.poller.heard(self.now);
            self.poller.block_ended(self.now);
        }
        let (again, outcome) = self.poller.tick(self.now);
        self.outcomes.extend(outcome);
        let bytes = again.or_else(|| self.poller.next(Some(self.family), self.now));
        let Some(bytes) = bytes else { return };
        let mut collector = Collector::default();
        let frame = Frame::parse(&bytes, &mut collector).unwrap();
        let request = Request::decode(&frame).unwrap();
        assert_eq!(self.open, None, "two questions at once");
        self.open = Some(request.clone());
        self.sent.push((self.now, request));
        if self.hears {
            self.talks_again = self.now + self.stops_for;
        }
    }

    fn reply(&self, request: &Request) -> Vec<u8> {
        let value = |register: u16| {
            let ago = register.checked_sub(TODAY).filter(|ago| *ago <= DAYS);
            let (flags, bytes) = match ago {
                _ if self.lacks.contains(&register) => (Flags::UNKNOWN_ID, vec![]),
                Some(ago) if ago > self.days => (Flags::PARAMETER, vec![]),
                Some(_) => (Flags(0), vec![0; 34]),
                None => (Flags(0), vec![0, 0]),
            };
            (flags, bytes)
        };
        match request {
            Request::Ping => Answer::Ping(Version(0x4116)).encode(),
            Request::Get(register) => {
                let (flags, bytes) = value(*register);
                let value = Value {
                    register: *register,
                    flags,
                    bytes: &bytes,
                };
                Answer::Get(value).encode()
            }
            _ => Answer::Done(&[0x53, 0xa0]).encode(),
        }
    }

    /// The device says this.
    fn say(&mut self, bytes: &[u8]) {
        let mut collector = Collector::default();
        let frame = Frame::parse(bytes, &mut collector).unwrap();
        let outcome = self.poller.answer(&Answer::decode(&frame), self.now);
        self.outcomes.extend(outcome);
    }

    /// When a register was asked for.
    fn times(&self, register: u16) -> Vec<Duration> {
        let is_it = |request: &Request| *request == Request::Get(register);
        let sent = self.sent.iter().filter(|(_, request)| is_it(request));
        sent.map(|(at, _)| *at).collect()
    }

    fn is_history(request: &Request) -> bool {
        matches!(request, Request::Get(register)
            if *register == TOTALS || (TODAY..=TODAY + DAYS).contains(register))
    }

    /// Days that were asked for, and the whole life.
    fn history(&self) -> Vec<(Duration, u16)> {
        let sent = self.sent.iter();
        let register = |(at, request): &(Duration, Request)| match request {
            Request::Get(register) if Self::is_history(request) => Some((*at, *register)),
            _ => None,
        };
        sent.filter_map(register).collect()
    }
}

const TOTALS: u16 = 0x104f;
const YIELD: u16 = 0xeddd;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_device_is_asked_who_it_is_before_anything_else() {
    let mut bench = Bench::new(Family::Mppt);
    bench.run(5);
    let first: Vec<_> = bench
        .sent
        .iter()
        .map(|(_, request)| request.clone())
        .collect();
    assert_eq!(
        first[..5],
        [
            Request::Ping,
            Request::Product,
            Request::Version,
            Request::Get(SERIAL),
            Request::Get(CUSTOM_NAME)
        ]
    );
    assert_eq!(bench.poller.hearing(), Hearing::Yes);
    assert!(bench.poller.is_introduced());
}

#[test]
fn nothing_is_asked_where_that_is_not_wanted() {
    let mut bench = Bench::asking(Family::Mppt, false);
    bench.run(3600);
    assert_eq!(bench.sent, []);
    assert_eq!(bench.poller.hearing(), Hearing::No);
    assert!(bench.poller.is_introduced());
}

#[test]
fn a_question_is_put_three_times_and_then_given_up() {
    let mut bench = Bench::new(Family::Mppt);
    bench.run(30);
    bench.hears = false;
    bench.sent.clear();
    let wish = Request::Get(0x0123);
    bench.poller.ask(wish.clone());
    bench.run(5);
    let put = bench.sent.iter().filter(|(_, request)| *request == wish);
    assert_eq!(put.count(), 3);
    assert!(bench.outcomes.contains(&QuestionOutcome::Unanswered(wish)));
}

#[test]
fn answers_to_others_and_values_sent_by_themselves_answer_nothing() {
    let mut bench = Bench::new(Family::Mppt);
    bench.run(30);
    bench.hears = false;
    bench.poller.ask(Request::Get(0x0200));
    while bench
        .sent
        .last()
        .is_none_or(|(_, request)| *request != Request::Get(0x0200))
    {
        bench.now += STEP;
        bench.step();
    }
    bench.outcomes.clear();
    bench.say(&Answer::Async(Value::new(0x0200, &[1])).encode());
    bench.say(&Answer::Get(Value::new(0x0201, &[3])).encode());
    bench.say(&Answer::Set(Value::new(0x0200, &[3])).encode());
    bench.say(&Answer::Ping(Version(0x4116)).encode());
    bench.say(&Answer::Done(&[1, 2]).encode());
    assert_eq!(bench.outcomes, []);
    bench.say(&Answer::Get(Value::new(0x0200, &[3])).encode());
    assert_eq!(
        bench.outcomes,
        [QuestionOutcome::Answered(Request::Get(0x0200))]
    );
}

#[test]
fn registers_that_a_device_lacks_are_asked_for_once() {
    let mut bench = Bench::new(Family::Mppt);
    bench.lacks = vec![YIELD, 0xedad];
    bench.run(2 * 3600);
    assert_eq!(bench.times(YIELD).len(), 1);
    assert!(bench.times(0xeddb).len() > 60);
    // Another device may have it.
    bench.lacks.clear();
    bench.poller.meet_again();
    bench.run(60);
    assert_eq!(bench.times(YIELD).len(), 2);
}

#[test]
fn what_is_refused_once_is_asked_for_again() {
    let mut bench = Bench::new(Family::Mppt);
    bench.run(120);
    let before = bench.times(0x0200).len();
    bench.hears = false;
    let say = |bench: &mut Bench,
               request: Request,
               answer: fn(Value<'static>) -> Answer<'static>,
               flags| {
        bench.poller.ask(request.clone());
        while bench.open.as_ref() != Some(&request) {
            bench.now += STEP;
            bench.step();
        }
        let mut value = Value::new(0x0200, &[]);
        value.flags = flags;
        bench.open = None;
        bench.say(&answer(value).encode());
    };
    for flags in [Flags::NOT_SUPPORTED, Flags::UNKNOWN_ID, Flags::PARAMETER] {
        say(
            &mut bench,
            Request::Set(0x0200, vec![4]),
            Answer::Set,
            flags,
        );
    }
    say(
        &mut bench,
        Request::Get(0x0200),
        Answer::Get,
        Flags::PARAMETER,
    );
    bench.hears = true;
    bench.run(200);
    assert!(
        bench.times(0x0200).len() >= before + 3,
        "{:?}",
        bench.times(0x0200)
    );
    bench.hears = false;
    say(
        &mut bench,
        Request::Get(0x0200),
        Answer::Get,
        Flags::NOT_SUPPORTED,
    );
    bench.hears = true;
    let before = bench.times(0x0200).len();
    bench.run(200);
    assert_eq!(bench.times(0x0200).len(), before);
}

#[test]
fn newer_firmware_never_waits_long_for_a_question() {
    for family in Family::ALL {
        let mut bench = Bench::new(family);
        bench.run(3600);
        let times: Vec<Duration> = bench.sent.iter().map(|(at, _)| *at).collect();
        let longest = times
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .max()
            .unwrap();
        assert!(longest <= seconds(90), "{family:?} {longest:?}");
    }
}

#[test]
fn a_device_without_text_is_asked_for_what_text_would_say() {
    let mut bench = Bench::new(Family::Shunt);
    bench.run(300);
    assert!(bench.times(0xed8d).is_empty());
    let mut bench = Bench::new(Family::Shunt);
    bench.talks = false;
    bench.run(300);
    assert!(bench.poller.is_without_text(bench.now));
    let times = bench.times(0xed8d);
    assert!(times.len() > 30, "{}", times.len());
}

#[test]
fn a_device_whose_text_stops_is_asked_less() {
    let count = |stops_for: Duration| {
        let mut bench = Bench::new(Family::Mppt);
        bench.stops_for = stops_for;
        bench.run(600);
        bench.sent.clear();
        bench.run(3600);
        bench.sent.len()
    };
    let (steady, shy) = (count(Duration::ZERO), count(seconds(5)));
    assert!(shy * 5 < steady, "{shy} {steady}");
}

#[test]
fn a_question_that_was_lost_is_put_again_soon() {
    let mut poller = Poller::new(true, Duration::ZERO);
    poller.asked.insert(0xeddd, Duration::ZERO);
    poller.lose(0xeddd);
    assert!(!poller.asked.contains_key(&0xeddd));
    // A device that never answers it is not asked without end.
    poller.asked.insert(0xeddd, Duration::ZERO);
    poller.lose(0xeddd);
    assert!(poller.asked.contains_key(&0xeddd));
}
