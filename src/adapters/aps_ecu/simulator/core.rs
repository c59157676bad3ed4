//! Everything of a simulator but its sockets: time, memory, faults, counters.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil;

use super::super::wire::Request;
use super::answers::{self, Flaws};
use super::delivery::{Delivery, Mishaps};
use super::ecu::{Ecu, View};
use super::faults::EcuFault;
use super::incidents::Incidents;
use crate::simulation::House;

/// Names of the faults that hit an answer.
pub type Seen = Vec<&'static str>;

/// What happens on a request.
#[derive(Debug)]
pub enum Reply {
    /// Nothing, ever.
    Silence,
    /// The connection is closed.
    Close,
    /// Something that never ends.
    Endless,
    Deliver(Delivery),
}

#[derive(Debug)]
pub struct Core {
    pub ecu: Ecu,
    pub house: House,
    pub incidents: Incidents,
    /// What is told again and again while the gateway is stale.
    frozen: Option<View>,
    pub requests: BTreeMap<u16, u64>,
    pub connections: u64,
    /// Clients connected now.
    pub clients: usize,
}

impl Core {
    pub fn new(ecu: Ecu, house: House, incidents: Incidents) -> Self {
        let mut core = Self {
            ecu,
            house,
            incidents,
            frozen: None,
            requests: BTreeMap::new(),
            connections: 0,
            clients: 0,
        };
        core.catch_up();
        core
    }

    /// Lives through whatever happened since the last time, and says how long it runs.
    pub fn catch_up(&mut self) -> Duration {
        let Self {
            ecu,
            house,
            incidents,
            frozen,
            ..
        } = self;
        let timeline = house.timeline();
        ecu.advance(timeline.now(), |moment| {
            incidents.conditions(timeline.elapsed_at(moment))
        });
        let elapsed = timeline.elapsed();
        if !incidents.stale(elapsed) {
            *frozen = None;
        } else if frozen.is_none() {
            *frozen = Some(ecu.view());
        }
        elapsed
    }

    /// The simulated local time.
    pub fn local(&self) -> civil::DateTime {
        self.house.local(self.house.now())
    }

    /// Whether the port is closed, and when to look again.
    pub fn port(&mut self) -> (bool, Option<Duration>) {
        let elapsed = self.catch_up();
        (
            self.incidents.port_is_closed(elapsed, self.clients),
            self.incidents.next_change(elapsed),
        )
    }

    /// A client was let in; `true` if it gets no answer because there are others.
    pub fn enter(&mut self) -> bool {
        let elapsed = self.catch_up();
        self.connections += 1;
        self.clients += 1;
        self.incidents.after_connection(elapsed);
        self.incidents.too_busy(elapsed, self.clients)
    }

    /// What happens on a request that came over a connection as the first or a later one, from a
    /// client that has company or not.
    pub fn reply(&mut self, request: &Request, first: bool, crowded: bool) -> (Reply, Seen) {
        let elapsed = self.catch_up();
        let command = request.command();
        *self.requests.entry(command).or_default() += 1;
        let mut seen = Seen::new();
        if crowded {
            seen.push("busy");
            return (Reply::Silence, seen);
        }
        if !first && self.ecu.plant.model.is_linux() {
            seen.push("one command per connection");
            return (Reply::Silence, seen);
        }
        let wanted = |wanted: EcuFault| move |fault: &EcuFault| (*fault == wanted).then_some(());
        if self
            .hit(elapsed, &mut seen, wanted(EcuFault::Hang))
            .is_some()
        {
            return (Reply::Silence, seen);
        }
        if self
            .hit(elapsed, &mut seen, wanted(EcuFault::Empty))
            .is_some()
        {
            return (Reply::Close, seen);
        }
        if self
            .hit(elapsed, &mut seen, wanted(EcuFault::Endless))
            .is_some()
        {
            return (Reply::Endless, seen);
        }
        let flaws = self.flaws(elapsed, command, &mut seen);
        let mishaps = self.mishaps(elapsed, &mut seen);
        let now = self.local();
        let view = match &self.frozen {
            Some(frozen) => {
                seen.push("stale");
                frozen.clone()
            }
            None => self.ecu.view(),
        };
        let answer = answers::answer(request, &self.ecu, &view, now, &flaws);
        let delivery = Delivery::new(answer.encode(), &mishaps);
        (Reply::Deliver(delivery), seen)
    }

