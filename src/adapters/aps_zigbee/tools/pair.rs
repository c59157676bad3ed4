//! `wattbridge aps-zigbee pair`: brings one inverter into the network of a stick, and says each step.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use clap::{Args, FromArgMatches};
use tokio_util::sync::CancellationToken;

use super::super::config::ZigbeeConfig;
use super::super::health::{self, PairingFailure};
use super::super::pairing::{Pairing, PairingStep};
use super::super::radio::{
    Outgoing, Radio, RadioInput, RadioNotice, RadioOutput, RadioState, RadioTrouble, StartStep,
    radio,
};
use super::super::wire::ids::{EcuId, InverterSerial, ShortAddress};
use super::super::wire::payload::{PairingHeard, pairing_heard};
use super::pairing_trace::PairingTrace;
use super::reset_pulse::ResetPulse;
use super::stick_args::{StickArgs, port_trouble};
use crate::clock::Moment;
use crate::device::line::converse;
use crate::device::protocol::{Input, Outbox, Output, Protocol};
use crate::device::{BoxFuture, Tool, ToolError};
use crate::links::{Links, Parity, SerialSettings};
use crate::terminal::{remark, say};

/// See the [module](self).
pub struct PairTool;

/// When is said first that nothing has come: most know then what they have forgotten.
const FIRST_REMINDER: Duration = Duration::from_secs(4);
/// How often it is said then.
const REMIND: Duration = Duration::from_secs(15);

const EXAMPLES: &str = "\
Examples:
  wattbridge aps-zigbee pair 408000123456 --port /dev/ttyUSB0
  wattbridge aps-zigbee pair 408000123456 --config wattbridge.toml
  wattbridge aps-zigbee pair SERIAL --port /dev/ttyUSB0 --ecu-id D8A3011B9780

Only one program can use the stick: stop wattbridge if it runs there, or press Pair in Home Assistant \
instead. It takes up to two minutes.

The inverter needs sun, and has to be near: as long as it is not paired, it cannot be reached through \
others. All inverters of a stick need the same --ecu-id.

Exit code 0 means that it is paired and has answered from its new address. The lines for the section \
of the configuration are then on standard output. Whatever ends it before, Ctrl-C too, is exit code 1, \
and it says what is so then.";

#[derive(Debug, Args)]
struct PairArgs {
    /// The serial number on the inverter's label, 12 digits
    #[arg(value_name = "SERIAL")]
    serial: InverterSerial,
    #[command(flatten)]
    stick: StickArgs,
}

impl Tool for PairTool {
    fn command(&self) -> clap::Command {
        // What stands above its arguments in the code would else be said of it.
        PairArgs::augment_args(clap::Command::new("pair"))
            .about("Brings an inverter into the network of a stick, and says its address")
            .after_help(EXAMPLES)
    }

    fn run(
        &self,
        matches: &clap::ArgMatches,
        stop: CancellationToken,
    ) -> BoxFuture<Result<(), ToolError>> {
        let args = PairArgs::from_arg_matches(matches);
        Box::pin(async move { pair(&args?, &stop).await })
    }
}

