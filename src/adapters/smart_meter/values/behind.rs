//! Meters behind the meter: gas, water, heat and further electricity, which it reads over M-Bus and passes on.
//!
//! | Code | Means |
//! |---|---|
//! | 0-n:24.1.0 | what channel n counts |
//! | 0-n:96.1.0, 96.1.1 | the number of that meter |
//! | 0-n:24.2.1, 24.2.3, 24.3.0 | its counter, with the time when it was read |
//! | 0-n:24.4.0 | its valve |
//!
//! Nothing about a channel is fixed: a meter that was exchanged comes on another one, and what was there before
//! may stand still for ever. So a meter is who its number says.

use jiff::{SignedDuration, Timestamp};

use super::super::wire::{Item, ItemValue, MeterTime, Unit};
use super::is_number;
use crate::model::{Decimal, Quantity};

/// Channels that there are.
const CHANNELS: std::ops::RangeInclusive<u8> = 1..=9;
/// A channel that was read that long ago is of a meter that is not there any more.
const STALE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a meter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Medium {
    Gas,
    Water,
    Heat,
    Cooling,
    Electricity,
}

/// The types of M-Bus, and what they count.
const TYPES: &[(i128, Medium)] = &[
    (2, Medium::Electricity),
    (3, Medium::Gas),
    (4, Medium::Heat),
    (6, Medium::Water),
    (7, Medium::Water),
    (10, Medium::Cooling),
    (11, Medium::Cooling),
    (12, Medium::Heat),
    (13, Medium::Heat),
    (21, Medium::Water),
];

impl Medium {
    /// The key of its counter.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Gas => "gas",
            Self::Water => "water",
            Self::Heat => "heat",
            Self::Cooling => "cooling",
            Self::Electricity => "energy",
        }
    }

    /// What a meter of it is called.
    pub const fn meter(self) -> &'static str {
        match self {
            Self::Gas => "Gas meter",
            Self::Water => "Water meter",
            Self::Heat => "Heat meter",
            Self::Cooling => "Cooling meter",
            Self::Electricity => "Electricity meter",
        }
    }

    const fn quantity(self) -> Quantity {
        match self {
            Self::Gas => Quantity::Gas,
            Self::Water => Quantity::Water,
            Self::Heat | Self::Cooling => Quantity::Heat,
            Self::Electricity => Quantity::Energy,
        }
    }
}

/// One of them, as a telegram has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    pub medium: Medium,
    /// Where it is at present.
    pub channel: u8,
    /// Its number, if it has one.
    pub number: Option<String>,
    /// Its counter, in the unit of its quantity.
    pub reading: Decimal,
    /// When that was read, by the meter's clock.
    pub captured: Timestamp,
    /// How long before the telegram that was, by the same clock, if it shows one.
    pub age: Option<SignedDuration>,
    pub valve: Option<&'static str>,
}

impl Behind {
    /// Whether it was read so long ago that it is not there any more.
    pub fn is_stale(&self) -> bool {
        self.age.is_some_and(|age| age > STALE)
    }

    /// Whether another telegram says the same of it; how old that is may differ.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let said = |one: &Self| (one.reading, one.captured, one.valve);
        said(self) == said(other)
    }
}

/// The channel of an item about a meter behind the meter.
pub(super) fn channel(item: &Item) -> Option<u8> {
    let [0, channel, c, d, ..] = item.obis?.0 else {
        return None;
    };
    let is_about = c == 24 || (c, d) == (96, 1);
    (CHANNELS.contains(&channel) && is_about).then_some(channel)
}

/// All that a telegram has. `clock` is the time of the telegram, and `at` turns a time of the meter's clock into a
/// moment. A channel without a counter that was read at some time is only a place for a meter.
pub(super) fn behind(
    items: &[Item],
    clock: Option<Timestamp>,
    at: impl Fn(&MeterTime) -> Option<Timestamp>,
) -> Vec<Behind> {
    let mut found: Vec<Behind> = Vec::new();
    for number in CHANNELS {
        let of_channel = items.iter().filter(|item| channel(item) == Some(number));
        let of_channel: Vec<&Item> = of_channel.collect();
        let Some(one) = read(number, &of_channel, clock, &at) else {
            continue;
        };
        // The same number twice is the same meter, and where it was read last is where it is.
        let same = |other: &&mut Behind| {
            one.number.is_some() && (&other.number, other.medium) == (&one.number, one.medium)
        };
        match found.iter_mut().find(same) {
            Some(other) if other.captured >= one.captured => {}
            Some(other) => *other = one,
            None => found.push(one),
        }
    }
    found
}

fn read(
    channel: u8,
    items: &[&Item],
    clock: Option<Timestamp>,
    at: impl Fn(&MeterTime) -> Option<Timestamp>,
) -> Option<Behind> {
    let code = |item: &Item| item.obis.map(|code| [code.0[2], code.0[3], code.0[4]]);
    let of = |wanted: [u8; 3]| {
        items
            .iter()
            .find(|item| code(item) == Some(wanted))
            .copied()
    };
    let kind = of([24, 1, 0]).and_then(|item| item.value.as_quantity());
    let kind = kind.map(|number| number.raw);
    let readings = [[24, 2, 1], [24, 2, 3], [24, 3, 0]];
    let (medium, reading, captured) = readings.into_iter().filter_map(of).find_map(|item| {
        let number = item.value.as_quantity()?;
        let medium = match kind.filter(|kind| *kind != 0) {
            Some(kind) => TYPES.iter().find(|(known, _)| *known == kind)?.1,
            None if number.unit == Unit::JOULE => Medium::Heat,
            None => return None,
        };
        let reading = in_unit(number.value()?, number.unit, medium.quantity())?;
        Some((medium, reading, at(item.at.as_ref()?)?))
    })?;
    let name = |item: &Item| {
        item.value
            .as_text()
            .filter(|text| is_number(text))
            .map(str::to_owned)
    };
    let names = [[96, 1, 1], [96, 1, 0]].into_iter().filter_map(of);
    let valve = of([24, 4, 0]).and_then(|item| match &item.value {
        ItemValue::Quantity(number) => match number.raw {
            0 => Some("closed"),
            1 => Some("open"),
            2 => Some("ready"),
            _ => Some("other"),
        },
        _ => None,
    });
    Some(Behind {
        medium,
        channel,
        number: names.into_iter().find_map(name),
        reading,
        captured,
        age: clock.map(|clock| clock.duration_since(captured)),
        valve,
    })
    .filter(|one| one.reading >= Decimal::integer(0))
}

