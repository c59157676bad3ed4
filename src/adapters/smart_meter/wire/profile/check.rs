//! Whether a profile can ever work: users write their own, and a mistake in one is otherwise only
//! seen as a meter that stays unknown, or as values that never come.
//!
//! What a code of electricity counts, and with it the unit, is in its third and fourth group:
//!
//! | C (also + 20, 40, 60 for the phases) | D = 4 to 7, now | D = 8, 9, counted |
//! |---|---|---|
//! | 1, 2, 15, 16 | W | Wh |
//! | 3 to 8 | var | varh |
//! | 9, 10 | VA | VAh |
//! | 11 (and 90, 91: sum, neutral) | A | |
//! | 12 (and 92: neutral) | V | |
//! | 13 | none | |
//! | 14 | Hz | |

use std::collections::BTreeSet;

use super::super::field::{CodeScale, Field};
use super::super::telegram::AUTO;
use super::super::units::Scale;
use super::super::units::Unit;
use super::{BUILT_IN, Profile, Profiles};

/// A profile that can never work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the layout \"{profile}\": {problem}")]
pub struct ProfileError {
    /// The name of the profile; may be empty.
    pub profile: String,
    /// What is wrong with it.
    pub problem: ProfileProblem,
}

/// Why a profile can never work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileProblem {
    /// It has no name.
    #[error("it has no name")]
    NoName,
    /// The name means something else.
    #[error("this name stands for finding the layout out")]
    NameOfAuto,
    /// Two have the same name.
    #[error("there are two of this name, of which the second would never be used")]
    NameTwice,
    /// It changes one that there is not.
    #[error("there is no built-in layout \"{0}\" that it could be based on")]
    NoSuchBase(String),
    /// It has neither lists nor codes.
    #[error("it has neither fields nor lists nor codes")]
    Nothing,
    /// A list has nothing in it.
    #[error("{list} is empty")]
    EmptyList {
        /// Which one.
        list: ListName,
    },
    /// The place of a value is not certain any more.
    #[error("{list} has \"...\" twice, so that the place of what is between them is unknown")]
    TwoEllipses {
        /// Which one.
        list: ListName,
    },
    /// No line of a list says what a value is.
    #[error("{list} says of no value what it is")]
    NoValue {
        /// Which one.
        list: ListName,
    },
    /// A telegram that says itself what it carries has no other list.
    #[error("it is for telegrams that list what they carry, and has a list of its own")]
    ListTwice,
    /// A code counts something else.
    #[error("\"{line}\" in {list} cannot be: what this code counts is {}", in_unit(*expected))]
    WrongUnit {
        /// The line.
        line: String,
        /// Where it stands.
        list: ListName,
        /// The unit of the code.
        expected: Unit,
    },
}

/// Where in a profile something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListName {
    /// The list `fields`.
    Fields,
    /// A list of `lists`, counted from 1.
    Lists(usize),
    /// The scales by code.
    Codes,
}

impl std::fmt::Display for ListName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fields => f.write_str("fields"),
            Self::Lists(number) => write!(f, "list {number} of lists"),
            Self::Codes => f.write_str("codes"),
        }
    }
}

fn in_unit(unit: Unit) -> String {
    match unit {
        Unit::NONE => "without a unit".to_owned(),
        unit => format!("in {unit}"),
    }
}

impl ProfileError {
    /// What to do.
    pub fn advice(&self) -> String {
        match &self.problem {
            ProfileProblem::NoName => "give it one, as in name = \"my-meter\"".to_owned(),
            ProfileProblem::NameOfAuto => {
                format!("give it another name than {AUTO}, such as \"my-meter\"")
            }
            ProfileProblem::NameTwice => {
                "give one of them another name, or put the lists of both below lists of one"
                    .to_owned()
            }
            ProfileProblem::Nothing => {
                "add fields = [\"1.0.1.8.0 1 Wh\", ...] for values without codes, or codes = \
                 [\"1.0.1.8.* 1 Wh\"] for values without units"
                    .to_owned()
            }
            ProfileProblem::NoSuchBase(_) => {
                let names: Vec<&str> = BUILT_IN.iter().map(|known| known.name.as_str()).collect();
                format!("write one of {}, or remove based_on", names.join(", "))
            }
            ProfileProblem::ListTwice => {
                "remove fields and lists, and scale the values with codes = [\"1.0.31.7.0 0.01 A\"]"
                    .to_owned()
            }
            ProfileProblem::EmptyList { .. } => "fill it, or remove it".to_owned(),
            ProfileProblem::TwoEllipses { .. } => {
                "leave one of them out, and write \"-\" for each single value that is not known"
                    .to_owned()
            }
            ProfileProblem::NoValue { .. } => {
                "add a line such as \"1.0.1.8.0 1 Wh\" for each value that is known".to_owned()
            }
            ProfileProblem::WrongUnit { expected, .. } => match *expected {
                Unit::NONE => "leave the unit out, or correct the code".to_owned(),
                unit => format!(
                    "write {unit} (with k, M or m in front if need be), or correct the code"
                ),
            },
        }
    }
}

