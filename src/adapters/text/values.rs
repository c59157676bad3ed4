//! From a line to values: a pattern, and what to do with each number in it.

use regex::bytes::{Regex, RegexBuilder};

use super::config::{Group, TextConfig, ValueConfig};
use super::number::printed;
use crate::config::Complaint;
use crate::model::{Decimal, Sentence};
use crate::say;

/// A number, with or without a unit behind it. A unit is made of letters, `%` and what is beyond
/// ASCII; digits are in it only as in m2 and W/m3. No unit begins with x, but 0xFF does so. What is
/// stricter than that refuses a line; what is laxer makes a clock of 12:34 and a false 0 of 0:ERROR.
const PLAIN: &str = r"(?x)^\s*
    ([-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?)\s*
    (?:
        (?:(?:[A-WYZa-wyz%\x80-\xff][A-Za-z%\x80-\xff]*)?m\^?[23] | [A-WYZa-wyz%\x80-\xff][A-Za-z%\x80-\xff]*)
        (?:/(?:[A-Za-z%\x80-\xff]*m\^?[23] | [A-Za-z%\x80-\xff]+))*
    )?\s*$";
/// Bytes that a compiled pattern may take, so that no pattern takes all the memory there is.
const LARGEST: usize = 256 * 1024;
/// Brackets within each other.
const DEEPEST: u32 = 50;

/// What is read from each line. A pattern never takes longer than in proportion to the line.
#[derive(Debug)]
pub struct Rules {
    pattern: Regex,
    values: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    key: String,
    group: usize,
    scale: Decimal,
    offset: Decimal,
    floor: Option<Decimal>,
    ceiling: Option<Decimal>,
}

/// One value of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its place among the values of the section.
    pub index: usize,
    /// The bytes of the line that are the number.
    pub place: std::ops::Range<usize>,
    pub outcome: Outcome,
}

/// What a number is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Good(Decimal),
    /// Below the first, which is the floor.
    Below(Decimal, Decimal),
    /// Above the first, which is the ceiling.
    Above(Decimal, Decimal),
}

/// Why a line says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.says())]
pub enum Unfit {
    /// The pattern does not fit.
    NoMatch,
    /// A group holds something else.
    NotANumber(String),
    /// It has more digits than can be kept.
    TooLarge(String),
}

impl Unfit {
    /// For people.
    pub fn says(&self) -> Sentence {
        match self {
            Self::NoMatch => say!("the pattern does not fit"),
            Self::NotANumber(key) => {
                say!("what the pattern finds for \"{key}\" is not a number", key)
            }
            Self::TooLarge(key) => say!("the number for \"{key}\" is too large", key),
        }
    }
}

impl Rules {
    /// Compiles the pattern and finds the group of each value.
    pub fn new(config: &TextConfig) -> Result<Self, Complaint> {
        let pattern = config.pattern.as_deref().unwrap_or(PLAIN);
        let compiled = RegexBuilder::new(pattern)
            // Lines are bytes: no degree sign of another encoding may keep a pattern from fitting.
            .unicode(false)
            .size_limit(LARGEST)
            .dfa_size_limit(LARGEST)
            .nest_limit(DEEPEST)
            .build();
        let pattern = compiled.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => Complaint::new(
                "pattern",
                "the pattern is too large",
                "write a shorter one, with smaller numbers in its curly brackets",
            ),
            // The last line says what is wrong; those before it show the pattern once more.
            error => Complaint::new(
                "pattern",
                format!("it is not a pattern ({})", last_line(&error.to_string())),
                "write one such as '^(\\d+\\.\\d)A$': the value in round brackets, in single quotes",
            ),
        })?;
        let values = config.values.iter().enumerate();
        let values = values.map(|(index, value)| rule(&pattern, index, value));
        let values = values.collect::<Result<_, _>>()?;
        Ok(Self { pattern, values })
    }

    /// The values of a line. A group that has no part in this line is left out; if none has, the
    /// line does not fit.
    pub fn read(&self, line: &[u8]) -> Result<Vec<Found>, Unfit> {
        let groups = self.pattern.captures(line).ok_or(Unfit::NoMatch)?;
        let mut all = Vec::with_capacity(self.values.len());
        for (index, rule) in self.values.iter().enumerate() {
            let Some(group) = groups.get(rule.group) else {
                continue;
            };
            let text = std::str::from_utf8(group.as_bytes()).ok();
            let number = text.and_then(printed);
            let number = number.ok_or_else(|| Unfit::NotANumber(rule.key.clone()))?;
            let value = number.times_plus(rule.scale, rule.offset);
            let value = value.ok_or_else(|| Unfit::TooLarge(rule.key.clone()))?;
            let outcome = match (rule.floor, rule.ceiling) {
                (Some(floor), _) if value < floor => Outcome::Below(floor, value),
                (_, Some(ceiling)) if value > ceiling => Outcome::Above(ceiling, value),
                _ => Outcome::Good(value),
            };
            all.push(Found {
                index,
                place: group.range(),
                outcome,
            });
        }
        if all.is_empty() {
            return Err(Unfit::NoMatch);
        }
        Ok(all)
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// The key of a value.
    pub fn key(&self, index: usize) -> &str {
        self.values.get(index).map_or("", |rule| &rule.key)
    }
}

