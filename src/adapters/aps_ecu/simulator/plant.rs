//! What is simulated: a gateway and the inverters it knows.
//!
//! Serial numbers are invented. They begin with the digits of the real product, because clients tell
//! products apart by them, and end in small numbers nobody's device has.

use std::fmt;
use std::str::FromStr;

use super::super::wire::{EcuId, Gateway, IdError, PRODUCTS, Product, Uid, VoltageKind};

/// Most inverters of one gateway: their records have to fit into one frame.
pub const MOST_INVERTERS: usize = 330;

/// Serials of one product and gateway are numbered below this.
const SERIALS: usize = 1000;

/// Inverters that join later are numbered from here, so that they never meet the ones of the start.
const LATECOMERS: usize = 400;

/// Inverters that can be simulated although nobody has said how their serials begin. These begin like
/// none that is listed, as a client meets them one day.
#[rustfmt::skip]
static MORE: &[Product] = &[
    Product { prefix: "405", name: "YC600Y",   channels: 2, voltage: VoltageKind::Grid,         power_w: 600 },
    Product { prefix: "708", name: "DS3D",     channels: 2, voltage: VoltageKind::Grid,         power_w: 2000 },
    Product { prefix: "709", name: "DS3D-L",   channels: 2, voltage: VoltageKind::Grid,         power_w: 1700 },
    Product { prefix: "902", name: "QT2D",     channels: 4, voltage: VoltageKind::PhaseToPhase, power_w: 3600 },
    Product { prefix: "999", name: "unlisted", channels: 2, voltage: VoltageKind::Grid,         power_w: 800 },
];

/// Every inverter that can be simulated.
fn products() -> impl Iterator<Item = &'static Product> {
    PRODUCTS.iter().chain(MORE)
}

/// The gateway products that can be simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Model {
    /// ECU-R: group 11, several commands over one connection
    EcuR,
    /// ECU-R-Pro: group 12, one command for each connection
    EcuRPro,
    /// ECU-B: like the ECU-R
    EcuB,
    /// ECU-C: like the ECU-R-Pro
    EcuC,
}

impl Model {
    /// Name on the label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcuR => "ECU-R",
            Self::EcuRPro => "ECU-R-Pro",
            Self::EcuB => "ECU-B",
            Self::EcuC => "ECU-C",
        }
    }

    /// The product an id belongs to, if its first digits are known.
    #[must_use]
    pub fn of(ecu: &EcuId) -> Option<Self> {
        let name = Gateway::of(ecu)?.name;
        [Self::EcuR, Self::EcuRPro, Self::EcuB, Self::EcuC]
            .into_iter()
            .find(|model| model.name() == name)
    }

    /// The serial of the first, second, ... simulated gateway of this product.
    pub fn serial(self, number: u32) -> Result<EcuId, IdError> {
        let prefix = match self {
            Self::EcuR => "2160",
            Self::EcuRPro => "2162",
            Self::EcuB => "2163",
            Self::EcuC => "2150",
        };
        format!("{prefix}{number:08}").parse()
    }

    pub(crate) const fn firmware(self) -> &'static str {
        match self {
            Self::EcuR => "ECU_R_1.3.6C",
            Self::EcuRPro => "ECU_R_PRO_2.1.27",
            Self::EcuB => "ECU_B_1.2.33",
            Self::EcuC => "ECU-C-Z_C1.2.24D",
        }
    }

    /// The ones with Linux inside: group 12, real zone names, one command for each connection.
    pub const fn is_linux(self) -> bool {
        matches!(self, Self::EcuRPro | Self::EcuC)
    }
}

/// One simulated inverter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inverter {
    /// Its invented serial.
    pub uid: Uid,
    /// What it is.
    pub product: &'static Product,
}

