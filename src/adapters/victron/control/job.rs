//! A command under way: what it asks the device step by step, and what the answers make of it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::adapters::victron::device::{VeDevice, number};
use crate::adapters::victron::wire::hex::{Request, Value as Register};
use crate::adapters::victron::wire::words;
use crate::model::Value;

/// Whether the load output is on, as a register.
const LOAD_OUTPUT: u16 = 0xeda8;
/// Why it is off.
const LOAD_OFF_REASON: u16 = 0xed91;
/// How often the load output is looked at, for it may be switched with a delay.
const LOOKS: u32 = 3;
/// The time between two looks, and between two at what only the text says.
const LOOK: Duration = Duration::from_secs(1);
const LOOK_AT_TEXT: Duration = Duration::from_secs(2);

/// A command under way.
#[derive(Debug)]
pub struct Job {
    pub id: u64,
    steps: VecDeque<JobStep>,
    /// Whether the first step has been asked.
    is_asked: bool,
    /// Whether any was.
    pub is_begun: bool,
    not_before: Duration,
    done: Value,
    /// The limit that is kept up from now on, in tenths of an ampere.
    pub limit: Option<u16>,
}

#[derive(Debug)]
struct JobStep {
    request: Request,
    check: Check,
}

/// What an answer has to say.
#[derive(Debug, Clone, Copy)]
enum Check {
    /// That it is done.
    Done,
    /// This number; else the command ends with these words.
    Is(i64, &'static str),
    /// Any of these numbers, in the bits that count.
    Any([i64; 2], i64),
    /// That the load output is as wished.
    Output(LoadOutput),
    /// Why the load output is not as wished.
    Reason(LoadOutput),
}

#[derive(Debug, Clone, Copy)]
struct LoadOutput {
    wish: bool,
    /// How it is controlled by now.
    mode: u8,
    looks: u32,
    /// Whether only the text says how it is.
    is_by_text: bool,
}

impl LoadOutput {
    /// That it is not as wished.
    fn unmoved(self, reason: Option<&str>) -> String {
        let mode = words::LOAD_CONTROL.word(i64::from(self.mode));
        let state = if self.wish { "off" } else { "on" };
        let reason = reason
            .map(|reason| format!(" ({reason})"))
            .unwrap_or_default();
        let advice = if self.wish {
            "; the device switches it on by itself when nothing keeps it off any more"
        } else {
            "; look at the device"
        };
        format!(
            "the device is set to load control \"{}\", but its load output is still {state}{reason}{advice}",
            mode.unwrap_or("unknown")
        )
    }
}

impl Job {
    /// A command that counts as done with this value, and has no steps yet.
    pub fn new(id: u64, done: Value) -> Self {
        Self {
            id,
            steps: VecDeque::new(),
            is_asked: false,
            is_begun: false,
            not_before: Duration::ZERO,
            done,
            limit: None,
        }
    }

    fn step(mut self, request: Request, check: Check) -> Self {
        self.steps.push_back(JobStep { request, check });
        self
    }

    /// Writes these.
    pub fn write(self, writes: impl IntoIterator<Item = Request>) -> Self {
        let write = |job: Self, request| job.step(request, Check::Done);
        writes.into_iter().fold(self, write)
    }

    /// Goes on only if a register is this number, and ends with these words otherwise.
    pub fn only_if(self, register: u16, number: i64, otherwise: &'static str) -> Self {
        self.step(Request::Get(register), Check::Is(number, otherwise))
    }

    /// Reads a register, which has to be one of these numbers in the bits that count.
    pub fn read_back(self, register: u16, numbers: [i64; 2], mask: i64) -> Self {
        self.step(Request::Get(register), Check::Any(numbers, mask))
    }

    /// Looks whether the load output itself is as wished.
    pub fn look_at_output(self, wish: bool, mode: u8) -> Self {
        let output = LoadOutput {
            wish,
            mode,
            looks: 0,
            is_by_text: false,
        };
        self.step(Request::Get(LOAD_OUTPUT), Check::Output(output))
    }

    /// What to ask next, unless that has been asked already or it is too early.
    pub fn next(&mut self, now: Duration) -> Option<Request> {
        let step = self.steps.front()?;
        let is_by_text = matches!(step.check, Check::Output(output) if output.is_by_text);
        if self.is_asked || is_by_text || now < self.not_before {
            return None;
        }
        (self.is_asked, self.is_begun) = (true, true);
        Some(step.request.clone())
    }

