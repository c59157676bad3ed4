//! Pages of an inverter's settings: how much it may give, and the limits of the grid that it keeps to.
//!
//! | Family | Length | Command | Body |
//! |---|---|---|---|
//! | DS3 | 5C | DD | the command that asked, then the page |
//! | YC600, QS1 | 4D | DE | page B |
//! | QS1A | 3F | DB | page A |
//!
//! Where a value stands is counted in the application data, from the first byte of the serial number on. Only the
//! limit is used. The rest can be looked at; nothing here writes it.

use super::bytes::{number, put, rounded};
use super::command::SettingsPage;
use super::envelope::{SPEAKER, l2, l2_without_sum};
use super::limit::{LimitCode, LimitScale};
use crate::model::Decimal;

/// Where the body begins in the application data.
const BODY: usize = SPEAKER + 4;
/// Where the limit stands: of a DS3, and of a YC600 or QS1.
const DS3_LIMIT: usize = 13;
const B1_LIMIT: usize = 80;

/// How a family answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SettingsForm {
    /// DS3 and its kin, with a sum.
    Ds3,
    /// YC600, QS1 and QS1A, without.
    B1,
}

/// A page as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsAnswer {
    /// Which family answers so.
    pub form: SettingsForm,
    /// Which page it is.
    pub page: SettingsPage,
    /// What follows the command, and with a DS3 the byte that names the page.
    pub body: Vec<u8>,
}

/// Lengths of the bodies: of any page of a DS3, of page B and of page A of the others.
const DS3_BODY: usize = 0x5c - 2;
const B1_BODY_B: usize = 0x4d - 1;
const B1_BODY_A: usize = 0x3f - 1;
const B1_COMMAND_A: u8 = 0xdb;
const DS3_COMMAND: u8 = 0xdd;

impl SettingsAnswer {
    /// That of an envelope with this command and body, if it is one.
    pub fn decode(command: u8, body: &[u8]) -> Option<Self> {
        let of = |form, page, body: &[u8]| {
            Some(Self {
                form,
                page,
                body: body.to_vec(),
            })
        };
        match (command, body) {
            (DS3_COMMAND, [page, rest @ ..]) if rest.len() == DS3_BODY => {
                of(SettingsForm::Ds3, SettingsPage::of_command(*page)?, rest)
            }
            (0xde, _) if body.len() == B1_BODY_B => of(SettingsForm::B1, SettingsPage::B, body),
            (B1_COMMAND_A, _) if body.len() == B1_BODY_A => {
                of(SettingsForm::B1, SettingsPage::A, body)
            }
            _ => None,
        }
    }

    /// Its envelope.
    pub fn envelope(&self) -> Vec<u8> {
        match (self.form, self.page) {
            (SettingsForm::Ds3, page) => {
                l2(DS3_COMMAND, &[&[page.command()], &*self.body].concat())
            }
            (SettingsForm::B1, SettingsPage::A) => l2_without_sum(B1_COMMAND_A, &self.body),
            (SettingsForm::B1, page) => l2_without_sum(page.command(), &self.body),
        }
    }

    /// Page B of an inverter with this limit, and zeros for the rest.
    pub fn with_limit(limit: LimitCode) -> Self {
        let (form, length) = match limit.scale {
            LimitScale::Ds3 => (SettingsForm::Ds3, DS3_BODY),
            _ => (SettingsForm::B1, B1_BODY_B),
        };
        let mut page = Self {
            form,
            page: SettingsPage::B,
            body: vec![0; length],
        };
        let raw = match (form, limit.scale) {
            // Whatever it was told, it answers in these steps.
            (SettingsForm::B1, scale) if scale != LimitScale::Qs1 => {
                let watts = limit.watts().with_scale(0).mantissa();
                let watts = u16::try_from(watts).unwrap_or(u16::MAX);
                LimitScale::Qs1
                    .of_watts(watts)
                    .map_or(u16::MAX, |it| it.raw)
            }
            _ => limit.raw,
        };
        let at = page.limit_at();
        put(&mut page.body, at, 2, raw.into());
        page
    }

    /// Where the limit stands in the body.
    const fn limit_at(&self) -> usize {
        match self.form {
            SettingsForm::Ds3 => DS3_LIMIT - BODY - 1,
            SettingsForm::B1 => B1_LIMIT - BODY,
        }
    }

    /// How much each input may give. Only page B tells it.
    pub fn limit(&self) -> Option<LimitCode> {
        if self.page != SettingsPage::B {
            return None;
        }
        let scale = match self.form {
            SettingsForm::Ds3 => LimitScale::Ds3,
            SettingsForm::B1 => LimitScale::Qs1,
        };
        let raw = number(&self.body, self.limit_at(), 2)?;
        let raw = u16::try_from(raw).ok()?;
        Some(LimitCode { scale, raw })
    }

