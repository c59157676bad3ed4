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

    /// Whether a device is one of them. One whose family nobody knows is where all are, and nowhere else.
    #[must_use]
    pub fn include(self, family: Option<Family>) -> bool {
        self == ALL || family.is_some_and(|family| self.0 & 1 << family as u8 != 0)
    }
}

/// All there are.
pub const ALL: Families = Families::of(&Family::ALL);
/// Battery monitors, with and without a display.
pub const SHUNTS: Families = Families::of(&[Family::Bmv60x, Family::Bmv70x, Family::Shunt]);
/// Solar chargers.
pub const MPPT: Families = Families::of(&[Family::Mppt]);
/// Inverters.
pub const INVERTER: Families = Families::of(&[Family::Inverter]);
/// Chargers at the mains.
pub const CHARGER: Families = Families::of(&[Family::Charger]);
/// Converters.
pub const DCDC: Families = Families::of(&[Family::DcDc]);
/// RS units.
pub const RS: Families = Families::of(&[Family::Rs]);
/// With panels.
pub const SOLAR: Families = Families::of(&[Family::Mppt, Family::Rs]);
/// With an AC output.
pub const INVERTERS: Families = Families::of(&[Family::Inverter, Family::Rs]);
/// What charges a battery.
pub const CHARGERS: Families =
    Families::of(&[Family::Mppt, Family::Charger, Family::DcDc, Family::Rs]);
/// What charges a battery from the mains or from another battery.
pub const FED: Families = Families::of(&[Family::Charger, Family::DcDc]);
/// What can be in a network of VE.Smart devices.
pub const NETWORKED: Families = Families::of(&[Family::Mppt, Family::Charger]);
/// What can be switched on and off.
pub const SWITCHED: Families = Families::of(&[
    Family::Mppt,
    Family::Inverter,
    Family::Charger,
    Family::DcDc,
    Family::Rs,
]);
/// What measures the battery itself, and not its own output.
pub const MEASURED: Families = Families::of(&[
    Family::Bmv60x,
    Family::Bmv70x,
    Family::Shunt,
    Family::Inverter,
    Family::Charger,
    Family::DcDc,
    Family::Rs,
]);
