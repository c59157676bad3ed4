//! What of a device is seen at one glance: one table by keys, whatever the device is.

use serde::Serialize;
use utoipa::ToSchema;

use crate::bridge::sums;
use crate::model::{Behavior, Device, EnergyPart, Metric, Quantity, Role};
use crate::uploads;

/// Values beside the main one.
const SIDES: usize = 2;

/// A main value, and what goes with it.
struct GlanceRow {
    main: &'static str,
    /// The first ones that the device has.
    sides: &'static [&'static str],
    picture: PictureKind,
}

/// The first of these that a device has is its main value.
const ROWS: &[GlanceRow] = &[
    GlanceRow {
        main: "state_of_charge",
        sides: &[
            "battery_power",
            "time_to_go",
            "battery_voltage",
            "battery_current",
        ],
        picture: PictureKind::Level,
    },
    GlanceRow {
        main: "power_net",
        sides: &["energy_import", "energy_export"],
        picture: PictureKind::Curve,
    },
    GlanceRow {
        main: "power",
        sides: &[
            "energy_today",
            "energy_today_computed",
            "energy_total",
            "energy_computed",
            "voltage",
        ],
        picture: PictureKind::Curve,
    },
    GlanceRow {
        main: "panel_power",
        sides: &["energy_today", "battery_voltage", "energy_total"],
        picture: PictureKind::Curve,
    },
    GlanceRow {
        main: "pending",
        sides: &["last_success", "given_up"],
        picture: PictureKind::None,
    },
];

/// What of a device is seen first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Glance {
    /// The key of its main value.
    pub main: Option<String>,
    /// The keys of what stands beside that.
    pub side: Vec<String>,
    /// What is drawn below.
    pub picture: GlancePicture,
}

/// What is drawn of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GlancePicture {
    /// What kind of picture.
    pub kind: PictureKind,
    /// The key of what it shows.
    pub key: Option<String>,
}

/// The kinds of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PictureKind {
    /// The day as a line.
    Curve,
    /// How full it is.
    Level,
    /// A bar for each device behind it.
    Children,
    /// Nothing.
    None,
}

/// The sign of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceIcon {
    /// Panels with their inverter.
    Panels,
    /// All panels of a roof.
    Sun,
    /// A battery.
    Battery,
    /// A meter of the grid.
    Meter,
    /// Several devices in one.
    Sum,
    /// wattbridge itself.
    Bridge,
    /// What the history is sent to.
    Upload,
    /// Anything else.
    Device,
}

/// What is seen of a device; `has_powers_behind` if others are behind it that show a power.
pub fn glance(device: &Device, has_powers_behind: bool) -> Glance {
    let row = row(device);
    let main = main_value(device);
    let sides = row.map_or(&[][..], |row| row.sides);
    let side = sides.iter().filter(|key| device.metric(key).is_some());
    let kind = match (main, row) {
        (None, _) => PictureKind::None,
        (Some(_), _) if has_powers_behind => PictureKind::Children,
        (Some(main), _) if main.behavior == Behavior::LifetimeCounter => PictureKind::None,
        (Some(_), Some(row)) => row.picture,
        (Some(_), None) => PictureKind::Curve,
    };
    let main = main.map(|metric| metric.key.to_string());
    Glance {
        side: side.take(SIDES).map(ToString::to_string).collect(),
        picture: GlancePicture {
            kind,
            key: main.clone(),
        },
        main,
    }
}

/// Whether the main value of a device is a power.
pub fn shows_power(device: &Device) -> bool {
    main_value(device).is_some_and(|main| main.quantity == Some(Quantity::Power))
}

fn row(device: &Device) -> Option<&'static GlanceRow> {
    ROWS.iter().find(|row| device.metric(row.main).is_some())
}

fn main_value(device: &Device) -> Option<&Metric> {
    match row(device) {
        Some(row) => device.metric(row.main),
        None => other_main(device),
    }
}

/// Any other power, else the first number that is no diagnostic one, else the first counter.
fn other_main(device: &Device) -> Option<&Metric> {
    let primary = |behavior: Behavior| {
        let is_it = move |metric: &&Metric| {
            metric.role == Role::Primary && metric.behavior == behavior && metric.enabled
        };
        device.metrics.iter().filter(is_it)
    };
    let of_the_moment = || primary(Behavior::Measurement);
    let is_power = |metric: &&Metric| metric.quantity == Some(Quantity::Power);
    of_the_moment()
        .find(is_power)
        .or_else(|| of_the_moment().next())
        .or_else(|| primary(Behavior::LifetimeCounter).next())
}

