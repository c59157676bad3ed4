//! How long values hold when nothing more is heard of their device: one rule for all.
//!
//! Whatever its adapter says of a device's health, values that nobody has confirmed for longer than
//! [`Device::patience`] are no longer those of now. Only time by the monotonic clock counts, and only
//! readings do: a word about the device's health confirms no value, nor does one about the
//! connection alone.

use std::time::Duration;

use crate::model::{Device, Health, HealthCode, Readings, Role};
use crate::say;

/// How long the values of a device hold that does not say: longer than any night without sun.
const UNTOLD: Duration = Duration::from_secs(24 * 3600);

/// How long the values of this device hold.
pub fn of(device: &Device) -> Duration {
    device.patience.unwrap_or(UNTOLD)
}

/// Whether readings say anything of the device itself, and not of the connection alone.
pub fn is_sign_of_life(device: &Device, readings: &Readings) -> bool {
    let mut metrics = readings
        .values
        .iter()
        .filter_map(|reading| device.metric(&reading.key));
    metrics.any(|metric| metric.role != Role::Connection)
}

/// How a device is of which nothing has been heard for too long.
pub fn lapsed(device: &Device) -> Health {
    // To the second is more than anybody wants to read.
    let patience = Duration::from_secs(of(device).as_secs().max(1));
    Health::new(HealthCode::Stale)
        .seen(say!("nothing was heard for {patience}", patience))
        .advise(say!("Check that the device is on and within reach. It comes back by itself with its next values."))
}
