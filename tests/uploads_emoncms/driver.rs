//! A target, and what the outbox does with it, without its pauses.

use std::collections::BTreeSet;

use jiff::Timestamp;
use wattbridge::config::File;
use wattbridge::model::{Decimal, DeviceId};
use wattbridge::uploads::{
    Courier, Errand, Load, LoadDevice, LoadSlot, LoadValue, Target, UploadVerdict, Uploads,
};

/// The target of a section.
pub(crate) fn target(toml: &str) -> Box<dyn Target> {
    let file = File::parse(toml, "test.toml").unwrap_or_else(|problems| panic!("{problems}"));
    let (uploads, problems) = Uploads::read(&file);
    assert!(problems.is_empty(), "{problems}");
    let (_, plan) = uploads.switched_on().next().unwrap();
    plan.target().unwrap()
}

pub(crate) fn number(text: &str) -> LoadValue {
    LoadValue::Number {
        number: text.parse::<Decimal>().unwrap(),
        quantity: None,
        is_lifetime: false,
    }
}

pub(crate) fn device(id: &str, name: &str, values: Vec<(&str, LoadValue)>) -> LoadDevice {
    let (adapter, serial) = id.split_once('_').unwrap();
    let values = values.into_iter();
    LoadDevice {
        id: DeviceId::new(adapter, serial),
        name: name.to_owned(),
        values: values.map(|(key, value)| (key.to_owned(), value)).collect(),
    }
}

pub(crate) fn slot(end: i64, devices: Vec<LoadDevice>) -> LoadSlot {
    LoadSlot {
        end,
        devices,
        energies: Vec::new(),
    }
}

/// The time of all tests: a day after the first slot.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(FIRST + 86_400).unwrap()
}

/// The end of the first slot.
pub(crate) const FIRST: i64 = 1_781_517_900;

/// A target at work, with what is kept of it over restarts.
pub(crate) struct Driver {
    toml: String,
    pub(crate) target: Box<dyn Target>,
    courier: Courier,
    pub(crate) done: i64,
    memory: String,
    pub(crate) given_up: BTreeSet<i64>,
    limit: Option<usize>,
    /// What came last.
    pub(crate) last: Option<UploadVerdict>,
}

impl Driver {
    pub(crate) fn new(toml: String) -> Self {
        Self {
            target: target(&toml),
            toml,
            courier: Courier::default(),
            done: FIRST - 300,
            memory: String::new(),
            given_up: BTreeSet::new(),
            limit: None,
            last: None,
        }
    }

    /// The program is killed and started again.
    pub(crate) fn restart(&mut self) {
        self.target = target(&self.toml);
        self.target.remember(&self.memory);
        self.limit = None;
    }

    /// What of these slots is next.
    pub(crate) fn load(&self, slots: &[LoadSlot], most: usize) -> Load {
        let open = slots.iter().filter(|slot| slot.end > self.done);
        let open = open.filter(|slot| !self.given_up.contains(&slot.end));
        let most = self.limit.map_or(most, |limit| limit.min(most));
        let slots: Vec<_> = open.take(most).cloned().collect();
        Load {
            through: slots.last().map_or(self.done, |slot| slot.end),
            slots,
        }
    }

    /// One round: sends what is next. `kill_at` ends the program before the answer to that errand is looked at, and
    /// `usize::MAX` after all answers and before the cursor is written. Whether there was anything to do.
    pub(crate) async fn round(
        &mut self,
        slots: &[LoadSlot],
        most: usize,
        kill_at: Option<usize>,
    ) -> bool {
        let load = self.load(slots, most);
        if load.slots.is_empty() {
            return false;
        }
        let parcel = self.target.prepare(&load, false, now());
        let Some(errand) = parcel.errand.clone() else {
            self.keep(parcel.through);
            return true;
        };
        let mut errand = self.target.ask_before(&parcel).unwrap_or(errand);
        let mut count = 0;
        let verdict = loop {
            let answer = self.courier.carry(&errand).await;
            if kill_at == Some(count) {
                self.restart();
                return true;
            }
            count += 1;
            match self.target.judge(&parcel, &answer, now()) {
                UploadVerdict::Ask(next) => errand = next,
                verdict => break verdict,
            }
        };
        if kill_at == Some(usize::MAX) {
            self.restart();
            return true;
        }
        match &verdict {
            UploadVerdict::Done { .. } => {
                self.keep(parcel.through);
                self.limit = None;
            }
            UploadVerdict::Part { through } => {
                assert!(*through > self.done, "no progress");
                self.keep(*through);
            }
            UploadVerdict::Halve { .. } => match parcel.slots.as_slice() {
                [slot] => drop(self.given_up.insert(*slot)),
                several => self.limit = Some(several.len() / 2),
            },
            _ => {}
        }
        self.last = Some(verdict);
        true
    }

    fn keep(&mut self, through: i64) {
        self.done = through;
        self.memory = self.target.memory();
    }
}

/// The form of an errand as it goes out.
pub(crate) fn body(errand: &Errand) -> String {
    match errand {
        Errand::Http(request) => String::from_utf8(request.body.clone()).unwrap(),
        Errand::Program { .. } | Errand::HomeAssistant(_) => panic!("no request"),
    }
}
