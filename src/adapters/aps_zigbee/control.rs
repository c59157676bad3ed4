//! What an inverter is told, where the user allowed it: how much it may give, on and off.
//!
//! A limit lies in the inverter and may outlive this program, so what it was before is read and kept first, and what it
//! is afterwards is read back: only what was read back is told as done. An inverter takes a number in a scale that is
//! not its own without a word, and may give four times what was meant. So another scale is tried only where the first
//! was taken again and again to no effect, and what was before is written again if that one is not right either.

use std::time::Duration;

use super::models::InverterModel;
use super::radio::Outgoing;
use super::wire::ids::{EcuId, InverterSerial, ShortAddress};
use super::wire::payload::{
    AnswerContent, InverterCommand, LimitCode, LimitScale, REQUEST_CLUSTER, SettingsPage,
};
use crate::clock::Moment;
use crate::model::{Control, ControlKind, Decimal, Quantity, Value};

/// Keys of controls.
pub mod key {
    /// Watts per input.
    pub const LIMIT: &str = "power_limit";
    /// Back to what it was before the first was set here.
    pub const RESTORE: &str = "restore_limit";
    /// Deliver.
    pub const ON: &str = "switch_on";
    /// Do not.
    pub const OFF: &str = "switch_off";
    /// Pair this inverter.
    pub const PAIR: &str = "pair";
    /// Pair all that are missing, by and by.
    pub const CAMPAIGN: &str = "pairing";
    /// Watts of all together.
    pub const FLEET_LIMIT: &str = "fleet_limit";
}

/// The least watts per input, as the maker's own program has it.
const LEAST: i64 = 20;
/// And the most: whoever has more has no limit.
pub const MOST: i64 = 600;
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(4);
/// Between a limit and the question what it is now.
const TAKE_EFFECT: Duration = Duration::from_secs(1);
/// Between tries.
const PAUSE: Duration = Duration::from_secs(8);
/// How often it is tried. Some inverters do not take the first.
const TRIES: usize = 3;

/// What is wanted of an inverter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Watts per input.
    Limit(u16),
    /// The limit that it had before.
    Restore(LimitCode),
    /// To deliver, or not.
    On(bool),
    /// Its limit is only read.
    ReadLimit,
    /// To say what it is. Asked once and no more: some are said not to bear it.
    ReadInfo,
}

impl Wanted {
    /// Whether it changes anything in an inverter.
    pub const fn is_write(self) -> bool {
        matches!(self, Self::Limit(_) | Self::Restore(_) | Self::On(_))
    }
}

/// What can be set on an inverter of this kind.
pub fn controls(model: Option<InverterModel>, has_original: bool) -> Vec<Control> {
    let mut controls = vec![Control::of_setup(key::PAIR, "Pair", ControlKind::Button)];
    let has_limit = model.is_some_and(|model| !model.limits.is_empty());
    if has_limit {
        controls.push(Control::new(
            key::LIMIT,
            "Power limit per input",
            limit_kind(MOST),
        ));
    }
    if has_limit && has_original {
        controls.push(Control::new(
            key::RESTORE,
            "Restore power limit",
            ControlKind::Button,
        ));
    }
    controls.push(Control::new(key::ON, "Switch on", ControlKind::Button));
    controls.push(Control::new(key::OFF, "Switch off", ControlKind::Button));
    controls
}

/// What can be set on the stick.
pub fn of_stick(nameplates: u32) -> Vec<Control> {
    vec![
        Control::of_setup(key::CAMPAIGN, "Pair missing inverters", ControlKind::Switch),
        Control::new(
            key::FLEET_LIMIT,
            "Power limit of all",
            limit_kind(i64::from(nameplates).max(MOST)),
        ),
    ]
}

fn limit_kind(most: i64) -> ControlKind {
    ControlKind::Number {
        quantity: Quantity::Power,
        min: Decimal::integer(LEAST),
        max: Decimal::integer(most),
        step: Decimal::integer(1),
    }
}

