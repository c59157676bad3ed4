//! Lengths of time as people write them: `30s`, `5m`, `1h 30m`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Sums of longer periods could leave what clocks can count.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

/// A length of time in the configuration file, at most 100 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(Duration);

impl Period {
    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// So many minutes.
    pub const fn minutes(minutes: u64) -> Self {
        Self::seconds(minutes * 60)
    }

    /// So many hours.
    pub const fn hours(hours: u64) -> Self {
        Self::minutes(hours * 60)
    }

    /// So many days.
    pub const fn days(days: u64) -> Self {
        Self::hours(days * 24)
    }

    /// As the standard library's type.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl From<Duration> for Period {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", humantime::format_duration(self.0))
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Period;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time such as \"30s\", \"5m\" or \"1h 30m\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Period, E> {
                let duration = humantime::parse_duration(text).map_err(|error| {
                    E::custom(format!(
                        "\"{text}\" is not a length of time ({error}); write it like \"30s\", \"5m\" or \"1h 30m\""
                    ))
                })?;
                if duration > LONGEST {
                    return Err(E::custom(format!(
                        "\"{text}\" is too long; the longest that makes sense is 100 years"
                    )));
                }
                Ok(Period(duration))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Period, E> {
                Err(E::custom(format!(
                    "{number} has no unit; write \"{number}s\" for seconds or \"{number}m\" for minutes"
                )))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "period" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Section {
        interval: Period,
    }

    fn read(text: &str) -> Result<Period, String> {
        let section: Result<Section, _> = toml::from_str(&format!("interval = {text}"));
        section
            .map(|section| section.interval)
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn reads_and_writes_what_people_write() {
        assert_eq!(read("\"1h 30m\""), Ok(Period::minutes(90)));
        assert_eq!(Period::minutes(90).to_string(), "1h 30m");
        assert_eq!(Period::days(30).to_string(), "30days");
    }

    #[test]
    fn says_how_to_write_it() {
        assert!(
            read("300")
                .unwrap_err()
                .contains("write \"300s\" for seconds")
        );
        assert!(read("\"soon\"").unwrap_err().contains("write it like"));
        assert!(
            read("true")
                .unwrap_err()
                .contains("a length of time such as")
        );
    }
}
