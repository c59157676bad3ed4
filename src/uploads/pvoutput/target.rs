//! The conversation with one system.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use zeroize::Zeroizing;

use super::config::{PVOUTPUT, PvOutputSettings};
use super::labels::{StatusLabel, StatusLabels};
use super::memory::{PvOutputMemory, SentRow};
use super::rows::{StatusRow, StatusSources};
use super::search::{MissingRow, RowSearch, StrangeWords};
use crate::config::{Secret, SecretError};
use crate::history::{Calendar, GivenUp, Wanted};
use crate::http::{HttpRequest, HttpServer};
use crate::say;
use crate::uploads::{Errand, ErrandAnswer, Load, LoadSlot, Parcel, Target, UploadVerdict};

/// So many rows are taken at once, of others and of donors.
const MOST_ROWS: usize = 30;
const MOST_ROWS_OF_DONORS: usize = 100;
/// So many whole days back, one less than PVOutput takes: its "today" is its own.
const DAYS: i32 = 13;
const DAYS_OF_DONORS: i32 = 89;
/// A day and an hour.
const MOST_SLOTS: usize = 300;
/// Between two requests.
const PAUSE: Duration = Duration::from_secs(10);
/// PVOutput is asked so often what it knows of the system, in seconds.
const ASK_EVERY: i64 = 6 * 3600;
/// Rows that are not older are of now, in seconds.
const LIVE: i64 = 1800;
/// So many requests of an hour are left to others that use the key: by rows of the past, and by those of now.
const LEFT_BY_BACKLOG: i64 = 10;
const LEFT_BY_LIVE: i64 = 3;

const STATUS_PATH: &str = "/service/r2/addbatchstatus.jsp";
const SYSTEM_PATH: &str = "/service/r2/getsystem.jsp?donations=1&tz=1";

/// One system.
#[derive(Debug)]
pub struct PvOutputTarget {
    server: Option<HttpServer>,
    system_id: String,
    key: Zeroizing<String>,
    sources: StatusSources,
    pub(super) calendar: Calendar,
    labels: StatusLabels,
    pub(super) memory: PvOutputMemory,
    /// When PVOutput was asked about the system.
    pub(super) asked: Option<Timestamp>,
    /// What went out, and whether it was sent before.
    pub(super) outgoing: Vec<StatusRow>,
    pub(super) is_again: bool,
    /// What went out had values for donors.
    pub(super) has_extended: bool,
    /// One of these rows is refused.
    pub(super) search: Option<RowSearch>,
    pub(super) missing: Option<MissingRow>,
    pub(super) strange: Option<StrangeWords>,
}

impl PvOutputTarget {
    /// That of a section. Reads its secret.
    pub fn new(settings: &PvOutputSettings) -> Result<Self, SecretError> {
        let key = settings.key.as_ref().map(Secret::reveal).transpose()?;
        let calendar = Calendar::new(TimeZone::UTC);
        Ok(Self {
            server: settings.url.clone().or_else(|| PVOUTPUT.parse().ok()),
            system_id: settings.system_id.clone(),
            key: key.unwrap_or_default(),
            sources: StatusSources::new(settings),
            labels: StatusLabels::new(&calendar, 5),
            calendar,
            memory: PvOutputMemory::default(),
            asked: None,
            outgoing: Vec::new(),
            is_again: false,
            has_extended: false,
            search: None,
            missing: None,
            strange: None,
        })
    }

    fn with_login(&self, request: HttpRequest) -> HttpRequest {
        request
            .secret_header("X-Pvoutput-Apikey", self.key.as_str())
            .header("X-Pvoutput-SystemId", &self.system_id)
            .header("X-Rate-Limit", "1")
    }

    fn status(&self, rows: &[StatusRow], with_extended: bool) -> Option<Errand> {
        let rows: Vec<String> = rows.iter().map(|row| row.text(with_extended)).collect();
        let request = HttpRequest::post_form(
            self.server.as_ref()?,
            STATUS_PATH,
            [("data", &*rows.join(";"))],
        );
        Some(Errand::Http(self.with_login(request)))
    }

