//! Which faults happen now: the schedules at work.

use std::time::Duration;

use super::ecu::Conditions;
use super::faults::{Fault, FaultRule};
use crate::simulation::Schedule;
use crate::simulation::fault::Planned;
use crate::simulation::noise::Dice;

/// The faults of one simulator.
#[derive(Debug)]
pub struct Incidents {
    rules: Vec<Planned<Fault>>,
    dice: Dice,
    /// Until when the port stays closed after a single connection.
    closed_until: Duration,
}

impl Incidents {
    pub fn new(rules: Vec<FaultRule>) -> Self {
        Self {
            rules: rules.into_iter().map(Planned::new).collect(),
            dice: Dice::new(0x5eed),
            closed_until: Duration::ZERO,
        }
    }

    pub fn add(&mut self, rule: FaultRule) {
        self.rules.push(Planned::new(rule));
    }

    pub fn remove(&mut self, name: &str) {
        self.rules.retain(|planned| planned.rule.name() != name);
        self.closed_until = Duration::ZERO;
    }

    pub fn clear(&mut self) {
        self.rules.clear();
        self.closed_until = Duration::ZERO;
    }

    /// Asks once whether a fault hits this answer. Its name is added to `seen`.
    pub fn hit<T>(
        &mut self,
        elapsed: Duration,
        seen: &mut Vec<&'static str>,
        pick: impl Fn(&Fault) -> Option<T>,
    ) -> Option<T> {
        let mut found = None;
        for planned in &mut self.rules {
            let Some(picked) = pick(&planned.rule.fault) else {
                continue;
            };
            let happens = planned.happens(elapsed, &mut self.dice);
            if happens && found.is_none() {
                seen.push(planned.rule.name());
                found = Some(picked);
            }
        }
        found
    }

    /// The faults that hold at a time, whether or not anybody asks.
    fn lasting(&self, elapsed: Duration) -> impl Iterator<Item = &Fault> {
        let holds = move |planned: &&Planned<Fault>| planned.rule.when.holds(elapsed);
        let rules = self.rules.iter().filter(holds);
        rules.map(|planned| &planned.rule.fault)
    }

    /// What goes on around the gateway.
    pub fn conditions(&self, elapsed: Duration) -> Conditions {
        let mut conditions = Conditions::default();
        for fault in self.lasting(elapsed) {
            match *fault {
                Fault::Sleep => conditions.asleep = true,
                Fault::Reboot => conditions.rebooting = true,
                Fault::WakeApart(gap) => conditions.wake_apart = gap,
                Fault::Missing(place) => conditions.missing.push(place),
                Fault::LostInverter(place) => conditions.lost.push(place),
                Fault::NewInverter(product) => conditions.added.push(product),
                _ => {}
            }
        }
        conditions
    }

    /// Whether answers repeat.
    pub fn stale(&self, elapsed: Duration) -> bool {
        self.lasting(elapsed).any(|fault| *fault == Fault::Stale)
    }

    /// Whether the port is closed, given how many clients there are.
    pub fn port_is_closed(&self, elapsed: Duration, clients: usize) -> bool {
        let closing = |fault: &Fault| match *fault {
            Fault::Refuse(_) | Fault::Reboot => true,
            Fault::Slots(slots) => clients >= slots,
            _ => false,
        };
        elapsed < self.closed_until || self.lasting(elapsed).any(closing)
    }

    /// Whether a client gets no answer because there are others, `clients` with itself.
    pub fn too_busy(&self, elapsed: Duration, clients: usize) -> bool {
        let over = |fault: &Fault| matches!(*fault, Fault::Busy(most) if clients > most);
        self.lasting(elapsed).any(over)
    }

    /// A connection was taken: closes the port behind it if that is due.
    pub fn after_connection(&mut self, elapsed: Duration) {
        if self.port_is_closed(elapsed, 0) {
            // It slipped in; the port opens again when that is over, not later.
            return;
        }
        let pick = |fault: &Fault| match *fault {
            Fault::Refuse(length) => Some(length),
            _ => None,
        };
        if let Some(length) = self.hit(elapsed, &mut Vec::new(), pick) {
            self.closed_until = elapsed + length;
        }
    }

    /// When something begins or ends by itself.
    pub fn next_change(&self, elapsed: Duration) -> Option<Duration> {
        let edges = self
            .rules
            .iter()
            .flat_map(|planned| match planned.rule.when {
                Schedule::Window(from, to) => [Some(from), to],
                _ => [None, None],
            });
        let edges = edges.flatten().chain([self.closed_until]);
        edges.filter(|edge| *edge > elapsed).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incidents(rules: &[&str]) -> Incidents {
        Incidents::new(rules.iter().map(|rule| rule.parse().unwrap()).collect())
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
