//! The conversation with one Home Assistant.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::answers::{ImportFault, import_fault, trouble};
use super::config::StatisticsSettings;
use super::gaps;
use super::hours::{self, HOUR, HoursOfSeries};
use super::memory::{CounterMemory, StatisticsMemory};
use super::messages::{MetadataForm, RowValue, StatisticRow, StatisticRows, moment};
use super::questions;
use crate::config::SecretError;
use crate::history::{GivenUp, SeriesAbout, SeriesKey, Stretch, Wanted};
use crate::home_assistant::{
    CoreAddress, CoreCommand, CoreCommands, CoreError, CoreResults, EntityIds,
};
use crate::model::{Decimal, Health, HealthCode, Quantity, Sentence};
use crate::say;
use crate::uploads::{Choice, Errand, ErrandAnswer, Load, Parcel, Target, UploadVerdict};

/// Home Assistant makes its own hours at the full hour, and takes a while for it: in seconds after the end of an hour.
const SETTLED: i64 = 70 * 60;
/// Two weeks at once.
const MOST_SLOTS: usize = 2 * 7 * 288;
/// The hours before and after a gap are looked for so far from it, in seconds.
const AROUND: i64 = 7 * 86_400;
/// The longest month, and the change of a clock, in seconds.
const MONTH: i64 = 32 * 86_400;
/// Entities may be called otherwise after so long.
const ENTITIES_AGE: i64 = 3000;
/// What was written is looked for after these pauses, in milliseconds: it is queued there first.
const LOOKS: &[u64] = &[200, 500, 1000, 2000, 4000, 8000];
/// So many are named where something is told of several.
const MOST_NAMED: usize = 3;

/// One Home Assistant.
#[derive(Debug)]
pub struct StatisticsTarget {
    settings: StatisticsSettings,
    choice: Choice,
    address: Option<CoreAddress>,
    memory: StatisticsMemory,
    form: MetadataForm,
    /// Classes of units that this Home Assistant does not know.
    unknown_classes: BTreeSet<String>,
    /// What our entities are called, and when that was asked.
    entities: Option<(Timestamp, EntityIds)>,
    work: StatisticsWork,
}

/// What is on its way.
#[derive(Debug, Default)]
struct StatisticsWork {
    step: StatisticsStep,
    /// What is remembered once it has arrived.
    memory: StatisticsMemory,
    own: Vec<HoursOfSeries>,
    gaps: Vec<Suspect>,
    /// What is written.
    rows: Vec<StatisticRows>,
    /// Gaps that stay as they are, and why.
    unfilled: Vec<Sentence>,
    /// Statistics that are refused for good, and why.
    refused: BTreeMap<String, String>,
}

/// What the next answer is about.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum StatisticsStep {
    /// Statistics whose base is not known: in which month they end, if they are there.
    Months,
    /// The hours of those months.
    Bases,
    /// What entities have.
    Look,
    /// Rows were written.
    #[default]
    Written,
    /// Are they there? So many times it was looked before.
    Seen(usize),
}

/// A counter whose entity may have gaps.
#[derive(Debug)]
struct Suspect {
    series: String,
    entity: String,
    quantity: Option<Quantity>,
    /// Our counter at the end of each hour, by its start.
    hours: BTreeMap<i64, Decimal>,
}

impl StatisticsTarget {
    /// That of a section. Reads its token.
    pub fn new(settings: StatisticsSettings) -> Result<Self, SecretError> {
        let address = match (&settings.url, &settings.token) {
            (Some(url), Some(token)) => {
                let address = CoreAddress::new(url, token.reveal()?).ok();
                address.map(|address| address.trusting(settings.ca_file.as_deref()))
            }
            _ => settings.beside.clone(),
        };
        Ok(Self {
            choice: Choice::new(&settings.devices),
            address,
            memory: StatisticsMemory::default(),
            form: MetadataForm::default(),
            unknown_classes: BTreeSet::new(),
            entities: None,
            work: StatisticsWork::default(),
            settings,
        })
    }

    fn errand(&self, commands: Vec<CoreCommand>, are_questions: bool, after: u64) -> Errand {
        Errand::HomeAssistant(CoreCommands {
            address: self.address.clone(),
            after: Duration::from_millis(after),
            are_questions,
            commands,
        })
    }

    fn question(&self, commands: Vec<CoreCommand>) -> Errand {
        self.errand(commands, true, 0)
    }

    fn writing(&self) -> Errand {
        let is_known = |class: &str| !self.unknown_classes.contains(class);
        let rows = self.work.rows.iter();
        let commands = rows.flat_map(|rows| rows.commands(self.form, is_known));
        self.errand(commands.collect(), false, 0)
    }

