//! Telegrams made after what people have reported, each with the values that are right.

use super::adapter::{Outcome, decode};
use super::captures;

const KEY: (&str, &str) = ("key", "000102030405060708090A0B0C0D0E0F");
const SECOND: (&str, &str) = ("authentication_key", "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF");

/// What comes out of these inputs, one behind the other.
fn outcome(names: &[&str], settings: &[(&str, &str)]) -> Outcome {
    let mut bytes = Vec::new();
    for name in names {
        bytes.extend(captures::hex(&format!("reports/meter/{name}.hex")));
    }
    decode(&bytes, settings, 7)
}

/// The telegrams that can be read have these values, the last one of each counting.
fn says(names: &[&str], settings: &[(&str, &str)], expected: &[(&str, &str)]) {
    let outcome = outcome(names, settings);
    let mut state = std::collections::BTreeMap::new();
    for values in outcome.iter().filter_map(|one| one.as_ref().ok()) {
        state.extend(values.clone());
    }
    for (key, value) in expected {
        let found = state.get(*key).map_or("nothing", String::as_str);
        assert_eq!(found, *value, "{names:?} {key}: {outcome:?}");
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_list_of_what_is_pushed_says_what_each_value_is() {
    says(
        &["push-list-min-enc"],
        &[KEY],
        &[("power_import", "1234"), ("energy_import", "4567.89")],
    );
    says(
        &["push-list-min-plain"],
        &[],
        &[("serial", "60000001"), ("power_import", "362")],
    );
    says(
        &["e450-klagenfurt-15"],
        &[KEY],
        &[
            ("serial", "30000001"),
            ("power_import", "1234"),
            ("power_export", "0"),
            ("power_net", "1234"),
            ("energy_import", "4567.89"),
            ("energy_export", "12.345"),
            ("reactive_power_import", "0"),
            ("reactive_power_export", "77"),
            ("reactive_energy_import", "22.222"),
            ("reactive_energy_export", "33.333"),
            ("current_l1", "5.12"),
            ("current_l2", "1.3"),
            ("current_l3", "0.45"),
        ],
    );
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn lists_without_codes_are_known_by_maker_or_name_and_all_their_types() {
    says(
        &["e450-burgenland-11"],
        &[KEY, SECOND],
        &[
            ("serial", "30000001"),
            ("voltage_l1", "228"),
            ("voltage_l2", "226"),
            ("voltage_l3", "230"),
            ("current_l1", "7.81"),
            ("current_l2", "14.82"),
            ("current_l3", "6.43"),
            ("power_import", "5432"),
            ("power_export", "0"),
            ("energy_import", "40091"),
            ("energy_export", "0"),
        ],
    );
    says(
        &["iskra-si-18"],
        &[],
        &[
            ("power_import", "1393"),
            ("power_import_l1", "16"),
            ("power_import_l2", "51"),
            ("power_import_l3", "1325"),
            ("reactive_power_export", "738"),
            ("voltage_l3", "229.6"),
            ("current_l3", "5.97"),
        ],
    );
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn registers_of_one_watt_hour_are_read_as_such_when_that_is_chosen() {
    says(
        &["kamstrup-se-list3"],
        &[("profile", "kamstrup-wh")],
        &[
            ("energy_import", "32014.158"),
            ("reactive_energy_import", "5796.235"),
            ("reactive_energy_export", "1073.187"),
            ("voltage_l1", "241"),
        ],
    );
    says(
        &["kamstrup-se-list3"],
        &[],
        &[("energy_import", "320141.58")],
    );
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_voltage_beyond_a_thousand_is_of_hundredths_and_standard_time_is_kept_all_year() {
    says(
        &["kamstrup-bornholm"],
        &[("time_zone", "Europe/Copenhagen")],
        &[
            ("voltage_l1", "221.99"),
            ("voltage_l2", "223.14"),
            ("voltage_l3", "223.21"),
            ("current_l1", "2.52"),
            ("power_import", "593"),
            ("meter_time", "\"2025-09-09T13:11:00+00:00\""),
        ],
    );
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn an_import_that_comes_alone_ends_the_export() {
    let both = ["kaifa-no-list2-export", "kaifa-no-list1-import"];
    says(
        &both[..1],
        &[],
        &[
            ("power_import", "0"),
            ("power_export", "3000"),
            ("power_net", "-3000"),
        ],
    );
    says(
        &both,
        &[],
        &[
            ("power_import", "1500"),
            ("power_export", "0"),
            ("power_net", "1500"),
        ],
    );
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn nobody_is_sent_to_a_layout_that_does_not_fit() {
    let outcome = outcome(&["egd-cz"], &[]);
    assert!(!outcome.is_empty());
    for one in outcome {
        let reason = one.unwrap_err();
        assert!(!reason.contains("profile"), "{reason}");
    }
}