/// The limit per input of an inverter that gets its share of what all may give together.
pub fn share(all: u32, nameplate: u32, nameplates: u32, inputs: usize) -> u16 {
    let inputs = u64::try_from(inputs.max(1)).unwrap_or(1);
    let share = u64::from(all) * u64::from(nameplate) / u64::from(nameplates.max(1)) / inputs;
    let share = i64::try_from(share).unwrap_or(MOST).clamp(LEAST, MOST);
    u16::try_from(share).unwrap_or_default()
}

/// What is to be done to get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TellingStep {
    /// This is to be sent.
    Send(Outgoing),
    /// Nothing until something comes or it is this moment.
    Wait(Duration),
    /// It is done, or not.
    Done(Result<Value, String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TellingStage {
    /// What the limit is, before anything is written.
    Before,
    /// It is written now.
    Write,
    /// What the limit is now.
    After,
    /// What was before is written again.
    Undo,
    /// Whether it is.
    Undone,
}

/// Telling one inverter something, until it has done it.
#[derive(Debug)]
pub struct Telling {
    serial: InverterSerial,
    address: ShortAddress,
    gateway: EcuId,
    wanted: Wanted,
    scales: &'static [LimitScale],
    stage: TellingStage,
    /// Whether what belongs to the stage was sent.
    is_sent: bool,
    until: Duration,
    tries: usize,
    /// Which of the scales it is written in.
    scale: usize,
    /// How often it was read back and was not what was written in this scale.
    mismatches: usize,
    /// The limit that was read last.
    read: Option<LimitCode>,
    /// The limit before anything was written.
    before: Option<LimitCode>,
    result: Option<Result<Value, String>>,
}

impl Telling {
    /// Tells this inverter at this address.
    pub fn new(
        serial: InverterSerial,
        address: ShortAddress,
        gateway: EcuId,
        model: Option<InverterModel>,
        wanted: Wanted,
    ) -> Self {
        Self {
            serial,
            address,
            gateway,
            wanted,
            scales: model.map_or(&[], |model| model.limits),
            stage: match wanted {
                Wanted::On(_) => TellingStage::Write,
                _ => TellingStage::Before,
            },
            is_sent: false,
            until: Duration::ZERO,
            tries: 0,
            scale: 0,
            mismatches: 0,
            read: None,
            before: None,
            result: None,
        }
    }

    /// Who is told.
    pub const fn serial(&self) -> InverterSerial {
        self.serial
    }

    /// Until when nothing has to be done, unless something happens.
    pub const fn due(&self) -> Duration {
        self.until
    }

    /// What.
    pub const fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// The limit that it had before anything was written, once that is known.
    pub const fn before(&self) -> Option<LimitCode> {
        self.before
    }

    /// The limit that was read last.
    pub const fn read(&self) -> Option<LimitCode> {
        self.read
    }

    /// Takes an answer of it.
    pub fn answer(&mut self, content: &AnswerContent, now: Moment) {
        if !self.is_sent {
            return;
        }
        match (content, self.stage) {
            (AnswerContent::Info(_), TellingStage::Before) if self.wanted == Wanted::ReadInfo => {
                self.result = Some(Ok(Value::Unknown));
            }
            (
                AnswerContent::Settings(page),
                TellingStage::Before | TellingStage::After | TellingStage::Undone,
            ) => {
                if let Some(limit) = page.limit() {
                    self.read = Some(limit);
                    self.reads(limit, now);
                }
            }
            (AnswerContent::Accepted(_), TellingStage::Write) => {
                if matches!(self.wanted, Wanted::On(_)) {
                    self.result = Some(Ok(Value::Unknown));
                } else {
                    self.enter(TellingStage::After, TAKE_EFFECT, now);
                }
            }
            (AnswerContent::Accepted(_), TellingStage::Undo) => {
                self.enter(TellingStage::Undone, TAKE_EFFECT, now);
            }
            (AnswerContent::Refused(_), TellingStage::Write | TellingStage::Undo) => {
                self.again(now, "the inverter refuses it".to_owned());
            }
            _ => {}
        }
    }

    /// Its limit is this.
    fn reads(&mut self, limit: LimitCode, now: Moment) {
        let is_kept = |wanted: Option<LimitCode>| wanted.is_some_and(|it| it.is_read_as(limit));
        match self.stage {
            TellingStage::Before => {
                self.before = Some(limit);
                self.tries = 0;
                self.enter(TellingStage::Write, Duration::ZERO, now);
                if self.wanted == Wanted::ReadLimit {
                    self.result = Some(Ok(limit.watts().into()));
                }
            }
            TellingStage::Undone if is_kept(self.before) => {
                self.result = Some(Err(format!(
                    "it does not take that limit; it has {} W as before",
                    limit.watts().rounded(0)
                )));
            }
            _ if self.stage == TellingStage::After && is_kept(self.code()) => {
                self.result = Some(Ok(limit.watts().into()));
            }
            _ => {
                self.mismatches += 1;
                let watts = limit.watts().rounded(0);
                self.again(now, format!("it says that its limit is {watts} W"));
            }
        }
    }

    /// The radio could not bring it there. An answer that came nevertheless counts more.
    pub fn failed(&mut self, why: &str, now: Moment) {
        if self.is_sent {
            self.again(now, why.to_owned());
        }
    }

    /// What the limit was cannot be kept, so nothing is written.
    pub fn give_up(&mut self) {
        let words = "what its limit was cannot be saved, so nothing was written; look at the disk with the store";
        self.result = Some(Err(words.to_owned()));
    }

    /// What is to be done; to be asked until it says to wait.
    pub fn step(&mut self, now: Moment) -> TellingStep {
        if let Some(result) = self.result.take() {
            return TellingStep::Done(result);
        }
        if now.steady < self.until {
            return TellingStep::Wait(self.until);
        }
        if self.is_sent {
            // A limit may have been taken though nobody said so.
            if self.stage == TellingStage::Write && !matches!(self.wanted, Wanted::On(_)) {
                self.enter(TellingStage::After, Duration::ZERO, now);
            } else if self.stage == TellingStage::Undo {
                self.enter(TellingStage::Undone, Duration::ZERO, now);
            } else {
                self.again(now, "it does not answer".to_owned());
                return match self.result.take() {
                    Some(result) => TellingStep::Done(result),
                    None => TellingStep::Wait(self.until),
                };
            }
        }
        let command = match self.stage {
            TellingStage::Before if self.wanted == Wanted::ReadInfo => InverterCommand::Info,
            TellingStage::Before | TellingStage::After | TellingStage::Undone => {
                InverterCommand::Settings(SettingsPage::B)
            }
            TellingStage::Write | TellingStage::Undo => match (self.wanted, self.code()) {
                (Wanted::On(true), _) => InverterCommand::SwitchOn,
                (Wanted::On(false), _) => InverterCommand::SwitchOff,
                (_, Some(code)) => InverterCommand::Limit(code),
                (_, None) => {
                    let words = "it is not known how a limit is set on such an inverter".to_owned();
                    return TellingStep::Done(Err(words));
                }
            },
        };
        self.is_sent = true;
        self.until = now.steady.saturating_add(ANSWER);
        TellingStep::Send(Outgoing::To {
            address: self.address,
            cluster: REQUEST_CLUSTER,
            data: command.data(self.gateway),
        })
    }

    /// The number that is written, in the scale of this try.
    fn code(&self) -> Option<LimitCode> {
        if self.stage == TellingStage::Undo {
            return self.before;
        }
        let in_scale = |watts: u16| self.scales.get(self.scale)?.of_watts(watts);
        match self.wanted {
            Wanted::Restore(code) if self.scale == 0 => Some(code),
            Wanted::Restore(code) => {
                let watts = code.watts().rounded(0).mantissa();
                in_scale(u16::try_from(watts).ok()?)
            }
            Wanted::Limit(watts) => in_scale(watts),
            Wanted::On(_) | Wanted::ReadLimit | Wanted::ReadInfo => None,
        }
    }

    fn enter(&mut self, stage: TellingStage, pause: Duration, now: Moment) {
        self.stage = stage;
        self.is_sent = false;
        self.until = now.steady.saturating_add(pause);
    }

    /// Tries once more, or something else, or gives up.
    fn again(&mut self, now: Moment, why: String) {
        self.tries += 1;
        let stage = match self.stage {
            TellingStage::Before => TellingStage::Before,
            TellingStage::Write | TellingStage::After => TellingStage::Write,
            TellingStage::Undo | TellingStage::Undone => TellingStage::Undo,
        };
        if self.tries < TRIES && self.wanted != Wanted::ReadInfo {
            return self.enter(stage, PAUSE, now);
        }
        // Only that it was read back again and again shows that it does not understand it.
        let is_misunderstood = stage == TellingStage::Write && self.mismatches >= TRIES;
        let has_other = self.scale + 1 < self.scales.len();
        (self.tries, self.mismatches) = (0, 0);
        if is_misunderstood && has_other {
            self.scale += 1;
            self.enter(TellingStage::Write, PAUSE, now);
        } else if stage == TellingStage::Write && self.scale > 0 {
            // Even if nobody knows whether it took that.
            self.enter(TellingStage::Undo, PAUSE, now);
        } else if stage == TellingStage::Undo {
            self.result = Some(Err(format!("{why}; it may have another limit than before")));
        } else {
            self.result = Some(Err(why));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::aps_zigbee::wire::payload::SettingsAnswer;
    use jiff::Timestamp;

    /// An inverter of two inputs that has told this code, and what it makes of each limit.
    fn told(
        code: Option<u8>,
        wanted: Wanted,
        mut takes: impl FnMut(&mut LimitCode, LimitCode),
    ) -> (Vec<LimitCode>, LimitCode, Result<Value, String>) {
        let serial: InverterSerial = "408000990001".parse().unwrap();
        let gateway: EcuId = "D8A3011B9780".parse().unwrap();
        let model = InverterModel::of(serial, code);
        let mut telling = Telling::new(serial, ShortAddress(1), gateway, model, wanted);
        let mut now = Moment {
            steady: Duration::from_secs(100),
            wall: Timestamp::UNIX_EPOCH,
        };
        let mut limit = LimitScale::Qs1.of_watts(500).unwrap();
        let mut written = Vec::new();
        let mut questions = 0;
        for _ in 0..200 {
            match telling.step(now) {
                TellingStep::Send(Outgoing::To { data, .. }) => {
                    let command = InverterCommand::read(&data).unwrap().1;
                    if let InverterCommand::Limit(code) = command {
                        written.push(code);
                        takes(&mut limit, code);
                        continue;
                    }
                    questions += 1;
                    // The first question gets lost.
                    if questions > 1 {
                        let page = SettingsAnswer::with_limit(limit);
                        telling.answer(&AnswerContent::Settings(page), now);
                    }
                }
                TellingStep::Wait(until) => now.steady = until,
                TellingStep::Done(result) => return (written, limit, result),
                TellingStep::Send(_) => {}
            }
        }
        panic!("it goes round in circles")
    }

    fn scales(written: &[LimitCode]) -> Vec<LimitScale> {
        written.iter().map(|code| code.scale).collect()
    }

    #[test]
    fn a_limit_that_is_ignored_once_is_written_again_as_it_was() {
        let mut ignored = 0;
        let (written, limit, result) = told(Some(0x17), Wanted::Limit(250), |limit, code| {
            ignored += 1;
            if ignored > 1 {
                *limit = code;
            }
        });
        assert_eq!(scales(&written), [LimitScale::Qs1; 2]);
        assert_eq!(limit.watts().rounded(0), Decimal::integer(250));
        assert!(result.is_ok(), "{result:?}");
    }

    #[test]
    fn another_scale_is_tried_only_of_a_model_that_said_what_it_is() {
        let (written, _, result) = told(None, Wanted::Limit(250), |_, _| {});
        assert_eq!(scales(&written), [LimitScale::Qs1; TRIES]);
        assert!(result.unwrap_err().contains("500 W"));
    }

    #[test]
    fn what_took_only_the_other_scale_is_done_and_can_be_restored() {
        // A step of one byte is 8.86 W, which are 256 of the page's. Which scale it was, one byte does not tell.
        let takes = |limit: &mut LimitCode, code: LimitCode| {
            if code.scale == LimitScale::Yc600 {
                limit.raw = code.raw * 256;
            }
        };
        let (written, limit, result) = told(Some(0x17), Wanted::Limit(250), takes);
        assert_eq!(written.len(), TRIES + 1);
        assert!(limit.watts() <= Decimal::integer(250));
        assert!(limit.watts() >= Decimal::integer(240), "{}", limit.watts());
        assert!(result.is_ok(), "{result:?}");
        let before = LimitScale::Qs1.of_watts(420).unwrap();
        let (_, limit, result) = told(Some(0x17), Wanted::Restore(before), takes);
        assert!(limit.watts() >= Decimal::integer(410), "{}", limit.watts());
        assert!(result.is_ok(), "{result:?}");
    }

    #[test]
    fn an_inverter_that_misunderstands_has_what_it_had_in_the_end() {
        // It takes the byte for four times as much.
        let mut writes = 0;
        let (written, limit, result) = told(Some(0x17), Wanted::Limit(250), |limit, code| {
            writes += 1;
            if code.scale == LimitScale::Yc600 {
                limit.raw = code.raw * 1024;
            } else if writes > 2 * TRIES {
                *limit = code;
            }
        });
        assert_eq!(
            written.last(),
            Some(&LimitScale::Qs1.of_watts(500).unwrap())
        );
        assert_eq!(limit.watts().rounded(0), Decimal::integer(500));
        assert!(result.unwrap_err().contains("500 W as before"));
    }

    #[test]
    fn another_scale_whose_reading_back_gets_lost_is_undone_as_well() {
        let serial: InverterSerial = "408000990001".parse().unwrap();
        let gateway: EcuId = "D8A3011B9780".parse().unwrap();
        let model = InverterModel::of(serial, Some(0x17));
        let mut telling = Telling::new(serial, ShortAddress(1), gateway, model, Wanted::Limit(250));
        let mut now = Moment {
            steady: Duration::from_secs(100),
            wall: Timestamp::UNIX_EPOCH,
        };
        let before = LimitScale::Qs1.of_watts(500).unwrap();
        let mut written = Vec::new();
        let result = loop {
            match telling.step(now) {
                TellingStep::Send(Outgoing::To { data, .. }) => {
                    match InverterCommand::read(&data).unwrap().1 {
                        InverterCommand::Limit(code) => written.push(code),
                        // Nothing comes back once it has been told in the other scale.
                        _ if written.iter().any(|it| it.scale != LimitScale::Qs1) => {}
                        _ => {
                            let page = SettingsAnswer::with_limit(before);
                            telling.answer(&AnswerContent::Settings(page), now);
                        }
                    }
                }
                TellingStep::Wait(until) => now.steady = until,
                TellingStep::Done(result) => break result,
                TellingStep::Send(_) => {}
            }
        };
        assert_eq!(written.last(), Some(&before));
        assert!(result.unwrap_err().contains("another limit than before"));
    }

    #[test]
    fn what_it_is_is_asked_once() {
        let (_, _, result) = told(None, Wanted::ReadInfo, |_, _| {});
        assert!(result.is_err());
    }
}
