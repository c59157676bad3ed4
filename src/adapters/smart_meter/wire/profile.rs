//! Profiles: tables for meters whose telegrams do not say what their values are.
//!
//! Most telegrams describe themselves and need none. The built-in tables are in `profiles.toml`;
//! users write their own in the same words, and those come first.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::axdr::Data;
use super::field::{CodeScale, Field};
use super::obis::Obis;
use super::units::Scale;

mod check;

pub use check::{ListName, ProfileError, ProfileProblem};

/// A table for one kind of telegram.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What it is called, for choosing it.
    pub name: String,
    /// The name of a built-in profile that this one changes: what it does not say itself is as
    /// there, and its `codes` rescale the lists of that one, too.
    #[serde(default)]
    pub based_on: Option<String>,
    /// Which operators and meters it is for.
    #[serde(default)]
    pub about: String,
    /// Set to true for a profile that is used only where it is chosen by its name, because nothing
    /// in a telegram tells it from another one.
    #[serde(default)]
    pub only_if_chosen: bool,
    /// Set to true for a profile that is used by itself only for meters that do not tell their maker.
    #[serde(default)]
    pub only_unnamed: bool,
    /// Set to true for telegrams that begin with the list of what they carry, an array of classes,
    /// codes and attributes.
    #[serde(default)]
    pub push_list: bool,
    /// Set to true for meters whose clock keeps standard time all year and does not say so.
    #[serde(default)]
    pub standard_time: bool,
    /// The three letters of makers whose meters may send this; see the system title. A profile
    /// without makers, ids and invoke is for any meter whose telegrams have the right shape.
    #[serde(default)]
    pub makers: Vec<String>,
    /// Beginnings of the first text in a telegram that tells its kind, for example `KFM_001`.
    #[serde(default)]
    pub ids: Vec<String>,
    /// The number in the head of telegrams that say nothing else of where they come from.
    #[serde(default)]
    pub invoke: Option<u32>,
    /// The values in their order, if they have no codes: `1.0.32.7.0 0.1 V`, or with the type of
    /// the number as in `1.0.32.7.0 0.1 V u16`, `0.0.96.1.0 text`, `0.0.1.0.0 time`, `octets` for a string of bytes, `-` for anything that is not known, and
    /// `...` for any number of those that are no numbers.
    #[serde(default)]
    pub fields: Vec<Field>,
    /// The same, for meters that send several lists in turn.
    #[serde(default)]
    pub lists: Vec<Vec<Field>>,
    /// How to scale values that have a code but no unit: `1.0.31.7.0 0.01 A`, with `*` for any
    /// number of a code, and with a type behind it as in `fields`.
    #[serde(default)]
    pub codes: Vec<CodeScale>,
}

/// What a telegram says of the meter it comes from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin<'a> {
    /// Letters of the maker.
    pub letters: Option<&'a str>,
    /// The first text in it.
    pub text: Option<&'a str>,
    /// The number in its head.
    pub invoke: u32,
    /// Whether it begins with the list of what it carries.
    pub is_push_list: bool,
}

impl Profile {
    /// Whether the meter itself says that this is its profile.
    pub fn is_of(&self, origin: &Origin<'_>) -> bool {
        let is_unnamed = origin.letters.is_none();
        !self.only_if_chosen && (is_unnamed || !self.only_unnamed) && self.may_be_of(origin)
    }

    /// Whether it is for meters like this one, perhaps among others.
    pub fn may_be_of(&self, origin: &Origin<'_>) -> bool {
        let by_maker = origin
            .letters
            .is_some_and(|letters| self.makers.iter().any(|maker| maker == letters));
        let by_id = origin
            .text
            .is_some_and(|text| self.ids.iter().any(|id| text.starts_with(id.as_str())));
        let is_of_any = self.makers.is_empty() && self.ids.is_empty() && self.invoke.is_none();
        self.push_list == origin.is_push_list && (by_maker || by_id || is_of_any)
    }

    /// The same, for telegrams without codes. Those without any text, which could tell where they
    /// come from, are known by the number in their head.
    pub fn is_of_list(&self, origin: &Origin<'_>) -> bool {
        let by_invoke = origin.text.is_none() && self.invoke == Some(origin.invoke);
        self.is_of(origin) || (by_invoke && !self.only_if_chosen)
    }

    /// Whether it has a list of values without codes.
    pub fn has_lists(&self) -> bool {
        !self.fields.is_empty() || !self.lists.is_empty()
    }

    /// The meaning of each value, if one of the lists fits them all.
    pub fn meanings(&self, values: &[Data]) -> Option<Vec<Field>> {
        let lists = std::iter::once(&self.fields).chain(&self.lists);
        lists
            .filter(|list| !list.is_empty())
            .find_map(|list| align(list, values))
    }

