//! Names for things by their numbers, as people paste those.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::model::pasted;

/// Reads a table of names: its keys are numbers as they are seen.
pub fn names<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let table = BTreeMap::<String, String>::deserialize(deserializer)?;
    let names = table.into_iter();
    Ok(names
        .map(|(number, name)| (pasted::name(&number), name))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_they_are_seen() {
        let table = "{\"\u{feff}1ABC\u{200b}0200654321 \": \"Flat\"}";
        let read = names(&mut serde_json::Deserializer::from_str(table)).unwrap();
        assert_eq!(read.get("1ABC0200654321").map(String::as_str), Some("Flat"));
    }
}
