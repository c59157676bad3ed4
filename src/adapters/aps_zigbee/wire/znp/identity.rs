//! Which firmware a stick has, by what it says of itself: only one that was made for it hears inverters, and others
//! look nearly the same.

use super::message::{ResetIndication, ZnpVersion};
use crate::adapters::aps_zigbee::wire::firmware::StickFirmware;

/// What it can do according to the answer to a ping, of the firmware that is needed.
const MODIFIED: u16 = 0x0779;
/// The same of Z-Stack Home 1.2.
const HOME_1_2: u16 = 0x0179;
/// The bit for the simple API, without which the start sequence does not exist.
const SIMPLE_API: u16 = 0x20;

/// What a stick has said of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ZnpIdentity {
    /// What it can do, in bits, from the answer to a ping.
    pub capabilities: Option<u16>,
    /// How it was after its last restart.
    pub reset: Option<ResetIndication>,
    /// Its version.
    pub version: Option<ZnpVersion>,
    /// It does not know the commands of the simple API.
    pub lacks_simple_api: bool,
}

impl ZnpIdentity {
    /// Which firmware that is.
    pub fn firmware(&self) -> StickFirmware {
        let of_reset = self.reset.map(|reset| reset.product);
        let product = of_reset.or(self.version.map(|version| version.product));
        match (product, self.capabilities) {
            (Some(1), _) => StickFirmware::Cc26xx,
            (Some(0), _) | (_, Some(HOME_1_2)) => StickFirmware::StockHome12,
            (Some(2), _) if self.is_without_simple_api() => StickFirmware::Stock30,
            (None | Some(2), Some(MODIFIED)) if !self.lacks_simple_api => StickFirmware::Modified,
            _ => StickFirmware::Unknown,
        }
    }

    /// Whether inverters cannot be heard with it, for sure.
    pub fn is_wrong(&self) -> bool {
        match self.firmware() {
            StickFirmware::Modified => false,
            StickFirmware::Unknown => self.is_without_simple_api(),
            StickFirmware::StockHome12 | StickFirmware::Stock30 | StickFirmware::Cc26xx => true,
        }
    }

    fn is_without_simple_api(&self) -> bool {
        let has_bit = |capabilities| capabilities & SIMPLE_API != 0;
        self.lacks_simple_api || !self.capabilities.is_none_or(has_bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reset(product: u8) -> ResetIndication {
        ResetIndication {
            reason: 2,
            transport: 2,
            product,
            major: 2,
            minor: 7,
            hardware: 2,
        }
    }

    fn firmware(
        capabilities: Option<u16>,
        product: Option<u8>,
        lacks: bool,
    ) -> (bool, StickFirmware) {
        let identity = ZnpIdentity {
            capabilities,
            reset: product.map(reset),
            version: None,
            lacks_simple_api: lacks,
        };
        (identity.is_wrong(), identity.firmware())
    }

    #[test]
    fn firmwares_are_told_apart() {
        use StickFirmware::{Cc26xx, Modified, Stock30, StockHome12, Unknown};
        for (capabilities, product, lacks, expected) in [
            (Some(0x0779), Some(2), false, (false, Modified)),
            (Some(0x0779), None, false, (false, Modified)),
            (Some(0x0179), None, false, (true, StockHome12)),
            (Some(0x0779), Some(0), false, (true, StockHome12)),
            (Some(0x0659), Some(1), true, (true, Cc26xx)),
            (Some(0x0659), Some(2), false, (true, Stock30)),
            (Some(0x0779), Some(2), true, (true, Stock30)),
            (None, Some(2), false, (false, Unknown)),
            (Some(0x0659), None, false, (true, Unknown)),
            (Some(0x0979), Some(7), false, (false, Unknown)),
            (None, None, false, (false, Unknown)),
        ] {
            let found = firmware(capabilities, product, lacks);
            assert_eq!(found, expected, "{capabilities:?} {product:?} {lacks}");
        }
    }
}
