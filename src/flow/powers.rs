//! What the roles come to at a moment, or why that is not known.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::roles::{ChosenRoles, RoleMember};
use crate::bridge::Known;
use crate::model::{Behavior, Decimal, Derivation, DeviceId, EnergyPart, HealthCode};

/// How old a value may be: over a longer gap nobody knows what was.
const OLD: Duration = Derivation::LONGEST_GAP;

/// A power of the house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Power {
    /// Nothing in the house tells of it.
    Absent,
    /// So many watts.
    Watts(i64),
    /// It is there, but not known.
    Unknown(WhyUnknown),
}

/// Why a value is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WhyUnknown {
    /// What the device is called that would have to tell it; nothing where several dispute.
    pub device: Option<String>,
    /// A code of health, or `too_old`, `unknown`, `disputed`.
    pub code: &'static str,
}

/// What flows at a moment, as devices tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HousePowers {
    /// What panels bring.
    pub sun: Power,
    /// What is taken from the grid; below 0 what is given.
    pub grid: Power,
    /// What goes into batteries; below 0 what comes out.
    pub battery: Power,
    /// What the house takes, if something tells that.
    pub house: Power,
    /// How full the battery is, in %.
    pub level: Option<Decimal>,
    /// Wh that the panels have brought today, if they tell it.
    pub sun_today: Option<i64>,
    /// Whether no device has said anything yet.
    pub is_waiting: bool,
}

impl Power {
    /// The watts, if they are known.
    pub const fn watts(&self) -> Option<i64> {
        match self {
            Self::Watts(watts) => Some(*watts),
            Self::Absent | Self::Unknown(_) => None,
        }
    }

    /// Why they are not known.
    pub const fn why(&self) -> Option<&WhyUnknown> {
        match self {
            Self::Unknown(why) => Some(why),
            Self::Absent | Self::Watts(_) => None,
        }
    }
}

/// The devices of the house, by their ids.
struct Devices<'a> {
    by_id: BTreeMap<&'a DeviceId, &'a Known>,
    now: Timestamp,
}

impl HousePowers {
    /// What these devices tell at a moment.
    pub fn of(roles: &ChosenRoles, devices: &[Known], now: Timestamp) -> Self {
        let known = Devices {
            by_id: devices.iter().map(|it| (&it.device.id, it)).collect(),
            now,
        };
        let mut grid = known.power(roles, EnergyPart::Grid);
        if grid == Power::Absent {
            grid = known.difference(roles);
        }
        let asked = roles.all().map(|(_, member)| member);
        let mut asked = asked
            .filter_map(|member| known.by_id.get(&member.device))
            .peekable();
        let is_any = asked.peek().is_some();
        Self {
            sun: known.power(roles, EnergyPart::Sun),
            grid,
            battery: known.power(roles, EnergyPart::Battery),
            house: known.power(roles, EnergyPart::House),
            level: match roles.members(EnergyPart::BatteryLevel) {
                // How full several are together depends on how large each is.
                [only] => known.value(only, false).ok(),
                _ => None,
            },
            sun_today: known.sun_today(roles),
            is_waiting: is_any && asked.all(|it| it.state.health.code == HealthCode::Starting),
        }
    }
}

impl Devices<'_> {
    fn power(&self, roles: &ChosenRoles, part: EnergyPart) -> Power {
        if roles.is_disputed(part) {
            return Power::Unknown(WhyUnknown {
                device: None,
                code: "disputed",
            });
        }
        let members = roles.members(part);
        if members.is_empty() {
            return Power::Absent;
        }
        let may_rest = part == EnergyPart::Sun;
        let values: Result<Vec<_>, _> = members.iter().map(|it| self.value(it, may_rest)).collect();
        match values {
            Ok(values) => {
                let sum = Decimal::total(values.into_iter().map(|value| (value, false)));
                Power::Watts(sum.rounded(0).with_scale(0).mantissa())
            }
            Err(why) => Power::Unknown(why),
        }
    }

    /// The grid of what knows both directions apart. Who tells only what is taken knows of no giving.
    fn difference(&self, roles: &ChosenRoles) -> Power {
        match (
            self.power(roles, EnergyPart::GridTaken),
            self.power(roles, EnergyPart::GridGiven),
        ) {
            (taken, Power::Absent) => taken,
            (Power::Unknown(why), _) | (_, Power::Unknown(why)) => Power::Unknown(why),
            (Power::Absent, Power::Watts(given)) => Power::Watts(given.saturating_neg()),
            (Power::Watts(taken), Power::Watts(given)) => Power::Watts(taken.saturating_sub(given)),
        }
    }

    /// The value of a member. Panels that rest bring nothing, whether they say so or not.
    fn value(&self, member: &RoleMember, may_rest: bool) -> Result<Decimal, WhyUnknown> {
        let Some(known) = self.by_id.get(&member.device) else {
            return Err(WhyUnknown {
                device: Some(member.device.to_string()),
                code: HealthCode::NoData.code(),
            });
        };
        let why = |code| WhyUnknown {
            device: Some(known.device.name.clone()),
            code,
        };
        let health = known.state.health.code;
        if may_rest && health == HealthCode::Asleep {
            return Ok(Decimal::integer(0));
        }
        if !health.has_data() {
            return Err(why(health.code()));
        }
        let value = known.state.value(&member.key).as_number();
        let value = value.ok_or_else(|| why("unknown"))?;
        let is_old = known.state.at.is_none_or(|at| {
            let longest = SignedDuration::try_from(OLD).unwrap_or(SignedDuration::MAX);
            self.now.duration_since(at) > longest
        });
        if is_old {
            Err(why("too_old"))
        } else {
            Ok(value)
        }
    }

    /// What the panels have brought today by counters that begin each day, if each device has one.
    fn sun_today(&self, roles: &ChosenRoles) -> Option<i64> {
        let mut of_device: BTreeMap<&DeviceId, Option<i64>> = BTreeMap::new();
        for member in roles.members(EnergyPart::SunEnergy) {
            let today = of_device.entry(&member.device).or_default();
            let Some(known) = self.by_id.get(&member.device) else {
                continue;
            };
            let is_daily = known
                .device
                .metric(&member.key)
                .is_some_and(|it| it.behavior == Behavior::DailyCounter);
            if is_daily && let Some(value) = known.state.value(&member.key).as_number() {
                *today = Some(value.to_watt_hours());
            }
        }
        if of_device.is_empty() {
            return None;
        }
        let all: Option<Vec<i64>> = of_device.into_values().collect();
        all.map(|all| all.into_iter().sum())
    }
}
