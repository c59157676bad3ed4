//! Where in an answer stands what was measured: of each field its first byte in the application data, counted
//! from the serial number on, how many bytes it has, and what it is.

use crate::adapters::aps_zigbee::wire::payload::TelemetryLayout;

/// A field of an answer. The numbers are those of inputs, from 0 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayoutField {
    Kind,
    Model,
    Firmware,
    Temperature,
    Frequency,
    GridVoltage,
    Clock,
    Status,
    Power,
    Reactive,
    State,
    Links,
    Voltage(usize),
    Current(usize),
    /// Voltage and current in three bytes.
    Packed(usize),
    Counter(usize),
}

use LayoutField::{
    Clock, Counter, Current, Firmware, Frequency, GridVoltage, Kind, Links, Model, Packed, Power,
    Reactive, State, Status, Temperature, Voltage,
};

/// Where, how long, and what.
type LayoutRow = (usize, usize, LayoutField);

const YC600: &[LayoutRow] = &[
    (10, 2, Temperature),
    (12, 3, Frequency),
    (17, 2, Clock),
    (22, 3, Packed(1)),
    (25, 3, Packed(0)),
    (28, 2, GridVoltage),
    (33, 4, Status),
    (37, 5, Counter(0)),
    (42, 5, Counter(1)),
];

const QS1: &[LayoutRow] = &[
    (10, 2, Temperature),
    (12, 3, Frequency),
    (16, 3, Packed(3)),
    (19, 3, Packed(2)),
    (22, 3, Packed(1)),
    (25, 3, Packed(0)),
    (28, 2, GridVoltage),
    (30, 2, Clock),
    (33, 4, Status),
    (37, 5, Counter(0)),
    (42, 5, Counter(1)),
    (47, 5, Counter(2)),
    (52, 5, Counter(3)),
    (66, 2, Links),
];

const DS3: &[LayoutRow] = &[
    (10, 1, Kind),
    (11, 1, Model),
    (12, 4, Firmware),
    (21, 5, Status),
    (26, 2, Voltage(0)),
    (28, 2, Voltage(1)),
    (30, 2, Current(0)),
    (32, 2, Current(1)),
    (34, 2, GridVoltage),
    (36, 2, Frequency),
    (38, 2, Clock),
    (40, 2, Power),
    (42, 2, Reactive),
    (48, 2, Temperature),
    (50, 4, Counter(0)),
    (54, 4, Counter(1)),
    (58, 1, State),
];

const QS2: &[LayoutRow] = &[
    (10, 1, Kind),
    (11, 1, Model),
    (12, 4, Firmware),
    (21, 5, Status),
    (26, 2, Voltage(0)),
    (28, 2, Voltage(1)),
    (30, 2, Current(0)),
    (32, 2, Current(1)),
    (34, 2, GridVoltage),
    (36, 2, Frequency),
    (38, 2, Clock),
    (40, 2, Power),
    (42, 2, Reactive),
    (48, 2, Temperature),
    (50, 4, Counter(0)),
    (54, 4, Counter(1)),
    (58, 1, State),
    (62, 2, Voltage(2)),
    (64, 2, Voltage(3)),
    (66, 2, Current(2)),
    (68, 2, Current(3)),
    (70, 4, Counter(2)),
    (74, 4, Counter(3)),
];

/// Its fields, in the order of their places.
pub const fn fields_of(layout: TelemetryLayout) -> &'static [LayoutRow] {
    match layout {
        TelemetryLayout::Yc600 => YC600,
        TelemetryLayout::Qs1 => QS1,
        TelemetryLayout::Ds3 => DS3,
        TelemetryLayout::Qs2 => QS2,
    }
}