/// Why a list of inverters cannot be simulated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlantError {
    /// A name that is no product.
    #[error("there is no inverter \"{name}\"; known are {}", product_names().join(", "))]
    UnknownProduct {
        /// What was written.
        name: String,
    },
    /// A serial whose first digits are no product's.
    #[error(
        "the serial {uid} begins like no known inverter; write a product such as 2xDS3 instead"
    )]
    UnknownSerial {
        /// The serial.
        uid: Uid,
    },
    /// A part that is not `3xDS3`, `DS3` or a serial.
    #[error("\"{part}\" is not a number of inverters; write them like 3xDS3,2xQS1")]
    Unreadable {
        /// What was written.
        part: String,
    },
    /// More than one frame can hold.
    #[error("{count} inverters are too many for one ECU; {MOST_INVERTERS} are possible")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// The same serial twice.
    #[error("the inverter {uid} is there twice")]
    Twice {
        /// The serial.
        uid: Uid,
    },
}

/// The names of all inverters that can be simulated, each once.
#[must_use]
pub fn product_names() -> Vec<&'static str> {
    let mut names = Vec::new();
    for product in products() {
        if !names.contains(&product.name) {
            names.push(product.name);
        }
    }
    names
}

/// The product of a name such as `DS3`, however it is capitalized.
///
/// # Errors
/// No product has that name; the error lists those there are.
pub fn product_named(name: &str) -> Result<&'static Product, PlantError> {
    let found = products().find(|product| product.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| PlantError::UnknownProduct {
        name: name.to_owned(),
    })
}

/// The product of a serial, or one of its family.
fn product_of(uid: Uid) -> Option<&'static Product> {
    let digits = uid.to_string();
    let exact = products().find(|product| digits.starts_with(product.prefix));
    exact.or_else(|| Product::of(uid))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Some(usize, &'static Product),
    One(Inverter),
}

/// Inverters as people write them: `3xDS3,2xQS1`, also whole serials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InverterList(Vec<Part>);

impl FromStr for InverterList {
    type Err = PlantError;

    fn from_str(text: &str) -> Result<Self, PlantError> {
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let list: Vec<Part> = parts.map(part).collect::<Result<_, _>>()?;
        let counts = list.iter().map(|part| match part {
            Part::Some(count, _) => *count,
            Part::One(_) => 1,
        });
        let count = counts.fold(0, usize::saturating_add);
        if count > MOST_INVERTERS {
            return Err(PlantError::TooMany { count });
        }
        Ok(Self(list))
    }
}

fn part(part: &str) -> Result<Part, PlantError> {
    if let Ok(uid) = part.parse::<Uid>() {
        let product = product_of(uid).ok_or(PlantError::UnknownSerial { uid })?;
        return Ok(Part::One(Inverter { uid, product }));
    }
    let Some((count, name)) = part.split_once(['x', 'X']) else {
        return Ok(Part::Some(1, product_named(part)?));
    };
    let count = count.trim().parse().map_err(|_| PlantError::Unreadable {
        part: part.to_owned(),
    })?;
    Ok(Part::Some(count, product_named(name.trim())?))
}

impl fmt::Display for InverterList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match part {
                Part::Some(count, product) => write!(f, "{comma}{count}x{}", product.name)?,
                Part::One(inverter) => write!(f, "{comma}{}", inverter.uid)?,
            }
        }
        Ok(())
    }
}

/// A gateway and its inverters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plant {
    /// The gateway's product.
    pub model: Model,
    /// Its serial.
    pub ecu: EcuId,
    /// Its firmware, as it tells it.
    pub firmware: String,
    /// The inverters registered at the start.
    pub inverters: Vec<Inverter>,
}

impl Plant {
    /// Gives every inverter of the list a serial which no other simulated gateway uses.
    ///
    /// # Errors
    /// A serial written out that collides with another one.
    pub fn new(model: Model, ecu: EcuId, list: &InverterList) -> Result<Self, PlantError> {
        let mut plant = Self {
            model,
            ecu,
            firmware: model.firmware().to_owned(),
            inverters: Vec::new(),
        };
        for part in &list.0 {
            match *part {
                Part::Some(count, product) => {
                    for _ in 0..count {
                        let inverter = plant.newcomer(product, 1, &plant.inverters);
                        plant.inverters.push(inverter);
                    }
                }
                Part::One(inverter) => {
                    if plant.inverters.contains(&inverter) {
                        return Err(PlantError::Twice { uid: inverter.uid });
                    }
                    plant.inverters.push(inverter);
                }
            }
        }
        Ok(plant)
    }

