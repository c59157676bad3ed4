//! Metrics: what a device can report, declared as data next to its decoder.

use std::borrow::Cow;
use std::mem;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{EnergyPart, HousePart, Quantity};

/// One thing a device reports.
///
/// Adapters declare tables of these as constants:
///
/// ```
/// use wattbridge::model::{Metric, Quantity};
///
/// const METRICS: &[Metric] = &[
///     Metric::measurement("power", Quantity::Power),
///     Metric::lifetime("energy_total", Quantity::Energy).named("Lifetime energy").decimals(1),
///     Metric::measurement("temperature", Quantity::Temperature).diagnostic(),
/// ];
/// assert_eq!(METRICS[1].decimals, 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric {
    /// `snake_case` word of the field; part of the identity of the user's history, so for ever.
    pub key: Cow<'static, str>,
    /// How the value behaves over time.
    pub behavior: Behavior,
    /// What a number measures; `None` for text, states, times and switches.
    pub quantity: Option<Quantity>,
    /// The decimals that the device really resolves.
    pub decimals: u8,
    /// The name a person reads. Leave it out on the main value of its quantity: the receiver then
    /// shows its own, translated word ("Power", "Leistung").
    pub name: Option<Cow<'static, str>>,
    /// Whose words the name is.
    #[serde(default, skip_serializing_if = "Naming::is_ours")]
    pub naming: Naming,
    /// What the metric is for.
    pub role: Role,
    /// Whether a person sees it without asking for it.
    pub enabled: bool,
    /// Set on a metric which the bridge computes from another one.
    pub derived: Option<Derivation>,
    /// Set on a counter that its adapter sums up itself: its first value may be 0, and is no sign of a device that
    /// is still starting.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_summed_here: bool,
    /// The key of the counter of the same device of which this one counts a share, as that of a tariff does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_of: Option<Cow<'static, str>>,
    /// What it is in the energy of the whole house; `None` for what is no part of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<HousePart>,
    /// Set on a text of one or several words out of lists of ours, with commas between them: it can be said in
    /// another language.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_in_words: bool,
}

/// Whose words the name of a metric is, for those who say it in another language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Naming {
    /// Ours: known in every language.
    #[default]
    Ours,
    /// The user's, who wrote it in the language that it is to be in.
    Users,
    /// Ours, but for this name in it, which is the same in every language: "East power".
    About(Cow<'static, str>),
}

impl Naming {
    const fn is_ours(&self) -> bool {
        matches!(self, Self::Ours)
    }
}

/// How a metric's value behaves over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behavior {
    /// A number of the moment.
    Measurement,
    /// A number that stands until another takes its place, and of which no statistics make sense:
    /// the yield of yesterday, a record of the whole life.
    Figure,
    /// A number that only ever grows; guarded by the bridge.
    LifetimeCounter,
    /// A number that grows and starts again at 0 each day; guarded by the bridge.
    DailyCounter,
    /// One of a closed list of words, `other` among them.
    State(Cow<'static, [Cow<'static, str>]>),
    /// Any words, at most 255 characters.
    Text,
    /// A moment.
    Timestamp,
    /// On or off.
    OnOff(OnOff),
}

/// What "on" means for an on/off metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnOff {
    /// On means connected.
    Connectivity,
    /// On means that something needs attention.
    Problem,
    /// On means at work.
    Running,
    /// Nothing more than on.
    Plain,
}

impl OnOff {
    /// Every meaning, for tables and tests that must not forget one.
    pub const ALL: &'static [OnOff] = &[
        OnOff::Connectivity,
        OnOff::Problem,
        OnOff::Running,
        OnOff::Plain,
    ];
}

/// What a metric is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// What the user bought the device for.
    Primary,
    /// What helps to find out how the device is.
    Diagnostic,
    /// What says how the connection to the device is: readable also when there is none.
    Connection,
}

impl Derivation {
    /// The longest time between two powers that is filled in. Over a longer gap nobody knows what was
    /// produced, so nothing is counted.
    pub const LONGEST_GAP: Duration = Duration::from_secs(35 * 60);
}

