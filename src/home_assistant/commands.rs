//! Several commands, one after the other on one connection.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::address::CoreAddress;
use super::connection::CoreConnection;
use super::error::CoreError;

/// What Home Assistant's Core is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreCommands {
    /// Where it is, if anybody knows.
    pub address: Option<CoreAddress>,
    /// It is asked after so long.
    pub after: Duration,
    /// Whether they change nothing there.
    pub are_questions: bool,
    /// In this order.
    pub commands: Vec<CoreCommand>,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreCommand {
    /// Such as `recorder/info`.
    pub name: &'static str,
    /// What belongs to it.
    pub details: Map<String, Json>,
}

/// What it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreResults {
    /// The version of Home Assistant, as it says.
    pub version: String,
    /// Of each command; what came after a broken connection is missing.
    pub results: Vec<Result<Json, CoreError>>,
}

impl CoreCommand {
    /// One with what belongs to it, which is an object.
    pub fn new(name: &'static str, details: Json) -> Self {
        let details = match details {
            Json::Object(details) => details,
            _ => Map::new(),
        };
        Self { name, details }
    }

    /// The message as it goes out, but for its number.
    pub fn message(&self) -> Json {
        let mut message = self.details.clone();
        message.insert("type".to_owned(), self.name.into());
        Json::Object(message)
    }
}

impl CoreCommands {
    /// Has all of them done.
    ///
    /// # Errors
    ///
    /// If there is no connection. What it says to single commands is in the results.
    pub async fn carry_out(&self) -> Result<CoreResults, CoreError> {
        let address = self.address.as_ref().ok_or(CoreError::Nowhere)?;
        if !self.after.is_zero() {
            tokio::time::sleep(self.after).await;
        }
        let mut core = CoreConnection::open(address).await?;
        let mut results = Vec::new();
        for command in &self.commands {
            let result = core.ask::<Json>(command.name, command.details.clone());
            let result = result.await;
            let is_over =
                matches!(&result, Err(error) if !matches!(error, CoreError::Refused { .. }));
            results.push(result);
            if is_over {
                break;
            }
        }
        Ok(CoreResults {
            version: core.version().to_owned(),
            results,
        })
    }
}

/// As a dry run shows it, without the token: a message each, with one line for each row of a list in it.
impl fmt::Display for CoreCommands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.address.as_ref().map(CoreAddress::url);
        writeln!(f, "{}\n", url.unwrap_or_default())?;
        for command in &self.commands {
            write!(f, "{{\"type\":{}", Json::from(command.name))?;
            for (key, value) in &command.details {
                write!(f, ",{}:", Json::from(key.as_str()))?;
                match value {
                    Json::Array(rows) if rows.first().is_some_and(Json::is_object) => {
                        for (place, row) in rows.iter().enumerate() {
                            write!(f, "{}\n  {row}", if place == 0 { '[' } else { ',' })?;
                        }
                        write!(f, "\n]")?;
                    }
                    value => write!(f, "{value}")?,
                }
            }
            writeln!(f, "}}")?;
        }
        Ok(())
    }
}

/// For the log.
impl fmt::Display for CoreResults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Home Assistant {}:", self.version)?;
        for result in &self.results {
            match result {
                Ok(_) => write!(f, " done")?,
                Err(error) => write!(f, " {error}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_shown_as_it_goes_out() {
        let details = json!({ "name": "a", "rows": [{ "x": 1 }, { "x": 2 }], "none": [] });
        let command = CoreCommand::new("b/c", details);
        let commands = CoreCommands {
            address: None,
            after: Duration::ZERO,
            are_questions: false,
            commands: vec![command.clone()],
        };
        let shown = commands.to_string();
        assert_eq!(shown.lines().count(), 6, "{shown}");
        let read: Json = serde_json::from_str(&shown).unwrap();
        assert_eq!(read, command.message());
    }
}
