//! One device: what its lines said, and how it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::config::TextConfig;
use super::lines::{TextLine, TooLong, shown};
use super::values::{Found, Outcome, Rules};
use super::{KIND, health, metrics};
use crate::clock::Moment;
use crate::model::{Decimal, Device, Health, Readings, Report, Value};

/// Impossible values in a row after which the last possible one is no longer true either.
const IMPOSSIBLE: u32 = 3;

/// What a failure has to be told, at most.
const GRACE: Duration = Duration::from_secs(10);

/// What the lines were worth.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Log {
    lines_refused: i64,
    values_refused: i64,
    last_line: Option<String>,
}

/// A device, filled line by line.
#[derive(Debug)]
pub struct Sensor {
    device: Device,
    rules: Arc<Rules>,
    patience: Duration,
    /// What the lines of the reading that is under way said, by the place of the value.
    found: BTreeMap<usize, Outcome>,
    /// Why the last line that could not be read could not.
    unfit: Option<Health>,
    /// Impossible values in a row, and what the last one was, by the place of the value.
    misses: BTreeMap<usize, (u32, Outcome)>,
    /// When each value was last said, possible or not; before that, when others were first said. By
    /// the place of the value and the monotonic clock.
    heard: BTreeMap<usize, Duration>,
    log: Log,
    /// What was last reported of it.
    told: Log,
    /// When values were last read; before that, when nothing had been tried.
    last: Option<Duration>,
    health: Option<Health>,
}

impl Sensor {
    pub fn new(config: &TextConfig, rules: Arc<Rules>) -> Self {
        let word = config.word();
        let mut device = Device::new(KIND, word, in_words(word), "");
        device.metrics = metrics::of(&config.values);
        let is_asked = !config.ask.is_empty() || !config.command.is_empty();
        let silent_after = config.silent_after.get();
        let patience = if is_asked {
            silent_after.max(config.interval.get().saturating_mul(2))
        } else {
            silent_after
        };
        device.rated_power = config.max_power;
        // Behind the last try, whose failure says more.
        let tries = u32::from(config.tries.max(1));
        let last_try = config
            .timeout
            .get()
            .saturating_mul(tries)
            .saturating_add(GRACE);
        device.patience = Some(patience.saturating_add(last_try));
        Self {
            device,
            rules,
            patience,
            found: BTreeMap::new(),
            unfit: None,
            misses: BTreeMap::new(),
            heard: BTreeMap::new(),
            log: Log::default(),
            told: Log::default(),
            last: None,
            health: None,
        }
    }

    /// What it is.
    pub fn description(&self) -> Report {
        Report::Device(Box::new(self.device.clone()))
    }

    /// Forgets the lines of a reading that came to nothing.
    pub fn begin(&mut self) {
        self.found.clear();
        self.unfit = None;
    }

    /// Reads a line. The values it says are returned as well; none if it says nothing.
    pub fn take(&mut self, line: &Result<TextLine, TooLong>) -> Vec<Found> {
        let unfit = match line {
            Ok(line) => {
                self.log.last_line = Some(shown(&line.bytes));
                match self.rules.read(&line.bytes) {
                    Ok(all) => {
                        let outcomes = all.iter().map(|found| (found.index, found.outcome));
                        self.found.extend(outcomes);
                        return all;
                    }
                    Err(why) => health::unfit(&why, &line.bytes),
                }
            }
            Err(_) => health::too_long(),
        };
        self.log.lines_refused = self.log.lines_refused.saturating_add(1);
        self.unfit = Some(unfit);
        Vec::new()
    }

    /// Whether the lines so far said anything.
    pub fn has_values(&self) -> bool {
        !self.found.is_empty()
    }

    /// Whether the lines so far said everything.
    pub fn is_complete(&self) -> bool {
        self.found.len() >= self.rules.len()
    }

    /// Why the last line that could not be read could not, if there was one.
    pub fn unfit(&self) -> Option<&Health> {
        self.unfit.as_ref()
    }