    /// Whether this is the question that waits for an answer.
    pub fn awaits(&self, request: &Request) -> bool {
        let is_it = |step: &JobStep| step.request == *request;
        self.is_asked && self.steps.front().is_some_and(is_it)
    }

    /// The answer to the question that waits for one. Says what becomes of the command, once that
    /// is known.
    pub fn answered(
        &mut self,
        value: &Register<'_>,
        device: &VeDevice,
        now: Duration,
    ) -> Option<Result<Value, String>> {
        self.is_asked = false;
        let check = self.steps.front()?.check;
        let found = number(value);
        match check {
            Check::Output(output) if value.flags.is_ok() => {
                let is_on = found.map(|number| number != 0);
                return self.looked(output, is_on, device, now);
            }
            Check::Output(output) => {
                let is_by_text = true;
                let output = LoadOutput {
                    is_by_text,
                    ..output
                };
                self.not_before = now + LOOK_AT_TEXT;
                self.look_again(output);
                return None;
            }
            Check::Reason(output) => {
                let reason = device
                    .value("load_off_reason")
                    .filter(|_| value.flags.is_ok());
                let reason = reason.and_then(|reason| match reason {
                    Value::Text(text) => Some(text.as_ref()),
                    _ => None,
                });
                return Some(Err(
                    output.unmoved(reason.filter(|reason| *reason != "none"))
                ));
            }
            _ if !value.flags.is_ok() => {
                return Some(Err(format!("the device refuses: {}", value.flags)));
            }
            Check::Is(number, otherwise) if found != Some(number) => {
                return Some(Err(otherwise.to_owned()));
            }
            Check::Any(numbers, mask) => match found.map(|number| number & mask) {
                Some(number) if numbers.contains(&number) => {}
                Some(number) => {
                    return Some(Err(format!(
                        "the device took the command, but its register {:#06x} says {number} afterwards; another \
                         setting or device may overrule it",
                        value.register
                    )));
                }
                None => {
                    let why = "the device took the command, but does not say what is set now";
                    return Some(Err(why.to_owned()));
                }
            },
            Check::Done | Check::Is(..) => {}
        }
        self.steps.pop_front();
        self.steps.is_empty().then(|| Ok(self.done.clone()))
    }

    /// The passing of time: looks at what the text says, if nothing else does.
    pub fn tick(&mut self, device: &VeDevice, now: Duration) -> Option<Result<Value, String>> {
        match self.steps.front()?.check {
            Check::Output(output) if output.is_by_text && now >= self.not_before => {
                let is_on = match device.value("load_output") {
                    Some(Value::OnOff(is_on)) => Some(*is_on),
                    _ => None,
                };
                self.looked(output, is_on, device, now)
            }
            _ => None,
        }
    }

    /// What becomes of the command when its question stays without an answer.
    pub fn unanswered(&self) -> Result<Value, String> {
        match self.steps.front().map(|step| step.check) {
            Some(Check::Reason(output)) => Err(output.unmoved(None)),
            _ => Err("the device did not answer; look whether the cable can send to it".to_owned()),
        }
    }

    /// How the load output is.
    fn looked(
        &mut self,
        mut output: LoadOutput,
        is_on: Option<bool>,
        device: &VeDevice,
        now: Duration,
    ) -> Option<Result<Value, String>> {
        if is_on == Some(output.wish) {
            return Some(Ok(self.done.clone()));
        }
        output.looks += 1;
        if output.looks < LOOKS {
            self.not_before = now
                + if output.is_by_text {
                    LOOK_AT_TEXT
                } else {
                    LOOK
                };
            self.look_again(output);
            return None;
        }
        if is_on.is_none() {
            let why =
                "the device is set, but does not say whether its load output has been switched";
            return Some(Err(why.to_owned()));
        }
        if !output.wish || !device.has_register(LOAD_OFF_REASON) {
            return Some(Err(output.unmoved(None)));
        }
        self.steps = VecDeque::from([JobStep {
            request: Request::Get(LOAD_OFF_REASON),
            check: Check::Reason(output),
        }]);
        None
    }

    fn look_again(&mut self, output: LoadOutput) {
        if let Some(step) = self.steps.front_mut() {
            step.check = Check::Output(output);
        }
    }
}
