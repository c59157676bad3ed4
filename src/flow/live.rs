//! The picture of the moment: four nodes, and ribbons between them as thick as the power.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::powers::{HousePowers, Power, WhyUnknown};
use super::roles::ChosenRoles;
use super::sentence::{FlowSentence, Situation};
use super::settings::FlowSettings;
use super::sides::{Direction, Side};
use super::trend::{LevelTrend, Outlook};
use crate::bridge::Known;
use crate::history::{Flows, split};

/// A sentence stands at least so long before another one takes its place.
const SENTENCE_STANDS: Duration = Duration::from_secs(10);
/// From so many watts on anywhere, all of the picture is in kilowatts.
const KILO: i64 = 1_000;

/// Where the energy goes at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LiveFlow {
    /// Whether all of it is to be shown in kW.
    pub unit_kw: bool,
    /// What there is in this house.
    pub nodes: FlowNodes,
    /// Who feeds whom; empty if anything of it is not known.
    pub ribbons: Vec<Ribbon>,
    /// The same in words.
    pub sentence: FlowSentence,
}

/// The nodes that this house has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FlowNodes {
    /// Panels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sun: Option<FlowNode>,
    /// What the house takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub house: Option<FlowNode>,
    /// Batteries; above 0 they are charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery: Option<FlowNode>,
    /// The connection to the grid; above 0 it is taken from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grid: Option<FlowNode>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, Default)]
pub struct FlowNode {
    /// Watts, if they are known.
    pub w: Option<i64>,
    /// Why they are not.
    pub why: Option<WhyUnknown>,
    /// How full it is, in tenths of a percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<i64>,
    /// When it will be full, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_at: Option<i64>,
    /// When it will be empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub empty_at: Option<i64>,
}

/// Power from one node to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Ribbon {
    /// `sun`, `battery` or `grid`.
    pub from: &'static str,
    /// `house`, `battery` or `grid`.
    pub to: &'static str,
    /// Watts, above 0.
    pub w: i64,
}

/// What is drawn of a moment, in watts.
#[derive(Debug, Clone, Copy)]
struct Balance {
    sun: i64,
    /// Above 0 it is charged.
    battery: i64,
    /// Above 0 it is taken from.
    grid: i64,
    house: i64,
}

