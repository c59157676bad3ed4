//! What the page needs to know of this program to change its configuration.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::backup::{places_for, plan, present_parts};
use super::first_file::{FirstReader, first_file};
use super::page::{self, section_kinds};
use super::page_orders::PageOrders;
use super::setup::{ConfigArgs, known_sections};
use crate::backup::{
    Backup, BackupError, BackupPart, StoredCounts, free_space, made_file, make, prepare, sent_file,
};
use crate::config::editing::{GatedKey, Hold, WithheldKey};
use crate::config::{File, Problems, SectionDoc};
use crate::web::{
    BackupContents, Desk, Program, RestoreOutcome, RestoreRefusal, SECTION, SavedFile, Unpacked,
    WebSettings,
};

/// What the page does not change, because it would lead further than the file: programs that are run, files that are
/// written, the door to the page itself. Where secrets come from is held besides, whatever the section.
pub const GATE: &[GatedKey] = &[
    GatedKey {
        section: SECTION,
        key: "",
        hold: Hold::All,
    },
    GatedKey {
        section: "store",
        key: "path",
        hold: Hold::All,
    },
    GatedKey {
        section: "history",
        key: "path",
        hold: Hold::All,
    },
    GatedKey {
        section: "solarview",
        key: "path",
        hold: Hold::NothingNew,
    },
    GatedKey {
        section: "jsonl",
        key: "path",
        hold: Hold::NothingNew,
    },
    GatedKey {
        section: "solaredge",
        key: "proxy",
        hold: Hold::NothingNew,
    },
    GatedKey {
        section: "solaredge",
        key: "server",
        hold: Hold::NothingNew,
    },
    GatedKey {
        section: "solaredge",
        key: "capture",
        hold: Hold::NothingNew,
    },
    GatedKey {
        section: "mysql",
        key: "command",
        hold: Hold::NothingNew,
    },
    GatedKey {
        section: "text",
        key: "ask",
        hold: Hold::NothingNew,
    },
    GatedKey {
        section: "text",
        key: "command",
        hold: Hold::NothingNew,
    },
];

/// What is not passed on to those who help: words in it may be passwords, and nobody can tell.
const WITHHELD: &[WithheldKey] = &[
    WithheldKey {
        section: "text",
        key: "command",
        keeps_first: true,
    },
    WithheldKey {
        section: "mysql",
        key: "command",
        keeps_first: true,
    },
    WithheldKey {
        section: "text",
        key: "ask",
        keeps_first: false,
    },
    WithheldKey {
        section: "mqtt",
        key: "username",
        keeps_first: false,
    },
];

/// The desk for a configuration, whose orders the program follows.
pub fn desk(args: &ConfigArgs, orders: Arc<PageOrders>) -> Desk {
    let program = RunningProgram {
        args: args.clone(),
        orders,
        making: Mutex::new(()),
    };
    let file = SavedFile::new(&args.config);
    let program = Arc::new(program);
    Desk::new(
        file,
        section_kinds(),
        own_remarks(),
        GATE,
        program,
        schema(),
    )
    .withholding(WITHHELD)
}

/// What may stand in each section, for who adds one.
fn schema() -> serde_json::Value {
    let section = |page: SectionDoc<'static>| {
        serde_json::json!({
            "name": page.heading.trim_matches(['[', ']']),
            "list": page.heading.starts_with("[["),
            "about": page.about,
            "example": page.example,
            "schema": page.schema,
        })
    };
    let sections: Vec<_> = page::pages().into_iter().map(section).collect();
    serde_json::json!({ "sections": sections })
}

/// Remarks that this program writes itself, which are no secrets whatever words are in them.
fn own_remarks() -> BTreeSet<String> {
    let readers = [
        FirstReader::Terminal,
        FirstReader::Service,
        FirstReader::HomeAssistantApp,
    ];
    let mut remarks = BTreeSet::new();
    for reader in readers {
        for line in first_file(&[], reader).lines() {
            let body = line.trim_start_matches('#').trim();
            remarks.insert(body.to_owned());
            // Behind a value, once that has been switched on.
            if let Some((_, behind)) = body.rsplit_once(" # ") {
                remarks.insert(behind.trim().to_owned());
            }
        }
    }
    remarks.remove("");
    remarks
}

#[derive(Debug)]
struct RunningProgram {
    args: ConfigArgs,
    orders: Arc<PageOrders>,
    /// Held while a backup is made.
    making: Mutex<()>,
}

impl Program for RunningProgram {
    fn check(&self, text: &str) -> Problems {
        match self.args.file_of(text) {
            Ok(file) => match self.args.configured(&file) {
                Ok(configured) => configured.problems,
                Err(problems) => problems,
            },
            Err(problems) => problems,
        }
    }

    fn can_run(&self, text: &str) -> Result<(), Problems> {
        let file = self.args.file_of(text)?;
        self.args.configured(&file).map(|_| ())
    }

    /// As the file alone says, and no variable.
    fn trusts_editor(&self, text: &str) -> bool {
        let file = File::parse(text, "").ok();
        let web = file.and_then(|file| file.settings::<WebSettings>(SECTION).ok());
        web.is_some_and(|web| web.trusted_editor)
    }