    fn get_system(&self) -> Option<Errand> {
        let request = HttpRequest::get(self.server.as_ref()?, SYSTEM_PATH);
        Some(Errand::Http(self.with_login(request)))
    }

    /// Statuses are where PVOutput has them.
    pub(super) fn renew_labels(&mut self) {
        self.labels = StatusLabels::new(&self.calendar, self.memory.interval.unwrap_or(5));
    }

    fn is_donor(&self) -> bool {
        self.memory.donor == Some(true)
    }

    /// Whether values for donors are configured, and not refused.
    pub(super) fn sends_extended(&self) -> bool {
        self.sources.has_extended() && self.memory.donor != Some(false)
    }

    /// Whether values for donors are configured, and refused.
    pub(super) fn lacks_donation(&self) -> bool {
        self.sources.has_extended() && self.memory.donor == Some(false)
    }

    const fn most_rows(&self) -> usize {
        match self.memory.donor {
            Some(true) => MOST_ROWS_OF_DONORS,
            _ => MOST_ROWS,
        }
    }

    /// Days that are taken, and the first of them.
    fn oldest(&self, now: Timestamp) -> (i32, Date) {
        let days = if self.is_donor() {
            DAYS_OF_DONORS
        } else {
            DAYS
        };
        let today = self.calendar.day_of(now);
        (days, today.saturating_sub(days.days()))
    }

    /// The row before the first of a load, as far as it says anything about it.
    fn before(&self, first: &StatusLabel, is_again: bool) -> Option<SentRow> {
        let sent = if is_again {
            self.memory.again
        } else {
            self.memory.last
        };
        // Killed before it was noted what had arrived, the same rows go out once more.
        sent.filter(|sent| sent.end < first.end)
    }

    /// The local time of a moment, for people.
    pub(super) fn on_the_wall(&self, moment: Timestamp) -> String {
        let time = moment.to_zoned(self.calendar.zone().clone());
        time.strftime("%H:%M").to_string()
    }

    /// Until when nothing is sent, so that others who use the key have some requests left.
    fn rest_until(&self, now: Timestamp) -> Option<Timestamp> {
        let rate = self.memory.rate?;
        let first = self.outgoing.first()?;
        let is_live = !self.is_again && first.end >= now.as_second() - LIVE;
        let left = if is_live {
            LEFT_BY_LIVE
        } else {
            LEFT_BY_BACKLOG
        };
        let reset = Timestamp::from_second(rate.reset).ok()?;
        (rate.remaining < left && now < reset).then_some(reset)
    }

    /// Gathers the rows of one date; says up to where all is done with them, and what is never sent.
    fn gather(&mut self, load: &Load, now: Timestamp) -> (i64, Vec<GivenUp>) {
        let is_again = self.is_again;
        let (days, oldest) = self.oldest(now);
        let mut skipped = Vec::new();
        let mut skip = |slots: &[&LoadSlot], reason: &str| {
            skipped.extend(slots.iter().map(|slot| GivenUp {
                slot: slot.end,
                reason: reason.to_owned(),
            }));
        };
        let search = self.search.filter(|search| search.is_again == is_again);
        let most = search.map_or(usize::MAX, |search| search.limit.max(1));
        let most = most.min(self.most_rows());
        // Nothing of a status is said before it is over.
        let open = self.labels.of(load.through);
        let all_done = if is_again || open.end <= load.through {
            load.through
        } else {
            open.from
        };
        let mut slots = load.slots.iter().peekable();
        let mut before: Option<SentRow> = None;
        let mut through = None;
        while let Some(first) = slots.next() {
            let label = self.labels.of(first.end);
            let mut own = vec![first];
            while let Some(next) = slots.next_if(|next| next.end <= label.end) {
                own.push(next);
            }
            if through.is_none() {
                before = self.before(&label, is_again);
            }
            let stop = through.unwrap_or(label.from);
            let is_over = label.end <= load.through || (is_again && through.is_none());
            let is_other = self
                .outgoing
                .first()
                .is_some_and(|row| row.date != label.date);
            if !is_over || is_other {
                return (stop, skipped);
            }
            let same_date = before.filter(|before| before.date == label.date);
            let is_after_search = search.is_some_and(|search| label.end > search.through);
            let row = self.sources.row(&label, &own, same_date.as_ref(), is_again);
            if let Some(row) = row {
                // The clock went back: this time is told of already.
                let is_back = label.is_repeated && !label.is_last;
                let is_same = self
                    .outgoing
                    .last()
                    .is_some_and(|last| last.minute == label.minute);
                if row.date < oldest {
                    let most = days + 1;
                    skip(
                        &own,
                        &format!("older than {days} days: PVOutput takes no more than {most}"),
                    );
                } else if is_back {
                    skip(&own, "clock went back");
                } else if self.outgoing.len() >= most
                    || is_same
                    || (is_after_search && !self.outgoing.is_empty())
                {
                    return (stop, skipped);
                } else {
                    before = Some(row.after(same_date.as_ref()));
                    self.outgoing.push(row);
                }
            }
            through = Some(label.end.min(load.through));
        }
        (all_done, skipped)
    }
}

