//! What comes of an answer.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::answers::{StatusAnswer, meant, of_rows, said, words};
use super::memory::{RateLeft, SentRow};
use super::rows::StatusRow;
use super::search::{MissingRow, RowSearch, StrangeWords};
use super::system::SystemOf;
use super::target::PvOutputTarget;
use crate::history::GivenUp;
use crate::http::HttpAnswer;
use crate::model::{Health, HealthCode, Sentence};
use crate::say;
use crate::uploads::{ErrandAnswer, UploadVerdict};

/// What only the user can mend is tried again so often.
const HOURLY: Duration = Duration::from_secs(3600);
/// A clock may be set right meanwhile.
const CLOCK_PAUSE: Duration = Duration::from_secs(900);
/// A row that gets no answer of its own is sent so often.
const MOST_TRIES: u8 = 3;
/// So many single rows that are refused in the same unknown words are too many to be the fault of each.
const MOST_STRANGE: u8 = 3;

fn refused(seen: Sentence, advice: Sentence) -> UploadVerdict {
    UploadVerdict::Hold {
        health: Health::new(HealthCode::Refused).seen(seen).advise(advice),
        every: HOURLY,
    }
}

/// The rest, or all of it, goes out once more.
const fn rest_again() -> UploadVerdict {
    UploadVerdict::Skip { slots: Vec::new() }
}

fn given_up<'a>(rows: impl IntoIterator<Item = &'a StatusRow>, reason: &str) -> Vec<GivenUp> {
    let slots = rows.into_iter().flat_map(|row| &row.slots);
    let given_up = slots.map(|slot| GivenUp {
        slot: *slot,
        reason: reason.to_owned(),
    });
    given_up.collect()
}

impl PvOutputTarget {
    /// What an answer to rows means.
    pub(super) fn judge_rows(&mut self, answer: &ErrandAnswer, now: Timestamp) -> UploadVerdict {
        let answer = match answer.web() {
            Ok(answer) => answer,
            Err(error) => return UploadVerdict::again(say!("{error}", error)),
        };
        self.note_rate(answer, now);
        let text = answer.text();
        let why = words(&text);
        match said(answer.status.as_u16(), &text) {
            StatusAnswer::Rows => self.take_rows(&text),
            StatusAnswer::MoonPowered | StatusAnswer::Wrong | StatusAnswer::Ours => {
                self.refuse_row(&text, why)
            }
            StatusAnswer::TooOld(date) => {
                self.memory.donor = Some(false);
                let is_old = |row: &&StatusRow| date.is_none_or(|date| row.date <= date);
                let slots = given_up(self.outgoing.iter().filter(is_old), &why);
                if slots.is_empty() {
                    return self.refuse_row(&text, why);
                }
                UploadVerdict::Skip { slots }
            }
            StatusAnswer::Ahead => UploadVerdict::Hold {
                health: Health::new(HealthCode::Degraded)
                    .seen(say!("PVOutput says that it is not so late yet ({why})", why))
                    .advise(say!(
                        "Look at the clock and the time zone of this computer and at the time zone of the system at PVOutput."
                    )),
                every: CLOCK_PAUSE,
            },
            StatusAnswer::Strange => self.refuse_strange(&text, why),
            StatusAnswer::Donation => {
                let is_donor = self.memory.donor.replace(false) == Some(true);
                if is_donor || self.has_extended {
                    tracing::warn!(
                        "PVOutput takes some values only in donation mode ({why}); it goes on without them"
                    );
                    return rest_again();
                }
                refused(
                    say!("PVOutput wants a donation for this ({why})", why),
                    say!("Look at the settings of the system at PVOutput."),
                )
            }
            other => self.judge_all(&other, answer, why, now),
        }
    }