fn last_line(text: &str) -> &str {
    let line = text.lines().last().unwrap_or_default();
    line.trim_start_matches("error:").trim()
}

fn rule(pattern: &Regex, index: usize, value: &ValueConfig) -> Result<Rule, Complaint> {
    // All that matches is 0, and is there always.
    let last = pattern.captures_len() - 1;
    let missing = |group: String| {
        let advice = match last {
            0 => "put round brackets around the number in the pattern, or leave `group` out".into(),
            last => format!("the pattern has groups 1 to {last}; write one of them as `group`"),
        };
        let what = format!(
            "value {} (\"{}\"): the pattern has no group {group}",
            index + 1,
            value.id
        );
        Complaint::new("values", what, advice)
    };
    let group = match &value.group {
        None => last.min(1),
        Some(Group::Number(number)) if *number <= last => *number,
        Some(Group::Number(number)) => return Err(missing(number.to_string())),
        Some(Group::Name(name)) => {
            let mut names = pattern.capture_names();
            let found = names.position(|known| known == Some(name));
            found.ok_or_else(|| missing(format!("{name:?}")))?
        }
    };
    Ok(Rule {
        key: value.id.clone(),
        group,
        scale: value.scale.0,
        offset: value.offset.0,
        floor: value.floor.map(|floor| floor.0),
        ceiling: value.ceiling.map(|ceiling| ceiling.0),
    })
}

#[cfg(test)]
mod tests {
    use super::super::number::Number;
    use super::*;
    use proptest::prelude::*;

    fn rules(pattern: Option<&str>, values: Vec<ValueConfig>) -> Rules {
        let config = TextConfig {
            pattern: pattern.map(str::to_owned),
            values,
            ..TextConfig::default()
        };
        Rules::new(&config).unwrap()
    }

    fn value(key: &str, group: Option<Group>, scale: i64, ceiling: Option<i64>) -> ValueConfig {
        ValueConfig {
            id: key.to_owned(),
            group,
            scale: Number(Decimal::integer(scale)),
            ceiling: ceiling.map(|ceiling| Number(Decimal::integer(ceiling))),
            ..ValueConfig::default()
        }
    }

    fn outcomes(rules: &Rules, line: &[u8]) -> Result<Vec<(usize, Outcome)>, Unfit> {
        let found = rules.read(line)?.into_iter();
        Ok(found.map(|found| (found.index, found.outcome)).collect())
    }

    #[test]
    fn a_clamp_says_amperes_and_watts_and_a_value_above_the_ceiling_is_told_apart() {
        let clamp = rules(
            Some(r"^(\d\d+\.\d)A$"),
            vec![
                value("current", None, 1, None),
                value("power", None, 230, Some(1500)),
            ],
        );
        let found = outcomes(&clamp, b"00.1A").unwrap();
        assert_eq!(found[0], (0, Outcome::Good(Decimal::new(1, 1))));
        assert_eq!(found[1], (1, Outcome::Good(Decimal::integer(23))));
        let above = outcomes(&clamp, b"06.6A").unwrap()[1].1;
        assert_eq!(
            above,
            Outcome::Above(Decimal::integer(1500), Decimal::integer(1518))
        );
        for line in [b"0.1A".as_slice(), b"00.1", b"00.1AA", b"\xff00.1A", b""] {
            assert_eq!(outcomes(&clamp, line), Err(Unfit::NoMatch));
        }
    }