/// A counter in the unit of its quantity, if it is one of it at all.
fn in_unit(value: Decimal, unit: Unit, quantity: Quantity) -> Option<Decimal> {
    let by_ten = |mantissa: i128, places: u8| {
        Decimal::fitting(mantissa, value.scale().saturating_add(places))
    };
    let mantissa = i128::from(value.mantissa());
    match (quantity, unit) {
        (Quantity::Gas | Quantity::Water, Unit::CUBIC_METRE | Unit::CORRECTED_CUBIC_METRE) => {
            Some(value)
        }
        (Quantity::Gas | Quantity::Water, Unit::LITRE) | (Quantity::Energy, Unit::WATT_HOUR) => {
            by_ten(mantissa, 3)
        }
        (Quantity::Heat, Unit::JOULE) => by_ten(mantissa, 9),
        // 3600 J in each.
        (Quantity::Heat, Unit::WATT_HOUR) => by_ten(mantissa.checked_mul(36)?, 7),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::super::super::wire::dsmr::lines::items;
    use super::*;

    fn of(lines: &str) -> Vec<Behind> {
        let items = items(&format!("/ABC5\r\n\r\n{lines}\r\n"));
        let at = |time: &MeterTime| time.to_timestamp(&TimeZone::UTC, Timestamp::UNIX_EPOCH);
        let clock = "2024-01-15T10:00:00Z".parse().unwrap();
        behind(&items, Some(clock), at)
    }

    fn shown(lines: &str) -> Vec<String> {
        let shown = |one: Behind| {
            let number = one.number.as_deref().unwrap_or("-");
            format!(
                "{} {} {number} {}",
                one.channel,
                one.medium.key(),
                one.reading
            )
        };
        of(lines).into_iter().map(shown).collect()
    }

    #[test]
    fn the_type_says_what_it_is_and_the_channel_nothing() {
        let time = "(240115095500W)";
        let lines = format!(
            "0-1:24.1.0(007)\r\n0-1:96.1.1(5730303939303030303030303030303036)\r\n0-1:24.2.1{time}(872.234*m3)\r\n\
             0-4:96.1.0(4730303939303030303030303030303032)\r\n0-4:24.2.3{time}(12785.12*m3)\r\n0-4:24.1.0(3)\r\n\
             0-2:24.1.0(012)\r\n0-2:24.2.1{time}(12.34*GJ)\r\n0-3:24.1.0(002)\r\n0-3:24.2.1{time}(123456*Wh)\r\n\
             0-5:24.2.1{time}(1*GJ)\r\n0-6:24.2.1{time}(1*m3)\r\n0-7:24.1.0(4)\r\n0-7:24.2.1{time}(1*MWh)"
        );
        let expected = [
            "1 water W0099000000000006 872.234",
            "2 heat - 12.34",
            "3 energy - 123.456",
            "4 gas G0099000000000002 12785.12",
            "5 heat - 1",
            "7 heat - 3.6",
        ];
        assert_eq!(shown(&lines), expected);
    }

    #[test]
    fn a_place_without_a_meter_is_none() {
        for lines in [
            "0-1:24.1.0(3)\r\n0-1:24.2.1(700101000000W)(00000000)",
            "0-1:24.1.0(3)\r\n0-1:24.2.1(632525252525W)(0*m3)",
            "0-1:24.1.0(3)\r\n0-1:24.2.1()",
            "0-1:24.1.0(3)\r\n0-1:24.2.1(240115095500W)(00000000)",
            "0-1:24.1.0(3)\r\n0-1:24.2.1(240115095500W)(1*GJ)",
            "0-1:24.1.0(3)\r\n0-1:24.2.1(240115095500W)(-1*m3)",
            "0-1:24.1.0(99)\r\n0-1:24.2.1(240115095500W)(1*m3)",
            "0-1:96.3.10(1)",
        ] {
            assert_eq!(of(lines), [], "{lines}");
        }
    }

    #[test]
    fn what_was_read_long_ago_is_stale_and_the_newer_of_two_counts() {
        let channel = |channel, day, value| {
            format!(
                "0-{channel}:24.1.0(3)\r\n0-{channel}:96.1.0(GAS00001)\r\n0-{channel}:24.2.1(2401{day}095500W)({value}*m3)\r\n"
            )
        };
        let old = of(&channel(1, "07", 5));
        assert!(old[0].is_stale(), "{old:?}");
        let both = channel(1, "07", 5) + &channel(2, "15", 6);
        assert_eq!(shown(&both), ["2 gas GAS00001 6"]);
        let both = channel(1, "15", 6) + &channel(2, "07", 5);
        assert_eq!(shown(&both), ["1 gas GAS00001 6"]);
        // Ahead of the meter's own clock.
        assert!(!of(&channel(1, "29", 7))[0].is_stale());
    }
}