impl Profile {
    /// Whether this profile can work at all.
    ///
    /// # Errors
    ///
    /// The first reason why it cannot.
    pub fn check(&self) -> Result<(), ProfileError> {
        self.problem()
            .map_or(Ok(()), |problem| Err(self.wrong(problem)))
    }

    fn wrong(&self, problem: ProfileProblem) -> ProfileError {
        ProfileError {
            profile: self.name.clone(),
            problem,
        }
    }

    fn problem(&self) -> Option<ProfileProblem> {
        let name = self.name.trim();
        if name.is_empty() {
            return Some(ProfileProblem::NoName);
        }
        if name.eq_ignore_ascii_case(AUTO) {
            return Some(ProfileProblem::NameOfAuto);
        }
        if let Some(base) = &self.based_on
            && !BUILT_IN.iter().any(|profile| profile.name == *base)
        {
            return Some(ProfileProblem::NoSuchBase(base.clone()));
        }
        if !self.has_lists() && self.codes.is_empty() {
            return Some(ProfileProblem::Nothing);
        }
        if self.push_list && self.has_lists() {
            return Some(ProfileProblem::ListTwice);
        }
        // Left out it is empty as well, which is fine.
        let fields = Some((ListName::Fields, &self.fields)).filter(|(_, list)| !list.is_empty());
        let numbered = (1..).map(ListName::Lists).zip(&self.lists);
        let in_lists = fields
            .into_iter()
            .chain(numbered)
            .find_map(|(name, list)| problem_of_list(name, list));
        in_lists.or_else(|| self.codes.iter().find_map(problem_of_code))
    }
}

fn problem_of_list(list: ListName, fields: &[Field]) -> Option<ProfileProblem> {
    if fields.is_empty() {
        return Some(ProfileProblem::EmptyList { list });
    }
    let ellipses = fields.iter().filter(|field| **field == Field::Any);
    if ellipses.count() > 1 {
        return Some(ProfileProblem::TwoEllipses { list });
    }
    let is_known =
        |field: &Field| matches!(field, Field::Number(..) | Field::Text(..) | Field::Time(_));
    if !fields.iter().any(is_known) {
        return Some(ProfileProblem::NoValue { list });
    }
    fields.iter().find_map(|field| match field {
        Field::Number(code, scale, _) => wrong_unit(field, list, code.0.map(Some), *scale),
        _ => None,
    })
}

fn problem_of_code(line: &CodeScale) -> Option<ProfileProblem> {
    wrong_unit(line, ListName::Codes, line.groups, line.scale)
}

fn wrong_unit(
    line: &impl ToString,
    list: ListName,
    groups: [Option<u8>; 6],
    scale: Scale,
) -> Option<ProfileProblem> {
    let expected = unit_of(groups).filter(|unit| *unit != scale.unit)?;
    Some(ProfileProblem::WrongUnit {
        line: line.to_string(),
        list,
        expected,
    })
}

/// The unit of what a code counts, where that is sure; see the table above.
const fn unit_of(groups: [Option<u8>; 6]) -> Option<Unit> {
    let [Some(1), _, Some(quantity), Some(kind), ..] = groups else {
        return None;
    };
    let in_phase = if quantity < 80 {
        quantity % 20
    } else {
        quantity
    };
    let is_now = matches!(kind, 4..=7);
    let is_counted = matches!(kind, 8 | 9);
    match in_phase {
        1 | 2 | 15 | 16 if is_now => Some(Unit::WATT),
        1 | 2 | 15 | 16 if is_counted => Some(Unit::WATT_HOUR),
        3..=8 if is_now => Some(Unit::VAR),
        3..=8 if is_counted => Some(Unit::VAR_HOUR),
        9 | 10 if is_now => Some(Unit(28)),
        9 | 10 if is_counted => Some(Unit(31)),
        11 | 90 | 91 if is_now => Some(Unit::AMPERE),
        12 | 92 if is_now => Some(Unit::VOLT),
        13 if is_now => Some(Unit::NONE),
        14 if is_now => Some(Unit::HERTZ),
        _ => None,
    }
}