    #[test]
    fn without_a_pattern_a_line_is_one_number_and_perhaps_a_unit() {
        let plain = rules(None, vec![value("x", None, 1, None)]);
        for (line, number) in [
            (b"18.50".as_slice(), "18.5"),
            (b"-3 \xb0C", "-3"),
            (b"18,5A", "18.5"),
            (b"1.5e3 W/m2", "1500"),
            (b"+.5", "0.5"),
            (b"50%", "50"),
            (b"7 m2", "7"),
            (b"7m3/h", "7"),
            (b"7 kg/m3", "7"),
            (b"7 \xc2\xb5g/m\xc2\xb3", "7"),
        ] {
            let found = outcomes(&plain, line).unwrap();
            assert_eq!(
                found,
                [(0, Outcome::Good(number.parse().unwrap()))],
                "{line:?}"
            );
        }
        for line in [
            b"T=18.5".as_slice(),
            b"1 2",
            b"1.2.3",
            b"1-2",
            b"A",
            b".",
            b"18.5 at 3 o'clock",
            b"0x1F",
            b"0xFF",
            b"0:ERROR",
            b"12:34:56",
            b"1'234",
            b"2024/01/05",
            b"404:NotFound",
            b"12|34",
            b"5m30s",
            b"1h2m",
            b"7 A1",
            b"7/s2",
        ] {
            assert_eq!(outcomes(&plain, line), Err(Unfit::NoMatch), "{line:?}");
        }
    }

    #[test]
    fn groups_go_by_number_or_name_and_those_without_a_part_are_left_out() {
        let two = rules(
            Some(r"T=(?<t>\S+)|H=(\d+)"),
            vec![
                value("t", Some(Group::Name("t".to_owned())), 1, None),
                value("h", Some(Group::Number(2)), 1, None),
            ],
        );
        let good = |index, number| Ok(vec![(index, Outcome::Good(Decimal::integer(number)))]);
        assert_eq!(outcomes(&two, b"T=18"), good(0, 18));
        assert_eq!(outcomes(&two, b"H=50"), good(1, 50));
        assert_eq!(
            outcomes(&two, b"T=off"),
            Err(Unfit::NotANumber("t".to_owned()))
        );
        // Without brackets all that matches is the value.
        let bare = rules(Some(r"\d+"), vec![value("x", None, 2, None)]);
        assert_eq!(outcomes(&bare, b"about 21 of them"), good(0, 42));
    }

    #[test]
    fn a_number_that_cannot_be_kept_is_refused_and_not_bent() {
        let large = rules(None, vec![value("x", None, i64::MAX, None)]);
        let line = i64::MAX.to_string();
        assert_eq!(
            outcomes(&large, line.as_bytes()),
            Err(Unfit::TooLarge("x".to_owned()))
        );
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic_and_no_value_leaves_its_bounds(
            line in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let rules = rules(Some(r"(?s-u)(.{1,5})$"), vec![value("x", None, 3, Some(7))]);
            if let Ok(found) = rules.read(&line) {
                for Found { place, outcome, .. } in found {
                    prop_assert!(place.end <= line.len());
                    match outcome {
                        Outcome::Good(value) => prop_assert!(value <= Decimal::integer(7)),
                        Outcome::Above(_, value) => prop_assert!(value > Decimal::integer(7)),
                        Outcome::Below(..) => prop_assert!(false, "there is no floor"),
                    }
                }
            }
        }

        #[test]
        fn arithmetic_is_exact(mantissa in -1_000_000_i64..1_000_000, scale in -1000_i64..1000) {
            prop_assume!(scale != 0);
            let rules = rules(None, vec![value("x", None, scale, None)]);
            let line = Decimal::new(mantissa, 3).to_string();
            let product = Decimal::new(mantissa * scale, 3);
            prop_assert_eq!(outcomes(&rules, line.as_bytes()), Ok(vec![(0, Outcome::Good(product))]));
        }

        #[test]
        fn no_pattern_makes_it_panic(pattern in r"[(\[{?*+|)\]}\\a-z0-9,:<>^$.-]{0,40}") {
            let config = TextConfig { pattern: Some(pattern), values: vec![value("x", None, 1, None)], ..TextConfig::default() };
            if let Ok(rules) = Rules::new(&config) {
                let _ = rules.read(b"x = 12.5 a\xff");
            }
        }
    }
}