    /// The limits of the grid that are known to stand on this page.
    pub fn thresholds(&self) -> Vec<(&'static GridThreshold, Decimal)> {
        if (self.form, self.page) != (SettingsForm::B1, SettingsPage::A) {
            return Vec::new();
        }
        let value = |row: &'static GridThreshold| Some((row, row.value(&self.body)?));
        THRESHOLDS.iter().filter_map(value).collect()
    }
}

/// How a limit of the grid is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ThresholdKind {
    /// V, 1.3277 * 4 steps each.
    Voltage,
    /// Hz, as the length of a period.
    Frequency,
    /// Hundredths of a second.
    Delay,
    /// As it is.
    Count,
}

/// A limit of the grid, by the letters that the maker has for it.
#[derive(Debug, PartialEq, Eq)]
pub struct GridThreshold {
    /// Where it stands in the envelope.
    at: usize,
    /// The maker's letters.
    pub code: &'static str,
    /// Its unit.
    pub unit: &'static str,
    kind: ThresholdKind,
}

#[rustfmt::skip]
const fn threshold(at: usize, code: &'static str, unit: &'static str, kind: ThresholdKind) -> GridThreshold {
    GridThreshold { at, code, unit, kind }
}

/// Those of page A of a QS1A, the only one that has been described.
#[rustfmt::skip]
static THRESHOLDS: [GridThreshold; 13] = [
    threshold( 6, "AX", "",   ThresholdKind::Count),
    threshold( 8, "AQ", "V",  ThresholdKind::Voltage),
    threshold(10, "AD", "V",  ThresholdKind::Voltage),
    threshold(12, "AC", "V",  ThresholdKind::Voltage),
    threshold(14, "AY", "V",  ThresholdKind::Voltage),
    threshold(16, "AZ", "V",  ThresholdKind::Voltage),
    threshold(18, "BA", "V",  ThresholdKind::Voltage),
    threshold(20, "AJ", "Hz", ThresholdKind::Frequency),
    threshold(23, "AK", "Hz", ThresholdKind::Frequency),
    threshold(26, "AE", "Hz", ThresholdKind::Frequency),
    threshold(29, "AF", "Hz", ThresholdKind::Frequency),
    threshold(52, "AG", "s",  ThresholdKind::Delay),
    threshold(54, "AS", "s",  ThresholdKind::Delay),
];

impl GridThreshold {
    fn value(&self, body: &[u8]) -> Option<Decimal> {
        let size = if self.kind == ThresholdKind::Frequency {
            3
        } else {
            2
        };
        let raw = i64::try_from(number(body, self.at - 4, size)?).ok()?;
        Some(match self.kind {
            ThresholdKind::Count => Decimal::integer(raw),
            ThresholdKind::Delay => Decimal::new(raw, 2),
            ThresholdKind::Voltage => {
                Decimal::fitting(rounded(i128::from(raw) * 100_000, 53_108), 1)?
            }
            ThresholdKind::Frequency if raw == 0 => return None,
            ThresholdKind::Frequency => Decimal::fitting(rounded(5_000_000_000, raw.into()), 2)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::envelope::L2Part;
    use super::*;

    #[test]
    fn a_limit_is_where_it_is_read() {
        for scale in LimitScale::ALL {
            let limit = scale.of_watts(195).unwrap();
            let page = SettingsAnswer::with_limit(limit);
            let envelope = page.envelope();
            let part = L2Part::read(&envelope).unwrap();
            assert_eq!(
                SettingsAnswer::decode(part.command, part.body),
                Some(page.clone())
            );
            let length = if scale == LimitScale::Ds3 { 105 } else { 90 };
            assert_eq!(SPEAKER + envelope.len(), length);
            let read = page.limit().unwrap();
            let apart = read.watts().distance(limit.watts());
            assert!(apart < Decimal::integer(1), "{scale:?} {apart}");
            let other = SettingsAnswer {
                page: SettingsPage::C,
                ..page
            };
            assert_eq!(other.limit(), None);
        }
    }

    proptest! {
        #[test]
        fn any_page_comes_back(mut body in proptest::collection::vec(any::<u8>(), 0x5b), page in 0..3_usize) {
            body[0] = [0xdd, 0xde, 0xd9][page];
            let read = SettingsAnswer::decode(0xdd, &body).unwrap();
            let envelope = read.envelope();
            let part = L2Part::read(&envelope).unwrap().checked().unwrap();
            prop_assert_eq!(part.body, body);
        }

        #[test]
        fn any_body_is_looked_at(command: u8, body in proptest::collection::vec(any::<u8>(), 0..100)) {
            for length in [body.len(), 0x5b, B1_BODY_B, B1_BODY_A] {
                let body = body.get(..length).unwrap_or(&body);
                for command in [command, 0xdd, 0xde, 0xdb] {
                    if let Some(page) = SettingsAnswer::decode(command, body) {
                        let _ = (page.limit(), page.thresholds(), page.envelope());
                    }
                }
            }
        }
    }
}
