//! Import, export and net power of one meter from telegram to telegram: some telegrams carry one of
//! them only, and what came before must not contradict it.

use std::time::Duration;

use super::super::values::Values;
use crate::model::{Decimal, Value};

/// For how many pauses between telegrams that say all of it the last one holds.
const HOLDS: u32 = 3;

/// What the last telegram that said all of it said, when, and how long after the one before.
#[derive(Debug, Default)]
pub struct Flow {
    last: Option<([Decimal; 2], Duration)>,
    pause: Option<Duration>,
}

impl Flow {
    /// Keys of what is known together or not at all.
    pub const KEYS: [&'static str; 3] = ["power_import", "power_export", "power_net"];

    /// What a telegram makes unknown: no import at all may mean an export that it does not tell. What
    /// was said of it before holds if there was no import then, either.
    pub fn settle(
        &mut self,
        values: &Values,
        now: Duration,
        patience: Duration,
    ) -> Vec<(&'static str, Value)> {
        let [import, export, net] = Self::KEYS;
        let told = [import, export].map(|key| values.number_of(key));
        let (side, untold) = match told {
            [Some(import), Some(export)] => {
                if let Some((_, before)) = self.last.replace(([import, export], now)) {
                    self.pause = Some(now.saturating_sub(before));
                }
                return Vec::new();
            }
            [Some(_), None] => (0, export),
            [None, Some(_)] => (1, import),
            [None, None] => return Vec::new(),
        };
        // Until it is known how often it says all, as long as any value holds.
        let longest = self.pause.map(|pause| pause.saturating_mul(HOLDS));
        let longest = longest.unwrap_or(patience).min(patience);
        let holds = self.last.is_some_and(|(flow, at)| {
            let is_recent = now.saturating_sub(at) <= longest;
            is_recent && flow.get(side) == Some(&Decimal::integer(0))
        });
        if holds {
            return Vec::new();
        }
        self.last = None;
        let mut unknown = vec![(untold, Value::Unknown)];
        if values.get(net).is_none() {
            unknown.push((net, Value::Unknown));
        }
        unknown
    }
}