    /// What has nothing to do with rows.
    fn judge_all(
        &mut self,
        said: &StatusAnswer,
        answer: &HttpAnswer,
        why: String,
        now: Timestamp,
    ) -> UploadVerdict {
        match said {
            StatusAnswer::SystemId => refused(
                say!("the system is refused ({why})", why),
                say!(
                    "Look at system_id of this section: it is the System Id of PVOutput's settings page."
                ),
            ),
            StatusAnswer::Key => refused(
                say!("the key is refused ({why})", why),
                say!(
                    "Look at key of this section: it is the API Key of PVOutput's settings page, switched on and not read-only."
                ),
            ),
            StatusAnswer::TooMany => {
                let moment = self.reset(answer, now);
                self.memory.rate = Some(RateLeft {
                    remaining: 0,
                    reset: moment.as_second(),
                });
                let time = self.on_the_wall(moment);
                UploadVerdict::Until {
                    moment,
                    why: say!(
                        "the requests of this hour are used up at PVOutput; it goes on at {time}",
                        time
                    ),
                }
            }
            StatusAnswer::Elsewhere => {
                let status = answer.status.as_u16();
                tracing::error!("PVOutput is not at this address ({status} {why})");
                refused(
                    say!("PVOutput is not at this address ({status})", status),
                    say!("Take url out of this section, or mend it."),
                )
            }
            _ => {
                let status = answer.status.as_u16();
                let seconds = answer.header("Retry-After");
                let seconds = seconds.and_then(|seconds| seconds.trim().parse().ok());
                UploadVerdict::Again {
                    why: say!(
                        "PVOutput answers with an error ({status} {why})",
                        status,
                        why
                    ),
                    after: seconds.map(Duration::from_secs),
                }
            }
        }
    }

    /// All is well with what was sent, as far as each row has its answer.
    fn take_rows(&mut self, text: &str) -> UploadVerdict {
        let Some(answers) = of_rows(text, &self.outgoing) else {
            let why = words(text);
            return UploadVerdict::again(say!("that is no answer of PVOutput's ({why})", why));
        };
        let unchanged = answers.iter().filter(|it| **it == Some(false)).count();
        if unchanged > 0 {
            tracing::debug!("PVOutput: {unchanged} rows changed nothing");
        }
        self.strange = None;
        let Some(place) = answers.iter().position(Option::is_none) else {
            self.missing = None;
            self.arrived(self.outgoing.len());
            self.widen_search();
            return UploadVerdict::Done {
                trouble: self.trouble(),
            };
        };
        if let Some(last) = place
            .checked_sub(1)
            .and_then(|last| self.outgoing.get(last))
        {
            let through = last.slots.last().copied().unwrap_or(last.end);
            self.arrived(place);
            return UploadVerdict::Part { through };
        }
        let Some(row) = self.outgoing.first() else {
            return UploadVerdict::done();
        };
        let tries = match self.missing {
            Some(missing) if missing.end == row.end => missing.tries + 1,
            _ => 1,
        };
        if tries < MOST_TRIES {
            self.missing = Some(MissingRow {
                end: row.end,
                tries,
            });
            return UploadVerdict::again(say!("PVOutput says nothing of a row"));
        }
        self.missing = None;
        self.skip(&[0], "PVOutput says nothing of it")
    }

    /// Notes that the first of these rows are there.
    fn arrived(&mut self, count: usize) {
        let sent = self.outgoing.iter().take(count);
        let of_path = if self.is_again {
            self.memory.again
        } else {
            self.memory.last
        };
        let fold = |before: Option<SentRow>, row: &StatusRow| Some(row.after(before.as_ref()));
        let is_before = |it: &SentRow| self.outgoing.first().is_none_or(|row| it.end < row.end);
        let Some(sent) = sent.fold(of_path.filter(is_before), fold) else {
            return;
        };
        if !self.is_again {
            self.memory.last = Some(sent);
            return;
        }
        self.memory.again = Some(sent);
        if self.memory.last.is_some_and(|last| last.end <= sent.end) {
            self.memory.last = Some(sent);
        }
    }

    /// The rows were taken: more of them next time, until all are through among which one is refused.
    fn widen_search(&mut self) {
        let through = self.outgoing.last().map_or(0, |row| row.end);
        let search = self.search.take();
        let is_on =
            |search: &RowSearch| search.is_again == self.is_again && through < search.through;
        self.search = search.filter(is_on).map(|search| RowSearch {
            limit: search.limit.saturating_mul(2),
            ..search
        });
    }

