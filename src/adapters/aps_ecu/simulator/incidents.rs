//! Which faults happen now, and what that means for the gateway.

use std::time::Duration;

use super::ecu::Conditions;
use super::faults::EcuFault;
use crate::simulation::{FaultRule, Faults};

/// The faults of one simulator.
#[derive(Debug)]
pub struct Incidents {
    faults: Faults<EcuFault>,
    /// Until when the port stays closed after a single connection.
    closed_until: Duration,
}

impl Incidents {
    pub fn new(rules: &[FaultRule<EcuFault>]) -> Self {
        Self {
            faults: Faults::new(rules),
            closed_until: Duration::ZERO,
        }
    }

    /// Other faults from now on; a port that an earlier one has closed opens.
    pub fn change(&mut self, change: impl FnOnce(&mut Faults<EcuFault>)) {
        change(&mut self.faults);
        self.closed_until = Duration::ZERO;
    }

    /// Asks once whether a fault hits this answer. Its name is added to `seen`.
    pub fn hit<T>(
        &mut self,
        elapsed: Duration,
        seen: &mut Vec<&'static str>,
        pick: impl Fn(&EcuFault) -> Option<T>,
    ) -> Option<T> {
        let (name, picked) = self.faults.hit(elapsed, pick)?;
        seen.push(name);
        Some(picked)
    }

    /// What goes on around the gateway.
    pub fn conditions(&self, elapsed: Duration) -> Conditions {
        let mut conditions = Conditions::default();
        for fault in self.faults.lasting(elapsed) {
            match *fault {
                EcuFault::Sleep => conditions.asleep = true,
                EcuFault::Reboot => conditions.rebooting = true,
                EcuFault::WakeApart(gap) => conditions.wake_apart = gap,
                EcuFault::Missing(place) => conditions.missing.push(place),
                EcuFault::LostInverter(place) => conditions.lost.push(place),
                EcuFault::NewInverter(product) => conditions.added.push(product),
                _ => {}
            }
        }
        conditions
    }

    /// Whether answers repeat.
    pub fn stale(&self, elapsed: Duration) -> bool {
        self.faults
            .lasting(elapsed)
            .any(|fault| *fault == EcuFault::Stale)
    }

    /// Whether the port is closed, given how many clients there are.
    pub fn port_is_closed(&self, elapsed: Duration, clients: usize) -> bool {
        let closing = |fault: &EcuFault| match *fault {
            EcuFault::Refuse(_) | EcuFault::Reboot => true,
            EcuFault::Slots(slots) => clients >= slots,
            _ => false,
        };
        elapsed < self.closed_until || self.faults.lasting(elapsed).any(closing)
    }

    /// Whether a client gets no answer because there are others, `clients` with itself.
    pub fn too_busy(&self, elapsed: Duration, clients: usize) -> bool {
        let over = |fault: &EcuFault| matches!(*fault, EcuFault::Busy(most) if clients > most);
        self.faults.lasting(elapsed).any(over)
    }

    /// A connection was taken: closes the port behind it if that is due.
    pub fn after_connection(&mut self, elapsed: Duration) {
        if self.port_is_closed(elapsed, 0) {
            // It slipped in; the port opens again when that is over, not later.
            return;
        }
        let pick = |fault: &EcuFault| match *fault {
            EcuFault::Refuse(length) => Some(length),
            _ => None,
        };
        if let Some(length) = self.hit(elapsed, &mut Vec::new(), pick) {
            self.closed_until = elapsed + length;
        }
    }

    /// When something begins or ends by itself.
    pub fn next_change(&self, elapsed: Duration) -> Option<Duration> {
        let reopens = Some(self.closed_until).filter(|until| *until > elapsed);
        let change = self.faults.next_change(elapsed);
        change.into_iter().chain(reopens).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incidents(rules: &[&str]) -> Incidents {
        let rules: Vec<_> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        Incidents::new(&rules)
    }

    #[test]
    fn windows_open_and_close() {
        let incidents = incidents(&["sleep@10s..20s", "refuse@30s..40s", "stale@50s.."]);
        let at = Duration::from_secs;
        for second in 0..100 {
            let conditions = incidents.conditions(at(second));
            assert_eq!(conditions.asleep, (10..20).contains(&second));
            assert_eq!(
                incidents.port_is_closed(at(second), 0),
                (30..40).contains(&second)
            );
            assert_eq!(incidents.stale(at(second)), second >= 50);
        }
        assert_eq!(incidents.next_change(at(0)), Some(at(10)));
        assert_eq!(incidents.next_change(at(10)), Some(at(20)));
        assert_eq!(incidents.next_change(at(45)), Some(at(50)));
        assert_eq!(incidents.next_change(at(50)), None);
    }

    #[test]
    fn the_port_closes_behind_every_second_connection() {
        let mut incidents = incidents(&["refuse=5s@every=2"]);
        let at = Duration::from_secs;
        incidents.after_connection(at(1));
        assert!(!incidents.port_is_closed(at(1), 1));
        incidents.after_connection(at(2));
        assert!(incidents.port_is_closed(at(2), 1));
        assert_eq!(incidents.next_change(at(2)), Some(at(7)));
        assert!(!incidents.port_is_closed(at(7), 1));
    }

    #[test]
    fn clients_are_counted() {
        let incidents = incidents(&["slots=2", "busy=1"]);
        assert!(!incidents.port_is_closed(Duration::ZERO, 1));
        assert!(incidents.port_is_closed(Duration::ZERO, 2));
        assert!(!incidents.too_busy(Duration::ZERO, 1));
        assert!(incidents.too_busy(Duration::ZERO, 2));
    }
}
