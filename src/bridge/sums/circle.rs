//! Sums that lead back to themselves. They would never have a value, because each waits for the
//! other; better to say so when the file is read.

use std::collections::BTreeMap;

use super::settings::SumSettings;

/// The way from a sum through its members back to itself, by their ids, if there is one. A sum that
/// only leads to such a circle is not part of it.
pub fn circle(sums: &[SumSettings], start: &SumSettings) -> Option<Vec<String>> {
    let uses = |user: &SumSettings, used: &SumSettings| {
        let id = used.device_id();
        let is_itself = user.id == used.id;
        let mut members = user.terms().map(|(member, _)| member);
        // A pattern never means the sum it belongs to.
        members.any(|member| member.names(id.as_str()) && !(is_itself && member.is_pattern()))
    };
    // Each sum that is reached, and from where.
    let mut reached: BTreeMap<&str, &str> = BTreeMap::new();
    let mut edge = vec![start];
    while let Some(user) = edge.pop() {
        for used in sums.iter().filter(|used| uses(user, used)) {
            if used.id == start.id {
                let back = |id: &&str| reached.get(*id).copied();
                let way = std::iter::successors(Some(user.id.as_str()), back);
                let mut ids: Vec<String> = way.map(str::to_owned).collect();
                ids.reverse();
                ids.push(start.id.clone());
                return Some(ids);
            }
            if !reached.contains_key(used.id.as_str()) {
                reached.insert(&used.id, &user.id);
                edge.push(used);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(sums: &[(&str, &str)]) -> Vec<SumSettings> {
        let sum = |(id, member): &(&str, &str)| SumSettings {
            id: (*id).to_owned(),
            plus: vec![member.parse().unwrap()],
            ..SumSettings::default()
        };
        sums.iter().map(sum).collect()
    }

    fn circles(all: &[SumSettings]) -> Vec<Option<String>> {
        let way = |sum| circle(all, sum).map(|ids| ids.join(" > "));
        all.iter().map(way).collect()
    }

    #[test]
    fn only_those_in_a_circle_are_told() {
        let all = sums(&[
            ("a", "sum_b/power"),
            ("b", "sum_c/power"),
            ("c", "sum_a/power"),
            ("leads_there", "sum_a/power"),
            ("itself", "sum_itself/power"),
            ("plain", "smart_meter_1/power"),
        ]);
        let way = |text: &str| Some(text.to_owned());
        assert_eq!(
            circles(&all),
            [
                way("a > b > c > a"),
                way("b > c > a > b"),
                way("c > a > b > c"),
                None,
                way("itself > itself"),
                None
            ]
        );
    }

    #[test]
    fn a_pattern_over_sums_leaves_out_its_own() {
        let all = sums(&[("all", "sum_*/power"), ("pv", "victron_*/panel_power")]);
        assert_eq!(circles(&all), [None, None]);
        let all = sums(&[("all", "sum_*/power"), ("other", "sum_*/power")]);
        assert!(circles(&all).iter().all(Option::is_some));
    }
}