    /// How to scale a value that has a code but no unit, and came as a number of this type.
    pub fn scale(&self, code: Obis, tag: u8) -> Option<Scale> {
        let found = self.codes.iter().find(|line| line.fits(code))?;
        found.types.has(tag).then_some(found.scale)
    }

    /// Whether a number with this code never has this type.
    pub fn is_wrong(&self, code: Obis, tag: u8) -> bool {
        let found = self.codes.iter().find(|line| line.fits(code));
        found.is_some_and(|line| !line.types.has(tag))
    }

    /// With what it does not say itself taken from another one.
    fn based(mut self, base: &Self) -> Self {
        if self.about.is_empty() {
            self.about.clone_from(&base.about);
        }
        if self.makers.is_empty() && self.ids.is_empty() && self.invoke.is_none() {
            self.makers.clone_from(&base.makers);
            self.ids.clone_from(&base.ids);
            self.invoke = base.invoke;
        }
        self.push_list |= base.push_list;
        self.standard_time |= base.standard_time;
        if !self.has_lists() {
            let rescaled = |field: &Field| match field {
                Field::Number(code, scale, types) => {
                    let own = self.codes.iter().find(|line| line.fits(*code));
                    Field::Number(*code, own.map_or(*scale, |own| own.scale), *types)
                }
                other => other.clone(),
            };
            let list = |fields: &Vec<Field>| fields.iter().map(rescaled).collect();
            (self.fields, self.lists) = (list(&base.fields), base.lists.iter().map(list).collect());
        }
        // The first that fits counts.
        self.codes.extend_from_slice(&base.codes);
        self
    }
}