    /// Statistics of counters whose base is not known, if Home Assistant has them already.
    fn baseless(&self) -> Vec<(String, StatisticRows, u8)> {
        let own = self.work.own.iter();
        let baseless = own.filter(|hours| {
            let series = hours.series.to_string();
            hours.is_counter() && !self.memory.counters.contains_key(&series)
        });
        let baseless = baseless.map(|hours| {
            (
                hours.series.to_string(),
                StatisticRows::own(hours),
                hours.about.decimals,
            )
        });
        baseless.collect()
    }

    /// What is asked of entities before anything is written; nothing where none may have gaps.
    fn questions(&self) -> Vec<CoreCommand> {
        let mut questions = Vec::new();
        let gaps = &self.work.gaps;
        let entities: Vec<String> = gaps.iter().map(|gap| gap.entity.clone()).collect();
        let hours = || gaps.iter().flat_map(|gap| gap.hours.keys().copied());
        if let (Some(first), Some(last)) = (hours().min(), hours().max()) {
            questions.push(questions::metadata(&entities));
            let times = (first - AROUND, last + HOUR + AROUND);
            questions.push(questions::hours(&entities, times, &["state", "sum"]));
        }
        questions
    }

    /// Makes the rows of statistics beside the entities.
    fn make_own_rows(&mut self) {
        let mut taken = BTreeSet::new();
        for hours in &self.work.own {
            let mut rows = StatisticRows::own(hours);
            if !taken.insert(rows.statistic_id.clone()) {
                continue;
            }
            for (start, value) in &hours.hours {
                if let Some(row) = StatisticRow::measured(*start, *value) {
                    rows.rows.push(row);
                }
            }
            let counters = &mut self.work.memory.counters;
            for (start, counter) in hours.counted() {
                let memory = counters
                    .entry(rows.series.clone())
                    .or_insert_with(|| CounterMemory::beginning(start, counter));
                if let Some(sum) = memory.sum(start, counter) {
                    let (state, sum) = (counter.to_f64(), sum.to_f64());
                    rows.rows.push(StatisticRow {
                        start,
                        value: RowValue::Counted { state, sum },
                    });
                }
            }
            if !rows.rows.is_empty() {
                self.work.rows.push(rows);
            }
        }
    }

    /// In which months do they end that are there and have no base?
    fn months(&mut self, results: &CoreResults) -> UploadVerdict {
        let answer = match results.results.first() {
            Some(Ok(answer)) => answer,
            Some(Err(error)) => return trouble(error),
            None => return trouble(&CoreError::Late),
        };
        let ids = self
            .baseless()
            .into_iter()
            .map(|(_, rows, _)| rows.statistic_id);
        let months = ids.filter_map(|id| Some((questions::last_month(answer, &id)?, id)));
        let months: Vec<(i64, String)> = months.collect();
        let starts = || months.iter().map(|(start, _)| *start);
        let (Some(first), Some(last)) = (starts().min(), starts().max()) else {
            return self.look();
        };
        let ids: Vec<String> = months.iter().map(|(_, id)| id.clone()).collect();
        self.work.step = StatisticsStep::Bases;
        let times = (first, last + MONTH);
        UploadVerdict::Ask(self.question(vec![questions::hours(&ids, times, &["state", "sum"])]))
    }

    /// Bases that are lost here are taken from what is there.
    fn bases(&mut self, results: &CoreResults) -> UploadVerdict {
        let answer = match results.results.first() {
            Some(Ok(answer)) => answer,
            Some(Err(error)) => return trouble(error),
            None => return trouble(&CoreError::Late),
        };
        for (series, rows, decimals) in self.baseless() {
            let hours = questions::their_hours(answer, &rows.statistic_id);
            let own = self.work.own.iter();
            let mut own = own.filter(|hours| hours.series.to_string() == series);
            let first = own.find_map(|hours| hours.counted().into_values().next());
            if let Some(memory) =
                first.and_then(|first| CounterMemory::found(&hours, decimals, first))
            {
                self.work.memory.counters.insert(series, memory);
            }
        }
        self.look()
    }

    /// What do entities have?
    fn look(&mut self) -> UploadVerdict {
        let questions = self.questions();
        if questions.is_empty() {
            return self.looked(&CoreResults {
                version: String::new(),
                results: Vec::new(),
            });
        }
        self.work.step = StatisticsStep::Look;
        UploadVerdict::Ask(self.question(questions))
    }

