//! A row of the table: a metric, and which label of the text and which registers of HEX carry it.

use std::time::Duration;

use crate::adapters::victron::wire::families::Families;
use crate::model::Metric;

/// A metric, and where its value comes from; from neither label nor register where it follows from
/// others.
///
/// Where both carry it, the text counts as long as it comes: one source for a value, or it would
/// jump from one rounding to the other.
#[derive(Debug)]
pub struct VeMetric {
    /// The metric.
    pub metric: Metric,
    /// The label that carries it.
    pub label: Option<&'static str>,
    carriers: [Option<Carrier>; 4],
    /// Whether every device has it, whatever it sends.
    pub is_always_there: bool,
}

/// A register that carries a value.
#[derive(Debug, Clone, Copy)]
pub struct Carrier {
    /// Its number.
    pub register: u16,
    /// On which devices it carries that value.
    pub families: Families,
    /// How often it is asked for, if it is.
    pub rhythm: Option<Rhythm>,
}

/// How often a register is asked for. A device that is met is asked in this order, and within it in
/// that of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rhythm {
    /// Every minute, and before anything else: the yield that nobody can reset is what the Energy
    /// dashboard is for.
    First,
    /// Every minute, which also keeps newer firmware sending values on change.
    Minute,
    /// When the device is met, and every hour: settings, and what seldom changes.
    Seldom,
    /// Every few seconds, and only if the device sends no text by itself.
    WithoutText,
    /// When the device is met and after its day has changed, one of them every twenty seconds and
    /// only when nothing else is due: what it remembers of former days.
    Daily,
}

impl Rhythm {
    /// The time between two questions, of [`Rhythm::Daily`] those for different registers. A device
    /// whose text stops while it is asked is asked less.
    pub const fn every(self, is_shy: bool) -> Duration {
        match self {
            Self::First | Self::Minute | Self::Daily if is_shy => Duration::from_secs(600),
            Self::First | Self::Minute => Duration::from_secs(60),
            Self::Seldom => Duration::from_secs(3600),
            Self::WithoutText => Duration::from_secs(5),
            Self::Daily => Duration::from_secs(20),
        }
    }
}

/// A row of the table, of a metric that nothing carries yet.
pub const fn row(metric: Metric) -> VeMetric {
    VeMetric {
        metric,
        label: None,
        carriers: [None; 4],
        is_always_there: false,
    }
}

impl VeMetric {
    /// Its key.
    pub fn key(&'static self) -> &'static str {
        &self.metric.key
    }

    /// The registers that carry it.
    pub fn carriers(&self) -> impl Iterator<Item = &Carrier> {
        self.carriers.iter().flatten()
    }

    /// This label of the text carries it, on whatever device sends it.
    pub const fn text(mut self, label: &'static str) -> Self {
        self.label = Some(label);
        self
    }

    /// This register carries it on these families, which are asked for it.
    pub const fn asked(self, register: u16, families: Families, rhythm: Rhythm) -> Self {
        self.carried(Carrier {
            register,
            families,
            rhythm: Some(rhythm),
        })
    }

    /// This register carries it on these families, which may tell it by themselves but are not asked.
    pub const fn told(self, register: u16, families: Families) -> Self {
        self.carried(Carrier {
            register,
            families,
            rhythm: None,
        })
    }

    /// Every device has it, whatever it sends.
    pub const fn always(mut self) -> Self {
        self.is_always_there = true;
        self
    }

    const fn carried(mut self, carrier: Carrier) -> Self {
        let mut at = 0;
        while self.carriers[at].is_some() {
            at += 1;
        }
        self.carriers[at] = Some(carrier);
        self
    }
}