    /// What the lines since the last reading said.
    pub fn reading(&mut self, now: Moment) -> Vec<Report> {
        let mut readings = Readings::new(self.device.id.clone(), now.wall);
        let missing = self.missing(now);
        for index in &missing {
            readings.push(self.rules.key(*index).to_owned(), Value::Unknown);
        }
        // After a silence of all each has its time again, unknown as it is.
        let missing = missing.first().filter(|_| !self.is_silent(now)).copied();
        for (index, outcome) in std::mem::take(&mut self.found) {
            self.heard.insert(index, now.steady);
            let key = self.rules.key(index).to_owned();
            if let Outcome::Good(value) = outcome {
                self.misses.remove(&index);
                readings.push(key, value);
                continue;
            }
            self.log.values_refused = self.log.values_refused.saturating_add(1);
            let (misses, last) = self.misses.entry(index).or_insert((0, outcome));
            (*misses, *last) = (misses.saturating_add(1), outcome);
            if *misses >= IMPOSSIBLE {
                readings.push(key, Value::Unknown);
            }
        }
        self.unfit = None;
        let impossible = self
            .misses
            .iter()
            .find(|(_, (misses, _))| *misses >= IMPOSSIBLE);
        let trouble = impossible
            .and_then(|(index, (_, outcome))| health::impossible(self.rules.key(*index), *outcome));
        let no_longer = |index| health::no_longer(self.rules.key(index), self.patience);
        let trouble = trouble.or_else(|| missing.map(no_longer));
        self.push_log(&mut readings);
        self.last = Some(now.steady);
        let mut reports = vec![Report::Readings(readings)];
        reports.extend(self.is(trouble.unwrap_or(Health::ONLINE)));
        reports
    }

    /// Values that have not been said for too long, while others are.
    fn missing(&mut self, now: Moment) -> Vec<usize> {
        let was_silent = self.is_silent(now);
        let mut missing = Vec::new();
        for index in (0..self.rules.len()).filter(|index| !self.found.contains_key(index)) {
            let heard = self.heard.entry(index).or_insert(now.steady);
            if now.since(*heard) >= self.patience {
                missing.push(index);
            }
            if was_silent {
                *heard = now.steady;
            }
        }
        missing
    }

    fn push_log(&mut self, readings: &mut Readings) {
        let log = &self.log;
        readings.push(metrics::LINES_REFUSED, Decimal::integer(log.lines_refused));
        readings.push(
            metrics::VALUES_REFUSED,
            Decimal::integer(log.values_refused),
        );
        readings.push(metrics::LAST_LINE, Value::from(log.last_line.clone()));
        self.told.clone_from(log);
    }

    /// What was read although it says nothing, if that is news: it is needed most where nothing
    /// works.
    fn news(&mut self, now: Moment) -> Option<Report> {
        (self.told != self.log).then(|| {
            let mut readings = Readings::new(self.device.id.clone(), now.wall);
            self.push_log(&mut readings);
            Report::Readings(readings)
        })
    }

    /// A reading failed. Until that has lasted for a while, the values before it still count.
    pub fn failed(&mut self, now: Moment, why: Health) -> Vec<Report> {
        let health = if self.is_silent(now) {
            why
        } else {
            health::retrying(&why)
        };
        self.news(now).into_iter().chain(self.is(health)).collect()
    }

    /// The device cannot be reached at all, or is left alone.
    pub fn gone(&mut self, now: Moment, why: Health) -> Vec<Report> {
        self.news(now).into_iter().chain(self.is(why)).collect()
    }

    /// Whether nothing could be read for too long.
    pub fn is_silent(&self, now: Moment) -> bool {
        self.last
            .is_none_or(|last| now.since(last) >= self.patience)
    }

    /// How long until that is so, where it is not yet.
    pub fn until_silence(&self, now: Moment) -> Option<Duration> {
        self.patience.checked_sub(now.since(self.last?))
    }

