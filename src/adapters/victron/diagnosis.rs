//! Why there are no values, and what to do about it.

use std::time::Duration;

use super::config::Config;
use super::wire::products::Product;
use crate::links::LinkError;
use crate::model::{Health, HealthCode};

/// No night is longer.
const NIGHT: Duration = Duration::from_secs(20 * 3600);

/// A device that speaks only when it is asked gets as long to answer.
const ASKED: Duration = Duration::from_secs(25);

/// What has come over a line, and when.
#[derive(Debug, Default)]
pub(super) struct Line {
    opened: Duration,
    byte: Option<Duration>,
    good: Option<Duration>,
    /// When anything good came last, or when the port was first opened, whether or not it was opened
    /// anew since.
    alive: Option<Duration>,
}

impl Line {
    /// The port was opened.
    pub(super) fn opened(&mut self, now: Duration) {
        *self = Self {
            opened: now,
            byte: None,
            good: None,
            alive: self.alive.or(Some(now)),
        };
    }

    /// Bytes have come.
    pub(super) const fn bytes(&mut self, now: Duration) {
        self.byte = Some(now);
    }

    /// A block or a frame has come whole.
    pub(super) const fn good(&mut self, now: Duration) {
        (self.good, self.alive) = (Some(now), Some(now));
    }

    /// Whether anything has come whole since the port was opened.
    pub(super) const fn has_good(&self) -> bool {
        self.good.is_some()
    }

    /// For how long nothing has come.
    pub(super) fn quiet(&self, now: Duration) -> Duration {
        now.saturating_sub(self.byte.unwrap_or(self.opened))
    }
}

/// How a device is from which nothing good comes; `None` while that is not long enough.
pub(super) fn health(
    line: &Line,
    product: Option<Product>,
    config: &Config,
    is_asked: bool,
    now: Duration,
) -> Option<Health> {
    let mut patience = config.silent_after.get();
    if is_asked {
        patience = patience.max(ASKED);
    }
    let without = now.saturating_sub(line.good.unwrap_or(line.opened));
    if without < patience {
        return None;
    }
    if line.byte.is_some() && line.quiet(now) < patience {
        return Some(garbled());
    }
    let sleeps = product.is_some_and(|product| product.sleeps_at_night());
    let lifeless = now.saturating_sub(line.alive.unwrap_or(line.opened));
    if sleeps && lifeless < NIGHT {
        return Some(Health::new(HealthCode::Asleep).seen("this charger has no power without sun"));
    }
    let seen = if product.is_some() || line.good.is_some() {
        "the port is open, but the device says nothing"
    } else {
        "the port is open, but nothing comes"
    };
    Some(Health::new(HealthCode::Silent).seen(seen).advise(
        "Check the plug at the device and that the device has power. If this is no VE.Direct cable, write \
         another port in the configuration.",
    ))
}

pub(super) fn garbled() -> Health {
    Health::new(HealthCode::Garbled)
        .seen("bytes come, but no block of them is whole")
        .advise(
            "Check the plug, and keep the cable away from the inverter's. If the port is passed on by TCP, set it \
             to 19200 baud, 8N1. VE.Bus and VE.Can are something else and cannot be read here.",
        )
}

/// The port cannot be opened, or is gone.
pub(super) fn unreachable(error: &LinkError) -> Health {
    Health::new(HealthCode::Unreachable)
        .seen(error.to_string())
        .advise(error.advice())
}

/// Another device is at its cable.
pub(super) fn replaced() -> Health {
    Health::new(HealthCode::Unreachable)
        .seen("another device is plugged in where it was")
        .advise("Plug it in again, with this cable or another. If it is gone for good, it is removed after a while.")
}

/// The cable of a device is not there.
pub(super) fn unplugged() -> Health {
    Health::new(HealthCode::Unreachable)
        .seen("its VE.Direct cable is not plugged in")
        .advise("Plug it in; in a container, pass the port to it.")
}

/// No cable is there at all.
pub(super) fn no_cable() -> Health {
    Health::new(HealthCode::Unreachable)
        .seen("no VE.Direct USB cable is plugged in")
        .advise(
            "Plug one in; in a container, pass the port to it. A cable that `wattbridge ports` shows under another \
             name is used with port = \"...\".",
        )
}