async fn pair(args: &PairArgs, stop: &CancellationToken) -> Result<(), ToolError> {
    let serial = args.serial;
    let (config, port) = args.stick.settings(Some(serial))?;
    if config.listen_only {
        return Err(
            "the section says listen_only = true, so nothing is ever sent; an inverter beside an ECU is paired by the ECU"
                .into(),
        );
    }
    let (network, made) = network(&config, serial);
    if let Some(made) = made {
        remark(&made);
    }
    remark(&format!(
        "Pairing {serial} into the network {network} by the stick at {}. This may take two minutes.",
        port.place()
    ));
    let links = Links::new();
    let mut line = PairingLine::new(serial, network, Box::new(remark));
    line.reset = ResetPulse::by(config.reset_line.clone(), &links);
    let conversed = converse(&mut line, &port, &links, |line, _, _| {
        let result = line.result.clone().map(Some);
        result.or_else(|| stop.is_cancelled().then_some(None))
    });
    let ended = conversed.await;
    let lines = |address| lines(&config, network, serial, address);
    let trace = line.trace.words(lines);
    match ended {
        Err(error) if line.trace.may_have_moved() => {
            Err(format!("{} {trace}", port_trouble(&error)).into())
        }
        Err(error) => Err(port_trouble(&error)),
        Ok(None) => Err(format!("stopped before {serial} was paired. {trace}").into()),
        Ok(Some(Ok(address))) => {
            remark(&format!(
                "{serial} is paired and answers: its address is {address}. These lines belong into its section:"
            ));
            say(&lines(address));
            Ok(())
        }
        Ok(Some(Err(failure))) => {
            let words = line.why_not(&failure, config.addresses.get(&serial));
            // Of the others it is known that nobody answers in the new network.
            let is_open = matches!(
                failure,
                PairingFailure::NoStick
                    | PairingFailure::NotSent(_)
                    | PairingFailure::Unverified(_)
            );
            Err(if is_open && line.trace.may_have_moved() {
                format!("{words} {trace}").into()
            } else {
                words.into()
            })
        }
    }
}

/// The id of the network, or one that is made the way the section would make it, and what there is to say of that.
fn network(config: &ZigbeeConfig, serial: InverterSerial) -> (EcuId, Option<String>) {
    if let Some(id) = config.ecu_id {
        return (id, None);
    }
    if !config.inverters.is_empty() {
        let made = config.network();
        let words = format!(
            "The section has no ecu_id, so {made} is made of its first serial number. If Home Assistant shows another \
             Network id for the stick, because that serial number was not always the first, stop this and write it by \
             --ecu-id."
        );
        return (made, Some(words));
    }
    let made = EcuId::made_of(Some(serial));
    let words = format!(
        "No id of a network is given, so {made} is made of the serial number. For the other inverters of this stick write \
         --ecu-id {made}, so that all are in one network."
    );
    (made, Some(words))
}

/// What belongs into the section.
fn lines(
    config: &ZigbeeConfig,
    network: EcuId,
    serial: InverterSerial,
    address: ShortAddress,
) -> String {
    let mut inverters = config.inverters.clone();
    if !inverters.contains(&serial) {
        inverters.push(serial);
    }
    let mut addresses = config.addresses.clone();
    addresses.insert(serial, address);
    let inverters: Vec<String> = inverters.iter().map(|it| format!("\"{it}\"")).collect();
    let addresses: Vec<String> = addresses
        .iter()
        .map(|(serial, address)| format!("{serial} = \"{address}\""))
        .collect();
    format!(
        "ecu_id = \"{network}\"\ninverters = [{}]\naddresses = {{ {} }}",
        inverters.join(", "),
        addresses.join(", ")
    )
}

/// Who hears what is said.
pub type Ear = Box<dyn Fn(&str) + Send>;

/// A pairing on a line.
pub struct PairingLine {
    serial: InverterSerial,
    network: EcuId,
    radio: Box<dyn Radio>,
    pairing: Pairing,
    out: Outbox,
    ear: Ear,
    told: Option<StartStep>,
    echoes: BTreeSet<ShortAddress>,
    /// Of this round.
    address: Option<ShortAddress>,
    trouble: Option<RadioTrouble>,
    /// What it leaves behind if it ends now.
    pub trace: PairingTrace,
    /// Bytes from the stick so far.
    bytes: u64,
    /// When it was looked for first.
    looked_for: Option<Duration>,
    /// How long nothing had come when that was said last.
    reminded: Duration,
    /// Resets it, where that can be done.
    pub reset: ResetPulse,
    /// How it ended.
    pub result: Option<Result<ShortAddress, PairingFailure>>,
}

impl fmt::Debug for PairingLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairingLine")
            .field("pairing", &self.pairing)
            .finish_non_exhaustive()
    }
}