    /// How long nothing may be read.
    pub const fn patience(&self) -> Duration {
        self.patience
    }

    fn is(&mut self, health: Health) -> Option<Report> {
        if self.health.as_ref() == Some(&health) {
            return None;
        }
        self.health = Some(health.clone());
        Some(Report::Health(self.device.id.clone(), health))
    }
}

fn in_words(word: &str) -> String {
    let words = word.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::super::config::ValueConfig;
    use super::super::number::Number;
    use super::*;
    use crate::model::HealthCode;

    fn sensor() -> Sensor {
        let value = |key: &str, ceiling: i64| ValueConfig {
            id: key.to_owned(),
            ceiling: Some(Number(Decimal::integer(ceiling))),
            ..ValueConfig::default()
        };
        let config = TextConfig {
            id: Some("garden_clamp".to_owned()),
            pattern: Some(r"(\d+)".to_owned()),
            values: vec![value("a", 1000), value("b", 10)],
            ..TextConfig::default()
        };
        let rules = Rules::new(&config).unwrap();
        Sensor::new(&config, Arc::new(rules))
    }

    fn at(second: u64) -> Moment {
        Moment {
            wall: jiff::Timestamp::UNIX_EPOCH,
            steady: Duration::from_secs(second),
        }
    }

    /// What a reading of this line says of both values, and the health if that is news.
    fn read(sensor: &mut Sensor, second: u64, line: &str) -> (Vec<Option<Value>>, Option<Health>) {
        let bytes = line.as_bytes().to_vec();
        sensor.begin();
        sensor.take(&Ok(TextLine { offset: 0, bytes }));
        let (mut values, mut health) = (Vec::new(), None);
        for report in sensor.reading(at(second)) {
            match report {
                Report::Readings(readings) => {
                    values.extend(["a", "b"].map(|key| readings.get(key).cloned()));
                }
                Report::Health(_, news) => health = Some(news),
                other => panic!("{other:?}"),
            }
        }
        (values, health)
    }

    fn number(number: i64) -> Option<Value> {
        Some(Value::Number(Decimal::integer(number)))
    }

    #[test]
    fn an_impossible_value_is_left_out_and_the_third_in_a_row_makes_it_unknown() {
        let mut sensor = sensor();
        let good = read(&mut sensor, 0, "7");
        assert_eq!(good, (vec![number(7), number(7)], Some(Health::ONLINE)));
        for second in [1, 2] {
            let left_out = read(&mut sensor, second, "11");
            assert_eq!(left_out, (vec![number(11), None], None));
        }
        let (values, health) = read(&mut sensor, 3, "12");
        assert_eq!(values, [number(12), Some(Value::Unknown)]);
        let health = health.unwrap();
        assert_eq!(health.code, HealthCode::Degraded);
        assert_eq!(health.detail, "b: 12 is above the ceiling of 10");
        let good = read(&mut sensor, 4, "8");
        assert_eq!(good, (vec![number(8), number(8)], Some(Health::ONLINE)));
        assert_eq!(sensor.log.values_refused, 3);
    }

    #[test]
    fn a_failure_counts_only_when_it_has_lasted() {
        let mut sensor = sensor();
        let why = || health::no_answer(Duration::from_secs(1));
        let code = |reports: Vec<Report>| match &reports[..] {
            [] => None,
            [Report::Health(_, health)] => Some(health.code),
            other => panic!("{other:?}"),
        };
        // Nothing was ever read.
        assert_eq!(code(sensor.failed(at(0), why())), Some(HealthCode::Silent));
        assert_eq!(code(sensor.failed(at(1), why())), None);
        read(&mut sensor, 2, "7");
        assert_eq!(
            code(sensor.failed(at(200), why())),
            Some(HealthCode::Retrying)
        );
        assert_eq!(
            code(sensor.failed(at(302), why())),
            Some(HealthCode::Silent)
        );
        assert_eq!(code(sensor.failed(at(303), why())), None);
        assert_eq!(read(&mut sensor, 304, "7").1, Some(Health::ONLINE));
    }

    #[test]
    fn the_bridge_waits_until_the_sensor_has_said_what_it_knows_of_a_silence() {
        let sensor = sensor();
        let patience = sensor.device.patience.unwrap();
        assert!(patience > sensor.patience(), "{patience:?}");
        assert!(patience <= sensor.patience() * 2, "{patience:?}");
    }

    #[test]
    fn a_value_that_stops_coming_is_unknown_after_a_while_and_comes_back() {
        let value = |key: &str, group| ValueConfig {
            id: key.to_owned(),
            group: Some(super::super::config::Group::Number(group)),
            ..ValueConfig::default()
        };
        let config = TextConfig {
            pattern: Some(r"A(\d+)|B(\d+)".to_owned()),
            values: vec![value("a", 1), value("b", 2)],
            ..TextConfig::default()
        };
        let rules = Rules::new(&config).unwrap();
        let mut sensor = Sensor::new(&config, Arc::new(rules));
        assert_eq!(read(&mut sensor, 0, "A1").1, Some(Health::ONLINE));
        assert_eq!(read(&mut sensor, 1, "B2").0, [None, number(2)]);
        let unknown = Some(Value::Unknown);
        for second in [100, 200, 300] {
            let still = read(&mut sensor, second, "A1");
            assert_eq!(still, (vec![number(1), None], None), "{second}");
        }
        let (values, health) = read(&mut sensor, 301, "A1");
        assert_eq!(values, [number(1), unknown.clone()]);
        let health = health.unwrap();
        assert_eq!(health.code, HealthCode::Degraded);
        assert_eq!(health.detail, "no line has said b for 5m");
        let back = read(&mut sensor, 302, "B3");
        assert_eq!(back, (vec![None, number(3)], Some(Health::ONLINE)));
        // After a silence of all, the other one has its time.
        let (values, health) = read(&mut sensor, 900, "A1");
        assert_eq!((values, health), (vec![number(1), unknown.clone()], None));
        assert_eq!(read(&mut sensor, 1100, "A1").1, None);
        let (values, health) = read(&mut sensor, 1200, "A1");
        assert_eq!(values, [number(1), unknown]);
        assert_eq!(health.unwrap().code, HealthCode::Degraded);
    }

    #[test]
    fn what_was_refused_is_told_also_when_nothing_can_be_read() {
        let mut sensor = sensor();
        let told = |reports: &[Report]| match reports {
            [Report::Readings(readings), Report::Health(..)] => {
                [metrics::LINES_REFUSED, metrics::LAST_LINE].map(|key| readings.get(key).cloned())
            }
            other => panic!("{other:?}"),
        };
        let mut refuse = |line: &str| {
            let bytes = line.as_bytes().to_vec();
            sensor.begin();
            sensor.take(&Ok(TextLine { offset: 0, bytes }));
            let why = sensor.unfit().cloned().unwrap();
            if line == "first" {
                sensor.failed(at(0), why)
            } else {
                sensor.gone(at(1), why)
            }
        };
        let text = |line: &str| Some(Value::from(Some(line.to_owned())));
        assert_eq!(told(&refuse("first")), [number(1), text("first")]);
        assert_eq!(told(&refuse("second")), [number(2), text("second")]);
        let why = health::nothing_comes(Duration::from_secs(1));
        assert_eq!(sensor.gone(at(2), why.clone()).len(), 1, "the health alone");
        assert_eq!(sensor.gone(at(3), why), []);
    }

    #[test]
    fn a_device_is_called_by_its_word() {
        let sensor = sensor();
        assert_eq!(sensor.device.name, "Garden clamp");
        assert_eq!(sensor.device.id.as_str(), "text_garden_clamp");
    }
}
