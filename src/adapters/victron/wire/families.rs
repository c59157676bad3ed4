//! Kinds of devices, as far as they differ in what they send.

/// A kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Family {
    /// Battery monitors BMV-60x, which send no product id.
    Bmv60x,
    /// Battery monitors BMV-70x.
    Bmv70x,
    /// Battery monitors BMV-71x and later, and shunts without a display.
    Shunt,
    /// Solar chargers.
    Mppt,
    /// Inverters.
    Inverter,
    /// Chargers at the mains.
    Charger,
    /// Converters from one battery to another.
    DcDc,
    /// RS units: several solar trackers, with or without an inverter.
    Rs,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Bmv60x,
        Self::Bmv70x,
        Self::Shunt,
        Self::Mppt,
        Self::Inverter,
        Self::Charger,
        Self::DcDc,
        Self::Rs,
    ];

    /// Its word in tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Bmv60x => "bmv60x",
            Self::Bmv70x => "bmv70x",
            Self::Shunt => "shunt",
            Self::Mppt => "mppt",
            Self::Inverter => "inverter",
            Self::Charger => "charger",
            Self::DcDc => "dcdc",
            Self::Rs => "rs",
        }
    }

    /// What a device is whose product id says nothing, by a label it sends. Ask with all of its
    /// labels: the answer of the most telling one holds, which is the least.
    #[must_use]
    pub fn of_label(label: &[u8]) -> Option<Self> {
        match label {
            b"SOC" | b"CE" => Some(Self::Shunt),
            b"VPV" => Some(Self::Mppt),
            b"AC_OUT_V" => Some(Self::Inverter),
            b"DC_IN_V" => Some(Self::DcDc),
            _ => None,
        }
    }
}

/// A set of families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Families(u8);

impl Families {
    /// Those in the list.
    #[must_use]
    pub const fn of(list: &[Family]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < list.len() {
            bits |= 1 << list[at] as u8;
            at += 1;
        }
        Self(bits)
    }

    /// All there are.
    pub const ALL: Self = Self::of(&Family::ALL);

    /// Whether this one is among them.
    #[must_use]
    pub const fn contains(self, family: Family) -> bool {
        self.0 & 1 << family as u8 != 0
    }
}