impl Profiles {
    /// Whether each of the user's own profiles can work at all. One may have the name of a built-in
    /// one, which it then stands for.
    ///
    /// # Errors
    ///
    /// The first reason why one cannot.
    pub fn check(&self) -> Result<(), ProfileError> {
        let mut names = BTreeSet::new();
        for profile in &self.own {
            profile.check()?;
            if !names.insert(profile.name.as_str()) {
                return Err(profile.wrong(ProfileProblem::NameTwice));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(text: &str) -> Profile {
        toml::from_str(text).unwrap()
    }

    fn said(text: &str) -> String {
        let error = profile(text).check().unwrap_err();
        format!("{error}; {}", error.advice())
    }

    #[test]
    fn the_built_in_profiles_can_work() {
        for profile in BUILT_IN.iter() {
            match profile.check() {
                Ok(()) => {}
                // Some only tell which meters need none.
                Err(error) => assert_eq!(error.problem, ProfileProblem::Nothing, "{error}"),
            }
        }
    }

    #[test]
    fn a_profile_that_can_never_work_is_told_with_its_remedy() {
        for (text, what, advice) in [
            (
                "name = ''\ncodes = ['1.0.1.8.0 1 Wh']",
                "no name",
                "my-meter",
            ),
            (
                "name = ' '\ncodes = ['1.0.1.8.0 1 Wh']",
                "no name",
                "my-meter",
            ),
            (
                "name = 'auto'\ncodes = ['1.0.1.8.0 1 Wh']",
                "\"auto\"",
                "another name",
            ),
            (
                "name = 'x'\nmakers = ['XYZ']",
                "neither fields",
                "fields = ",
            ),
            (
                "name = 'x'\nlists = [['1.0.1.8.0 1 Wh'], []]",
                "list 2 of lists",
                "remove it",
            ),
            (
                "name = 'x'\nbased_on = 'moon'\ncodes = ['1.0.1.8.0 1 Wh']",
                "\"moon\"",
                "kamstrup",
            ),
            (
                "name = 'x'\npush_list = true\nfields = ['1.0.1.8.0 1 Wh']",
                "list what they carry",
                "codes = ",
            ),
            (
                "name = 'x'\nfields = ['...', '1.0.1.8.0 1 Wh', '...']",
                "fields has \"...\" twice",
                "\"-\"",
            ),
            (
                "name = 'x'\nfields = ['...']",
                "fields says of no value",
                "1.0.1.8.0 1 Wh",
            ),
            (
                "name = 'x'\nmakers = ['XYZ']\nlists = [['-', 'octets']]",
                "list 1 of lists says of no value",
                "1.0.1.8.0 1 Wh",
            ),
            (
                "name = 'x'\nfields = ['-', '1.0.1.8.0 1 V']",
                "\"1.0.1.8.0.255 1 V\" in fields",
                "write Wh",
            ),
            (
                "name = 'x'\nfields = ['1.0.1.8.0 1']",
                "counts is in Wh",
                "write Wh",
            ),
            (
                "name = 'x'\nlists = [['1.0.52.7.0 1 A u16']]",
                "1 A u16\" in list 1 of lists",
                "write V",
            ),
            (
                "name = 'x'\ncodes = ['1.*.1.8.* 1 W']",
                "\"1.*.1.8.*.* 1 W\" in codes",
                "write Wh",
            ),
            (
                "name = 'x'\ncodes = ['1.0.33.7.0 1 W']",
                "without a unit",
                "leave the unit out",
            ),
        ] {
            let said = said(text);
            assert!(
                said.contains(what) && said.contains(advice),
                "{text}\n{said}"
            );
            assert!(said.contains("the layout \""), "{said}");
        }
    }

    #[test]
    fn a_profile_that_can_work_is_left_alone() {
        for text in [
            "name = 'x'\nfields = ['0.0.96.1.0 text', '-', '...', '1.0.1.8.0 0.001 kWh u32']",
            "name = 'x'\nfields = ['1.0.31.7.0 1 mA', '1.0.13.7.0 0.001', '1.0.81.7.40 1 °']",
            // What is not known may be anything.
            "name = 'x'\ncodes = ['1.0.99.1.0 1 V', '7.0.3.1.0 1 m³', '1.0.*.7.0 1 W', '1.0.0.0.1 1']",
            "name = 'x'\nfields = ['0.0.1.0.0 time']",
        ] {
            assert_eq!(profile(text).check(), Ok(()), "{text}");
        }
    }

    #[test]
    fn two_profiles_of_one_name_are_one_too_many() {
        let one = profile("name = 'x'\ncodes = ['1.0.1.8.0 1 Wh']");
        let check =
            |own: &[&Profile]| Profiles::new(own.iter().copied().cloned().collect()).check();
        let error = check(&[&one, &one]).unwrap_err();
        assert_eq!(error.problem, ProfileProblem::NameTwice);
        assert!(error.to_string().contains("\"x\"") && error.advice().contains("another name"));
        // Standing for a built-in one is what a name is good for.
        let kamstrup = Profile {
            name: "kamstrup".to_owned(),
            ..one.clone()
        };
        assert_eq!(check(&[&one, &kamstrup]), Ok(()));
        let wrong = Profile {
            codes: Vec::new(),
            ..kamstrup
        };
        assert_eq!(check(&[&one, &wrong]).unwrap_err().profile, "kamstrup");
    }
}