    /// An inverter of this plant that is not among `others`.
    pub fn latecomer(&self, product: &'static Product, others: &[Inverter]) -> Inverter {
        self.newcomer(product, LATECOMERS, others)
    }

    fn newcomer(&self, product: &'static Product, first: usize, others: &[Inverter]) -> Inverter {
        let candidates = (first..SERIALS).map(|number| Inverter {
            uid: self.uid(product, number),
            product,
        });
        let mut free = candidates.filter(|candidate| !others.contains(candidate));
        free.next().unwrap_or(Inverter {
            uid: self.uid(product, 0),
            product,
        })
    }

    /// After the digits of the product: the gateway's product, the end of its serial, a number.
    fn uid(&self, product: &'static Product, number: usize) -> Uid {
        let tail = self.ecu.as_str().get(7..).unwrap_or_default();
        // Gateways count from 1; so do not the five digits, for the sake of short serials.
        let tail = tail.parse::<usize>().unwrap_or(0) + 99_999;
        let group = (self.model as usize) * 100_000 + tail % 100_000;
        let number = group * SERIALS + number;
        let width = 12 - product.prefix.len();
        let digits = format!("{}{number:0width$}", product.prefix);
        digits.parse().unwrap_or(Uid::from_wire([0; 6]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plant(model: Model, number: u32, list: &str) -> Plant {
        Plant::new(model, model.serial(number).unwrap(), &list.parse().unwrap()).unwrap()
    }

    #[test]
    fn serials_are_invented_from_the_product_and_the_gateway() {
        let plant = plant(Model::EcuR, 1, "2xDS3, yc500,1xQT2");
        let uids: Vec<_> = plant
            .inverters
            .iter()
            .map(|one| one.uid.to_string())
            .collect();
        assert_eq!(
            uids,
            [
                "704000000001",
                "704000000002",
                "100000000001",
                "901000000001"
            ]
        );
        assert_eq!(plant.ecu.to_string(), "216000000001");
        for inverter in &plant.inverters {
            assert_eq!(Product::of(inverter.uid), Some(inverter.product));
        }
    }

    #[test]
    fn no_two_gateways_share_an_inverter() {
        let mut seen = std::collections::BTreeSet::new();
        for model in [Model::EcuR, Model::EcuRPro, Model::EcuB, Model::EcuC] {
            for number in 1..=3 {
                let plant = plant(model, number, "330xDS3");
                assert_eq!(Model::of(&plant.ecu), Some(model));
                let late = plant.latecomer(product_named("DS3").unwrap(), &plant.inverters);
                for inverter in plant.inverters.iter().chain([&late]) {
                    assert!(seen.insert(inverter.uid), "{}", inverter.uid);
                }
            }
        }
    }

    #[test]
    fn every_product_can_be_written() {
        let names = product_names();
        for (index, name) in names.iter().enumerate() {
            assert!(
                !names.split_at(index).0.contains(name),
                "{name} is there twice"
            );
        }
        let all = names.join(",");
        let list: InverterList = all.parse().unwrap();
        assert_eq!(list.to_string().parse(), Ok(list));
        let own: InverterList = "704000000077,DS3".parse().unwrap();
        assert_eq!(own.to_string(), "704000000077,1xDS3");
    }

    #[test]
    fn mistakes_are_explained() {
        let error = |list: &str| list.parse::<InverterList>().unwrap_err().to_string();
        assert!(error("2xDS4").contains("no inverter \"DS4\"; known are YC500, YC600"));
        assert!(error("twoxDS3").contains("3xDS3,2xQS1"));
        assert!(error("331xDS3").contains("330 are possible"));
        assert!(error("300000000001").contains("begins like no known inverter"));
        let twice = "704000000001,704000000001".parse().unwrap();
        let ecu = Model::EcuR.serial(1).unwrap();
        assert!(Plant::new(Model::EcuR, ecu, &twice).is_err());
    }
}
