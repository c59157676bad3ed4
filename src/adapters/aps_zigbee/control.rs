//! What an inverter is told, where the user allowed it: how much it may give, on and off.
//!
//! A limit lies in the inverter and may outlive this program, so what it was before is read and kept first, and what it
//! is afterwards is read back: only what was read back is told as done.

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
/// And the most.
const MOST: i64 = 600;
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
        match (content, self.stage) {
            (AnswerContent::Settings(page), TellingStage::Before | TellingStage::After)
                if self.is_sent =>
            {
                let Some(limit) = page.limit() else {
                    return;
                };
                self.read = Some(limit);
                if self.stage == TellingStage::Before {
                    self.before = Some(limit);
                    self.enter(TellingStage::Write, Duration::ZERO, now);
                    if self.wanted == Wanted::ReadLimit {
                        self.result = Some(Ok(limit.watts().into()));
                    }
                } else if self.code().is_some_and(|code| code.raw == limit.raw) {
                    self.result = Some(Ok(limit.watts().into()));
                } else {
                    // Only that shows that it does not understand it.
                    self.scale += 1;
                    self.again(
                        now,
                        format!("it says that its limit is {} W", limit.watts().rounded(0)),
                    );
                }
            }
            (AnswerContent::Accepted(_), TellingStage::Write) if self.is_sent => {
                if matches!(self.wanted, Wanted::On(_)) {
                    self.result = Some(Ok(Value::Unknown));
                } else {
                    self.enter(TellingStage::After, TAKE_EFFECT, now);
                }
            }
            (AnswerContent::Refused(_), TellingStage::Write) if self.is_sent => {
                self.again(now, "the inverter refuses it".to_owned());
            }
            _ => {}
        }
    }

    /// The radio could not bring it there. An answer that came nevertheless counts more.
    pub fn failed(&mut self, why: &str, now: Moment) {
        if self.is_sent {
            self.again(now, why.to_owned());
        }
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
            } else {
                self.again(now, "it does not answer".to_owned());
                return match self.result.take() {
                    Some(result) => TellingStep::Done(result),
                    None => TellingStep::Wait(self.until),
                };
            }
        }
        let command = match self.stage {
            TellingStage::Before | TellingStage::After => {
                InverterCommand::Settings(SettingsPage::B)
            }
            TellingStage::Write => match (self.wanted, self.code()) {
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
        match self.wanted {
            Wanted::Restore(code) => Some(code),
            Wanted::Limit(watts) => {
                let last = self.scales.len().saturating_sub(1);
                let scale = self.scales.get(self.scale.min(last))?;
                scale.of_watts(watts)
            }
            Wanted::On(_) | Wanted::ReadLimit => None,
        }
    }

    fn enter(&mut self, stage: TellingStage, pause: Duration, now: Moment) {
        self.stage = stage;
        self.is_sent = false;
        self.until = now.steady.saturating_add(pause);
    }

    fn again(&mut self, now: Moment, why: String) {
        self.tries += 1;
        if self.tries >= TRIES {
            self.result = Some(Err(why));
            return;
        }
        let stage = match self.stage {
            TellingStage::Before => TellingStage::Before,
            TellingStage::Write | TellingStage::After => TellingStage::Write,
        };
        self.enter(stage, PAUSE, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::aps_zigbee::wire::payload::SettingsAnswer;
    use jiff::Timestamp;

    #[test]
    fn a_question_that_is_lost_does_not_change_the_scale() {
        let serial: InverterSerial = "408000990001".parse().unwrap();
        let gateway: EcuId = "D8A3011B9780".parse().unwrap();
        let model = InverterModel::of(serial, Some(0x07));
        let mut telling = Telling::new(serial, ShortAddress(1), gateway, model, Wanted::Limit(250));
        let mut now = Moment {
            steady: Duration::from_secs(100),
            wall: Timestamp::UNIX_EPOCH,
        };
        let mut sent = Vec::new();
        let original = LimitScale::Qs1.of_watts(500).unwrap();
        for _ in 0..40 {
            match telling.step(now) {
                TellingStep::Send(Outgoing::To { data, .. }) => {
                    sent.push(InverterCommand::read(&data).unwrap().1);
                    // The first question gets lost.
                    if sent.len() > 1 {
                        let page = SettingsAnswer::with_limit(original);
                        telling.answer(&AnswerContent::Settings(page), now);
                    }
                }
                TellingStep::Wait(until) => now.steady = until,
                TellingStep::Send(_) | TellingStep::Done(_) => break,
            }
        }
        let limits = sent.iter().filter_map(|it| match it {
            InverterCommand::Limit(code) => Some(code.scale),
            _ => None,
        });
        let limits: Vec<LimitScale> = limits.collect();
        // Both scales of one byte are said alike.
        assert_eq!(limits, [LimitScale::Qs1, LimitScale::Yc600]);
    }
}