    /// What Home Assistant has is known: what is written now?
    fn looked(&mut self, results: &CoreResults) -> UploadVerdict {
        let mut answers = Vec::new();
        for result in &results.results {
            match result {
                Ok(answer) => answers.push(answer),
                Err(error) => return trouble(error),
            }
        }
        let mut answers = answers.into_iter();
        self.work.rows.clear();
        self.make_own_rows();
        if !self.work.gaps.is_empty() {
            let (Some(metadata), Some(hours)) = (answers.next(), answers.next()) else {
                return trouble(&CoreError::Late);
            };
            self.fill(metadata, hours);
        }
        if self.work.rows.is_empty() {
            return self.done();
        }
        self.work.step = StatisticsStep::Written;
        UploadVerdict::Ask(self.writing())
    }

    fn fill(&mut self, metadata: &Json, hours: &Json) {
        for gap in std::mem::take(&mut self.work.gaps) {
            let unit = questions::unit_of(metadata, &gap.entity);
            let our_unit = gap.quantity.and_then(Quantity::unit);
            let theirs = questions::their_hours(hours, &gap.entity);
            let plan = gaps::plan(&gap.hours, &theirs);
            let (entity, series) = (gap.entity.clone(), gap.series.clone());
            match unit {
                Some(unit) if unit.as_deref() == our_unit => {}
                Some(unit) => {
                    if !plan.rows.is_empty() {
                        let unit = unit.unwrap_or_default();
                        self.work.unfilled.push(say!(
                            "a gap of {entity} is not filled, as its unit there is another one ({unit})",
                            entity,
                            unit
                        ));
                    }
                    self.work.memory.keep_open(&series, BTreeMap::new());
                    continue;
                }
                // It has no statistics, or none with a sum.
                None => {
                    self.work.memory.keep_open(&series, BTreeMap::new());
                    continue;
                }
            }
            for (before, after) in plan.unfit {
                let (from, to) = (moment(before), moment(after));
                tracing::warn!("{entity}: the gap from {from} to {to} does not fit our counter");
                self.work.unfilled.push(say!(
                    "a gap of {entity} is not filled, as what Home Assistant has counted does not fit ({from})",
                    entity = &entity,
                    from
                ));
            }
            self.work.memory.keep_open(&series, plan.open);
            if !plan.rows.is_empty() {
                self.work.rows.push(StatisticRows {
                    series,
                    statistic_id: entity,
                    name: None,
                    quantity: gap.quantity,
                    is_counter: true,
                    rows: plan.rows,
                });
            }
        }
    }

    /// Rows were written: what does it say?
    fn written(&mut self, results: &CoreResults) -> UploadVerdict {
        let is_known = |class: &str| !self.unknown_classes.contains(class);
        let rows = self.work.rows.iter();
        let mut of_message = rows.flat_map(|rows| {
            let count = rows.commands(self.form, is_known).len();
            std::iter::repeat_n((rows.statistic_id.clone(), rows.unit_class()), count)
        });
        let (mut is_changed, mut form) = (false, self.form);
        let mut classes = Vec::new();
        for result in &results.results {
            let Some((id, class)) = of_message.next() else {
                break;
            };
            let Err(error) = result else { continue };
            match import_fault(error) {
                ImportFault::UnknownClass if class.is_some_and(is_known) => {
                    classes.extend(class.map(str::to_owned));
                    is_changed = true;
                }
                ImportFault::OlderForm if self.form == MetadataForm::Typed => {
                    form = MetadataForm::HasMean;
                    is_changed = true;
                }
                ImportFault::Other(verdict) => return verdict,
                ImportFault::Ours(_) | ImportFault::UnknownClass | ImportFault::OlderForm => {
                    let words = error.to_string();
                    tracing::error!("{id} cannot be written: {words}");
                    self.work.refused.insert(id, words);
                }
            }
        }
        let is_short = of_message.next().is_some();
        drop(of_message);
        self.form = form;
        self.unknown_classes.extend(classes);
        if is_short {
            return trouble(&CoreError::Broken("it ended".to_owned()));
        }
        if is_changed {
            // All of it: a row that is written once more is the same row.
            return UploadVerdict::Ask(self.writing());
        }
        let refused = &self.work.refused;
        self.work
            .rows
            .retain(|rows| !refused.contains_key(&rows.statistic_id));
        self.look_again(0)
    }

    /// Success means that rows are queued: are they there?
    fn look_again(&mut self, times: usize) -> UploadVerdict {
        let Some(question) = questions::written(&self.work.rows) else {
            return self.done();
        };
        let Some(pause) = LOOKS.get(times) else {
            return UploadVerdict::again(say!(
                "Home Assistant has taken values and does not show them"
            ));
        };
        self.work.step = StatisticsStep::Seen(times);
        UploadVerdict::Ask(self.errand(vec![question], true, *pause))
    }

