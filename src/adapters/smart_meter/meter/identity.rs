//! Who a meter is, once that is certain.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::config::MeterConfig;
use super::{Meter, Opened};
use crate::model::Report;

/// Telegrams without a number, and the time they take, before the meter is taken to have none:
/// some send it in every second telegram only.
const NUMBERLESS: (u32, Duration) = (3, Duration::from_secs(15));
/// How long a meter without a title is waited for to send its number.
const NAMELESS: Duration = Duration::from_secs(90);
/// What one telegram says of the meter itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    number: Option<String>,
    maker: Option<String>,
    model: Option<String>,
    head: Option<String>,
    carries: BTreeSet<&'static str>,
}

impl Meter {
    /// Takes over what a telegram says of the meter itself, once that is certain: where damage may
    /// go unnoticed, two telegrams must agree. A stand-in that has found its number is gone.
    pub fn learn(
        &mut self,
        opened: &Opened,
        now: Duration,
        config: &MeterConfig,
    ) -> Option<Report> {
        let sketch = Sketch::of(opened);
        let before = self.sketch.replace(sketch.clone());
        let agreed = if opened.is_sound {
            &sketch
        } else {
            before.as_ref()?
        };
        for key in sketch.carries.intersection(&agreed.carries) {
            if !self.known.carries.contains(*key) {
                self.known.carries.insert((*key).to_owned());
            }
        }
        if sketch.number.is_some() && sketch.number == agreed.number {
            self.known.number.clone_from(&sketch.number);
        }
        if sketch.model.is_some() && sketch.model == agreed.model {
            self.known.model.clone_from(&sketch.model);
        }
        if sketch.head.is_some() && sketch.head == agreed.head {
            self.known.head.clone_from(&sketch.head);
        }
        if sketch.maker.is_some() && sketch.maker == agreed.maker {
            self.known.maker.clone_from(&sketch.maker);
        }
        if self.known.serial.is_some() && !self.known.stand_in {
            return None;
        }
        let serial = self.identity(
            sketch.number.is_some(),
            opened.values.head.as_deref(),
            now,
            config,
        )?;
        let stood_in = self.id().filter(|_| self.known.stand_in);
        self.known.serial = Some(serial);
        self.known.stand_in = false;
        let gone = stood_in.filter(|id| self.id().as_ref() != Some(id))?;
        self.described = None;
        self.described_from = None;
        self.health = None;
        Some(Report::Gone(gone))
    }

    /// The identity, if it is certain by now.
    fn identity(
        &mut self,
        is_numbered: bool,
        head: Option<&str>,
        now: Duration,
        config: &MeterConfig,
    ) -> Option<String> {
        if let Some(number) = &self.known.number {
            return Some(number.clone());
        }
        if is_numbered {
            return None;
        }
        let (seen, first) = self.numberless.get_or_insert((0, now));
        *seen += 1;
        let (telegrams, time) = NUMBERLESS;
        let waited = now.saturating_sub(*first);
        if *seen < telegrams || waited < time {
            return None;
        }
        if let Some(title) = self.title {
            return Some(title.to_string());
        }
        // Neither number nor title. A text still says who made it and what.
        if let Some(head) = head.filter(|head| !head.is_empty()) {
            return Some(head.to_owned());
        }
        // Then its port is all there is to know it by. Meters that send
        // their number at all do so within a minute.
        let port = config.port.as_ref().filter(|_| waited >= NAMELESS);
        port.map(|port| format!("on {}", port.place()))
    }

    /// For a meter in a file: there is no other telegram to wait for.
    pub fn assume_identity(&mut self, number: Option<&str>, head: Option<&str>) {
        let title = || self.title.map(|title| title.to_string());
        let head = || head.filter(|head| !head.is_empty()).map(str::to_owned);
        let serial = number.map(str::to_owned).or_else(title).or_else(head);
        self.known
            .serial
            .get_or_insert(serial.unwrap_or_else(|| "unknown".to_owned()));
    }
}

impl Sketch {
    fn of(opened: &Opened) -> Self {
        Self {
            number: opened.values.number().map(str::to_owned),
            maker: opened.maker.clone(),
            model: opened.model.clone(),
            head: opened.values.head.clone(),
            carries: opened.values.carried().collect(),
        }
    }
}
