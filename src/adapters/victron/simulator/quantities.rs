//! What a device knows: the quantities that text and HEX tell in their different ways.

/// A quantity. Voltages are in mV, currents in mA, powers in mW, temperatures in thousandths of a
/// degree, energies in 0.01 kWh, charges in mAh, unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// The same always.
    Constant(i64),
    /// What the device has no value for.
    Unknown,

    BatteryVoltage,
    BatteryCurrent,
    BatteryPower,
    BatteryTemperature,
    AuxVoltage,
    MidVoltage,
    /// Per mille.
    MidDeviation,
    Consumed,
    /// 0.01 %.
    StateOfCharge,
    /// Minutes; -1 for never.
    TimeToGo,
    Relay,
    Monitor,

    DeepestDischarge,
    LastDischarge,
    AverageDischarge,
    ChargeCycles,
    FullDischarges,
    Drawn,
    VoltageLeast,
    VoltageMost,
    /// Seconds.
    SinceFull,
    Synchronisations,
    AuxLeast,
    AuxMost,
    DischargedEnergy,
    ChargedEnergy,

    ChargerCurrent,
    ChargerTemperature,
    PanelVoltage,
    PanelPower,
    PanelCurrent,
    LoadCurrent,
    LoadVoltage,
    Load,
    State,
    Mode,
    Tracker,
    Error,
    OffReason,
    YieldUser,
    YieldTotal,
    YieldToday,
    YieldYesterday,
    /// W.
    PowerToday,
    /// W.
    PowerYesterday,
    /// 0 to 364.
    Day,
    TrackerVoltage(i64),
    TrackerPower(i64),
    TrackerCurrent(i64),
    Dark,
    /// Minutes.
    TimeOfDay,

    /// 0.01 V.
    AcVoltage,
    /// mA.
    AcCurrent,
    /// VA.
    AcApparent,
    /// W.
    AcPower,
    InputVoltage,
    InputCurrent,
    InputPower,
    /// Seconds.
    Uptime,
}