/// One field for each value, or nothing if they do not fit.
fn align(list: &[Field], values: &[Data]) -> Option<Vec<Field>> {
    let mut parts = list.split(|field| *field == Field::Any);
    let begin = parts.next().unwrap_or_default();
    let end = parts.next();
    if parts.next().is_some() {
        return None;
    }
    let known = begin.len() + end.unwrap_or_default().len();
    let skipped = values.len().checked_sub(known)?;
    if end.is_none() && skipped > 0 {
        return None;
    }
    let mut fields = begin.to_vec();
    fields.extend(vec![Field::Any; skipped]);
    fields.extend_from_slice(end.unwrap_or_default());
    let fits = fields
        .iter()
        .zip(values)
        .all(|(field, value)| field.fits(value));
    fits.then_some(fields)
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct BuiltIn {
    profile: Vec<Profile>,
}

static BUILT_IN: LazyLock<Vec<Profile>> = LazyLock::new(|| {
    // A test keeps the file readable.
    let file: BuiltIn = toml::from_str(include_str!("../profiles.toml")).unwrap_or_default();
    let plain = file.profile.clone();
    file.profile
        .into_iter()
        .map(|profile| on_base(profile, &plain))
        .collect()
});

/// The profile with what it takes from another one, if it is based on one.
fn on_base(profile: Profile, others: &[Profile]) -> Profile {
    let base = |name: &String| others.iter().find(|other| other.name == *name);
    match profile.based_on.as_ref().and_then(base) {
        Some(base) => profile.based(base),
        None => profile,
    }
}

/// All profiles: the user's own, then the built-in ones.
#[derive(Debug, Clone, Default)]
pub struct Profiles {
    own: Vec<Profile>,
}

impl Profiles {
    /// The user's own profiles in front of the built-in ones.
    pub fn new(own: Vec<Profile>) -> Self {
        let own = own.into_iter();
        Self {
            own: own.map(|profile| on_base(profile, &BUILT_IN)).collect(),
        }
    }

    /// Those that users wrote, and those that are built in, each in the order in which they are tried.
    pub fn tried(&self) -> [&[Profile]; 2] {
        [&self.own, &BUILT_IN]
    }

    /// All of them, in the order in which they are tried.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.own.iter().chain(BUILT_IN.iter())
    }

    /// The profile of a name.
    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.iter().find(|profile| profile.name == name)
    }

    /// Their names, for messages.
    pub fn names(&self) -> Vec<&str> {
        self.iter().map(|profile| profile.name.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(text: &str) -> Result<Profile, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn the_built_in_file_can_be_read() {
        let file: BuiltIn = toml::from_str(include_str!("../profiles.toml")).unwrap();
        assert_eq!(file.profile.len(), Profiles::default().iter().count());
        let mut names = Profiles::default()
            .names()
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), file.profile.len(), "a name is taken twice");
        assert!(file.profile.iter().all(|profile| !profile.about.is_empty()));
    }

    #[test]
    fn what_is_built_in_for_any_meter_is_used_for_no_maker_that_is_told_unless_it_is_chosen() {
        let profiles = Profiles::default();
        for is_push_list in [false, true] {
            let origin = Origin {
                letters: Some("XYZ"),
                is_push_list,
                ..Origin::default()
            };
            let found = profiles.iter().find(|profile| profile.is_of(&origin));
            assert_eq!(found.map(|profile| &profile.name), None);
        }
    }

    #[test]
    fn lists_are_told_apart_by_length_and_types() {
        let nordic = Profiles::default();
        let nordic = nordic.get("kaifa-nordic").unwrap();
        let lengths: Vec<usize> = nordic.lists.iter().map(Vec::len).collect();
        assert_eq!(lengths, [1, 9, 13, 14, 18]);
        assert!(nordic.meanings(&[Data::u32(5)]).is_some());
        assert!(nordic.meanings(&[Data::Octets(vec![5])]).is_none());
        assert!(nordic.meanings(&[Data::u32(5), Data::u32(5)]).is_none());
    }

    #[test]
    fn an_ellipsis_stands_for_any_number_of_values() {
        let list = profile(
            r#"
            name = "x"
            fields = ["0.0.96.1.0 text", "...", "1.0.1.8.0 1 Wh"]
        "#,
        )
        .unwrap();
        let text = Data::Octets(b"12".to_vec());
        let fits = |middle: usize| {
            let mut values = vec![text.clone(); middle + 1];
            values.push(Data::u32(1));
            list.meanings(&values).map(|fields| fields.len())
        };
        assert_eq!((fits(0), fits(1), fits(5)), (Some(2), Some(3), Some(7)));
        // A number more would move the one that is meant.
        let two = [text.clone(), Data::u32(1), Data::u32(1)];
        assert_eq!(list.meanings(&two), None);
        assert_eq!(list.meanings(&[Data::u32(1)]), None);
        assert_eq!(list.meanings(&[text.clone(), text]), None);
        let twice = profile("name = \"x\"\nfields = [\"...\", \"...\"]").unwrap();
        assert_eq!(twice.meanings(&[Data::u32(1)]), None);
    }

    #[test]
    fn a_users_profile_comes_first() {
        let own = profile("name = \"kamstrup\"\ncodes = [\"1.1.1.8.0 1 Wh\"]").unwrap();
        let profiles = Profiles::new(vec![own]);
        let scale = profiles
            .get("kamstrup")
            .unwrap()
            .scale(Obis([1, 1, 1, 8, 0, 255]), 0x06);
        assert_eq!(scale.unwrap().exponent, 0);
    }

    #[test]
    fn a_profile_on_the_base_of_another_changes_single_lines_of_it() {
        let own = profile(
            "name = \"amperes\"\nbased_on = \"kaifa-nordic\"\ncodes = [\"1.0.31.7.0 0.01 A\"]",
        );
        let profiles = Profiles::new(vec![own.unwrap()]);
        let (own, base) = (
            profiles.get("amperes").unwrap(),
            profiles.get("kaifa-nordic").unwrap(),
        );
        assert_eq!((&own.ids, own.invoke), (&base.ids, base.invoke));
        let current = |phase| Obis([1, 0, phase, 7, 0, 255]);
        let exponent = |profile: &Profile, phase| profile.scale(current(phase), 0x06).unwrap();
        assert_eq!(exponent(own, 31).exponent, -2);
        assert_eq!(exponent(own, 51).exponent, -3);
        // The lists, too, and only in that line.
        let differing = own.lists.iter().zip(&base.lists).flat_map(|(own, base)| {
            let pairs = own.iter().zip(base);
            pairs.filter(|(own, base)| own != base).map(|(own, _)| own)
        });
        for field in differing {
            assert!(field.to_string().starts_with("1.0.31.7.0.255 0.01 A"));
        }
        assert_eq!(own.lists[1][7].to_string(), "1.0.31.7.0.255 0.01 A u32");
        assert_eq!(own.lists.len(), base.lists.len());
    }

    #[test]
    fn registers_in_watt_hours_are_taken_only_when_chosen() {
        let profiles = Profiles::default();
        let finer = profiles.get("kamstrup-wh").unwrap();
        let (energy, voltage) = (Obis([1, 1, 1, 8, 0, 255]), Obis([1, 1, 32, 7, 0, 255]));
        assert_eq!(finer.scale(energy, 0x06).unwrap().exponent, 0);
        assert_eq!(
            finer.scale(voltage, 0x12),
            profiles.get("kamstrup").unwrap().scale(voltage, 0x12)
        );
        let origin = Origin {
            letters: Some("KAM"),
            ..Origin::default()
        };
        assert!(!finer.is_of(&origin));
        assert!(profiles.get("kamstrup").unwrap().is_of(&origin));
    }

    #[test]
    fn mistakes_in_a_profile_say_what_and_how() {
        let said = |text: &str| profile(text).unwrap_err().to_string();
        let error = said("name = \"x\"\nfields = [\"-\", \"1.0.32.7.0 1 Volt\"]");
        assert!(
            error.contains("\"1.0.32.7.0 1 Volt\"") && error.contains("0.01 A"),
            "{error}"
        );
        assert!(said("name = \"x\"\nfield = []").contains("unknown field"));
    }
}
