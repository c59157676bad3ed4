//! Why there are no values, and what to do about it.

use std::time::Duration;

use super::config::VictronConfig;
use super::device::VeDevice;
use super::rhythm::{Rhythm, patience};
use super::wire::products::Product;
use crate::model::{Health, HealthCode, Sentence};
use crate::say;

/// No night is longer.
pub const NIGHT: Duration = Duration::from_secs(20 * 3600);

/// A device that speaks only when it is asked gets as long to answer.
const ASKED: Duration = Duration::from_secs(25);

/// What has come over a line, and when.
#[derive(Debug, Default)]
pub struct LineHealth {
    opened: Duration,
    byte: Option<Duration>,
    good: Option<Duration>,
    /// When anything good came last, or when the port was first opened, whether or not it was opened
    /// anew since.
    alive: Option<Duration>,
    pub rhythm: Rhythm,
}

impl LineHealth {
    /// That of a device that regularly says nothing for so long.
    pub fn knowing(pause: Option<Duration>) -> Self {
        Self {
            rhythm: Rhythm::knowing(pause),
            ..Self::default()
        }
    }

    /// The port was opened.
    pub fn opened(&mut self, now: Duration) {
        (self.opened, self.byte, self.good) = (now, None, None);
        self.alive.get_or_insert(now);
        self.rhythm.interrupted();
    }

    /// Bytes have come.
    pub const fn bytes(&mut self, now: Duration) {
        self.byte = Some(now);
    }

    /// A block or a frame has come whole.
    pub fn good(&mut self, now: Duration) {
        (self.good, self.alive) = (Some(now), Some(now));
        self.rhythm.heard(now);
    }

    /// Whether anything at all has come since the port was opened.
    pub const fn has_bytes(&self) -> bool {
        self.byte.is_some()
    }

    /// Whether anything has come whole since the port was opened.
    pub const fn has_good(&self) -> bool {
        self.good.is_some()
    }

    /// When bytes came last.
    pub fn last_byte(&self) -> Duration {
        self.byte.unwrap_or(self.opened)
    }

    /// For how long nothing has come.
    pub fn quiet(&self, now: Duration) -> Duration {
        now.saturating_sub(self.last_byte())
    }
}

/// When a device counts as silent if nothing good comes any more.
pub fn silent_at(line: &LineHealth, config: &VictronConfig, is_asked: bool) -> Duration {
    line.good.unwrap_or(line.opened) + waits(line, config, is_asked)
}

fn waits(line: &LineHealth, config: &VictronConfig, is_asked: bool) -> Duration {
    let asked = if is_asked { ASKED } else { Duration::ZERO };
    let pause = line.rhythm.learned().map(patience).unwrap_or_default();
    config.silent_after.get().max(asked).max(pause)
}

/// How a device is from which nothing good comes; `None` while that is not long enough.
pub fn health(
    line: &LineHealth,
    device: &VeDevice,
    config: &VictronConfig,
    is_asked: bool,
    now: Duration,
) -> Option<Health> {
    if now < silent_at(line, config, is_asked) {
        return None;
    }
    if line.byte.is_some() && line.quiet(now) < waits(line, config, is_asked) {
        return Some(garbled());
    }
    let lifeless = now.saturating_sub(line.alive.unwrap_or(line.opened));
    if device.may_be_asleep() && lifeless < NIGHT {
        return Some(
            Health::new(HealthCode::Asleep).seen(say!("this charger has no power without sun")),
        );
    }
    let seen = if device.product().is_some() || line.good.is_some() {
        say!("the port is open, but the device says nothing")
    } else {
        say!("the port is open, but nothing comes")
    };
    Some(Health::new(HealthCode::Silent).seen(seen).advise(
        say!("Check the plug at the device and that the device has power. If this is no VE.Direct cable, write \
         another port in the configuration."),
    ))
}

pub fn garbled() -> Health {
    Health::new(HealthCode::Garbled)
        .seen(say!("bytes come, but no block of them is whole"))
        .advise(
            say!("Check the plug, and keep the cable away from the inverter's. If the port is passed on by TCP, set it \
             to 19200 baud, 8N1. VE.Bus and VE.Can are something else and cannot be read here."),
        )
}

/// Nothing came while a port was tried.
pub fn nothing_came(within: Duration) -> Health {
    Health::new(HealthCode::Silent)
        .seen(say!(
            "nothing came within {seconds} seconds",
            seconds = within.as_secs()
        ))
        .advise(say!(
            "Check the plug at the device and that it has power; some chargers have none at night."
        ))
}

/// Another device is at its cable.
pub fn replaced() -> Health {
    Health::new(HealthCode::Unreachable)
        .seen(say!("another device is plugged in where it was"))
        .advise(say!("Plug it in again, with this cable or another. If it is gone for good, it is removed after a while."))
}

/// A second device speaks on its line.
pub fn shared(product: Option<u16>, serial: Option<&str>) -> Health {
    let product = product.map(|id| Sentence::verbatim(Product::of(id).to_string()));
    let serial = serial.map(|serial| {
        let serial = serial.escape_debug().to_string();
        say!("serial number {serial}", serial)
    });
    let names = Sentence::listed(product.into_iter().chain(serial));
    Health::new(HealthCode::Degraded)
        .seen(say!("a second device speaks on the same line: {names}", names))
        .advise(
            say!("Only the first one is read. Give each device a cable, or a port of the serial server, of its own."),
        )
}

/// The cable of a device is not there.
pub fn unplugged() -> Health {
    Health::new(HealthCode::Unreachable)
        .seen(say!("its VE.Direct cable is not plugged in"))
        .advise(say!("Plug it in; in a container, pass the port to it."))
}

/// No cable is there at all.
pub fn no_cable() -> Health {
    Health::new(HealthCode::Unreachable)
        .seen(say!("no VE.Direct USB cable is plugged in"))
        .advise(
            say!("Plug one in; in a container, pass the port to it. A cable that `wattbridge ports` shows under another \
             name is used with port = \"...\"."),
        )
}
