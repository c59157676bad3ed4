//! What is said to inverters and by them, inside of what the radio carries. Both directions: whoever plays an
//! inverter writes what is read here.
//!
//! | | |
//! |---|---|
//! | what to say | [`InverterCommand`] in cluster [`REQUEST_CLUSTER`], [`PairingRequest`] in its own |
//! | what comes back | [`InverterAnswer`] in cluster [`ANSWER_CLUSTER`], [`pairing_heard`] |
//! | what it measures | [`PanelTelemetry`] |
//! | what it is | [`InverterInfo`] |
//! | how much it may give | [`LimitCode`], [`SettingsAnswer`] |
//! | what nobody else can read | [`Sealed`] |
//!
//! There is no public description by the maker; what is here was collected from public captures and documented
//! implementations.

mod answer;
mod bytes;
mod command;
mod envelope;
mod info;
mod limit;
mod pairing;
mod sealed;
mod settings;
mod telemetry;

pub use answer::{AnswerContent, AnswerFault, InverterAnswer};
pub use command::{ANSWER_CLUSTER, InverterCommand, REQUEST_CLUSTER, RequestFault, SettingsPage};
pub use envelope::{L2Fault, L2Part, l2, l2_without_sum};
pub use info::{InverterFirmware, InverterInfo};
pub use limit::{LimitCode, LimitScale};
pub use pairing::{
    ASK_CLUSTER, MOVE_CLUSTER, PAIRED_CLUSTER, PRIME_CLUSTER, PairingHeard, PairingRequest,
    pairing_answer, pairing_heard,
};
pub use sealed::Sealed;
pub use settings::{GridThreshold, SettingsAnswer, SettingsForm};
pub use telemetry::{
    CounterScale, Impossible, PanelInput, PanelTelemetry, ProducingState, STATUS_EVENTS,
    StatusBits, StatusEvent, StatusGroup, TelemetryLayout, input_letter,
};
