//! The conversation with the device at a VE.Direct port, without I/O: from the bytes of its line to what
//! is reported of it, and back to the bytes that it is asked with.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::config::VictronConfig;
use super::control::{self, Finished, Upkeep};
use super::device::Remembered;
use super::health;
use super::history::{Due, Past};
use super::poller::{Hearing, QuestionOutcome};
use super::reception::{Reception, TORN};
use super::transcript::Transcript;
use super::wire::text::{Decoder, Event};
use crate::clock::Moment;
use crate::device::protocol::{Heard, Input, LISTEN, Outbox, Output, Protocol};
use crate::device::{Probed, Start, line};
use crate::links::{Parity, SerialSettings};
use crate::model::{Command, Days, Health, Refusal, Report, Value};
use crate::store::Memory;

/// How every VE.Direct port is set.
pub const SETTINGS: SerialSettings = SerialSettings::new(19_200, Parity::None);

/// How often time is looked at while a device introduces itself or carries out a command, and how
/// often at least: for what may be some seconds late, such as that a value has become old.
const MEETING: Duration = Duration::from_millis(500);
const SELDOM: Duration = Duration::from_secs(5);
/// Time is looked at no more often than this.
const SHORTEST: Duration = Duration::from_millis(50);
/// How long nothing may come from an open port before it is opened anew: some adapters forget how
/// to talk.
const DEAD: Duration = Duration::from_secs(10 * 60);

/// With the device at one port, or with a file of what one said.
#[derive(Debug)]
pub struct Conversation {
    decoder: Decoder,
    reception: Reception,
    memory: Memory,
    /// What of the device was remembered last.
    remembered: Remembered,
    is_open: bool,
    /// Whether anybody is there who could give commands.
    is_attended: bool,
    /// Messages that were counted already, good and damaged.
    counted: (u64, u64),
    has_complained: bool,
    /// Of a file.
    transcript: Option<Transcript>,
    out: Outbox,
}

impl Conversation {
    /// With the device at a port; `place` stands for one that tells no serial number.
    pub fn new(config: Arc<VictronConfig>, place: String, start: Start) -> Self {
        let Start { memory, zone, .. } = start;
        let known: Option<Remembered> = memory.get(&Remembered::key(&place));
        let known = known.unwrap_or_default();
        Self {
            decoder: Decoder::new(),
            reception: Reception::new(config, place, known.clone(), zone),
            memory,
            remembered: known,
            is_open: false,
            is_attended: false,
            counted: (0, 0),
            has_complained: false,
            transcript: None,
            out: Outbox::default(),
        }
    }

    /// With a file: nobody is asked, and no time passes.
    pub fn of_file(config: VictronConfig) -> Self {
        let config = VictronConfig {
            ask: false,
            ..config
        };
        let start = Start {
            zone: TimeZone::UTC,
            ..Start::afresh()
        };
        let mut file = Self::new(Arc::new(config), "unknown".to_owned(), start);
        file.reception.is_file = true;
        file.transcript = Some(Transcript::default());
        file
    }

    fn opened(&mut self, now: Moment) {
        self.decoder = Decoder::new();
        self.reception.opened(now);
        self.is_open = true;
    }

    fn closed(&mut self) {
        self.reception.cut();
        self.is_open = false;
    }

