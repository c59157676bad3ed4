//! What the answers of the client program mean.

use std::time::Duration;

use super::statements::is_confirmed;
use crate::model::{Health, HealthCode, Sentence};
use crate::say;
use crate::uploads::{ErrandAnswer, ProgramAnswer, UploadVerdict};

/// What only the user can mend is tried again so often, where that is done in the database.
const SOON: Duration = Duration::from_secs(300);
/// Where it will not mend itself.
const HOURLY: Duration = Duration::from_secs(3600);

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgramRan {
    /// All of it was done.
    Done,
    /// The row in this line, if that is known, is refused.
    Row(Option<usize>, String),
    /// Something else.
    Other(UploadVerdict),
}

/// An error as the client prints it: `ERROR 1264 (22003) at line 3: Out of range value ...`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct MysqlError {
    number: u32,
    /// Five signs, of which the first two say the class.
    state: String,
    line: Option<usize>,
    text: String,
}

impl MysqlError {
    /// The last one of an output.
    fn of(errors: &str) -> Option<Self> {
        errors.lines().rev().find_map(Self::of_line)
    }

    fn of_line(line: &str) -> Option<Self> {
        let (number, rest) = line.trim().strip_prefix("ERROR ")?.split_once(' ')?;
        let number = number.parse().ok()?;
        let (state, rest) = rest.strip_prefix('(')?.split_once(')')?;
        let (place, text) = rest.split_once(':')?;
        let line = place.trim().strip_prefix("at line ");
        Some(Self {
            number,
            state: state.to_owned(),
            line: line.and_then(|line| line.split(' ').next()?.parse().ok()),
            text: cut(text),
        })
    }
}

/// Short enough for a line.
fn cut(text: &str) -> String {
    let text: String = text.trim().chars().take(200).collect();
    text.escape_debug().to_string().replace("\\'", "'")
}

/// What an answer means to statements of which the last one has this number.
pub fn judge(answer: &ErrandAnswer, number: i64) -> ProgramRan {
    match answer {
        ErrandAnswer::Program(Ok(answer)) => of_program(answer, number),
        ErrandAnswer::Program(Err(error)) if error.contains("cannot be run") => {
            let said = cut(error);
            ProgramRan::Other(hold(
                say!("there is no client program ({said})", said),
                say!(
                    "Install it (such as mariadb-client), or write where it is as the first word of command in [mysql]."
                ),
                HOURLY,
            ))
        }
        ErrandAnswer::Program(Err(error)) => {
            let said = cut(error);
            ProgramRan::Other(UploadVerdict::again(say!(
                "the client program of the database does not answer ({said})",
                said
            )))
        }
        ErrandAnswer::Http(_) | ErrandAnswer::HomeAssistant(_) => {
            ProgramRan::Other(UploadVerdict::again(say!("no address is configured")))
        }
    }
}

fn of_program(answer: &ProgramAnswer, number: i64) -> ProgramRan {
    if let Some(error) = MysqlError::of(&answer.errors) {
        return of_error(error);
    }
    if answer.is_success && is_confirmed(&answer.output, number) {
        return ProgramRan::Done;
    }
    let last = answer.errors.trim().lines().next_back();
    let said = cut(last
        .or(answer.output.lines().next_back())
        .unwrap_or_default());
    ProgramRan::Other(if answer.is_success {
        hold(
            say!(
                "the program ends without doing what it was told ({said})",
                said
            ),
            say!(
                "It has to be mariadb or mysql, or to pass its standard input on to one of them; see command in [mysql]."
            ),
            HOURLY,
        )
    } else {
        UploadVerdict::again(say!(
            "the client program of the database fails ({said})",
            said
        ))
    })
}

fn of_error(error: MysqlError) -> ProgramRan {
    let MysqlError {
        number,
        state,
        line,
        text,
    } = error;
    let said = format!("{number} {text}");
    let refused = |advice, every| {
        let said = said.clone();
        ProgramRan::Other(hold(
            say!("the database refuses what is written ({said})", said),
            advice,
            every,
        ))
    };
    match number {
        1045 | 1698 => refused(
            say!(
                "Look at the user and the password in the option file that command names in [mysql]."
            ),
            HOURLY,
        ),
        1044 => refused(
            say!("Give the user rights to this database, or name the right database in command."),
            HOURLY,
        ),
        1049 | 1046 => refused(
            say!(
                "Make the database with the database.txt of se-logger, or name the right one in command."
            ),
            SOON,
        ),
        1146 => refused(
            say!("Make the tables with the database.txt of se-logger."),
            SOON,
        ),
        1054 => refused(
            say!(
                "Compare the columns of this table with the database.txt of se-logger, which may be newer."
            ),
            SOON,
        ),
        1142 | 1143 | 1175 | 1290 | 1792 => refused(
            say!(
                "Let the user SELECT, INSERT and UPDATE in the tables telemetry_ and live_update."
            ),
            SOON,
        ),
        // A value that is no good for its column, however it is called.
        1048 | 1264 => ProgramRan::Row(line, said),
        _ if state.starts_with("22") || state.starts_with("23") => ProgramRan::Row(line, said),
        _ => ProgramRan::Other(UploadVerdict::again(say!(
            "the database does not take anything at the moment ({said})",
            said
        ))),
    }
}

fn hold(seen: Sentence, advice: Sentence, every: Duration) -> UploadVerdict {
    UploadVerdict::Hold {
        health: Health::new(HealthCode::Refused).seen(seen).advise(advice),
        every,
    }
}
