//! The firmware that a stick may have.

use super::super::wire::znp::{ResetIndication, ZnpVersion};

/// The firmware of a simulated stick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum SimFirmware {
    /// The one that hears inverters
    #[default]
    #[value(name = "modified")]
    Modified,
    /// Stock Z-Stack Home 1.2: it looks another way and hears nobody
    #[value(name = "home-1.2")]
    Home12,
    /// Stock Z-Stack 3.0.x: it looks the same and hears nobody
    #[value(name = "3.0.x")]
    Stock30,
    /// Stock Z-Stack 3.x.0 of newer chips: it does not even take the configuration
    #[value(name = "3.x.0")]
    Stock3x0,
}

impl SimFirmware {
    /// Whether it hears inverters.
    pub const fn hears_inverters(self) -> bool {
        matches!(self, Self::Modified)
    }

    /// Whether it can be configured as inverters need it.
    pub const fn can_be_configured(self) -> bool {
        !matches!(self, Self::Stock3x0)
    }

    /// What it says of what it can do.
    pub const fn capabilities(self) -> u16 {
        match self {
            Self::Modified | Self::Stock30 => 0x0779,
            Self::Home12 => 0x0179,
            Self::Stock3x0 => 0x0659,
        }
    }

    /// What it says when it has started anew, for this reason.
    pub const fn reset(self, reason: u8) -> ResetIndication {
        let (product, major, minor, hardware) = match self {
            Self::Modified | Self::Stock30 => (2, 2, 7, 2),
            Self::Home12 => (0, 2, 6, 3),
            Self::Stock3x0 => (1, 2, 7, 1),
        };
        ResetIndication {
            reason,
            transport: 2,
            product,
            major,
            minor,
            hardware,
        }
    }

    /// What it says when it is asked for its version.
    pub const fn version(self) -> ZnpVersion {
        let ResetIndication {
            transport,
            product,
            major,
            minor,
            hardware,
            ..
        } = self.reset(0);
        let revision = match self {
            Self::Home12 => None,
            Self::Modified => Some(20_211_115),
            Self::Stock30 => Some(20_190_425),
            Self::Stock3x0 => Some(20_210_708),
        };
        ZnpVersion {
            transport,
            product,
            major,
            minor,
            maintenance: hardware,
            revision,
        }
    }
}