/// The sign of a device.
pub fn icon(device: &Device, has_children: bool) -> DeviceIcon {
    let has = |parts: &[EnergyPart]| {
        let of = |metric: &Metric| metric.part.filter(|part| !part.is_substitute);
        let mut all = device.metrics.iter().filter_map(of);
        all.any(|part| parts.contains(&part.part))
    };
    if device.adapter == env!("CARGO_PKG_NAME") {
        DeviceIcon::Bridge
    } else if device.adapter == sums::KIND {
        DeviceIcon::Sum
    } else if device.adapter == uploads::KIND {
        DeviceIcon::Upload
    } else if has(&[EnergyPart::BatteryLevel, EnergyPart::Battery]) {
        DeviceIcon::Battery
    } else if has(&[
        EnergyPart::Grid,
        EnergyPart::GridImport,
        EnergyPart::GridExport,
    ]) {
        DeviceIcon::Meter
    } else if has(&[EnergyPart::Sun, EnergyPart::SunEnergy]) {
        if has_children {
            DeviceIcon::Sun
        } else {
            DeviceIcon::Panels
        }
    } else if device
        .metrics
        .iter()
        .any(|metric| panel_of(&metric.key).is_some())
    {
        DeviceIcon::Panels
    } else {
        DeviceIcon::Device
    }
}

/// The number in `panel_3_power`.
pub fn panel_of(key: &str) -> Option<u32> {
    let number = key.strip_prefix("panel_")?.strip_suffix("_power")?;
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(keys: &[(&'static str, Quantity)]) -> Device {
        let mut device = Device::new("x", "1", "x", "x");
        device.metrics = keys
            .iter()
            .map(|(key, quantity)| Metric::measurement(key, *quantity))
            .collect();
        device
    }

    fn main(keys: &[(&'static str, Quantity)]) -> Option<String> {
        glance(&device(keys), false).main
    }

    #[test]
    fn the_main_value_is_the_first_of_the_table_else_a_power_else_any() {
        use Quantity::{Power, StateOfCharge, Temperature, Voltage};

        let all = [
            ("voltage", Voltage),
            ("pump", Power),
            ("panel_power", Power),
            ("power", Power),
            ("power_net", Power),
            ("state_of_charge", StateOfCharge),
        ];
        for (count, expected) in [
            (6, "state_of_charge"),
            (5, "power_net"),
            (4, "power"),
            (3, "panel_power"),
            (2, "pump"),
            (1, "voltage"),
        ] {
            assert_eq!(main(&all[..count]).as_deref(), Some(expected));
        }
        assert_eq!(main(&[]), None);
        let mut aside = device(&[("inside", Temperature), ("outside", Temperature)]);
        aside.metrics[0].role = Role::Diagnostic;
        assert_eq!(glance(&aside, false).main.as_deref(), Some("outside"));
    }

    #[test]
    fn a_counter_is_shown_where_there_is_nothing_of_the_moment() {
        let mut gas = device(&[]);
        gas.metrics = vec![Metric::lifetime("gas", Quantity::Gas)];
        let seen = glance(&gas, false);
        assert_eq!(seen.main.as_deref(), Some("gas"));
        assert_eq!(seen.picture.kind, PictureKind::None);
        assert!(!shows_power(&gas));
        assert!(shows_power(&device(&[("power_net", Quantity::Power)])));
    }

    #[test]
    fn a_device_with_others_behind_it_shows_those() {
        let roof = device(&[
            ("power", Quantity::Power),
            ("energy_today", Quantity::Energy),
        ]);
        let seen = glance(&roof, true);
        assert_eq!(seen.picture.kind, PictureKind::Children);
        assert_eq!(seen.side, ["energy_today"]);
        let alone = glance(&roof, false);
        assert_eq!(alone.picture.kind, PictureKind::Curve);
        assert_eq!(glance(&device(&[]), true).picture.kind, PictureKind::None);
    }

    #[test]
    fn a_panel_is_known_by_its_key() {
        assert_eq!(panel_of("panel_12_power"), Some(12));
        for other in ["panel_power", "panel_x_power", "panel_1_voltage", "power"] {
            assert_eq!(panel_of(other), None, "{other}");
        }
    }
}
