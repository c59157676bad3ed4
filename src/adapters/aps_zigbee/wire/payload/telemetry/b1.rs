//! The answer of a YC600, QS1 or QS1A.
//!
//! Voltage and current of an input share three bytes: the current has the first one and the low half of the second
//! one above it, the voltage the rest. Input A stands last, its counter first:
//!
//! | | A | B | C | D |
//! |---|---|---|---|---|
//! | voltage and current | 25..27 | 22..24 | 19..21 | 16..18 |
//! | counter | 37..41 | 42..46 | 47..51 | 52..56 |
//!
//! Where a QS1 has inputs C and D, a YC600 has its clock and something else.

use super::super::bytes::{RawScale, number, put, rounded};
use super::super::envelope::l2_without_sum;
use super::{BODY, PanelInput, PanelTelemetry, StatusBits, TelemetryLayout};
use crate::adapters::aps_zigbee::wire::ids::InverterSerial;
use crate::model::Decimal;

/// How many bytes the application data have.
pub const LENGTH: usize = 94;
pub const COMMAND: u8 = 0xb1;

const VOLTAGE: RawScale = RawScale::new(825, 40_960, 3);
const CURRENT: RawScale = RawScale::new(275, 40_960, 4);
const GRID: RawScale = RawScale::new(100, 528, 3);
const TEMPERATURE: RawScale = RawScale {
    offset: -2_587_000,
    ..RawScale::new(2752, 10_000, 4)
};
/// The frequency is this many Hz, divided by the number.
const PERIOD: i128 = 50_000_000;
/// How many decimals of a Hz there are.
const HERTZ: u8 = 3;

/// The first two digits of those with three phases: nobody has described what they measure.
const THREE_PHASES: [u16; 2] = [50, 90];

const TWO_CLOCK: usize = 17;
const FOUR_CLOCK: usize = 30;
const LINKS: usize = 66;

/// Whose clock and inputs they are. The command is the same, so the serial number tells; of others, the clock does.
fn layout(serial: InverterSerial, data: &[u8]) -> TelemetryLayout {
    let is_four = match serial.prefix() / 10 {
        40 => false,
        80 => true,
        _ => number(data, FOUR_CLOCK, 2).is_some_and(|clock| clock != 0),
    };
    if is_four {
        TelemetryLayout::Qs1
    } else {
        TelemetryLayout::Yc600
    }
}

const fn clock_at(layout: TelemetryLayout) -> usize {
    match layout {
        TelemetryLayout::Qs1 => FOUR_CLOCK,
        _ => TWO_CLOCK,
    }
}

const fn packed_at(input: usize) -> usize {
    25 - 3 * input
}

const fn counter_at(input: usize) -> usize {
    37 + 5 * input
}

pub fn decode(serial: InverterSerial, data: &[u8]) -> Option<PanelTelemetry> {
    if THREE_PHASES.contains(&(serial.prefix() / 10)) {
        return None;
    }
    let layout = layout(serial, data);
    let input = |index: usize| {
        let packed = number(data, packed_at(index), 3)?;
        // Bytes b0 b1 b2: the current is b0 and the low half of b1.
        let (first, middle, last) = (packed >> 16, packed >> 8 & 0xff, packed & 0xff);
        Some(PanelInput {
            voltage: VOLTAGE.value(last << 4 | middle >> 4),
            current: CURRENT.value((middle & 15) << 8 | first),
            counter: number(data, counter_at(index), 5)?,
        })
    };
    let inputs: Option<Vec<_>> = (0..layout.inputs()).map(input).collect();
    let frequency = number(data, 12, 3).filter(|raw| *raw != 0).and_then(|raw| {
        let mantissa = rounded(PERIOD * 10_i128.pow(HERTZ.into()), raw.into());
        super::frequency(Decimal::fitting(mantissa, HERTZ)?)
    });
    let grid = number(data, 28, 2).filter(|raw| *raw != 0);
    let is_four = layout == TelemetryLayout::Qs1;
    Some(PanelTelemetry {
        serial,
        layout,
        model: None,
        firmware: None,
        temperature: super::temperature(TEMPERATURE.value(number(data, 10, 2)?)),
        frequency,
        grid_voltage: grid.and_then(|raw| super::grid_voltage(GRID.value(raw))),
        clock: u16::try_from(number(data, clock_at(layout), 2)?).ok()?,
        status: StatusBits::B1(data.get(33..)?.first_chunk().copied()?),
        links: number(data, LINKS, 2)
            .filter(|_| is_four)
            .and_then(|raw| u16::try_from(raw).ok()),
        inputs: inputs?,
        ac_power: None,
        reactive_power: None,
        state: None,
    })
}

/// What is not known is written as zeros, as a QS1 without a grid does.
pub fn encode(it: &PanelTelemetry) -> Vec<u8> {
    let mut data = it.serial.wire().to_vec();
    data.resize(LENGTH, 0);
    let temperature = it.temperature.map(|value| TEMPERATURE.raw(value, 0xffff));
    // Out of range, so that it is read as unknown.
    put(&mut data, 10, 2, temperature.unwrap_or(0));
    let frequency = it.frequency.map_or(0, |value| {
        let mantissa = i128::from(value.with_scale(HERTZ).mantissa());
        let raw = rounded(PERIOD * 10_i128.pow(HERTZ.into()), mantissa.max(1));
        u64::try_from(raw).unwrap_or(0)
    });
    put(&mut data, 12, 3, frequency);
    put(
        &mut data,
        28,
        2,
        it.grid_voltage.map_or(0, |value| GRID.raw(value, 0xffff)),
    );
    for (index, input) in it.inputs.iter().take(it.layout.inputs()).enumerate() {
        let voltage = VOLTAGE.raw(input.voltage, 0xfff);
        let current = CURRENT.raw(input.current, 0xfff);
        let packed =
            (current & 0xff) << 16 | (voltage & 15) << 12 | (current >> 8) << 8 | voltage >> 4;
        put(&mut data, packed_at(index), 3, packed);
        put(&mut data, counter_at(index), 5, input.counter);
    }
    put(&mut data, clock_at(it.layout), 2, it.clock.into());
    for (slot, byte) in data.iter_mut().skip(33).zip(it.status.bytes()) {
        *slot = *byte;
    }
    put(&mut data, LINKS, 2, it.links.unwrap_or(0).into());
    let body = data.get(BODY..LENGTH - 4).unwrap_or_default();
    [&it.serial.wire()[..], &l2_without_sum(COMMAND, body)].concat()
}
