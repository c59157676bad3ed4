//! What flows through the program: devices, their metrics, readings, health and commands.
//!
//! Pure data without I/O. Adapters speak it towards the bridge ([`Report`]), the bridge speaks it
//! towards the outputs ([`Update`]), and commands travel the other way ([`Command`]). No module in
//! here knows a wire format or a topic.

mod control;
mod days;
mod decimal;
mod device;
mod health;
mod metric;
mod part;
pub mod pasted;
mod quantity;
mod report;
pub mod reserved;
mod sentence;
mod update;
mod value;

pub use control::{Command, CommandOutcome, Control, ControlKind, Refusal};
pub use days::Days;
pub use decimal::Decimal;
pub use device::{Device, DeviceId};
pub use health::{Health, HealthCode};
pub use metric::{Behavior, Derivation, Metric, Naming, OnOff, Role};
pub use part::{EnergyPart, HousePart};
pub use quantity::Quantity;
pub use report::{Reading, Readings, Report};
pub use sentence::{Argument, Sentence};
pub use update::{DeviceState, Update};
pub use value::Value;
