//! Why there are no values, in words with advice.

use std::time::Duration;

use super::listener::Seen;
use super::sessions::Lock;
use super::tools::times::how_long;
use super::wire::Serial;
use crate::links::capture::CaptureRefused;
use crate::model::{Health, HealthCode, Sentence};
use crate::say;

/// It is night.
pub fn asleep() -> Health {
    Health::new(HealthCode::Asleep)
}

/// The unit that seals is another one than that which measures.
fn sealer(unit: Serial, measures: Option<Serial>) -> Sentence {
    if measures.is_some_and(|measures| measures != unit) {
        say!(
            "{unit} (not the inverter itself, but what it is connected through)",
            unit = unit.to_string()
        )
    } else {
        Sentence::verbatim(unit.to_string())
    }
}

/// What a unit sends stays shut; `None` if it does not.
pub fn shut(lock: Lock, unit: Serial, measures: Option<Serial>) -> Option<Health> {
    let who = sealer(unit, measures);
    let health = match lock {
        Lock::Clear | Lock::Open => return None,
        Lock::NoKey => Health::new(HealthCode::KeyMissing)
            .seen(say!("there is no key for {who}, which encrypts", who))
            .advise(say!(
                "Read the key with `wattbridge solaredge key --serial PORT --inverter {unit}`, or find it in a capture \
                 of the days when it was new with `wattbridge solaredge key --pcap FILES`; then write \
                 keys = {{ \"{unit}\" = \"...\" }} into the section.",
                unit = unit.to_string()
            )),
        Lock::NoSession => Health::new(HealthCode::NoData)
            .seen(say!(
                "waiting for the next session of {who}: its key is known, but not how this session began", who
            ))
            .advise(
                say!("It comes by itself within 12 hours. To have it at once, pull the inverter's network cable for five \
                 minutes."),
            ),
        Lock::Stale => Health::new(HealthCode::NoData)
            .seen(say!(
                "waiting for the next session of {who}: the one that is remembered is over", who
            ))
            .advise(
                say!("It comes by itself within 12 hours. To have it at once, pull the inverter's network cable for five \
                 minutes."),
            ),
        Lock::WrongKey => Health::new(HealthCode::KeyWrong)
            .seen(say!("the key does not open what {who} sends, though the session was seen from its beginning", who))
            .advise(say!(
                "Read the key of {unit} again with `wattbridge solaredge key`, and compare the serial number beside it.",
                unit = unit.to_string()
            )),
    };
    Some(health)
}

/// It encrypts in the way of newer inverters.
pub fn tls() -> Health {
    Health::new(HealthCode::Unsupported)
        .seen(say!("the inverter talks to its server by TLS, as those without a display do; nobody else can read that"))
        .advise(
            say!("Read it by Modbus TCP instead, which these inverters offer: switch it on in the installer's menu and use one \
             of the Modbus integrations of Home Assistant."),
        )
}

/// What comes is no capture.
pub fn refused(refused: CaptureRefused) -> Health {
    Health::new(HealthCode::Unsupported)
        .seen(refused.says())
        .advise(say!(
            "Let the other side send what `tcpdump -U -w -` writes: the pcap or the pcapng format."
        ))
}

/// Nothing that an inverter sends has been seen.
pub fn nothing_seen(seen: &Seen, place: &str, listened: Duration) -> Health {
    let minutes = (listened.as_secs() / 60).max(1);
    let since = if minutes == 1 {
        say!("a minute")
    } else {
        say!("{minutes} minutes", minutes)
    };
    let (code, words, advice) = if seen.packets == 0 {
        (
            HealthCode::Silent,
            say!(
                "no packet of an inverter has passed {place} for {since}",
                place,
                since
            ),
            say!(
                "Check that the inverter's network cable really goes through here (a mirror port, a bridge or the router \
             itself), and that the inverter is awake; `wattbridge solaredge doctor` looks closer."
            ),
        )
    } else if seen.of_inverters == 0 && seen.at_ports == 0 {
        (
            HealthCode::Silent,
            say!(
                "{count} packets have passed {place} in {since}, none of an inverter",
                count = seen.packets,
                place,
                since
            ),
            say!(
                "Check which port is mirrored. If the inverter is behind a bridge or router that hides its MAC address, write \
             its address as `host`."
            ),
        )
    } else if seen.from_units == 0 && seen.frames > 0 {
        (
            HealthCode::Silent,
            say!(
                "only what the server says to the inverter passes {place}",
                place
            ),
            say!("Let the mirror port show both directions."),
        )
    } else {
        (
            HealthCode::Silent,
            say!(
                "{count} packets of an inverter have passed {place} in {since}, and nothing in them that can be read",
                count = seen.of_inverters.max(seen.at_ports),
                place,
                since
            ),
            say!(
                "It may be connecting in vain: look at the inverter's display whether it says S_OK. `wattbridge solaredge \
             doctor` looks closer."
            ),
        )
    };
    Health::new(code).seen(words).advise(advice)
}