impl PairingLine {
    /// Of this inverter, into this network.
    pub fn new(serial: InverterSerial, network: EcuId, ear: Ear) -> Self {
        Self {
            serial,
            network,
            radio: radio(network),
            pairing: Pairing::new(serial, network),
            out: Outbox::default(),
            ear,
            told: None,
            echoes: BTreeSet::new(),
            address: None,
            trouble: None,
            trace: PairingTrace::default(),
            bytes: 0,
            looked_for: None,
            reminded: Duration::ZERO,
            reset: ResetPulse::default(),
            result: None,
        }
    }

    fn say(&self, words: &str) {
        (self.ear)(words);
    }

    fn work(&mut self, now: Moment) {
        loop {
            let radio_wake = self.drain(now);
            if self.result.is_some() {
                return;
            }
            match self.pairing.step(now) {
                PairingStep::Restart => self.radio.restart(now),
                PairingStep::Settle => self.radio.settle(now),
                PairingStep::Send(message) => {
                    self.tell_of(&message);
                    self.radio.send(message, now);
                }
                PairingStep::Done(result) => self.result = Some(result),
                PairingStep::Wait(until) => {
                    self.out.wake = until.min(radio_wake).min(self.reset.due());
                    return;
                }
            }
        }
    }

    /// Does what the radio wants; until when it can wait.
    fn drain(&mut self, now: Moment) -> std::time::Duration {
        loop {
            match self.radio.poll() {
                RadioOutput::Send(bytes) => self.out.push(Output::Send(bytes)),
                RadioOutput::Reopen => self.out.push(Output::Reopen),
                RadioOutput::Reset => self.reset.begin(&mut self.out, now),
                RadioOutput::Noticed(notice) => {
                    self.hear(&notice);
                    self.pairing.notice(&notice, now);
                }
                RadioOutput::Wait(until) => return until,
            }
        }
    }

    /// Says that nothing has come yet, from time to time.
    fn remind(&mut self, now: Moment) {
        if self.bytes > 0 || self.result.is_some() {
            return;
        }
        let since = *self.looked_for.get_or_insert(now.steady);
        let waited = now.steady.saturating_sub(since);
        if self.reminded.is_zero() {
            if waited < FIRST_REMINDER {
                return;
            }
            self.say(
                "Not a single byte has come from it so far. A stick that has just got its power may need up to two and a \
                 half minutes; one that has had it for longer does not answer. Then press Ctrl-C, and check port, power and \
                 wires: TX of one goes to RX of the other.",
            );
        } else {
            if waited < self.reminded + REMIND {
                return;
            }
            let seconds = waited.as_secs();
            self.say(&format!("Still not a single byte after {seconds} seconds."));
        }
        self.reminded = waited;
    }

    /// Says what is about to be sent.
    fn tell_of(&mut self, message: &Outgoing) {
        let (serial, round) = (self.serial, self.pairing.round());
        if let Outgoing::Unjoined { transaction, .. } = message {
            self.trace.sent(*transaction);
        }
        match message {
            Outgoing::Unjoined { transaction: 0, .. } => {
                self.address = None;
                self.say(&format!("Round {round} of 3: calling {serial}."));
            }
            Outgoing::Unjoined { transaction: 1, .. } => self.say("Asking for its address."),
            Outgoing::Unjoined { transaction: 2, .. } => {
                self.say("Telling it to move into our network.");
            }
            Outgoing::Unjoined { .. } => self.say("Telling it to stay there."),
            Outgoing::To { address, .. } => {
                self.say(&format!(
                    "Asking at {address}, to be sure that it is there."
                ));
            }
        }
    }

