//! Settings that are kept in flash memory, which wears out, are not written without end.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How often a setting may be written in a day.
const MOST: usize = 50;
const DAY: Duration = Duration::from_secs(86_400);

/// When each setting was written.
#[derive(Debug, Default)]
pub struct Wear(BTreeMap<u16, VecDeque<Duration>>);

impl Wear {
    /// Takes note that a setting is written, unless that was too often.
    pub fn write(&mut self, register: u16, now: Duration) -> Result<(), String> {
        let writes = self.0.entry(register).or_default();
        while writes
            .front()
            .is_some_and(|at| now.saturating_sub(*at) >= DAY)
        {
            writes.pop_front();
        }
        if writes.len() >= MOST {
            return Err(format!(
                "this setting is kept in memory that wears out, and was written {MOST} times in a day already; \
                 switch it less often"
            ));
        }
        writes.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_written_so_often_in_a_day_and_no_more() {
        let mut wear = Wear::default();
        let minute = |minute: u64| Duration::from_secs(60 * minute);
        let written = (0..2 * 24 * 60).filter(|at| wear.write(1, minute(*at)).is_ok());
        assert_eq!(written.count(), 2 * MOST);
        assert!(wear.write(2, minute(0)).is_ok());
    }
}