    fn hit<T>(
        &mut self,
        elapsed: Duration,
        seen: &mut Seen,
        pick: impl Fn(&EcuFault) -> Option<T>,
    ) -> Option<T> {
        self.incidents.hit(elapsed, seen, pick)
    }

    /// Asks only for what concerns the command, so that "every tenth" counts what it is about.
    fn flaws(&mut self, elapsed: Duration, command: u16, seen: &mut Seen) -> Flaws {
        let mut flaws = Flaws {
            status: self.hit(elapsed, seen, |fault| match *fault {
                EcuFault::Status(status) => Some(status),
                _ => None,
            }),
            ..Flaws::default()
        };
        if flaws.status.is_some() {
            return flaws;
        }
        let mut is = |wanted: &[EcuFault]| {
            let pick = |fault: &EcuFault| wanted.contains(fault).then_some(());
            self.hit(elapsed, seen, pick).is_some()
        };
        match command {
            1 => {
                flaws.lifetime_zero = is(&[EcuFault::LifetimeZero]);
                flaws.today_zero = is(&[EcuFault::TodayZero]) | is(&[EcuFault::TodayStuck]);
                flaws.ecu_as_inverter = is(&[EcuFault::EcuAsInverter]);
                flaws.foreign_ecu = is(&[EcuFault::ForeignEcu]);
                let jump = self.hit(elapsed, seen, |fault| match *fault {
                    EcuFault::LifetimeJump(energy) => Some(energy),
                    _ => None,
                });
                flaws.lifetime_jump_wh = jump.unwrap_or(0);
            }
            2 => {
                flaws.empty_list = is(&[EcuFault::EmptyList]);
                flaws.ecu_as_inverter = is(&[EcuFault::EcuAsInverter]);
                flaws.foreign_ecu = is(&[EcuFault::ForeignEcu]);
                let strange = is(&[EcuFault::StrangeIds]);
                flaws.strange_ids = strange.then(|| self.requests.get(&2).copied().unwrap_or(0));
                let mut number =
                    |pick: fn(&EcuFault) -> Option<usize>| self.hit(elapsed, seen, pick);
                flaws.unknown_type = number(|fault| match *fault {
                    EcuFault::UnknownType(place) => Some(place),
                    _ => None,
                });
                flaws.longer_record = number(|fault| match *fault {
                    EcuFault::LongerRecord(place) => Some(place),
                    _ => None,
                });
                flaws.blank = number(|fault| match *fault {
                    EcuFault::Blank(place) => Some(place),
                    _ => None,
                });
                flaws.wrong_count = number(|fault| match *fault {
                    EcuFault::WrongCount(count) => Some(count),
                    _ => None,
                });
            }
            4 => {
                flaws.no_history = is(&[EcuFault::NoHistory]);
                flaws.wide_history = is(&[EcuFault::WideHistory]);
            }
            30 => {
                flaws.ecu_as_inverter = is(&[EcuFault::EcuAsInverter]);
                flaws.foreign_ecu = is(&[EcuFault::ForeignEcu]);
            }
            _ => {}
        }
        flaws
    }

    fn mishaps(&mut self, elapsed: Duration, seen: &mut Seen) -> Mishaps {
        let mut take = |pick: fn(&EcuFault) -> Option<usize>| self.hit(elapsed, seen, pick);
        let garbage_before = take(|fault| match *fault {
            EcuFault::GarbageBefore(bytes) => Some(bytes),
            _ => None,
        });
        let garbage_after = take(|fault| match *fault {
            EcuFault::GarbageAfter(bytes) => Some(bytes),
            _ => None,
        });
        Mishaps {
            garbage_before: garbage_before.unwrap_or(0),
            garbage_after: garbage_after.unwrap_or(0),
            truncate: self.hit(elapsed, seen, |fault| match *fault {
                EcuFault::Truncate(bytes) => Some(bytes),
                _ => None,
            }),
            no_newline: self
                .hit(elapsed, seen, |fault| {
                    (*fault == EcuFault::NoNewline).then_some(())
                })
                .is_some(),
            split: self.hit(elapsed, seen, |fault| match *fault {
                EcuFault::Split(bytes, pause) => Some((bytes, pause)),
                _ => None,
            }),
            delay: self
                .hit(elapsed, seen, |fault| match *fault {
                    EcuFault::Slow(delay) => Some(delay),
                    _ => None,
                })
                .unwrap_or_default(),
        }
    }
}
