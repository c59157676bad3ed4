//! The answer of a DS3 and its kin, and of a QS2, which has two inputs more.

use super::super::bytes::{RawScale, number, put};
use super::super::envelope::l2;
use super::{BODY, InverterFirmware, PanelInput, PanelTelemetry, StatusBits, TelemetryLayout};
use crate::adapters::aps_zigbee::wire::ids::InverterSerial;
use crate::model::Decimal;

/// How many bytes the application data have.
pub const LENGTH: usize = 105;
pub const COMMAND: u8 = 0xbb;
/// Where the code of the model stands.
pub const MODEL: usize = 11;

const GRID: RawScale = RawScale::new(268, 1000, 3);
const FREQUENCY: RawScale = RawScale::new(1, 100, 2);
const TEMPERATURE: RawScale = RawScale {
    offset: -238_400,
    ..RawScale::new(198, 10_000, 4)
};

/// Where an input's voltage, current and counter stand.
const INPUTS: [(usize, usize, usize); 4] = [(26, 30, 50), (28, 32, 54), (62, 66, 70), (64, 68, 74)];

/// More than this in W or var is none of theirs.
const MOST_POWER: u16 = 5000;

/// The layout of a model. Others have the same envelope and other contents: what comes out of them would be nonsense.
const fn layout(model: u8) -> Option<TelemetryLayout> {
    match model {
        0x20..=0x22 => Some(TelemetryLayout::Ds3),
        0x36 => Some(TelemetryLayout::Qs2),
        _ => None,
    }
}

const fn scales(layout: TelemetryLayout) -> (RawScale, RawScale) {
    match layout {
        TelemetryLayout::Qs2 => (
            RawScale::new(2016, 100_000, 5),
            RawScale::new(117, 10_000, 4),
        ),
        _ => (RawScale::new(20, 1000, 3), RawScale::new(1172, 100_000, 5)),
    }
}

/// `None` if nothing is known of the model's layout.
pub fn decode(serial: InverterSerial, data: &[u8]) -> Option<PanelTelemetry> {
    let word = |at: usize| u16::try_from(number(data, at, 2)?).ok();
    let model = *data.get(MODEL)?;
    if data.get(BODY) != Some(&COMMAND) {
        return None;
    }
    let layout = layout(model)?;
    let (voltage, current) = scales(layout);
    let input = |&(volts, amperes, counter): &(usize, usize, usize)| {
        Some(PanelInput {
            voltage: voltage.value(number(data, volts, 2)?),
            current: current.value(number(data, amperes, 2)?),
            counter: number(data, counter, 4)?,
        })
    };
    let inputs: Option<Vec<_>> = INPUTS.iter().take(layout.inputs()).map(input).collect();
    let reactive = word(42)?.cast_signed();
    Some(PanelTelemetry {
        serial,
        layout,
        model: Some(model),
        firmware: Some(InverterFirmware::new(word(12)?, word(14)?)),
        temperature: super::temperature(TEMPERATURE.value(number(data, 48, 2)?)),
        frequency: super::frequency(FREQUENCY.value(number(data, 36, 2)?)),
        grid_voltage: super::grid_voltage(GRID.value(number(data, 34, 2)?)),
        clock: word(38)?,
        status: StatusBits::Bb(data.get(21..)?.first_chunk().copied()?),
        links: None,
        inputs: inputs?,
        ac_power: word(40).filter(|power| *power <= MOST_POWER),
        reactive_power: Some(reactive).filter(|power| power.unsigned_abs() <= MOST_POWER),
        state: data.get(58).copied(),
    })
}

/// What is not known is written as ones, which no inverter can have measured.
pub fn encode(it: &PanelTelemetry) -> Vec<u8> {
    let mut data = it.serial.wire().to_vec();
    data.resize(BODY, 0);
    data.resize(LENGTH, 0xff);
    for slot in data.iter_mut().skip(18).take(3) {
        *slot = 0;
    }
    let mut put = |at: usize, size: usize, number: u64| put(&mut data, at, size, number);
    let scaled = |scale: RawScale, value: Option<Decimal>| {
        value.map_or(0xffff, |value| scale.raw(value, 0xffff))
    };
    put(BODY, 1, COMMAND.into());
    put(MODEL, 1, it.model.unwrap_or(0x20).into());
    let firmware = it.firmware.unwrap_or(InverterFirmware::new(0, 0));
    put(12, 2, firmware.high.into());
    put(14, 2, firmware.low.into());
    let (voltage, current) = scales(it.layout);
    for (input, (volts, amperes, counter)) in it.inputs.iter().take(it.layout.inputs()).zip(INPUTS)
    {
        put(volts, 2, voltage.raw(input.voltage, 0xffff));
        put(amperes, 2, current.raw(input.current, 0xffff));
        put(counter, 4, input.counter);
    }
    put(34, 2, scaled(GRID, it.grid_voltage));
    put(36, 2, scaled(FREQUENCY, it.frequency));
    put(38, 2, it.clock.into());
    put(40, 2, it.ac_power.map_or(0xffff, u64::from));
    let reactive = it.reactive_power.unwrap_or(i16::MIN).cast_unsigned();
    put(42, 2, reactive.into());
    // Something between 04B9 and 0542 while it feeds in.
    put(46, 2, 0x0500);
    put(48, 2, scaled(TEMPERATURE, it.temperature));
    put(58, 1, it.state.unwrap_or(0xff).into());
    for (slot, byte) in data.iter_mut().skip(21).zip(it.status.bytes()) {
        *slot = *byte;
    }
    let body = data.get(BODY..LENGTH - 4).unwrap_or_default();
    [&it.serial.wire()[..], &l2(COMMAND, body)].concat()
}
