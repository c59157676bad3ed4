//! What becomes of what waits for a target that no section names any more, because its address or its name was mended:
//! the section that came instead goes on with it, where nobody can mistake which one that is.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::OnceCell;

use crate::history::{Cursors, HistoryError};

/// Of each service the targets there are.
#[derive(Debug, Default)]
pub struct Succession {
    services: BTreeMap<&'static str, ServiceTargets>,
    settled: OnceCell<()>,
}

/// The targets of one service.
#[derive(Debug, Default)]
struct ServiceTargets {
    /// All that have a section.
    known: BTreeSet<String>,
    /// Those that are switched on.
    at_work: BTreeSet<String>,
    /// They take records, as they come, and no slots.
    take_records: bool,
    /// One of the sections cannot be read: nobody knows which target that is.
    has_unread: bool,
}

/// A target that no section names any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftTarget {
    /// What its cursor is kept under.
    pub key: String,
    /// What waits: slots or records.
    pub waiting: i64,
    /// Whether these are records.
    pub has_records: bool,
    /// The target that goes on with it, if it is clear which one.
    pub heir: Option<String>,
}

impl Succession {
    /// A target that has a section.
    pub fn add(
        &mut self,
        service: &'static str,
        id: String,
        takes_records: bool,
        is_enabled: bool,
    ) {
        let targets = self.services.entry(service).or_default();
        targets.take_records |= takes_records;
        if is_enabled {
            targets.at_work.insert(id.clone());
        }
        targets.known.insert(id);
    }

    /// A section of a service cannot be read.
    pub fn add_unread(&mut self, service: &'static str) {
        self.services.entry(service).or_default().has_unread = true;
    }

    /// The targets that no section names any more, of services that still have one: those that one of today's goes on
    /// with, and those for which something waits.
    ///
    /// # Errors
    ///
    /// If the history cannot be read.
    pub async fn left(&self, cursors: &Cursors) -> Result<Vec<LeftTarget>, HistoryError> {
        let all = cursors.all().await?;
        let mut found = Vec::new();
        for (service, targets) in &self.services {
            let mut left = Vec::new();
            let of_service = all.iter().filter(|(key, _)| is_of(key, service));
            for (key, cursor) in of_service.filter(|(key, _)| !targets.known.contains(*key)) {
                let waiting = if targets.take_records {
                    cursors.count_records(key).await?
                } else {
                    cursors.count_between(cursor.done, i64::MAX).await?
                        + cursors.count_dirty(key).await?
                };
                left.push(LeftTarget {
                    key: key.clone(),
                    waiting,
                    has_records: targets.take_records,
                    heir: None,
                });
            }
            // What nothing waits for says nothing, unless there is nothing else.
            if left.iter().any(|it| it.waiting > 0) {
                left.retain(|it| it.waiting > 0);
            }
            let begins = targets.at_work.iter().filter(|id| !all.contains_key(*id));
            let begins: Vec<&String> = begins.collect();
            match (left.as_mut_slice(), begins.as_slice()) {
                ([one], [heir]) if !targets.has_unread => one.heir = Some((*heir).clone()),
                _ => left.retain(|it| it.waiting > 0),
            }
            found.append(&mut left);
        }
        Ok(found)
    }

    /// What changes is noted no more for targets that no section names, unless nobody can know which these are.
    pub fn forget_others(&self, cursors: &Cursors) {
        let mut services = self.services.values();
        if services.all(|targets| !targets.has_unread) {
            let known = self.services.values().flat_map(|it| it.known.iter());
            cursors.note_only_for(&known.cloned().collect());
        }
    }

    /// Lets today's targets go on with what is left, once, before any of them begins.
    ///
    /// # Errors
    ///
    /// If the history cannot be read or written; it is tried anew the next time.
    pub async fn settle(&self, cursors: &Cursors) -> Result<(), HistoryError> {
        let settle = async {
            for left in self.left(cursors).await? {
                if let Some(heir) = &left.heir
                    && cursors.take_over(&left.key, heir).await?
                {
                    tracing::info!(
                        "{heir}: goes on where {} stopped, as no section names that any more; {}",
                        left.name(),
                        left.waits()
                    );
                }
            }
            self.forget_others(cursors);
            Ok(())
        };
        self.settled.get_or_try_init(|| settle).await.map(|_| ())
    }
}

impl LeftTarget {
    /// What people may call it. Keys had whole addresses and commands in them once, with whatever was in these.
    pub fn name(&self) -> &str {
        self.key.split(' ').next().unwrap_or_default()
    }

    /// How much waits.
    pub fn waits(&self) -> String {
        match (self.waiting, self.has_records) {
            (0, _) => "nothing waits".to_owned(),
            (1, false) => "1 slot waits".to_owned(),
            (1, true) => "1 record waits".to_owned(),
            (count, false) => format!("{count} slots wait"),
            (count, true) => format!("{count} records wait"),
        }
    }

    /// What is the matter with it, and what to do.
    pub fn advice(&self) -> String {
        let waits = self.waits();
        if let Some(heir) = &self.heir {
            return format!(
                "no section names it any more; {heir} goes on with it when wattbridge runs; {waits}"
            );
        }
        let again = if self.has_records {
            "give its old name to the section that is to go on with it, or"
        } else {
            "`wattbridge export send TARGET --since DATE` sends this to the one that came instead, if that overwrites;"
        };
        format!(
            "no section names it any more; {waits}: {again} `wattbridge export skip {} --until TODAY` forgets it",
            self.name()
        )
    }
}

/// Whether a key is that of a target of a service: its id, or, as it once was, the service and its account.
fn is_of(key: &str, service: &str) -> bool {
    let rest = key.strip_prefix(service);
    rest.is_some_and(|rest| rest.starts_with(['_', ' ']))
}

#[cfg(test)]
mod tests;