    fn seen(&mut self, times: usize, results: &CoreResults) -> UploadVerdict {
        match results.results.first() {
            Some(Ok(answer)) if questions::has_all(answer, &self.work.rows) => self.done(),
            Some(Ok(_)) | None => self.look_again(times + 1),
            Some(Err(error)) => trouble(error),
        }
    }

    /// All has arrived.
    fn done(&mut self) -> UploadVerdict {
        self.memory = std::mem::take(&mut self.work.memory);
        let unfilled = std::mem::take(&mut self.work.unfilled);
        let trouble = unfilled.into_iter().next().map(|seen| {
            Health::new(HealthCode::Degraded).seen(seen).advise(say!(
                "Look at it in Home Assistant, under Developer tools > Statistics."
            ))
        });
        UploadVerdict::Done { trouble }
    }

    /// Slots of which something is refused for good.
    fn given_up(&self, parcel: &Parcel) -> Vec<GivenUp> {
        let refused = self.work.refused.iter().take(MOST_NAMED);
        let reasons: Vec<String> = refused
            .map(|(id, words)| format!("{id}: {words}"))
            .collect();
        let slots = parcel.slots.iter().map(|slot| GivenUp {
            slot: *slot,
            reason: reasons.join("; "),
        });
        slots.collect()
    }

    fn suspects(&self, all: &[HoursOfSeries]) -> Vec<Suspect> {
        let Some((_, entities)) = &self.entities else {
            return Vec::new();
        };
        let counters = all.iter().filter(|hours| hours.is_counter());
        let suspects = counters.filter_map(|hours| {
            let unique_id = format!("{}_{}", hours.series.device, hours.series.key);
            let series = hours.series.to_string();
            let mut known = self.memory.open.get(&series).cloned().unwrap_or_default();
            known.extend(hours.counted());
            Some(Suspect {
                entity: entities.in_use(&unique_id)?.to_owned(),
                series,
                quantity: hours.about.quantity,
                hours: known,
            })
        });
        suspects.collect()
    }
}

impl Target for StatisticsTarget {
    fn wants(&self) -> Wanted {
        let choice = self.choice.clone();
        let own = self.settings.own;
        Wanted {
            series: Box::new(move |series: &SeriesKey, about: &SeriesAbout| {
                let is_counter = about.kind.counter().is_some();
                hours::has_hours(about.kind) && (own || is_counter) && choice.names(series, about)
            }),
            energies: Vec::new(),
            words: false,
        }
    }

    fn takes_again(&self) -> bool {
        true
    }

    fn most_slots(&self) -> usize {
        MOST_SLOTS
    }

    fn widen(&self, slot: i64) -> Option<(i64, i64)> {
        let hour = hours::hour_of(slot);
        Some((hour, hour + HOUR))
    }

    fn memory(&self) -> String {
        if self.memory == StatisticsMemory::default() {
            return String::new();
        }
        serde_json::to_string(&self.memory).unwrap_or_default()
    }

    fn remember(&mut self, memory: &str) {
        if let Ok(memory) = serde_json::from_str(memory) {
            self.memory = memory;
        }
    }

    fn looks_first(&self) -> bool {
        true
    }

    fn ask_first(&mut self, now: Timestamp) -> Option<Errand> {
        let asked = self.entities.as_ref().map(|(at, _)| at.as_second());
        let is_fresh = asked.is_some_and(|at| (at..at + ENTITIES_AGE).contains(&now.as_second()));
        if is_fresh {
            return None;
        }
        let list = CoreCommand::new("config/entity_registry/list", json!({}));
        let commands = self.settings.fill_gaps.then_some(list);
        Some(self.question(commands.into_iter().collect()))
    }

    fn take_first(&mut self, answer: &ErrandAnswer, now: Timestamp) -> UploadVerdict {
        let results = match heard(answer) {
            Ok(results) => results,
            Err(verdict) => return verdict,
        };
        let entities = match results.results.first() {
            None => EntityIds::default(),
            Some(Err(error)) => return trouble(error),
            Some(Ok(list)) => match EntityIds::of_result(list.clone()) {
                Some(entities) => entities,
                None => return trouble(&CoreError::NotUnderstood("entities".to_owned())),
            },
        };
        self.form = MetadataForm::of_version(&results.version);
        self.entities = Some((now, entities));
        UploadVerdict::done()
    }

