//! Which product a serial number belongs to: data, not code.
//!
//! The tables give names and capabilities only. The size of a record follows from its type, never
//! from these prefixes, so a product missing here costs a pretty name and nothing else.

use super::ids::{EcuId, Uid};

/// What the voltages of a record are. All of them are of the grid (AC), never of a panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VoltageKind {
    /// One grid voltage; two readings of it are the same voltage measured twice.
    Grid,
    /// Three voltages of a phase against neutral, about 230 V.
    PhaseToNeutral,
    /// Three voltages between two phases, about 400 V.
    PhaseToPhase,
}

/// A kind of inverter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// First digits of the inverter's id.
    pub prefix: &'static str,
    /// Name on the label.
    pub name: &'static str,
    /// Inputs for panels.
    pub channels: u8,
    /// What its voltages are.
    pub voltage: VoltageKind,
    /// What it never exceeds, in W: a quarter above the largest that carries such an id.
    pub power_w: u32,
}

#[rustfmt::skip]
const fn product(prefix: &'static str, name: &'static str, channels: u8, voltage: VoltageKind, power_w: u32) -> Product {
    Product { prefix, name, channels, voltage, power_w }
}

/// The known inverters; no prefix is the beginning of another.
#[rustfmt::skip]
pub static PRODUCTS: &[Product] = &[
    product("10",  "YC500",  2, VoltageKind::Grid,           700),
    product("403", "YC500",  2, VoltageKind::Grid,           700),
    product("404", "YC500",  2, VoltageKind::Grid,           700),
    product("406", "YC600",  2, VoltageKind::Grid,           800),
    product("407", "YC600",  2, VoltageKind::Grid,           800),
    product("408", "YC600",  2, VoltageKind::Grid,           800),
    product("409", "YC600",  2, VoltageKind::Grid,           800),
    product("501", "YC1000", 4, VoltageKind::PhaseToNeutral, 1250),
    product("502", "YC1000", 4, VoltageKind::PhaseToNeutral, 1250),
    product("503", "YC1000", 4, VoltageKind::PhaseToNeutral, 1250),
    product("504", "YC1000", 4, VoltageKind::PhaseToNeutral, 1250),
    product("702", "DS3-S",  2, VoltageKind::Grid,           1200),
    product("703", "DS3-L",  2, VoltageKind::Grid,           1200),
    product("704", "DS3",    2, VoltageKind::Grid,           1200),
    product("706", "DS3-H",  2, VoltageKind::Grid,           1200),
    product("707", "DS3",    2, VoltageKind::Grid,           1200),
    product("801", "QS1",    4, VoltageKind::Grid,           1900),
    product("802", "QS1",    4, VoltageKind::Grid,           1900),
    product("804", "QS1A",   4, VoltageKind::Grid,           1900),
    product("805", "QS1A",   4, VoltageKind::Grid,           1900),
    product("806", "QS1A",   4, VoltageKind::Grid,           1900),
    product("901", "QT2",    4, VoltageKind::PhaseToPhase,   2500),
];

/// What the first two digits tell of an inverter that is not among [`PRODUCTS`]. Its family has
/// larger members, such as the DS3D and the QT2D.
#[rustfmt::skip]
pub static FAMILIES: &[Product] = &[
    product("40", "YC600 series",  2, VoltageKind::Grid,           900),
    product("50", "YC1000 series", 4, VoltageKind::PhaseToNeutral, 1900),
    product("70", "DS3 series",    2, VoltageKind::Grid,           2500),
    product("80", "QS1 series",    4, VoltageKind::Grid,           2500),
    product("90", "QT2 series",    4, VoltageKind::PhaseToPhase,   4500),
];

/// What one input of an inverter of which nothing is known never exceeds, in W.
pub const CHANNEL_POWER_W: u32 = 1250;

/// Voltages between phase and neutral end well below this, those between two phases begin above.
pub const PHASE_TO_PHASE_V: u16 = 300;

impl Product {
    /// The product of an inverter, or at least its family, if the id tells it.
    #[must_use]
    pub fn of(uid: Uid) -> Option<&'static Self> {
        let uid = uid.to_string();
        let mut all = PRODUCTS.iter().chain(FAMILIES);
        all.find(|product| uid.starts_with(product.prefix))
    }
}

/// A gateway product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gateway {
    /// First digits of the ECU id.
    pub prefix: &'static str,
    /// Name on the label.
    pub name: &'static str,
    /// Answers on TCP 8899.
    pub local_tcp: bool,
    /// TCP 8899 is open on its Wi-Fi address only.
    pub wifi_only: bool,
    /// Has a local web page; newer firmware may have lost it.
    pub local_http: bool,
}

/// The known gateways; no prefix is the beginning of another.
#[rustfmt::skip]
pub static GATEWAYS: &[Gateway] = &[
    Gateway { prefix: "2160", name: "ECU-R",     local_tcp: true,  wifi_only: true,  local_http: false },
    Gateway { prefix: "2162", name: "ECU-R-Pro", local_tcp: true,  wifi_only: false, local_http: true  },
    Gateway { prefix: "2163", name: "ECU-B",     local_tcp: true,  wifi_only: true,  local_http: false },
    Gateway { prefix: "215",  name: "ECU-C",     local_tcp: true,  wifi_only: false, local_http: true  },
    Gateway { prefix: "2030", name: "ECU-3",     local_tcp: false, wifi_only: false, local_http: true  },
];

impl Gateway {
    /// The product of a gateway, if its prefix is known.
    #[must_use]
    pub fn of(ecu: &EcuId) -> Option<&'static Self> {
        GATEWAYS
            .iter()
            .find(|gateway| ecu.as_str().starts_with(gateway.prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_unambiguous() {
        let of = |list: Vec<&'static str>| {
            for (index, one) in list.iter().enumerate() {
                for (other_index, other) in list.iter().enumerate() {
                    assert!(
                        index == other_index || !other.starts_with(one),
                        "{one} {other}"
                    );
                }
            }
        };
        of(PRODUCTS.iter().map(|product| product.prefix).collect());
        of(FAMILIES.iter().map(|product| product.prefix).collect());
        of(GATEWAYS.iter().map(|gateway| gateway.prefix).collect());
    }

    #[test]
    fn names_follow_from_the_first_digits() {
        let name = |uid: &str| Product::of(uid.parse().unwrap()).map(|product| product.name);
        assert_eq!(name("802000000001"), Some("QS1"));
        assert_eq!(name("101000000001"), Some("YC500"));
        assert_eq!(name("705000000001"), Some("DS3 series"));
        assert_eq!(name("999000000001"), None);
        let gateway = |id: &str| Gateway::of(&id.parse().unwrap()).map(|gateway| gateway.name);
        assert_eq!(gateway("215000000001"), Some("ECU-C"));
        assert_eq!(gateway("216000000001"), Some("ECU-R"));
        assert_eq!(gateway("999000000001"), None);
    }
}
