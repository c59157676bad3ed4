//! The conversation with one database.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::answers::{ProgramRan, judge};
use super::config::MysqlSettings;
use super::statements::{confirmation, statements};
use crate::history::{DeviceRecord, GivenUp, KeptRecord, Wanted};
use crate::uploads::{Choice, Errand, ErrandAnswer, Load, Parcel, Target, UploadVerdict};

/// Records of one run: some ten frames of a large roof.
const MOST_RECORDS: usize = 1000;
/// The number of a run that writes nothing.
const TRIAL: i64 = 0;

/// One database.
#[derive(Debug)]
pub struct MysqlTarget {
    settings: MysqlSettings,
    choice: Choice,
    /// Which record has its row in which line of what was told last.
    lines: BTreeMap<usize, i64>,
}

impl MysqlTarget {
    /// That of a section.
    pub fn new(settings: MysqlSettings) -> Self {
        Self {
            choice: Choice::new(&settings.devices),
            settings,
            lines: BTreeMap::new(),
        }
    }

    fn run(&self, input: String) -> Errand {
        Errand::Program {
            command: self.settings.command.clone(),
            input,
        }
    }

    fn wants_record(&self, record: &DeviceRecord) -> bool {
        self.choice.names_id(&record.device)
    }
}

impl Target for MysqlTarget {
    /// No slots.
    fn wants(&self) -> Wanted {
        Wanted {
            series: Box::new(|_, _| false),
            energies: Vec::new(),
            words: false,
        }
    }

    fn takes_again(&self) -> bool {
        false
    }

    fn most_slots(&self) -> usize {
        MOST_RECORDS
    }

    fn prepare(&mut self, load: &Load, _is_again: bool, _now: Timestamp) -> Parcel {
        Parcel {
            through: load.through,
            ..Parcel::default()
        }
    }

    fn prepare_records(&mut self, records: &[KeptRecord], _now: Timestamp) -> Parcel {
        let has_more = records.len() >= MOST_RECORDS;
        let told = statements(records, has_more, |record| self.wants_record(record));
        self.lines = told.lines;
        Parcel {
            errand: (!told.text.is_empty()).then(|| self.run(told.text)),
            slots: told.records,
            through: told.through,
            ..Parcel::default()
        }
    }

    fn judge(&mut self, parcel: &Parcel, answer: &ErrandAnswer, _now: Timestamp) -> UploadVerdict {
        let number = parcel.slots.last().copied().unwrap_or_default();
        match judge(answer, number) {
            ProgramRan::Done => UploadVerdict::done(),
            ProgramRan::Row(line, reason) => {
                let record = line.and_then(|line| self.lines.get(&line));
                match record.filter(|record| parcel.slots.contains(record)) {
                    Some(record) => UploadVerdict::Skip {
                        slots: vec![GivenUp {
                            slot: *record,
                            reason,
                        }],
                    },
                    None => UploadVerdict::Halve { why: reason },
                }
            }
            ProgramRan::Other(verdict) => verdict,
        }
    }

    fn trial(&self) -> Errand {
        self.run(format!("{}\n", confirmation(TRIAL)))
    }

    fn judge_trial(&self, answer: &ErrandAnswer) -> Result<String, String> {
        match judge(answer, TRIAL) {
            ProgramRan::Done => Ok("it lets us in".to_owned()),
            ProgramRan::Other(UploadVerdict::Hold { health, .. }) => {
                Err(format!("{}. {}", health.detail, health.advice))
            }
            ProgramRan::Other(UploadVerdict::Again { why, .. }) => Err(why.to_string()),
            ProgramRan::Row(_, reason) => Err(reason),
            ProgramRan::Other(verdict) => Err(format!("{verdict:?}")),
        }
    }
}
