//! The flow of the moment as one sentence: a key of the page's vocabulary, and what stands in its places.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::powers::{Power, WhyUnknown};
use super::sides::{Direction, REST};
use super::trend::Outlook;

/// A sentence in no language yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, Default)]
pub struct FlowSentence {
    /// Its key in the vocabulary, `flow.s.…`.
    pub key: &'static str,
    /// Watts at the grid, without a sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grid: Option<i64>,
    /// Watts at the battery, without a sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery: Option<i64>,
    /// Watts of the panels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sun: Option<i64>,
    /// The share of the house that the sun runs, in %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<i64>,
    /// Wh that the panels have brought today.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub today: Option<i64>,
    /// Until when the battery is enough, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// What is not known, and so the house is not: `sun`, `grid` or `battery`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<&'static str>,
    /// Why that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<WhyUnknown>,
}

/// What a sentence is made of.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    pub sun: &'a Power,
    pub grid: &'a Power,
    pub battery: &'a Power,
    pub house: Option<i64>,
    pub grid_side: Direction,
    pub battery_side: Direction,
    /// Watts that go from the sun into the house.
    pub sun_house: i64,
    pub outlook: Option<Outlook>,
    pub sun_today: Option<i64>,
    pub is_waiting: bool,
}

impl FlowSentence {
    /// The sentence about a situation.
    pub fn about(it: &Situation<'_>) -> Self {
        let nodes = [("sun", it.sun), ("grid", it.grid), ("battery", it.battery)];
        if nodes.iter().all(|(_, power)| **power == Power::Absent) {
            return Self::plain("flow.s.none");
        }
        if it.is_waiting {
            return Self::plain("flow.s.waiting");
        }
        let unknown = nodes
            .iter()
            .find_map(|(node, power)| Some((*node, power.why()?)));
        if let Some((node, why)) = unknown {
            return Self {
                node: Some(node),
                why: Some(why.clone()),
                ..Self::plain("flow.s.unknown")
            };
        }
        let mut sentence = match (it.house, it.grid) {
            // Where it comes from, nobody has said.
            (None, Power::Watts(_))
                if *it.sun == Power::Absent && it.grid_side == Direction::Out =>
            {
                Self::plain("flow.s.give")
            }
            (_, Power::Absent) | (None, _) => it.without_grid(),
            (Some(house), _) => it.with_grid(house),
        };
        let (sun, grid, battery) = (it.sun.watts(), it.grid.watts(), it.battery.watts());
        sentence.sun = sun;
        sentence.grid = grid.map(i64::abs);
        sentence.battery = battery.map(i64::abs);
        sentence
    }

    fn plain(key: &'static str) -> Self {
        Self {
            key,
            ..Self::default()
        }
    }
}

impl Situation<'_> {
    fn without_grid(&self) -> FlowSentence {
        match self.sun {
            Power::Watts(watts) if *watts >= REST => FlowSentence::plain("flow.s.panels_bring"),
            Power::Watts(_) => FlowSentence {
                today: self.sun_today,
                ..FlowSentence::plain(if self.sun_today.is_some() {
                    "flow.s.panels_brought"
                } else {
                    "flow.s.panels_sleep"
                })
            },
            Power::Absent | Power::Unknown(_) => FlowSentence::plain(match self.battery_side {
                Direction::In => "flow.s.battery_gives",
                Direction::Out => "flow.s.battery_takes",
                Direction::Rest => "flow.s.battery_rests",
            }),
        }
    }

    fn with_grid(&self, house: i64) -> FlowSentence {
        use Direction::{In, Out, Rest};
        let is_day = self.sun.watts().is_some_and(|watts| watts >= REST);
        let key = match (is_day, self.battery_side, self.grid_side) {
            (true, Out, Out) => "flow.s.sun_all_charge_give",
            (true, Rest, Out) => "flow.s.sun_all_give",
            (true, Out, Rest) => "flow.s.sun_all_charge",
            (true, Rest, Rest) => "flow.s.sun_all",
            (true, In, Rest) => "flow.s.sun_battery",
            (true, In, Out) => "flow.s.sun_battery_give",
            (true, In, In) => "flow.s.sun_battery_grid",
            (true, Rest | Out, In) => "flow.s.sun_part_grid",
            (false, In, Rest) => match self.outlook {
                Some(Outlook::Empty(_)) => "flow.s.battery_until",
                _ => "flow.s.battery",
            },
            (false, In, Out) => "flow.s.battery_give",
            (false, In, In) => "flow.s.battery_grid",
            (false, Rest, In) => "flow.s.grid",
            (false, Out, In) => "flow.s.grid_charge",
            (false, _, Out) => "flow.s.give",
            (false, _, Rest) => "flow.s.rest",
        };
        let until = |at: Timestamp| at.as_second();
        FlowSentence {
            percent: (key == "flow.s.sun_part_grid" && house > 0)
                .then(|| (self.sun_house * 100 / house).clamp(0, 99)),
            until: match self.outlook {
                Some(Outlook::Empty(at)) if key == "flow.s.battery_until" => Some(until(at)),
                _ => None,
            },
            ..FlowSentence::plain(key)
        }
    }
}