/// Follows the flow from one moment to the next.
#[derive(Debug, Default)]
pub struct FlowTracker {
    settings: FlowSettings,
    grid: Side,
    battery: Side,
    trend: LevelTrend,
    said: Option<(&'static str, Duration)>,
    last: FlowSentence,
}

impl FlowTracker {
    /// Follows the roles of this section.
    pub fn new(settings: FlowSettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// The flow at a moment; `steady` is a clock that only goes on.
    pub fn at(&mut self, devices: &[Known], now: Timestamp, steady: Duration) -> LiveFlow {
        let roles = ChosenRoles::of(devices, &self.settings);
        self.of(&HousePowers::of(&roles, devices, now), now, steady)
    }

    fn of(&mut self, powers: &HousePowers, now: Timestamp, steady: Duration) -> LiveFlow {
        let grid = powers.grid.watts().unwrap_or(0);
        let charging = powers.battery.watts().unwrap_or(0);
        let grid_side = self.grid.at(grid, steady);
        let battery_side = self.battery.at(charging.saturating_neg(), steady);
        self.trend.note(now, powers.level);
        let outlook = self.trend.outlook().filter(|outlook| match outlook {
            Outlook::Full(_) => battery_side == Direction::Out,
            Outlook::Empty(_) => battery_side == Direction::In,
        });
        let shown = Self::shown(powers, grid_side, battery_side);
        let flows = shown.and_then(|it| {
            split(
                Some(it.sun),
                Some(it.battery),
                Some(it.grid),
                Some(it.house),
            )
        });
        let house = house_node(powers, grid_side, shown.as_ref());
        let sentence = self.say(
            &Situation {
                sun: &powers.sun,
                grid: &powers.grid,
                battery: &powers.battery,
                house: shown.map(|balance| balance.house),
                grid_side,
                battery_side,
                sun_house: flows.map_or(0, |flows| flows.sun_house),
                outlook,
                sun_today: powers.sun_today,
                is_waiting: powers.is_waiting,
            },
            steady,
        );
        let nodes = FlowNodes {
            sun: node(&powers.sun),
            grid: node(&powers.grid),
            battery: node(&powers.battery)
                .or_else(|| powers.level.map(|_| FlowNode::default()))
                .map(|node| FlowNode {
                    level: powers
                        .level
                        .map(|level| level.rounded(1).with_scale(1).mantissa()),
                    full_at: match outlook {
                        Some(Outlook::Full(at)) => Some(at.as_second()),
                        _ => None,
                    },
                    empty_at: match outlook {
                        Some(Outlook::Empty(at)) => Some(at.as_second()),
                        _ => None,
                    },
                    ..node
                }),
            house,
        };
        let all = [&nodes.sun, &nodes.house, &nodes.battery, &nodes.grid];
        let most = all
            .into_iter()
            .flatten()
            .filter_map(|node| node.w)
            .map(i64::abs)
            .max();
        LiveFlow {
            unit_kw: most.is_some_and(|most| most >= KILO),
            ribbons: flows.map(|flows| ribbons(&flows)).unwrap_or_default(),
            nodes,
            sentence,
        }
    }

    /// What is drawn: all of it known, and each node on the side where it stands.
    fn shown(
        powers: &HousePowers,
        grid_side: Direction,
        battery_side: Direction,
    ) -> Option<Balance> {
        let known = |power: &Power| match power {
            Power::Absent => Some(0),
            Power::Watts(watts) => Some(*watts),
            Power::Unknown(_) => None,
        };
        if powers.grid == Power::Absent {
            return None;
        }
        let on_side = |watts: i64, side: Direction| match side {
            Direction::In => watts.max(0),
            Direction::Out => watts.min(0),
            Direction::Rest => 0,
        };
        let sun = known(&powers.sun)?.max(0);
        let grid = on_side(known(&powers.grid)?, grid_side);
        let from_battery = on_side(known(&powers.battery)?.saturating_neg(), battery_side);
        let computed = sun.saturating_add(from_battery).saturating_add(grid);
        let house = match &powers.house {
            Power::Absent if gives_of_unknown(powers, grid_side) => return None,
            Power::Absent => computed,
            Power::Watts(watts) => *watts,
            Power::Unknown(_) => return None,
        };
        Some(Balance {
            sun,
            battery: from_battery.saturating_neg(),
            grid,
            // Meters and inverters do not tell of the same second.
            house: house.max(0),
        })
    }

    /// The sentence of the moment; another one than before has to wait its turn.
    fn say(&mut self, situation: &Situation<'_>, steady: Duration) -> FlowSentence {
        let sentence = FlowSentence::about(situation);
        match self.said {
            Some((key, since))
                if key != sentence.key && steady.saturating_sub(since) < SENTENCE_STANDS =>
            {
                self.last.clone()
            }
            Some((key, _)) if key == sentence.key => {
                self.last = sentence.clone();
                sentence
            }
            _ => {
                self.said = Some((sentence.key, steady));
                self.last = sentence.clone();
                sentence
            }
        }
    }
}

fn node(power: &Power) -> Option<FlowNode> {
    (*power != Power::Absent).then(|| FlowNode {
        w: power.watts(),
        why: power.why().cloned(),
        ..FlowNode::default()
    })
}

/// Whether energy goes to the grid of which nobody knows where it comes from.
fn gives_of_unknown(powers: &HousePowers, grid_side: Direction) -> bool {
    let is_any = [&powers.sun, &powers.battery]
        .into_iter()
        .any(|power| *power != Power::Absent);
    grid_side == Direction::Out && !is_any
}

/// What the house takes is known where all else is.
fn house_node(
    powers: &HousePowers,
    grid_side: Direction,
    shown: Option<&Balance>,
) -> Option<FlowNode> {
    if powers.grid == Power::Absent && powers.house == Power::Absent {
        return None;
    }
    let others = [&powers.house, &powers.sun, &powers.grid, &powers.battery];
    Some(FlowNode {
        w: shown
            .map(|balance| balance.house)
            .or_else(|| powers.house.watts()),
        why: match shown {
            Some(_) => None,
            None if gives_of_unknown(powers, grid_side) => Some(WhyUnknown {
                device: None,
                code: "no_source",
            }),
            None => others.into_iter().find_map(|power| power.why().cloned()),
        },
        ..FlowNode::default()
    })
}

fn ribbons(flows: &Flows) -> Vec<Ribbon> {
    let all = [
        ("sun", "house", flows.sun_house),
        ("sun", "battery", flows.sun_battery),
        ("sun", "grid", flows.sun_grid),
        ("battery", "house", flows.battery_house),
        ("battery", "grid", flows.battery_grid),
        ("grid", "house", flows.grid_house),
        ("grid", "battery", flows.grid_battery),
    ];
    let drawn = all.into_iter().filter(|(_, _, w)| *w > 0);
    drawn.map(|(from, to, w)| Ribbon { from, to, w }).collect()
}