/// An inverter that was producing is heard of no more.
pub fn silent(is_connected: bool) -> Health {
    if is_connected {
        Health::new(HealthCode::Silent)
            .seen(say!("it is connected to its server, but sends no values"))
            .advise(
                say!("If this lasts for an hour of daylight, switch the inverter off completely (AC and DC) for a few minutes."),
            )
    } else {
        Health::new(HealthCode::Silent)
            .seen(say!("it was producing, and nothing has been heard of it for 15 minutes"))
            .advise(say!("Check the inverter's network cable and the router; look at its display whether it says S_OK."))
    }
}

/// An inverter that is known has not been heard since the start.
pub fn not_heard(is_connected: bool) -> Health {
    if is_connected {
        return silent(true);
    }
    Health::new(HealthCode::Silent)
        .seen(say!("nothing has been heard of it since wattbridge began to listen"))
        .advise(
            say!("At night that is as it should be. By day, check its network cable, and that its packets pass here; \
             `wattbridge solaredge doctor` looks closer."),
        )
}

/// The clock of an inverter stands wrong.
pub fn clock_is_off(seconds: i64) -> Health {
    let off = how_long(Duration::from_secs(seconds.unsigned_abs()));
    let seen = if seconds > 0 {
        say!("its clock is {off} behind", off)
    } else {
        say!("its clock is {off} ahead", off)
    };
    Health::new(HealthCode::Degraded)
        .seen(seen)
        .advise(
            say!("Its values are taken as of now. Check that this computer's own clock is right; the inverter is set by its \
             server."),
        )
}

/// What comes is so far from our time that it may be of the past.
pub fn clock_in_doubt(seconds: i64) -> Health {
    let off = Duration::from_secs(seconds.unsigned_abs() / 60 * 60);
    let seen = if seconds > 0 {
        say!(
            "what it sends is from {off} ago by this computer's clock, and not shown as of now",
            off
        )
    } else {
        say!(
            "what it sends is from {off} ahead by this computer's clock, and not shown as of now",
            off
        )
    };
    Health::new(HealthCode::NoData)
        .seen(seen)
        .advise(
            say!("Values that were kept back while the server was away are over in a minute. If it stays so, check this \
             computer's clock; an inverter whose own clock stands wrong is believed after about ten minutes."),
        )
}

/// An optimizer says nothing while its inverter produces.
pub fn panel_silent(was_heard: bool) -> Health {
    let seen = if was_heard {
        say!("it has said nothing for half an hour, while its inverter produces")
    } else {
        say!("it is paired with its inverter, and has never been heard")
    };
    Health::new(HealthCode::OutOfContact).seen(seen).advise(
        say!("A panel in deep shade or under snow is silent, too. If it stays so on bright days, let an installer look at the \
         optimizer and its plugs."),
    )
}

/// An optimizer is not among those that its inverter lists.
pub fn unpaired() -> Health {
    Health::new(HealthCode::NoData).seen(say!("its inverter no longer lists it"))
}

/// A meter or a battery of which nothing comes any more.
pub fn attached_silent() -> Health {
    Health::new(HealthCode::Silent)
        .seen(say!("its inverter has said nothing of it for 15 minutes"))
        .advise(say!("Check the cable between the inverter and it."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_comes_with_a_remedy() {
        let unit = Serial(0x7f12_3456);
        let seen = Seen {
            packets: 3,
            ..Seen::default()
        };
        let at_port = Seen {
            at_ports: 3,
            ..seen
        };
        let one_way = Seen {
            frames: 1,
            ..at_port
        };
        let minute = Duration::from_secs(300);
        for health in [
            shut(Lock::NoKey, unit, None).unwrap(),
            shut(Lock::NoSession, unit, Some(unit)).unwrap(),
            shut(Lock::Stale, unit, None).unwrap(),
            shut(Lock::WrongKey, unit, Some(Serial(1))).unwrap(),
            tls(),
            refused(CaptureRefused::Unknown { offset: 0 }),
            nothing_seen(&Seen::default(), "eth0", minute),
            nothing_seen(&seen, "eth0", minute),
            nothing_seen(&at_port, "eth0", minute),
            nothing_seen(&one_way, "eth0", minute),
            silent(true),
            silent(false),
            not_heard(true),
            not_heard(false),
            clock_is_off(7200),
            clock_in_doubt(7200),
            panel_silent(true),
            panel_silent(false),
            attached_silent(),
        ] {
            assert!(
                !health.detail.is_empty() && health.advice.ends_with('.'),
                "{health:?}"
            );
        }
        assert_eq!(shut(Lock::Open, unit, None), None);
        let behind = clock_is_off(8 * 86_400 + 82_140);
        assert_eq!(behind.detail, "its clock is 8 days behind");
    }
}
