//! What is shown of the configuration, and what may be saved.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::saved_file::{CopyFile, ReadOnly, SaveError, SavedFile};
use super::told::{SectionWeight, ToldProblem};
use super::unpacked::{RestoreDesk, RestoreOutcome, RestoreRefusal, Unpacked};
use crate::config::editing::{
    Extents, Gate, GatedKey, Hidden, Layout, Restored, SectionKinds, WithheldKey, withhold,
};
use crate::config::{File, Problem, Problems};

/// What the rest of the program knows of a configuration.
pub trait Program: Send + Sync + fmt::Debug {
    /// Everything that is wrong with a text, as `wattbridge check` says it.
    fn check(&self, text: &str) -> Problems;
    /// Whether anything could run with a text.
    ///
    /// # Errors
    ///
    /// Why not.
    fn can_run(&self, text: &str) -> Result<(), Problems>;
    /// Whether the page may change everything, by what a text says.
    fn trusts_editor(&self, text: &str) -> bool;
    /// Sections whose password does not come from the file but from outside of it, such as a variable.
    fn fed(&self) -> Vec<&'static str>;
    /// Uses the file as it is on the disk now.
    fn reload(&self);
    /// A backup of everything, which is gone from the disk when this is closed.
    ///
    /// # Errors
    ///
    /// Why it cannot be made.
    fn backup(&self) -> Result<std::fs::File, String>;
    /// Whether a text says what the program runs with at the moment.
    fn runs_with(&self, text: &str) -> bool;
    /// Where a backup is put that is sent.
    fn sent_file(&self) -> PathBuf;
    /// Bytes that are free where a file is.
    fn free_space(&self, file: &Path) -> Option<u64>;
    /// Looks a backup through and unpacks it beside its places, where nobody uses it yet; what was unpacked before is
    /// thrown away. `may_come` says of the configuration in it whether it may be among that.
    ///
    /// # Errors
    ///
    /// Why not; `Gone` if nothing is left without its configuration.
    fn unpack(
        &self,
        file: &Path,
        may_come: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Unpacked, RestoreRefusal>;
    /// Has it put in its place between two rounds; none if there is nothing unpacked.
    fn put_back(&self) -> Option<RestoreOutcome>;
    /// Throws away what was unpacked.
    fn throw_away(&self);
}

/// Where the page reads and writes the configuration.
#[derive(Debug, Clone)]
pub struct Desk {
    pub(super) file: SavedFile,
    pub(super) kinds: Arc<SectionKinds>,
    /// Remarks that are no secret: those that the program itself writes.
    public: Arc<BTreeSet<String>>,
    gate: &'static [GatedKey],
    withheld: &'static [WithheldKey],
    pub(super) program: Arc<dyn Program>,
    pub(super) restoring: Arc<RestoreDesk>,
    /// What may stand in each section, for who adds one.
    schema: Arc<serde_json::Value>,
    /// One saves at a time.
    turn: Arc<Mutex<()>>,
}

/// A text that was edited.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct EditedText {
    /// The text.
    pub text: String,
    /// What it was made from: the copy of this name, or else the file.
    #[serde(default)]
    pub from: Option<String>,
    /// The version of the file that it is meant to replace.
    #[serde(default)]
    pub rev: String,
    /// Whether sections of devices that cannot be used are switched off in it.
    #[serde(default)]
    pub leave_out: bool,
}

/// The file as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ShownFile {
    /// Where it is.
    pub path: String,
    /// Its version.
    pub rev: String,
    /// What is in it, without its secrets.
    pub text: String,
    /// Whether it can be saved.
    pub writable: bool,
    /// Why not, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    /// What is wrong with it.
    pub problems: Vec<ToldProblem>,
}

/// What is wrong with an edited text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Checked {
    /// Everything.
    pub problems: Vec<ToldProblem>,
}

/// What was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Saved {
    /// The version that is there now.
    pub rev: String,
    /// Where the one before is.
    pub copy: Option<String>,
    /// Sections that begin anew with it.
    pub restarted: Vec<String>,
    /// Sections that go on as they are.
    pub kept: Vec<String>,
    /// Sections that were switched off.
    pub left_out: Vec<String>,
}

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The file cannot be read.
    #[error("the configuration cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// There is no copy of this name.
    #[error("there is no such copy")]
    NoCopy,
    /// Something is wrong with the text.
    #[error("the configuration is not saved, because something is wrong with it")]
    Wrong(Vec<ToldProblem>),
    /// The file is another one by now.
    #[error("somebody else has changed the file meanwhile")]
    Changed(Box<ShownFile>),
    /// It cannot be written; all of the text that was meant.
    #[error("{0}")]
    ReadOnly(ReadOnly),
    /// It could not be written.
    #[error("{0}")]
    NotSaved(SaveError),
}

/// A text that may be saved, or why not.
struct Judged {
    /// With its secrets.
    restored: Option<Restored>,
    problems: Vec<Problem>,
}

