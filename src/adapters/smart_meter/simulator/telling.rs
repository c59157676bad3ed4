//! What a meter tells at a moment: the truth, unless something is wrong with the meter.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::super::wire::Key;
use super::super::wire::security::OpenError;
use super::faults::MeterFault;
use super::household::Sample;
use super::p1::P1Sample;
use super::telegram::Meter;
use crate::simulation::year::Supply;

/// One telegram of a meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telegram {
    /// What the meter showed.
    pub sample: Sample,
    /// The same of what only a meter with a P1 port shows.
    pub p1: Option<P1Sample>,
    /// When it was told.
    pub at: Timestamp,
    /// The whole message, encrypted where the model does that.
    pub message: Vec<u8>,
    /// The same as it is sent.
    pub frames: Vec<Vec<u8>>,
}

impl Meter {
    /// The next telegram of a meter that measures this.
    ///
    /// # Errors
    /// A key is not as long as the model wants it, or missing.
    pub fn tell(
        &mut self,
        truth: Sample,
        at: Timestamp,
        zone: &TimeZone,
        faults: &[MeterFault],
    ) -> Result<Telegram, OpenError> {
        let mut sample = truth;
        if faults.contains(&MeterFault::GasExchanged)
            && let Some(registers) = &mut self.registers
        {
            registers.exchange_gas();
        }
        let registers = self.registers.as_mut();
        let mut p1 = registers.map(|registers| registers.observe(&truth, at, zone));
        let mut teller = self.clone();
        for fault in faults {
            spoil(*fault, &mut sample, &mut teller);
            if let Some(p1) = &mut p1 {
                spoil_p1(*fault, p1);
            }
        }
        let message = teller.message(&sample, p1.as_ref(), at, zone);
        self.counter = teller.counter;
        let message = message?;
        Ok(Telegram {
            sample,
            p1,
            at,
            frames: self.frames(&message),
            message,
        })
    }
}

/// Faults of the meter itself.
fn spoil(fault: MeterFault, shown: &mut Sample, meter: &mut Meter) {
    let energies = [&mut shown.energy_import, &mut shown.energy_export];
    match fault {
        MeterFault::Zero => energies.into_iter().for_each(|energy| *energy = 0),
        MeterFault::Jump(more) => {
            for energy in energies {
                *energy = energy.saturating_add(more);
            }
        }
        MeterFault::WrongKey => meter.key = Key::from([0x5a; 16]),
        MeterFault::DoubledCode => meter.doubles_code = true,
        MeterFault::WrongAuthentication => meter.authentication = Some(Key::from([0xa5; 16])),
        _ => {}
    }
}

/// The same of what only a meter with a P1 port shows.
fn spoil_p1(fault: MeterFault, p1: &mut P1Sample) {
    let gas = p1.behind.iter_mut();
    let gas = gas.filter(|it| it.supply == Supply::Gas && !it.is_gone);
    match fault {
        MeterFault::Zero => (p1.energy_import, p1.energy_export) = ([0; 2], [0; 2]),
        MeterFault::Jump(more) => {
            for [first, _] in [&mut p1.energy_import, &mut p1.energy_export] {
                *first = first.saturating_add(more);
            }
        }
        MeterFault::ClockNotSet => p1.clock = None,
        MeterFault::ClockLate(late) => p1.clock = moved(p1.clock, late, -1),
        MeterFault::CaptureAhead(early) => {
            for meter in &mut p1.behind {
                meter.captured = moved(meter.captured, early, 1);
            }
        }
        MeterFault::GasZero => gas.for_each(|gas| gas.count = 0),
        MeterFault::GasUnpaired => gas.for_each(|gas| {
            gas.captured = None;
            gas.count = 0;
        }),
        _ => {}
    }
}

fn moved(at: Option<Timestamp>, by: std::time::Duration, way: i32) -> Option<Timestamp> {
    let by = SignedDuration::try_from(by).ok()? * way;
    at?.checked_add(by).ok()
}