impl Target for PvOutputTarget {
    fn wants(&self) -> Wanted {
        let sources = self.sources.clone();
        Wanted {
            energies: sources.energies(),
            series: Box::new(move |series, about| sources.want(series, about)),
            words: false,
        }
    }

    fn live_in(&mut self, calendar: &Calendar) {
        self.calendar = calendar.clone();
        self.renew_labels();
    }

    fn takes_again(&self) -> bool {
        true
    }

    fn most_slots(&self) -> usize {
        MOST_SLOTS
    }

    fn pause(&self) -> Duration {
        PAUSE
    }

    /// The energies of all that follows on that date change too.
    fn widen(&self, slot: i64) -> Option<(i64, i64)> {
        let label = self.labels.of(slot);
        let (_, midnight) = self.calendar.bounds(label.date);
        Some((label.from, midnight))
    }

    fn memory(&self) -> String {
        serde_json::to_string(&self.memory).unwrap_or_default()
    }

    fn remember(&mut self, memory: &str) {
        self.memory = serde_json::from_str(memory).unwrap_or_default();
        self.renew_labels();
    }

    fn ask_first(&mut self, now: Timestamp) -> Option<Errand> {
        let is_fresh = self.asked.is_some_and(|asked| {
            let age = now.as_second() - asked.as_second();
            (0..ASK_EVERY).contains(&age)
        });
        let is_used_up = self
            .memory
            .rate
            .is_some_and(|rate| rate.remaining < LEFT_BY_LIVE && now.as_second() < rate.reset);
        if is_fresh || is_used_up {
            return None;
        }
        self.get_system()
    }

    fn take_first(&mut self, answer: &ErrandAnswer, now: Timestamp) -> UploadVerdict {
        self.take_system(answer, now)
    }

    fn prepare(&mut self, load: &Load, is_again: bool, now: Timestamp) -> Parcel {
        self.outgoing.clear();
        self.is_again = is_again;
        let (through, skipped) = self.gather(load, now);
        if let Some(moment) = self.rest_until(now) {
            let time = self.on_the_wall(moment);
            return Parcel {
                not_before: Some((
                    moment,
                    say!(
                        "few requests of this hour are left at PVOutput; it goes on at {time}",
                        time
                    ),
                )),
                ..Parcel::default()
            };
        }
        self.has_extended = self.sends_extended();
        let errand = match self.outgoing.as_slice() {
            [] => None,
            rows => self.status(rows, self.has_extended),
        };
        let slots = self.outgoing.iter().flat_map(|row| row.slots.clone());
        Parcel {
            errand,
            slots: slots.collect(),
            through,
            skipped,
            not_before: None,
        }
    }

    fn judge(&mut self, _parcel: &Parcel, answer: &ErrandAnswer, now: Timestamp) -> UploadVerdict {
        self.judge_rows(answer, now)
    }

    fn trial(&self) -> Errand {
        self.get_system().unwrap_or_else(|| Errand::Program {
            command: Vec::new(),
            input: String::new(),
        })
    }

    fn judge_trial(&self, answer: &ErrandAnswer) -> Result<String, String> {
        self.judge_system(answer)
    }
}