    /// Takes what the decoder makes of bytes, or of their end.
    fn hear(&mut self, now: Moment, feed: impl FnOnce(&mut Decoder, &mut dyn FnMut(Event<'_>))) {
        let Self {
            decoder,
            reception,
            transcript,
            out,
            ..
        } = self;
        feed(decoder, &mut |event| {
            if let Some(transcript) = transcript {
                out.extend(transcript.take(&event));
            }
            reception.take(&event, now);
            tell(reception.reports(now), transcript, out);
        });
    }

    /// The end of a file.
    fn finish(&mut self, now: Moment) {
        self.hear(now, |decoder, take| decoder.finish(take));
        self.reception.finish(now);
        tell(
            self.reception.reports(now),
            &mut self.transcript,
            &mut self.out,
        );
        if let Some(transcript) = &mut self.transcript {
            self.out.extend(transcript.end());
        }
    }

    /// What is to be done now that something has happened, or nothing has for a while.
    fn go_on(&mut self, now: Moment) {
        if self.decoder.in_progress() && self.is_torn(now) {
            self.hear(now, |decoder, take| decoder.finish(take));
        }
        let reports = self.reception.tick(now);
        self.out.report(reports);
        self.count();
        self.keep_days(now);
        while let Some(bytes) = self.next_request(now) {
            self.out.push(Output::Send(bytes));
        }
        self.complain();
        if self.reception.line_health.quiet(now.steady) >= DEAD {
            self.out.push(Output::Reopen);
        }
    }

    /// Whether nothing has come for so long that nothing that has begun goes on.
    fn is_torn(&self, now: Moment) -> bool {
        self.reception.line_health.quiet(now.steady) >= TORN
    }

    /// What to send now, if anything.
    fn next_request(&mut self, now: Moment) -> Option<Vec<u8>> {
        let is_torn = self.is_torn(now);
        let reception = &mut self.reception;
        let is_sure = reception.is_sure(now.steady);
        reception.poller.hold(!is_sure);
        let (again, outcome) = reception.poller.tick(now.steady);
        if let Some(QuestionOutcome::Unanswered(request)) = outcome {
            reception.counts.failures += 1;
            let finished = reception.controls.unanswered(&request);
            reception.finished.extend(finished);
        }
        if again.is_some() {
            return again;
        }
        let upkeep = reception
            .controls
            .keep_up(now.wall, self.is_attended, is_sure);
        match upkeep {
            Upkeep::Nothing => {}
            Upkeep::Tell(requests) => requests
                .into_iter()
                .for_each(|request| reception.poller.ask(request)),
            Upkeep::Over(why) => {
                tracing::warn!("{}: {why}", reception.port);
                reception.poller.take_back(control::is_of_limit);
            }
        }
        if reception.poller.hearing() == Hearing::No {
            let why = "the device does not answer; look whether the cable can send to it";
            let abandoned = reception.controls.abandon(why);
            reception.finished.extend(abandoned);
            reception.poller.forget_urgent();
        }
        let finished = reception.controls.tick(&reception.device, now.steady);
        reception.finished.extend(finished);
        if is_sure && let Some(request) = reception.controls.next(now.steady) {
            reception.poller.ask(request);
        }
        // A question would cut the block that is under way, where text stops for HEX.
        if self.decoder.in_progress() && !is_torn {
            return None;
        }
        reception.poller.next(reception.device.family(), now.steady)
    }

    /// Begins to carry out a command.
    fn begin(&mut self, id: u64, command: &Command, now: Moment) -> Result<(), String> {
        let Command { device, key, value } = command;
        let reception = &mut self.reception;
        if !self.is_open {
            return Err(Refusal::NotConnected.to_string());
        }
        if reception.device.id().as_ref() != Some(device) {
            return Err("another device is at that port now".to_owned());
        }
        if key == control::LIFT_LIMIT {
            self.end_limit(None, "the limit was lifted meanwhile");
            let result = Ok(Value::Unknown);
            self.reception.finished.push(Finished { id, result });
            return Ok(());
        }
        let (device, controls) = (&reception.device, &mut reception.controls);
        controls.begin(id, key, value, device, now.steady)?;
        if key == control::SET_LIMIT {
            self.end_limit(Some(id), "another limit was set meanwhile");
        }
        Ok(())
    }

    /// Keeps up no limit any more, and ends the commands for one, but for that with the number `but`.
    fn end_limit(&mut self, but: Option<u64>, why: &str) {
        let ended = self.reception.controls.end_limit(but, why);
        self.reception.finished.extend(ended);
        self.reception.poller.take_back(control::is_of_limit);
    }

    /// Counts what has come since.
    fn count(&mut self) {
        let counts = self.reception.counts;
        let now = (counts.blocks + counts.answers, counts.damaged);
        for _ in self.counted.0..now.0 {
            self.out.push(Output::Heard(Heard::Good));
        }
        for _ in self.counted.1..now.1 {
            self.out.push(Output::Heard(Heard::Bad));
        }
        self.counted = now;
    }

    /// Brings back which days of the device are known, and tells those that are news.
    fn keep_days(&mut self, now: Moment) {
        let reception = &mut self.reception;
        let Some(key) = reception.device.identity().map(Past::key) else {
            return;
        };
        if !reception.past.is_of(&key) {
            let kept = self.memory.get(&key);
            reception.past.recall(key, kept);
            let today = reception.today(now.wall);
            reception.poller.begin_day(reception.past.known(today));
        }
        let id = reception.device.id();
        if let Some(id) = id
            && let Some(Due { news, key, known }) = reception.past.due(now.steady)
        {
            self.memory.put(key, known);
            let mut days = Days::new(id);
            days.days = news;
            self.out.report([Report::Days(days)]);
        }
    }

    fn remember(&mut self) {
        let known = self.reception.device.remembered();
        if *known != self.remembered {
            self.memory
                .put(&Remembered::key(&self.reception.port), known);
            self.remembered = known.clone();
        }
    }

    fn complain(&mut self) {
        let complains = self.reception.poller.is_complaining();
        if complains && !std::mem::replace(&mut self.has_complained, true) {
            tracing::warn!(
                "{}: the device says that it gets damaged questions, so it is asked nothing for a while; its text is \
                 read as before. Check that the cable sends at all, and that nothing else is connected to its line.",
                self.reception.port
            );
        }
    }

    /// When to look at the time next, if nothing comes before.
    fn due(&self, now: Duration) -> Duration {
        let reception = &self.reception;
        let torn = reception.line_health.last_byte() + TORN;
        let met = now + MEETING;
        let moments = [
            reception.cycles.due(),
            self.decoder.in_progress().then_some(torn),
            reception.device.due(),
            (!reception.device.is_described()).then_some(met),
            reception.controls.is_busy().then_some(met),
            reception.poller.due(now),
            Some(reception.silent_at(now)),
        ];
        // What is long overdue waits for something else than time.
        let is_ahead = |moment: &Duration| *moment + MEETING > now;
        let soonest = moments.into_iter().flatten().filter(is_ahead).min();
        let soonest = soonest.unwrap_or(Duration::MAX);
        soonest.clamp(now + SHORTEST, now + SELDOM)
    }

    /// The device, for who looks what is at a port.
    fn found(&self) -> Probed {
        let device = &self.reception.device;
        let asked = if self.reception.counts.answers > 0 {
            "text and HEX"
        } else {
            "text only"
        };
        let serial = device.serial().map_or_else(
            || "no serial number".to_owned(),
            |serial| format!("serial number {serial}"),
        );
        let model = device
            .model()
            .unwrap_or_else(|| "Victron device".to_owned());
        Probed {
            words: format!("{model}, {serial} ({asked})"),
            devices: device.id().into_iter().collect(),
        }
    }
}

impl Protocol for Conversation {
    fn settings(&self) -> SerialSettings {
        SETTINGS
    }

    fn handle(&mut self, input: Input<'_>, now: Moment) {
        match input {
            Input::Opened => self.opened(now),
            Input::Bytes(bytes) => {
                self.reception.bytes(now.steady);
                self.hear(now, |decoder, take| decoder.push(bytes, take));
            }
            Input::Command { id, command } => {
                if let Err(why) = self.begin(id, command, now) {
                    let result = Err(why);
                    self.reception.finished.push(Finished { id, result });
                }
            }
            Input::Withdrawn(id) => self.reception.controls.withdraw(id),
            Input::Attended(is_attended) => self.is_attended = is_attended,
            Input::Closed => self.closed(),
            Input::Unreachable(error) => {
                self.out
                    .report(self.reception.closed(line::unreachable(error)));
            }
            // Who is at which port is known a room above.
            Input::Time | Input::Forgotten(_) => {}
            Input::End => self.finish(now),
        }
        if self.is_open {
            self.go_on(now);
        }
        for Finished { id, result } in std::mem::take(&mut self.reception.finished) {
            self.out.push(Output::Answer(id, result));
        }
        self.remember();
        self.out.wake = if self.is_open {
            self.due(now.steady)
        } else {
            Duration::MAX
        };
    }

    fn poll(&mut self) -> Output {
        self.out.poll()
    }

    fn annotate(&mut self) {
        if let Some(transcript) = &mut self.transcript {
            transcript.annotate();
        }
    }

    fn verdict(&self, _: &[Report], listened: Duration) -> Option<Result<Probed, Health>> {
        if self.reception.device.is_described() {
            return Some(Ok(self.found()));
        }
        if listened < LISTEN {
            return None;
        }
        if self.reception.device.has_values() {
            // It takes its time to say who it is.
            return Some(Ok(self.found()));
        }
        Some(Err(if self.reception.line_health.has_bytes() {
            health::garbled()
        } else {
            health::nothing_came(LISTEN)
        }))
    }
}

/// Reports; in a file a message ends with each round of values.
fn tell(reports: Vec<Report>, transcript: &mut Option<Transcript>, out: &mut Outbox) {
    for report in reports {
        let is_round = matches!(report, Report::Readings(_));
        out.push(Output::Report(report));
        if is_round && let Some(transcript) = transcript {
            out.push(transcript.message());
        }
    }
}

#[cfg(test)]
mod tests;
