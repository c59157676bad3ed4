//! How much is believed to be there: what anybody may send in a network must not fill the memory, nor turn one
//! device into another.

use super::Plant;
use super::attached::Attached;
use super::described::Described;
use super::inverter::Unit;
use super::panel::Panel;
use crate::adapters::solaredge::wire::Serial;

/// Inverters in one capture; more are not real.
pub const MOST_UNITS: usize = 64;
/// Optimizers, meters and batteries of one inverter.
pub const MOST_BEHIND: usize = 256;
/// The same of all inverters together: more than any house has, and what a small computer can hold.
pub const MOST_OF_ALL: usize = 1024;

impl Plant {
    /// How many more optimizers, meters and batteries an inverter may have.
    fn room(&self, serial: Serial) -> usize {
        let behind = |unit: &Unit| unit.panels.len() + unit.meters.len() + unit.batteries.len();
        let all: usize = self.units.values().map(behind).sum();
        let own = self.units.get(&serial).map_or(0, behind);
        let of_one = MOST_BEHIND.saturating_sub(own);
        of_one.min(MOST_OF_ALL.saturating_sub(all))
    }

    /// Whether what is behind an inverter is known already, or there is room for it.
    pub(super) fn has_room(
        &mut self,
        serial: Serial,
        new: &str,
        is_known: impl Fn(&Unit) -> bool,
    ) -> bool {
        if self.units.get(&serial).is_some_and(is_known) {
            return true;
        }
        let has_room = self.room(serial) > 0;
        if !has_room {
            self.overflow(serial);
        }
        has_room && !self.is_taken(new)
    }

    /// The same for an optimizer.
    pub(super) fn has_room_for_panel(&mut self, serial: Serial, panel: Serial) -> bool {
        let is_known = |unit: &Unit| unit.panels.contains_key(&panel);
        self.has_room(serial, &panel.to_string(), is_known)
    }

    /// Whether another device is known by this already: it would turn into this one, and back again.
    pub(super) fn is_taken(&self, identity: &str) -> bool {
        let id = Described::id(identity);
        self.units.values().any(|unit| {
            let mut panels = unit.panels.values().map(Panel::id);
            let mut meters = unit.meters.values().map(Attached::id);
            let mut batteries = unit.batteries.values().map(Attached::id);
            let mut is_it = |other| other == id;
            is_it(unit.id())
                || panels.any(&mut is_it)
                || meters.any(&mut is_it)
                || batteries.any(&mut is_it)
        })
    }

    /// Says once that somebody is left out.
    pub(super) fn overflow(&mut self, serial: Serial) {
        if !std::mem::replace(&mut self.has_overflown, true) {
            tracing::warn!(
                "{serial}: it, or something behind it, is left out: there are {MOST_UNITS} inverters already, \
                 {MOST_BEHIND} devices behind it, or {MOST_OF_ALL} behind all of them. No house has so many: look who \
                 sends such messages in your network."
            );
        }
    }
}