/// How the bridge computes a metric that the device does not report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Derivation {
    /// Energy summed up from the power in the metric of this key.
    IntegralOf(Cow<'static, str>),
    /// What the lifetime counter of this key has gained since local midnight.
    SinceMidnightOf(Cow<'static, str>),
}

impl Metric {
    const fn new(key: &'static str, behavior: Behavior, quantity: Option<Quantity>) -> Self {
        Self {
            key: Cow::Borrowed(key),
            behavior,
            quantity,
            decimals: 0,
            name: None,
            naming: Naming::Ours,
            role: Role::Primary,
            enabled: true,
            derived: None,
            is_summed_here: false,
            share_of: None,
            part: None,
            is_in_words: false,
        }
    }

    /// A number of the moment.
    pub const fn measurement(key: &'static str, quantity: Quantity) -> Self {
        Self::new(key, Behavior::Measurement, Some(quantity))
    }

    /// A number that stands until another takes its place.
    pub const fn figure(key: &'static str, quantity: Quantity) -> Self {
        Self::new(key, Behavior::Figure, Some(quantity))
    }

    /// A counter that only ever grows.
    pub const fn lifetime(key: &'static str, quantity: Quantity) -> Self {
        Self::new(key, Behavior::LifetimeCounter, Some(quantity))
    }

    /// A counter that starts again each day.
    pub const fn daily(key: &'static str, quantity: Quantity) -> Self {
        Self::new(key, Behavior::DailyCounter, Some(quantity))
    }

    /// One word of a closed list.
    pub const fn state(key: &'static str, options: &'static [Cow<'static, str>]) -> Self {
        Self::new(key, Behavior::State(Cow::Borrowed(options)), None)
    }

    /// Free words.
    pub const fn text(key: &'static str) -> Self {
        Self::new(key, Behavior::Text, None)
    }

    /// A moment.
    pub const fn timestamp(key: &'static str) -> Self {
        Self::new(key, Behavior::Timestamp, None)
    }

    /// On or off.
    pub const fn on_off(key: &'static str, meaning: OnOff) -> Self {
        Self::new(key, Behavior::OnOff(meaning), None)
    }

    /// Sets the decimals that the device resolves.
    pub const fn decimals(mut self, decimals: u8) -> Self {
        self.decimals = decimals;
        self
    }

    /// Gives the metric a name of its own.
    pub const fn named(mut self, name: &'static str) -> Self {
        // Constants cannot run the destructor that plain assignment implies.
        mem::forget(self.name.replace(Cow::Borrowed(name)));
        self
    }

    /// Says that its texts are words out of lists of ours, with commas between them.
    pub const fn in_words(mut self) -> Self {
        self.is_in_words = true;
        self
    }

    /// Marks the metric as a diagnostic one.
    pub const fn diagnostic(mut self) -> Self {
        self.role = Role::Diagnostic;
        self
    }

    /// Marks the metric as one about the connection itself.
    pub const fn about_connection(mut self) -> Self {
        self.role = Role::Connection;
        self
    }

    /// Leaves it to the user to switch the metric on.
    pub const fn off_by_default(mut self) -> Self {
        self.enabled = false;
        self
    }

    /// A counter that its adapter sums up itself, from 0 on.
    pub const fn summed_here(mut self) -> Self {
        self.is_summed_here = true;
        self
    }

    /// Has the bridge compute it by summing up the power in `power_key`.
    pub const fn integral_of(mut self, power_key: &'static str) -> Self {
        let derivation = Derivation::IntegralOf(Cow::Borrowed(power_key));
        mem::forget(self.derived.replace(derivation));
        self
    }

    /// Has the bridge compute it as the gain of the counter `counter_key` since midnight.
    pub const fn since_midnight_of(mut self, counter_key: &'static str) -> Self {
        let derivation = Derivation::SinceMidnightOf(Cow::Borrowed(counter_key));
        mem::forget(self.derived.replace(derivation));
        self
    }

    /// Says of which counter of the same device it counts a share.
    pub const fn share_of(mut self, key: &'static str) -> Self {
        // As above.
        mem::forget(self.share_of.replace(Cow::Borrowed(key)));
        self
    }

    /// Says what it is in the energy of the whole house.
    pub const fn part(mut self, part: EnergyPart) -> Self {
        self.part = Some(HousePart {
            part,
            is_substitute: false,
        });
        self
    }

    /// The same for a device that knows it only in part, or at second hand.
    pub const fn substitute_for(mut self, part: EnergyPart) -> Self {
        self.part = Some(HousePart {
            part,
            is_substitute: true,
        });
        self
    }

    /// Whether the bridge guards its values against falls and jumps.
    pub const fn is_counter(&self) -> bool {
        matches!(
            self.behavior,
            Behavior::LifetimeCounter | Behavior::DailyCounter
        )
    }

    /// The unit of its values, if it has one.
    pub const fn unit(&self) -> Option<&'static str> {
        match self.quantity {
            Some(quantity) => quantity.unit(),
            None => None,
        }
    }

    /// What a person calls it: its name, or else its key in words.
    pub fn title(&self) -> String {
        if let Some(name) = &self.name {
            return name.to_string();
        }
        let words = self.key.replace('_', " ");
        let mut letters = words.chars();
        letters.next().map_or_else(String::new, |first| {
            first.to_uppercase().chain(letters).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_survives_being_stored() {
        let table = [
            Metric::lifetime("energy_total", Quantity::Energy)
                .named("Lifetime energy")
                .decimals(1),
            Metric::state("mode", &[Cow::Borrowed("bulk"), Cow::Borrowed("other")]).diagnostic(),
            Metric::lifetime("energy_computed", Quantity::Energy).integral_of("power"),
        ];
        let text = serde_json::to_string(&table).unwrap();
        let back: Vec<Metric> = serde_json::from_str(&text).unwrap();
        assert_eq!(back, table);
    }

    #[test]
    fn a_title_is_readable() {
        assert_eq!(Metric::text("panel_1_power").title(), "Panel 1 power");
        assert_eq!(
            Metric::text("x").named("Grid voltage").title(),
            "Grid voltage"
        );
    }
}
