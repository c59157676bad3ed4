//! Faults at work: which of them happen now.

use std::time::Duration;

use super::noise::Dice;
use super::{Fault, FaultRule, Schedule};

/// The same faults hit the same answers in every run.
const SEED: u64 = 0x5eed;

/// The faults of one simulator, and how often each could have happened.
#[derive(Debug, Clone)]
pub struct Faults<F> {
    planned: Vec<Planned<F>>,
    /// What decides of chances, and of what a fault does.
    pub dice: Dice,
}

/// Something in which faults are at work.
pub trait Faulty {
    /// Those that it can have.
    type Fault: Fault;

    /// Changes them from now on.
    fn change_faults(&self, change: impl FnOnce(&mut Faults<Self::Fault>));
}

#[derive(Debug, Clone)]
struct Planned<F> {
    rule: FaultRule<F>,
    seen: u32,
    was_due: bool,
}

impl<F: Fault> Faults<F> {
    /// These.
    pub fn new(rules: &[FaultRule<F>]) -> Self {
        let mut faults = Self {
            planned: Vec::new(),
            dice: Dice::new(SEED),
        };
        faults.replace(rules);
        faults
    }

    /// These instead of all that were there.
    pub fn replace(&mut self, rules: &[FaultRule<F>]) {
        self.planned = rules.iter().copied().map(Planned::new).collect();
    }

    /// One more, instead of earlier ones of the same name.
    pub fn set(&mut self, rule: FaultRule<F>) {
        self.remove(rule.name());
        self.planned.push(Planned::new(rule));
    }

    /// Ends those of a name.
    pub fn remove(&mut self, name: &str) {
        self.planned.retain(|planned| planned.rule.name() != name);
    }

    /// Asks once whether one of those that are picked happens, so long after the start. Its name comes
    /// with what was picked of it.
    pub fn hit<T>(
        &mut self,
        elapsed: Duration,
        pick: impl Fn(&F) -> Option<T>,
    ) -> Option<(&'static str, T)> {
        let mut found = None;
        for planned in &mut self.planned {
            let Some(picked) = pick(&planned.rule.fault) else {
                continue;
            };
            let happens = planned.happens(elapsed, &mut self.dice);
            if happens && found.is_none() {
                found = Some((planned.rule.name(), picked));
            }
        }
        found
    }

    /// Asks once for all of those that are meant which of them happen.
    pub fn due(&mut self, elapsed: Duration, is_meant: impl Fn(F) -> bool) -> Vec<F> {
        let mut due = Vec::new();
        for planned in &mut self.planned {
            let fault = planned.rule.fault;
            if is_meant(fault) && planned.happens(elapsed, &mut self.dice) {
                due.push(fault);
            }
        }
        due
    }

    /// Those that hold at a time, whether or not anybody asks.
    pub fn lasting(&self, elapsed: Duration) -> impl Iterator<Item = &F> {
        let holds = move |planned: &&Planned<F>| planned.rule.when.holds(elapsed);
        let planned = self.planned.iter().filter(holds);
        planned.map(|planned| &planned.rule.fault)
    }

    /// When one of them begins or ends by itself.
    pub fn next_change(&self, elapsed: Duration) -> Option<Duration> {
        let edges = self.planned.iter();
        let edges = edges.flat_map(|planned| match planned.rule.when {
            Schedule::Window(from, to) => [Some(from), to],
            _ => [None, None],
        });
        edges.flatten().filter(|edge| *edge > elapsed).min()
    }
}

impl<F: Fault> Planned<F> {
    const fn new(rule: FaultRule<F>) -> Self {
        Self {
            rule,
            seen: 0,
            was_due: false,
        }
    }

    /// It could happen now: does it?
    fn happens(&mut self, elapsed: Duration, dice: &mut Dice) -> bool {
        self.seen = self.seen.saturating_add(1);
        let when = self.rule.when;
        let is_due = match when {
            Schedule::Chance(chance) => dice.fraction() < chance,
            Schedule::Every(count) => self.seen.is_multiple_of(count),
            Schedule::First(count) => self.seen <= count,
            Schedule::Always | Schedule::Window(..) => when.holds(elapsed),
        };
        let has_begun = std::mem::replace(&mut self.was_due, is_due);
        is_due && !(self.rule.once && when.lasts() && has_begun)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::{FaultKind, plain};
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Trouble {
        Hang,
        Swap,
    }

    impl Fault for Trouble {
        const KINDS: &'static [FaultKind<Self>] = &[
            FaultKind::new("hang", "", |v| plain(v, Self::Hang), "no answer"),
            FaultKind::new("swap", "", |v| plain(v, Self::Swap), "another").once(),
        ];
        const EXAMPLES: [&'static str; 5] = ["hang"; 5];
    }

    fn faults(rules: &[&str]) -> Faults<Trouble> {
        let rules: Vec<_> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        Faults::new(&rules)
    }

    /// In which of `count` answers a fault happens.
    fn hits(rule: &str, count: usize) -> Vec<usize> {
        let mut faults = faults(&[rule]);
        let hang = |fault: &Trouble| (*fault == Trouble::Hang).then_some(());
        (1..=count)
            .filter(|_| faults.hit(Duration::ZERO, hang).is_some())
            .collect()
    }

    #[test]
    fn counted_schedules_count() {
        assert_eq!(hits("hang@every=3", 10), [3, 6, 9]);
        assert_eq!(hits("hang@first=2", 10), [1, 2]);
        assert_eq!(hits("hang", 3), [1, 2, 3]);
        assert_eq!(hits("hang@0%", 100).len(), 0);
        assert_eq!(hits("hang@100%", 100).len(), 100);
        assert!((150..250).contains(&hits("hang@20%", 1000).len()));
        assert_eq!(hits("hang@..1s", 2), [1, 2]);
        assert_eq!(hits("hang@1s..", 2).len(), 0);
    }

    #[test]
    fn what_happens_once_does_so_when_its_time_begins() {
        let mut faults = faults(&["swap@2s..4s", "swap@every=3", "hang@3s.."]);
        let mut due = |second| faults.due(Duration::from_secs(second), |_| true);
        assert_eq!(due(0), []);
        assert_eq!(due(2), [Trouble::Swap]);
        assert_eq!(due(3), [Trouble::Swap, Trouble::Hang]);
        assert_eq!(due(3), [Trouble::Hang]);
    }

    #[test]
    fn one_takes_the_place_of_another_of_its_name() {
        let mut faults = faults(&["swap", "hang@every=2"]);
        faults.set("swap@5s..6s".parse().unwrap());
        let second = Duration::from_secs;
        assert_eq!(faults.due(second(1), |_| true), []);
        assert_eq!(faults.next_change(second(1)), Some(second(5)));
        assert_eq!(faults.next_change(second(5)), Some(second(6)));
        assert_eq!(faults.lasting(second(5)).count(), 1);
        faults.remove("swap");
        assert_eq!(faults.next_change(second(1)), None);
        assert_eq!(faults.due(second(1), |_| true), [Trouble::Hang]);
        faults.replace(&[]);
        assert_eq!(faults.due(second(1), |_| true), []);
    }
}