    /// One row is refused: that which the words name, or one of each half.
    fn refuse_row(&mut self, text: &str, why: String) -> UploadVerdict {
        let places = match self.outgoing.len() {
            0 => return UploadVerdict::again(say!("it refuses what is sent ({why})", why)),
            1 => vec![0],
            _ => meant(text, &self.outgoing),
        };
        if places.is_empty() {
            return self.halve();
        }
        let advice = advice(text);
        for row in places.iter().filter_map(|place| self.outgoing.get(*place)) {
            let row = row.text(self.has_extended);
            if said(400, text) == StatusAnswer::Ours {
                tracing::error!("PVOutput does not understand {row} ({why}){advice}");
            } else {
                tracing::warn!("PVOutput refuses {row} ({why}){advice}");
            }
        }
        self.skip(&places, &why)
    }

    /// The same in words that nobody knows: a fault of everything looks like one of each row.
    fn refuse_strange(&mut self, text: &str, why: String) -> UploadVerdict {
        if self.outgoing.len() > 1 {
            tracing::warn!("PVOutput refuses rows in words that are new ({why})");
            return self.halve();
        }
        let rows = match &self.strange {
            Some(strange) if strange.words == why => strange.rows.saturating_add(1),
            _ => 1,
        };
        self.strange = Some(StrangeWords {
            words: why.clone(),
            rows,
        });
        if rows >= MOST_STRANGE {
            return refused(
                say!("PVOutput refuses one row after the other ({why})", why),
                say!(
                    "Look at the settings of the system at PVOutput. Rows wait; those that were refused are sent again by export retry."
                ),
            );
        }
        self.refuse_row(text, why)
    }

    fn halve(&mut self) -> UploadVerdict {
        self.search = Some(RowSearch {
            limit: (self.outgoing.len() / 2).max(1),
            through: self.outgoing.last().map_or(0, |row| row.end),
            is_again: self.is_again,
        });
        rest_again()
    }

    fn skip(&mut self, places: &[usize], reason: &str) -> UploadVerdict {
        let rows = places.iter().filter_map(|place| self.outgoing.get(*place));
        UploadVerdict::Skip {
            slots: given_up(rows, reason),
        }
    }

    /// What somebody has to act on although rows are taken.
    fn trouble(&self) -> Option<Health> {
        let degraded = |seen, advice| {
            let health = Health::new(HealthCode::Degraded);
            Some(health.seen(seen).advise(advice))
        };
        if let Some(zone) = self
            .memory
            .zone
            .as_ref()
            .filter(|zone| self.is_foreign(zone))
        {
            let own = self.calendar.zone().iana_name().unwrap_or("another one");
            return degraded(
                say!(
                    "PVOutput has the time zone {zone}, and here it is {own}",
                    zone = zone.clone(),
                    own = own.to_owned()
                ),
                say!(
                    "Set the time zone of the system at PVOutput, or that of this computer; else statuses are refused as Moon Powered."
                ),
            );
        }
        if self.lacks_donation() {
            return degraded(
                say!("PVOutput takes v7 to v12 of donors only, so that they are left out"),
                say!("Take extended out of this section, or donate to PVOutput."),
            );
        }
        None
    }

    /// Whether clocks differ there: two zones that go alike are the same.
    fn is_foreign(&self, name: &str) -> bool {
        let own = self.calendar.zone();
        if own.iana_name() == Some(name) {
            return false;
        }
        let Ok(other) = TimeZone::get(name) else {
            // Nobody here knows it, so that nothing can be said of it.
            return false;
        };
        // Summer and winter of 2026; what changes in later years nobody knows.
        [1_768_478_400, 1_784_116_800].iter().any(|at| {
            let at = Timestamp::from_second(*at).unwrap_or_default();
            own.to_offset(at) != other.to_offset(at)
        })
    }