    fn fed(&self) -> Vec<&'static str> {
        let names = known_sections().into_iter();
        match self.args.file_of("") {
            Ok(file) => names.filter(|name| file.feeds_secret(name)).collect(),
            // Where nobody can tell, it may be any.
            Err(_) => names.collect(),
        }
    }

    fn backup(&self) -> Result<std::fs::File, String> {
        let Ok(_making) = self.making.try_lock() else {
            return Err("another backup is being made at the moment".to_owned());
        };
        let parts = present_parts(&self.args);
        // Beside the store, which is always there; in memory there is less room.
        let file = made_file(&parts.store);
        // Counters are published only as they are saved, so that their disk is never filled.
        let needed = parts.databases().saturating_mul(3);
        if let Some(free) = self.free_space(&file).filter(|free| *free < needed) {
            return Err(format!(
                "there is too little room for it: {} MB are needed, {} MB are free",
                needed.div_ceil(1_000_000),
                free / 1_000_000
            ));
        }
        let _ = std::fs::remove_file(&file);
        let made = make(&parts, &file, env!("CARGO_PKG_VERSION"));
        let opened = made
            .map_err(|error| error.to_string())
            .and_then(|_| std::fs::File::open(&file).map_err(|error| error.to_string()));
        let _ = std::fs::remove_file(&file);
        opened
    }

    fn runs_with(&self, text: &str) -> bool {
        self.orders.is_used(text)
    }

    fn reload(&self) {
        self.orders.reload();
    }

    fn sent_file(&self) -> PathBuf {
        sent_file(&present_parts(&self.args).store)
    }

    fn free_space(&self, file: &Path) -> Option<u64> {
        let folder = file.parent().filter(|it| !it.as_os_str().is_empty());
        free_space(folder.unwrap_or(Path::new(".")))
    }

    fn unpack(
        &self,
        file: &Path,
        may_come: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Unpacked, RestoreRefusal> {
        let Some(_turn) = self.orders.unpacks() else {
            return Err(RestoreRefusal::Busy);
        };
        let refused = |error: BackupError| {
            // The file has a name of ours, which says nothing to who has sent it.
            let words = error
                .to_string()
                .replace(&file.display().to_string(), "this file");
            match error {
                BackupError::NoRoom { .. } => RestoreRefusal::NoRoom(words),
                BackupError::File { path, what } => RestoreRefusal::of_file(&path, &what, words),
                _ => RestoreRefusal::Unfit(words),
            }
        };
        let backup = Backup::open(file).map_err(refused)?;
        let text = backup.config().map_err(refused)?;
        let comes = text.as_deref().filter(|text| may_come(text));
        let mut parts: Vec<BackupPart> = [BackupPart::Store, BackupPart::History]
            .into_iter()
            .filter(|part| backup.files.iter().any(|held| held.part == *part))
            .collect();
        if comes.is_some() {
            parts.push(BackupPart::Config);
        }
        if parts.is_empty() {
            return Err(RestoreRefusal::Gone);
        }
        let plan = plan(places_for(&self.args, comes), parts);
        let prepared = prepare(&backup, &plan).map_err(refused)?;
        let present = present_parts(&self.args);
        let unpacked = Unpacked {
            made: backup.made,
            version: backup.version,
            brings: contents(StoredCounts::of(
                prepared.file_of(BackupPart::Store),
                prepared.file_of(BackupPart::History),
            )),
            replaces: contents(StoredCounts::of(
                Some(&present.store),
                Some(&present.history),
            )),
        };
        self.orders.look_at(prepared, present.store);
        Ok(unpacked)
    }

    fn put_back(&self) -> Option<RestoreOutcome> {
        self.orders.put_back()
    }

    fn throw_away(&self) {
        self.orders.throw_away();
    }
}

fn contents(counts: StoredCounts) -> BackupContents {
    BackupContents {
        sections: None,
        devices: counts.devices,
        counters: counts.counters,
        days: counts.days,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::editing::Hidden;

    #[test]
    fn each_gated_key_is_one() {
        let kinds = section_kinds();
        for gated in GATE.iter().filter(|it| it.section != "history") {
            let kind = kinds.find(gated.section).unwrap();
            let known = kind.schema.pointer("/properties").unwrap();
            assert!(
                gated.key.is_empty() || known.get(gated.key).is_some(),
                "{gated:?}"
            );
        }
        for held in WITHHELD {
            let kind = kinds.find(held.section).unwrap();
            let known = kind.schema.pointer("/properties").unwrap();
            assert!(known.get(held.key).is_some(), "{held:?}");
        }
        for name in known_sections() {
            assert!(kinds.find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn our_own_file_is_shown_as_it_is() {
        for reader in [
            FirstReader::Terminal,
            FirstReader::Service,
            FirstReader::HomeAssistantApp,
        ] {
            let text = first_file(&[], reader);
            let hidden = Hidden::of(&text, &section_kinds(), &own_remarks());
            assert_eq!(hidden.text, text);
            // With a password of its own, it is one like all others.
            let own = text.replace("#password = \"...\"", "#password = \"hunter2\"");
            let hidden = Hidden::of(&own, &section_kinds(), &own_remarks());
            assert!(!hidden.text.contains("hunter2"));
        }
    }

    #[test]
    fn examples_of_all_sections_go_out_and_come_back() {
        use crate::config::editing::Restored;
        for page in page::pages() {
            let hidden = Hidden::of(page.example, &section_kinds(), &BTreeSet::new());
            let restored = Restored::of(&hidden.text, &hidden, &section_kinds(), "f").unwrap();
            assert_eq!(restored.text, page.example);
        }
    }
}
