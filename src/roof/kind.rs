//! Whether what a panel lacks looks like a shadow or like dirt.

use serde::Serialize;

/// Hours are alike within this.
const ALIKE: f64 = 0.1;
/// In a shadow.
const SHADED: f64 = 0.85;
/// Out of it.
const LIT: f64 = 0.93;

/// What a panel brings in an hour of the day, beside the median of its plane.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HourShare {
    /// The hour: 12 is from 12 to 13.
    pub hour: u8,
    /// 1 is as much as the median.
    pub share: f64,
}

/// What it looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeakKind {
    /// Something stands before the sun.
    Shadow {
        /// The hour in which that begins.
        from_hour: u8,
        /// The hour at whose beginning it ends.
        to_hour: u8,
    },
    /// It lacks the same at all hours.
    Dirt,
    /// It brings nothing while its neighbours work.
    Nothing,
    /// None of these.
    Unclear,
}

/// What hours of a weak panel look like.
pub fn kind_of(hours: &[HourShare]) -> WeakKind {
    let shares = hours.iter().map(|hour| hour.share);
    let (least, most) = shares.fold((f64::MAX, f64::MIN), |(least, most), share| {
        (least.min(share), most.max(share))
    });
    if hours.is_empty() {
        return WeakKind::Unclear;
    }
    if most - least <= ALIKE {
        return WeakKind::Dirt;
    }
    shadow(hours).unwrap_or(WeakKind::Unclear)
}

/// One block of hours in the shadow, all others out of it. The hours at its two ends may be partly in it.
fn shadow(hours: &[HourShare]) -> Option<WeakKind> {
    let is_shaded = |hour: &HourShare| hour.share < SHADED;
    let first = hours.iter().position(is_shaded)?;
    let last = hours.iter().rposition(is_shaded)?;
    let block = hours.get(first..=last)?;
    let before = hours.get(..first.saturating_sub(1))?;
    let after = hours.get(last + 2..).unwrap_or_default();
    let is_lit = |hour: &HourShare| hour.share > LIT;
    let is_one = block.iter().all(is_shaded);
    // Something has to be in the light, else it may be anything.
    let has_light = hours.iter().any(is_lit);
    let is_shadow = is_one && has_light && before.iter().chain(after).all(is_lit);
    is_shadow.then_some(WeakKind::Shadow {
        from_hour: block.first()?.hour,
        to_hour: block.last()?.hour + 1,
    })
}
