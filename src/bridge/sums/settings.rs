//! The section `[[sum]]` of the configuration file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::KIND;
use super::member::Member;
use crate::config::{Complaint, Period, SectionDoc, Settings};
use crate::model::DeviceId;

/// A value added up from values of other devices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SumSettings {
    /// What the sum is known by for ever; it has to be there. A word of a to z, 0 to 9 and _: with
    /// `id = "pv"` its device id is `sum_pv`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// What it is called. Left out: "Sum" and its id.
    pub name: Option<String>,
    /// What is added: device ids and metrics as in the topics of the values, with `*` for any part
    /// of a device id, as in `victron_*/panel_power`.
    pub plus: Vec<Member>,
    /// What is taken away, written in the same way.
    pub minus: Vec<Member>,
    /// The room to propose for it.
    pub area: Option<String>,
    /// How long the sum keeps its last value while one of its members is missing. After that it is
    /// unknown until the member is back.
    pub freeze_for: Period,
    /// Whether to count the energy too, for a sum of powers. Power below 0 counts as none.
    pub energy: bool,
    /// The most power in watts that a sum of powers can come to. More than this is taken for an error
    /// and is unknown. Left out, what its members can be is what it can be.
    pub max_power: Option<u32>,
    /// Decimals to round to. Left out: as many as the finest of its members has.
    #[schemars(range(max = 6))]
    pub decimals: Option<u8>,
}

impl Default for SumSettings {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: None,
            plus: Vec::new(),
            minus: Vec::new(),
            area: None,
            freeze_for: Period::minutes(15),
            energy: false,
            max_power: None,
            decimals: None,
        }
    }
}

impl SumSettings {
    /// The id of its device.
    pub fn device_id(&self) -> DeviceId {
        DeviceId::new(KIND, &self.id)
    }

    /// What it is called.
    pub fn title(&self) -> String {
        let spoken = || format!("Sum {}", self.id.replace('_', " "));
        self.name.clone().unwrap_or_else(spoken)
    }

    /// All that is added or taken away, each with whether it is taken away.
    pub fn terms(&self) -> impl Iterator<Item = (&Member, bool)> {
        let plus = self.plus.iter().map(|member| (member, false));
        plus.chain(self.minus.iter().map(|member| (member, true)))
    }
}

impl Settings for SumSettings {
    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let id = self.device_id();
        let fitting = id.as_str().strip_prefix("sum_").unwrap_or_default();
        if self.id.is_empty() {
            complaints.push(Complaint::new(
                "id",
                "the sum has no id",
                "write a short word that stays for ever, such as id = \"pv\"",
            ));
        } else if self.id != fitting {
            let meant = if fitting.is_empty() { "pv" } else { fitting };
            complaints.push(Complaint::new(
                "id",
                "an id is made of a to z, 0 to 9 and single _ between them",
                format!("write id = \"{meant}\""),
            ));
        }
        if self.terms().next().is_none() {
            complaints.push(Complaint::new(
                "plus",
                "there is nothing to add up",
                "write plus = [\"victron_*/panel_power\"], with the devices and metrics that you have",
            ));
        }
        if self.max_power == Some(0) {
            complaints.push(Complaint::new(
                "max_power",
                "with 0 W every power would be an error",
                "write the most power that the sum can come to in watts, or leave it out",
            ));
        }
        if self.decimals.is_some_and(|decimals| decimals > 6) {
            complaints.push(Complaint::new(
                "decimals",
                "nothing is measured that finely",
                "write a number from 0 to 6, or leave it out",
            ));
        }
        complaints
    }
}

/// The page about this section.
pub fn page() -> SectionDoc<'static> {
    SectionDoc {
        heading: "[[sum]]",
        about: "A value added up from values of other devices, as a device of its own: see \
                [Sums](sums.md). Each sum is a section of its own.",
        schema: schemars::schema_for!(SumSettings),
        defaults: serde_json::to_value(SumSettings::default()).unwrap_or_default(),
        example: "[[sum]]\nid = \"pv\"\nname = \"Total PV power\"\nplus = [\"aps_ecu_216000000001/power\", \
                  \"victron_*/panel_power\"]\nenergy = true\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::File;

    fn read(text: &str) -> Result<SumSettings, String> {
        let file = File::parse(&format!("[[sum]]\n{text}"), "wattbridge.toml").unwrap();
        let section = file.sections(KIND).remove(0);
        section.read().map_err(|problems| problems.to_string())
    }

    #[test]
    fn the_example_can_be_used() {
        let file = File::parse(page().example, "wattbridge.toml").unwrap();
        let sum: SumSettings = file.sections(KIND).remove(0).read().unwrap();
        assert_eq!(sum.device_id().as_str(), "sum_pv");
        assert_eq!(sum.terms().count(), 2);
    }

    #[test]
    fn mistakes_are_told_with_what_to_write() {
        let member = "plus = [\"smart_meter_1/power_import\"]\n";
        assert_eq!(
            read(&format!("id = \"a_1\"\n{member}")).unwrap().title(),
            "Sum a 1"
        );
        for (text, told) in [
            (member.to_owned(), "id = \"pv\""),
            (format!("id = \"My House\"\n{member}"), "id = \"my_house\""),
            (format!("id = \"ü\"\n{member}"), "id = \"pv\""),
            ("id = \"pv\"\n".to_owned(), "nothing to add up"),
            (format!("id = \"pv\"\ndecimals = 9\n{member}"), "decimals"),
            (
                "id = \"pv\"\nplus = [\"smart_meter_1/*\"]\n".to_owned(),
                "device id only",
            ),
            (format!("id = \"pv\"\nmax_power = 0\n{member}"), "max_power"),
            (format!("id = \"pv\"\nnimus = []\n{member}"), "minus"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(told), "{text}\n{error}");
        }
    }
}