    /// The limit as the head of an answer tells it.
    fn note_rate(&mut self, answer: &HttpAnswer, now: Timestamp) {
        let number = |name| -> Option<i64> { answer.header(name)?.trim().parse().ok() };
        if let Some(remaining) = number("X-Rate-Limit-Remaining") {
            self.memory.rate = Some(RateLeft {
                remaining,
                reset: self.reset(answer, now).as_second(),
            });
        }
    }

    /// When the limit begins anew: as the answer says, or the next full hour.
    fn reset(&self, answer: &HttpAnswer, now: Timestamp) -> Timestamp {
        let said = answer.header("X-Rate-Limit-Reset");
        let said = said.and_then(|text| text.trim().parse::<i64>().ok());
        let now = now.as_second();
        let is_near = |at: &i64| *at > now && *at - now <= 2 * 3600;
        let next = (now.div_euclid(3600) + 1) * 3600;
        Timestamp::from_second(said.filter(is_near).unwrap_or(next)).unwrap_or_default()
    }

    /// What PVOutput says of the system.
    pub(super) fn take_system(&mut self, answer: &ErrandAnswer, now: Timestamp) -> UploadVerdict {
        let answer = match answer.web() {
            Ok(answer) => answer,
            Err(error) => return UploadVerdict::again(say!("{error}", error)),
        };
        self.note_rate(answer, now);
        let text = answer.text();
        let is_theirs = answer.status.is_server_error();
        match said(answer.status.as_u16(), &text) {
            StatusAnswer::Rows => match SystemOf::read(&text) {
                Some(system) => {
                    self.memory.interval = Some(system.interval);
                    self.memory.zone = Some(system.zone);
                    if let Some(donations) = system.donations {
                        self.memory.donor = Some(donations > 0);
                    }
                    self.renew_labels();
                }
                None => tracing::warn!(
                    "PVOutput's word on the system cannot be read ({}); it goes on without it",
                    words(&text)
                ),
            },
            said @ (StatusAnswer::SystemId
            | StatusAnswer::Key
            | StatusAnswer::TooMany
            | StatusAnswer::Elsewhere) => {
                return self.judge_all(&said, answer, words(&text), now);
            }
            said @ StatusAnswer::Passing if is_theirs => {
                return self.judge_all(&said, answer, words(&text), now);
            }
            // What is known of it does for the next hours too.
            _ => tracing::warn!(
                "PVOutput says nothing of the system ({}); it goes on without it",
                words(&text)
            ),
        }
        self.asked = Some(now);
        UploadVerdict::done()
    }

    /// What came of a login, in words.
    pub(super) fn judge_system(&self, answer: &ErrandAnswer) -> Result<String, String> {
        let answer = answer.web()?;
        let text = answer.text();
        let why = words(&text);
        match said(answer.status.as_u16(), &text) {
            StatusAnswer::Rows => match SystemOf::read(&text) {
                Some(system) => {
                    let size = system
                        .size
                        .map_or(String::new(), |size| format!("{size} W, "));
                    let donor = if system.donations.unwrap_or(0) > 0 {
                        ", donation mode"
                    } else {
                        ""
                    };
                    let SystemOf { interval, zone, .. } = system;
                    Ok(format!(
                        "PVOutput knows the system: {size}a status every {interval} minutes, {zone}{donor}"
                    ))
                }
                None => Err(format!("that is no answer of PVOutput's ({why})")),
            },
            StatusAnswer::SystemId => {
                Err(format!("the system is refused ({why}). Look at system_id"))
            }
            StatusAnswer::Key => Err(format!("the key is refused ({why}). Look at key")),
            StatusAnswer::TooMany => Err(format!(
                "the requests of this hour are used up ({why}). Try again in an hour"
            )),
            _ => Err(format!("{} {why}", answer.status.as_u16())),
        }
    }
}

/// What to do about a message on a row, for the log.
fn advice(text: &str) -> &'static str {
    let lower = text.to_ascii_lowercase();
    if lower.contains("moon powered") {
        ": compare the time zone of the system at PVOutput with the one here"
    } else if lower.contains("too high for system size") {
        ": is the size of the system right at PVOutput?"
    } else if lower.contains("lower than previously") {
        ": does another program upload to the same system?"
    } else {
        ""
    }
}
