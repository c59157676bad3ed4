//! How much an inverter may give, in the numbers that it keeps: watts of each input.

use super::bytes::rounded;
use serde::{Deserialize, Serialize};

use crate::model::Decimal;

/// How a family of inverters is told its limit.
///
/// Whoever mixes them up is not refused: the inverter takes another limit than was meant. So what was set is read
/// back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitScale {
    /// DS3 and its kin: steps of 0.06027 W. One message is for both inputs.
    Ds3,
    /// QS1 and QS1A, and YC600 as well: steps of 256/7395 W.
    Qs1,
    /// As the maker's gateways tell a YC600 or YC1000 of the models 05 and 06: one byte, steps of about 2.2 W.
    Yc600,
    /// The same for the models 07 and 17: one byte, steps of about 8.9 W.
    Yc600Coarse,
}

/// A limit as it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LimitCode {
    /// What its number means.
    pub scale: LimitScale,
    /// Its number; one byte where the family has one byte.
    pub raw: u16,
}

impl LimitScale {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Ds3, Self::Qs1, Self::Yc600, Self::Yc600Coarse];

    /// Steps as a fraction: so many of them are so many watts.
    const fn steps(self) -> (i64, i64) {
        match self {
            Self::Ds3 => (100_000, 6027),
            Self::Qs1 => (7395, 1 << 8),
            Self::Yc600 => (7395, 1 << 14),
            Self::Yc600Coarse => (7395, 1 << 16),
        }
    }

    const fn highest(self) -> u16 {
        match self {
            Self::Ds3 | Self::Qs1 => u16::MAX,
            Self::Yc600 | Self::Yc600Coarse => 0xff,
        }
    }

    /// The limit that is nearest to so many watts, if it can be sent. Those of one byte are cut, as the maker's
    /// gateways do: never more than was meant.
    pub fn of_watts(self, watts: u16) -> Option<LimitCode> {
        let (steps, of) = self.steps();
        let raw = match self {
            Self::Ds3 | Self::Qs1 => rounded(i128::from(watts) * i128::from(steps), of.into()),
            Self::Yc600 | Self::Yc600Coarse => {
                i128::from(watts) * i128::from(steps) / i128::from(of)
            }
        };
        let raw = u16::try_from(raw).ok()?;
        (raw <= self.highest()).then_some(LimitCode { scale: self, raw })
    }
}

impl LimitCode {
    /// In W of each input, to the hundredth.
    pub fn watts(self) -> Decimal {
        let (steps, of) = self.scale.steps();
        let hundredths = rounded(i128::from(self.raw) * i128::from(of) * 100, steps.into());
        Decimal::fitting(hundredths, 2).unwrap_or(Decimal::integer(0))
    }

    /// Whether an inverter that was told this keeps that: as many watts, to a step of what it was told in.
    pub fn is_read_as(self, read: Self) -> bool {
        let step = Self { raw: 1, ..self }.watts();
        self.watts().distance(read.watts()) <= step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_that_can_be_set_comes_back() {
        for scale in [LimitScale::Ds3, LimitScale::Qs1] {
            for watts in 20..=600_u16 {
                let code = scale.of_watts(watts).unwrap();
                let apart = code.watts().distance(watts.into());
                assert!(apart <= Decimal::new(4, 2), "{scale:?} {watts}: {apart}");
                assert_eq!(code.watts().with_scale(0).mantissa(), i64::from(watts));
            }
        }
        assert_eq!(LimitScale::Ds3.of_watts(300).unwrap().raw, 0x1372);
        assert_eq!(LimitScale::Qs1.of_watts(300).unwrap().raw, 0x21da);
        assert_eq!(LimitScale::Yc600.of_watts(300).unwrap().raw, 135);
        assert_eq!(LimitScale::Yc600Coarse.of_watts(300).unwrap().raw, 33);
    }

    #[test]
    fn a_limit_is_the_same_in_whatever_scale_it_is_read() {
        let told = LimitScale::Yc600Coarse.of_watts(250).unwrap();
        let read = |raw| LimitCode {
            scale: LimitScale::Qs1,
            raw,
        };
        assert!(told.is_read_as(read(told.raw * 256)));
        assert!(!told.is_read_as(read(told.raw * 256 * 4)));
        let told = LimitScale::Ds3.of_watts(300).unwrap();
        let next = LimitCode {
            raw: told.raw + 5,
            ..told
        };
        assert!(told.is_read_as(told) && !told.is_read_as(next));
    }

    #[test]
    fn a_limit_of_one_byte_is_never_more_than_was_meant() {
        for scale in [LimitScale::Yc600, LimitScale::Yc600Coarse] {
            for watts in 20..=560_u16 {
                let code = scale.of_watts(watts).unwrap();
                assert!(code.raw < 256 && code.watts() <= watts.into(), "{watts}");
                assert!(
                    code.watts().distance(watts.into()) < Decimal::integer(9),
                    "{watts}"
                );
            }
        }
        assert_eq!(LimitScale::Yc600.of_watts(600), None);
        assert_eq!(LimitScale::Ds3.of_watts(4000), None);
    }
}