    /// Says what the radio has noticed, as far as it is of interest.
    fn hear(&mut self, notice: &RadioNotice) {
        match notice {
            RadioNotice::State(RadioState::Starting(step)) if self.told != Some(*step) => {
                self.told = Some(*step);
                let words = health::starting(*step).detail;
                self.say(&format!("The stick: {words}."));
            }
            RadioNotice::State(RadioState::Trouble(trouble)) => {
                self.trouble = Some(trouble.clone());
            }
            RadioNotice::Echo { through, .. } if self.echoes.insert(*through) => {
                self.say(&format!("{through} has heard the call and passes it on."));
            }
            RadioNotice::Received(message) => {
                let heard = pairing_heard(
                    self.serial,
                    self.network,
                    message.source,
                    message.cluster,
                    &message.data,
                );
                match heard {
                    PairingHeard::Answered(address) if self.address != Some(address) => {
                        self.address = Some(address);
                        self.trace.told(address);
                        self.say(&format!("It answers: its address is {address}."));
                    }
                    PairingHeard::OtherAnswered(other, address) => self.say(&format!(
                        "Another inverter answers, {other} at {address}; that does not count."
                    )),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Why it is not paired, and what to do.
    pub fn why_not(&self, failure: &PairingFailure, known: Option<&ShortAddress>) -> String {
        let (words, advice) = match (failure, &self.trouble) {
            (PairingFailure::NoStick, Some(trouble)) => {
                let health = health::stick(trouble);
                (health.detail, health.advice)
            }
            _ => (failure.words(), failure.advice()),
        };
        let kept = match known {
            Some(address) => format!(" Its old address, {address}, stays in the section."),
            None => String::new(),
        };
        format!("{} is not paired: {words}. {advice}{kept}", self.serial)
    }
}

impl Protocol for PairingLine {
    fn settings(&self) -> SerialSettings {
        SerialSettings::new(115_200, Parity::None)
    }

    fn handle(&mut self, input: Input<'_>, now: Moment) {
        match input {
            Input::Opened => self.radio.handle(RadioInput::Opened, now),
            Input::Bytes(bytes) => {
                self.bytes = self.bytes.saturating_add(bytes.len() as u64);
                self.radio.handle(RadioInput::Bytes(bytes), now);
            }
            Input::Time => self.radio.handle(RadioInput::Time, now),
            Input::Closed => self.radio.handle(RadioInput::Closed, now),
            _ => {}
        }
        self.reset.go_on(&mut self.out, now);
        self.work(now);
        self.remind(now);
    }

    fn poll(&mut self) -> Output {
        self.out.poll()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_for_the_section_keep_what_is_there() {
        let serial: InverterSerial = "408000990001".parse().unwrap();
        let other: InverterSerial = "703000990002".parse().unwrap();
        let mut config = ZigbeeConfig {
            inverters: vec![other],
            ..ZigbeeConfig::default()
        };
        config.addresses.insert(other, ShortAddress(0x1b2c));
        let network = "D8A3011B9780".parse().unwrap();
        let expected = "\
ecu_id = \"D8A3011B9780\"
inverters = [\"703000990002\", \"408000990001\"]
addresses = { 408000990001 = \"0x7C3A\", 703000990002 = \"0x1B2C\" }";
        assert_eq!(
            lines(&config, network, serial, ShortAddress(0x7c3a)),
            expected
        );
    }

    #[test]
    fn what_is_called_by_its_name_in_home_assistant_can_be_found_there() {
        use super::super::super::metrics;
        let metric = metrics::STICK.iter().find(|it| it.key == "ecu_id");
        let title = metric.unwrap().title();
        let serial = "408000990001".parse().unwrap();
        let config = ZigbeeConfig {
            inverters: vec![serial],
            ..ZigbeeConfig::default()
        };
        let (made, words) = network(&config, serial);
        assert_eq!(made, config.network());
        assert!(words.unwrap().contains(&format!("another {title} for")));
    }

    #[test]
    fn what_is_wrong_with_the_stick_is_said_instead_of_that_it_is() {
        let serial: InverterSerial = "408000990001".parse().unwrap();
        let network = "D8A3011B9780".parse().unwrap();
        let mut line = PairingLine::new(serial, network, Box::new(|_| {}));
        line.trouble = Some(RadioTrouble::NoByte);
        let words = line.why_not(&PairingFailure::NoStick, Some(&ShortAddress(0x7c3a)));
        assert!(words.contains("not a single byte"), "{words}");
        assert!(words.contains("0x7C3A, stays"), "{words}");
        let words = line.why_not(&PairingFailure::Nobody, None);
        assert!(words.contains("nobody answered"), "{words}");
    }
}
