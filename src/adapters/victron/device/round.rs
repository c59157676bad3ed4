//! A whole round of text: what of it becomes a value.

use super::VeDevice;
use super::monitor::depends_on_mode;
use super::values::Source;
use crate::adapters::victron::interpret;
use crate::adapters::victron::wire::cycle::Cycles;
use crate::clock::Moment;
use crate::model::Value;

/// What a shunt measures, which says what else it says means.
const MODE: &[u8] = b"MON";

impl VeDevice {
    /// Takes a whole round of text.
    pub fn take_round(&mut self, cycles: &Cycles, now: Moment) {
        self.learn_from_text(cycles);
        self.holding.begin_round();
        let has_mode = cycles.in_round("MON").is_some();
        if !has_mode && cycles.in_round("V").is_some() && !self.carries("monitor_mode") {
            // The main block is here, and older ones have no mode but that of a battery.
            self.is_mode_told = true;
        }
        let is_sure = has_mode || (self.is_mode_told && !self.carries("monitor_mode"));
        let has_load = self.has_load_output(cycles);
        let was_never_full = was_never_full(cycles);
        // The mode first: the names of others follow from it.
        let mut entries: Vec<_> = cycles
            .entries()
            .filter(|entry| cycles.age(entry) == 0)
            .collect();
        entries.sort_by_key(|entry| entry.label != MODE);
        for entry in entries {
            let told = interpret::of_text(&entry.label, &entry.value);
            self.holding.odd(&told, Source::Text, || {
                let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                (text(&entry.label), text(&entry.value))
            });
            let Some((key, value)) = told.value else {
                continue;
            };
            match key {
                "load_output" if !has_load => continue,
                key if depends_on_mode(key) && !is_sure => continue,
                "last_full_charge" if was_never_full => {
                    self.put(key, Value::Unknown, Source::Text, now);
                }
                _ => self.put(key, value, Source::Text, now),
            }
            if key == "monitor_mode" {
                self.know_monitor();
            }
        }
        let gone = self.holding.end_round(now.steady);
        self.know_monitor();
        for key in gone {
            self.known.carries.remove(key);
        }
        if !has_load {
            self.forget("load_output");
        }
        if let Some(Value::Number(number)) = self.holding.get("day_number") {
            let today = now.wall.to_zoned(self.zone.clone()).date();
            self.known.know_day(number.mantissa(), today);
        }
        self.derive(now.steady);
        (self.is_fresh, self.is_round) = (true, true);
    }

    /// Whether there is an output for loads. Models without one may say that it is on, but not how
    /// much flows there.
    fn has_load_output(&self, cycles: &Cycles) -> bool {
        let known = self.product().and_then(|product| product.has_load_output());
        known.unwrap_or_else(|| {
            cycles.in_round("IL").is_some()
                || self.carries("load_current")
                || self.has_register(LOAD_OUTPUT)
        })
    }
}

/// The load output, as a register.
const LOAD_OUTPUT: u16 = 0xeda8;

/// Whether a battery monitor has counted its battery full not even once: then it has been so for no
/// time at all, and not just now.
fn was_never_full(cycles: &Cycles) -> bool {
    let is_zero = |label| cycles.in_round(label) == Some(b"0".as_slice());
    is_zero("H9") && is_zero("H10")
}