impl Desk {
    /// The desk of a file.
    pub fn new(
        file: SavedFile,
        kinds: SectionKinds,
        public: BTreeSet<String>,
        gate: &'static [GatedKey],
        program: Arc<dyn Program>,
        schema: serde_json::Value,
    ) -> Self {
        Self {
            schema: Arc::new(schema),
            file,
            kinds: Arc::new(kinds),
            public: Arc::new(public),
            gate,
            withheld: &[],
            program,
            restoring: Arc::default(),
            turn: Arc::new(Mutex::new(())),
        }
    }

    /// With keys whose values are not passed on to others.
    #[must_use]
    pub const fn withholding(mut self, keys: &'static [WithheldKey]) -> Self {
        self.withheld = keys;
        self
    }

    /// The file as it may be shown.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn shown(&self) -> Result<ShownFile, DeskError> {
        let raw = self.file.read()?;
        let plain = Layout::plain(&raw);
        let hidden = self.hide(&plain);
        let judged = self.judge(&hidden.text, &hidden, &hidden, true);
        let writable = self.file.writable();
        Ok(ShownFile {
            path: self.file.path().display().to_string(),
            rev: SavedFile::revision(&raw),
            problems: self.told(&judged.problems, &hidden.text),
            text: hidden.text,
            writable: writable.is_ok(),
            why_not: writable
                .err()
                .map(|ReadOnly { why, hint }| format!("{why}: {hint}")),
        })
    }

    /// What is wrong with an edited text.
    ///
    /// # Errors
    ///
    /// The file that it was made from cannot be read.
    pub fn check(&self, edited: &EditedText) -> Result<Checked, DeskError> {
        let (present, base) = self.bases(edited)?;
        let text = Layout::plain(&edited.text);
        let judged = self.judge(&text, base.as_ref().unwrap_or(&present), &present, false);
        Ok(Checked {
            problems: self.told(&judged.problems, &text),
        })
    }

    /// Saves an edited text, and has it used.
    ///
    /// # Errors
    ///
    /// See `DeskError`.
    pub fn save(&self, edited: &EditedText, now: Timestamp) -> Result<Saved, DeskError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let raw = self.file.read()?;
        if SavedFile::revision(&raw) != edited.rev {
            return Err(DeskError::Changed(Box::new(self.shown()?)));
        }
        let (present, base) = self.bases(edited)?;
        let base = base.as_ref().unwrap_or(&present);
        let mut text = Layout::plain(&edited.text).into_owned();
        let mut judged = self.judge(&text, base, &present, false);
        let mut left_out = Vec::new();
        if edited.leave_out && !judged.problems.is_empty() {
            let told = self.told(&judged.problems, &text);
            let extents = Extents::of(&text, &self.kinds);
            if let Some(extents) = extents
                && told
                    .iter()
                    .all(|problem| problem.kind == SectionWeight::Device)
            {
                let owners = judged
                    .problems
                    .iter()
                    .filter_map(|problem| extents.owner(problem));
                let sections: BTreeSet<usize> = owners.map(|(index, _, _)| index).collect();
                let sections: Vec<usize> = sections.into_iter().collect();
                left_out = extents.labels(&sections);
                // With their secrets, which no remark would get back.
                if let Some(restored) = &judged.restored
                    && let Some(whole) = Extents::of(&restored.text, &self.kinds)
                {
                    text = whole.without(&sections);
                    let problems = self.program.check(&text).into_iter();
                    judged.problems = problems.filter(|it| it.line > 0).collect();
                    judged.restored = None;
                    if !judged.problems.is_empty() {
                        return Err(DeskError::Wrong(self.told(&judged.problems, &text)));
                    }
                }
            }
        }
        if !judged.problems.is_empty() {
            return Err(DeskError::Wrong(self.told(&judged.problems, &text)));
        }
        let plain = judged.restored.map_or(text, |restored| restored.text);
        let text = Layout::of(&raw).dress(&plain);
        // Remarks and order are nothing that could be used.
        let is_same = self.program.runs_with(&plain);
        let copy = self
            .file
            .save(&text, &edited.rev, now)
            .map_err(|error| match error {
                SaveError::Changed => match self.shown() {
                    Ok(shown) => DeskError::Changed(Box::new(shown)),
                    Err(error) => error,
                },
                SaveError::ReadOnly(read_only) => DeskError::ReadOnly(read_only),
                other => DeskError::NotSaved(other),
            })?;
        let mut restarted =
            Extents::of(&plain, &self.kinds).map_or_else(Vec::new, |it| it.all_labels());
        let mut kept = Vec::new();
        if is_same {
            std::mem::swap(&mut restarted, &mut kept);
        } else {
            self.program.reload();
        }
        Ok(Saved {
            rev: SavedFile::revision(&text),
            copy,
            restarted,
            kept,
            left_out,
        })
    }

    /// Has the file used as it is on the disk.
    ///
    /// # Errors
    ///
    /// It cannot be used, so that what runs is left alone.
    pub fn reload(&self) -> Result<(), DeskError> {
        let raw = self.file.read()?;
        let plain = Layout::plain(&raw);
        if let Err(problems) = self.program.can_run(&plain) {
            let problems: Vec<Problem> = problems.into_iter().collect();
            return Err(DeskError::Wrong(self.told(&problems, &plain)));
        }
        self.program.reload();
        Ok(())
    }

    /// Copies of earlier versions, the latest first.
    pub fn copies(&self) -> Vec<CopyFile> {
        self.file.copies()
    }

    /// One of them as it may be shown.
    ///
    /// # Errors
    ///
    /// There is none of this name.
    pub fn copy(&self, name: &str) -> Result<String, DeskError> {
        let copy = self.file.copy_of(name).ok_or(DeskError::NoCopy)?;
        Ok(self.hide(&Layout::plain(&copy)).text)
    }

    /// A backup of everything.
    ///
    /// # Errors
    ///
    /// Why it cannot be made.
    pub fn backup(&self) -> Result<std::fs::File, String> {
        // It takes minutes, in which the settings may be saved: each file in it is whole all the same.
        self.program.backup()
    }

    /// A text in which none of the secrets of the file stands.
    pub fn veil(&self, text: &str) -> String {
        let raw = self.file.read().unwrap_or_default();
        self.hide(&Layout::plain(&raw)).veil(text)
    }

    /// A text of the configuration as it may be passed on, and the words that were taken out.
    pub fn withhold(&self, text: &str) -> (String, Vec<String>) {
        withhold(text, &self.kinds, self.withheld)
    }

    /// What may stand in each section.
    pub fn schema(&self) -> serde_json::Value {
        serde_json::Value::clone(&self.schema)
    }

    pub(super) fn hide(&self, plain: &str) -> Hidden {
        Hidden::of(plain, &self.kinds, &self.public)
    }

    /// The file as it is, and the copy that an edited text was made from.
    fn bases(&self, edited: &EditedText) -> Result<(Hidden, Option<Hidden>), DeskError> {
        let raw = self.file.read()?;
        let present = self.hide(&Layout::plain(&raw));
        let base = match &edited.from {
            None => None,
            Some(name) => {
                let copy = self.file.copy_of(name).ok_or(DeskError::NoCopy)?;
                Some(self.hide(&Layout::plain(&copy)))
            }
        };
        Ok((present, base))
    }

    /// What is wrong with a text whose secrets are those of `base`, while `present` is on the disk. One that is there
    /// already has passed the gate.
    fn judge(&self, text: &str, base: &Hidden, present: &Hidden, is_there: bool) -> Judged {
        let name = self.file.path().display().to_string();
        let restored = match Restored::of(text, base, &self.kinds, &name) {
            Ok(restored) => restored,
            Err(problems) => {
                return Judged {
                    restored: None,
                    problems: problems.into_iter().collect(),
                };
            }
        };
        let mut problems = Vec::new();
        if !is_there {
            problems = self.held(present, &restored);
        }
        // What is refused is not even looked at: the check reads the files that secrets are in.
        if problems.is_empty() {
            let wrong = self.program.check(&restored.text).into_iter();
            problems.extend(wrong.map(|problem| restored.as_edited(problem)));
        }
        if !is_there && problems.iter().any(|problem| problem.line == 0) {
            // What is wrong outside of the file is so with the present one too.
            let before = self.file.read().unwrap_or_default();
            let before = self.program.check(&Layout::plain(&before));
            problems.retain(|problem| {
                problem.line > 0 || !before.iter().any(|it| it.what == problem.what)
            });
        }
        Judged {
            restored: Some(restored),
            problems,
        }
    }

    /// What of a text the page may not change, by what is on the disk.
    fn held(&self, present: &Hidden, restored: &Restored) -> Vec<Problem> {
        self.gated(|gate| gate.refused(present, restored, &self.kinds))
    }

    /// The same of a text of somewhere else, in which nothing is hidden.
    pub(super) fn held_whole(&self, present: &Hidden, file: &File) -> Vec<Problem> {
        self.gated(|gate| gate.refused_whole(present, file, &self.kinds))
    }

    fn gated(&self, refused: impl FnOnce(&Gate<'_>) -> Problems) -> Vec<Problem> {
        if self.trusts_editor() {
            return Vec::new();
        }
        let gate = Gate {
            keys: self.gate,
            fed: &self.program.fed(),
        };
        refused(&gate).into_iter().collect()
    }

    /// As the file on the disk says, and nothing that is yet to be saved.
    fn trusts_editor(&self) -> bool {
        let raw = self.file.read().unwrap_or_default();
        self.program.trusts_editor(&Layout::plain(&raw))
    }

    pub(super) fn told(&self, problems: &[Problem], text: &str) -> Vec<ToldProblem> {
        let extents = Extents::of(text, &self.kinds);
        let name = self.file.path().display().to_string();
        let tell = |problem| ToldProblem::of(problem, &name, extents.as_ref());
        problems.iter().map(tell).collect()
    }
}

#[cfg(test)]
mod tests;