    fn prepare(&mut self, load: &Load, _is_again: bool, _now: Timestamp) -> Parcel {
        // Hours need more than the load tells.
        Parcel {
            through: load.slots.first().map_or(load.through, |slot| slot.end - 1),
            ..Parcel::default()
        }
    }

    fn prepare_whole(
        &mut self,
        stretch: &Stretch,
        load: &Load,
        is_again: bool,
        now: Timestamp,
    ) -> Parcel {
        let full = |at: i64| at.div_euclid(HOUR) * HOUR;
        let settled = full(now.as_second() - SETTLED);
        let mut through = full(load.through).min(settled);
        if is_again {
            // What is sent again was settled before; it ends with a slot that has changed, and not with an hour.
            let first = load.slots.first().map_or(load.through, |slot| slot.end);
            if through <= first {
                through = load.through;
            }
        }
        let slots = load.slots.iter().map(|slot| slot.end);
        let slots: BTreeSet<i64> = slots.filter(|end| *end <= through).collect();
        let all = hours::of_stretch(stretch, &slots);
        self.work = StatisticsWork {
            memory: self.memory.clone(),
            step: StatisticsStep::Look,
            gaps: self.suspects(&all),
            own: if self.settings.own { all } else { Vec::new() },
            ..StatisticsWork::default()
        };
        self.make_own_rows();
        let mut parcel = Parcel {
            slots: slots.into_iter().collect(),
            through,
            ..Parcel::default()
        };
        if !self.work.rows.is_empty() {
            parcel.errand = Some(self.writing());
        } else if !self.work.gaps.is_empty() {
            parcel.errand = Some(self.question(self.questions()));
        }
        parcel
    }

    fn ask_before(&mut self, _parcel: &Parcel) -> Option<Errand> {
        let baseless = self.baseless().into_iter();
        let baseless: Vec<String> = baseless.map(|(_, rows, _)| rows.statistic_id).collect();
        let (step, questions) = if baseless.is_empty() {
            (StatisticsStep::Look, self.questions())
        } else {
            let question = questions::since_ever(&baseless);
            (StatisticsStep::Months, vec![question])
        };
        if questions.is_empty() {
            self.work.step = StatisticsStep::Written;
            return None;
        }
        // What was made without knowing what is there is made anew.
        self.work.memory = self.memory.clone();
        self.work.step = step;
        Some(self.question(questions))
    }

    fn judge(&mut self, parcel: &Parcel, answer: &ErrandAnswer, _now: Timestamp) -> UploadVerdict {
        let results = match heard(answer) {
            Ok(results) => results,
            Err(verdict) => return verdict,
        };
        let verdict = match self.work.step {
            StatisticsStep::Months => self.months(results),
            StatisticsStep::Bases => self.bases(results),
            StatisticsStep::Look => self.looked(results),
            StatisticsStep::Written => self.written(results),
            StatisticsStep::Seen(times) => self.seen(times, results),
        };
        let is_done = matches!(verdict, UploadVerdict::Done { .. });
        if is_done && !self.work.refused.is_empty() {
            return UploadVerdict::Skip {
                slots: self.given_up(parcel),
            };
        }
        verdict
    }

    fn trial(&self) -> Errand {
        let commands = ["auth/current_user", "recorder/info"];
        let commands = commands.map(|name| CoreCommand::new(name, json!({})));
        self.question(commands.into())
    }

    fn judge_trial(&self, answer: &ErrandAnswer) -> Result<String, String> {
        let verdict = match heard(answer) {
            Ok(results) => match results.results.as_slice() {
                [Ok(user), ..] if user.get("is_admin") == Some(&Json::Bool(false)) => {
                    return Err(
                        "the token is not of an administrator; Home Assistant lets nobody else write statistics".to_owned(),
                    );
                }
                [_, Ok(_)] => return Ok(format!("Home Assistant {} answers", results.version)),
                [_, Err(error)] | [Err(error), ..] => trouble(error),
                _ => trouble(&CoreError::Late),
            },
            Err(verdict) => verdict,
        };
        Err(match verdict {
            UploadVerdict::Hold { health, .. } => format!("{}. {}", health.detail, health.advice),
            UploadVerdict::Again { why, .. } => why.to_string(),
            _ => "it does not answer".to_owned(),
        })
    }
}

fn heard(answer: &ErrandAnswer) -> Result<&CoreResults, UploadVerdict> {
    match answer {
        ErrandAnswer::HomeAssistant(Ok(results)) => Ok(results),
        ErrandAnswer::HomeAssistant(Err(error)) => Err(trouble(error)),
        ErrandAnswer::Http(_) | ErrandAnswer::Program(_) => Err(trouble(&CoreError::Nowhere)),
    }
}
