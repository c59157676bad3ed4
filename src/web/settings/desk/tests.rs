use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::config::editing::{Hold, SectionKind};
use crate::config::{File, Secret, Settings};
use schemars::JsonSchema;

#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Any {
    host: Option<String>,
    port: Option<u16>,
    password: Option<Secret>,
    command: Option<String>,
    trusted_editor: bool,
}

impl Settings for Any {}

/// A program that knows three sections.
#[derive(Debug, Default)]
struct Made {
    reloads: AtomicUsize,
    used: Mutex<Option<String>>,
}

const KINDS: [(&str, bool); 3] = [("mqtt", false), ("web", false), ("text", true)];
const GATE: &[GatedKey] = &[
    GatedKey {
        section: "web",
        key: "",
        hold: Hold::All,
    },
    GatedKey {
        section: "text",
        key: "command",
        hold: Hold::NothingNew,
    },
];

impl Program for Made {
    fn check(&self, text: &str) -> Problems {
        let file = match File::parse(text, "wattbridge.toml") {
            Ok(file) => file,
            Err(problems) => return problems,
        };
        let names = KINDS.map(|(name, _)| name);
        let mut problems = file.unknown_sections(&names);
        for name in names {
            for section in file.sections(name) {
                problems.extend(section.read::<Any>().err().unwrap_or_default());
            }
        }
        problems
    }

    fn can_run(&self, text: &str) -> Result<(), Problems> {
        File::parse(text, "").map(|_| ())
    }

    fn trusts_editor(&self, text: &str) -> bool {
        File::parse(text, "").is_ok_and(|file| {
            file.settings::<Any>("web")
                .is_ok_and(|web| web.trusted_editor)
        })
    }

    fn fed(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn backup(&self) -> Result<std::fs::File, String> {
        Err("there is none".to_owned())
    }

    fn runs_with(&self, text: &str) -> bool {
        let used = self.used.lock().unwrap();
        let table = |text: &str| text.parse::<toml::Table>().ok();
        used.is_some() && used.as_deref().and_then(table) == table(text)
    }

    fn sent_file(&self) -> PathBuf {
        PathBuf::new()
    }

    fn free_space(&self, _: &Path) -> Option<u64> {
        None
    }

    fn unpack(
        &self,
        file: &Path,
        may_come: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Unpacked, RestoreRefusal> {
        let text = fs::read_to_string(file).unwrap();
        if may_come(&text) {
            Ok(Unpacked::default())
        } else {
            Err(RestoreRefusal::Gone)
        }
    }

    fn put_back(&self) -> Option<RestoreOutcome> {
        Some(tokio::sync::oneshot::channel().1)
    }

    fn throw_away(&self) {
        *self.used.lock().unwrap() = None;
    }

    fn reload(&self) {
        self.reloads.fetch_add(1, Ordering::Relaxed);
    }
}

struct Office {
    _folder: tempfile::TempDir,
    desk: Desk,
    made: Arc<Made>,
    path: std::path::PathBuf,
}

impl Office {
    fn with(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wattbridge.toml");
        fs::write(&path, text).unwrap();
        let kind = |(name, can_be_left_out)| SectionKind {
            name,
            others: &[],
            schema: schemars::schema_for!(Any),
            can_be_left_out,
        };
        let made = Arc::new(Made::default());
        let program = Arc::clone(&made) as Arc<dyn Program>;
        let kinds = SectionKinds(KINDS.map(kind).into());
        let desk = Desk::new(
            SavedFile::new(&path),
            kinds,
            BTreeSet::new(),
            GATE,
            program,
            serde_json::Value::Null,
        );
        Self {
            _folder: folder,
            desk,
            made,
            path,
        }
    }

    fn edited(&self, edit: impl Fn(String) -> String) -> EditedText {
        let shown = self.desk.shown().unwrap();
        EditedText {
            text: edit(shown.text),
            from: None,
            rev: shown.rev,
            leave_out: false,
        }
    }

    fn save(&self, edited: &EditedText) -> Result<Saved, DeskError> {
        self.desk
            .save(edited, "2026-06-14T13:42:07Z".parse().unwrap())
    }

    fn on_disk(&self) -> String {
        fs::read_to_string(&self.path).unwrap()
    }
}

const TEXT: &str = "\u{feff}[mqtt]\r\nhost = \"a\"\r\npassword = \"hunter2\" # mine\r\n\r\n[[text]]\r\nport = 1\r\n";

#[test]
fn a_file_is_shown_changed_and_saved() {
    let office = Office::with(TEXT);
    let shown = office.desk.shown().unwrap();
    assert!(shown.writable && shown.problems.is_empty() && shown.why_not.is_none());
    assert!(!format!("{shown:?}").contains("hunter2"));
    assert!(
        shown.text.starts_with("[mqtt]\nhost"),
        "as editors have it: {:?}",
        shown.text
    );
    let edited = office.edited(|text| text.replace("port = 1", "port = 2"));
    assert!(office.desk.check(&edited).unwrap().problems.is_empty());
    let saved = office.save(&edited).unwrap();
    assert_eq!(office.on_disk(), TEXT.replace("port = 1", "port = 2"));
    assert_eq!(
        saved.copy.as_deref(),
        Some("wattbridge.toml.2026-06-14T1342Z")
    );
    assert_eq!(saved.rev, office.desk.shown().unwrap().rev);
    assert_eq!(office.made.reloads.load(Ordering::Relaxed), 1);
    // With the revision of before nothing is saved, and both are there to look at.
    let before = office.on_disk();
    match office.save(&edited) {
        Err(DeskError::Changed(now)) => {
            assert_eq!((now.rev, now.text.contains("port = 2")), (saved.rev, true));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(office.on_disk(), before);
}

#[test]
fn a_copy_comes_back_through_the_same_check() {
    let office = Office::with(TEXT);
    office
        .save(&office.edited(|text| {
            text.replace("\"a\"", "\"b\"")
                .replace("\"kept-1\"", "\"theirs\"")
        }))
        .unwrap();
    let name = office.desk.copies()[0].name.clone();
    let text = office.desk.copy(&name).unwrap();
    assert!(!text.contains("hunter2") && text.contains("kept-1"));
    // The word stands for the secret of the copy, at the address of the copy.
    let undo = |text: &str| EditedText {
        from: Some(name.clone()),
        ..office.edited(|_| text.to_owned())
    };
    let moved = undo(&text.replace("\"a\"", "\"b\""));
    assert!(matches!(office.save(&moved), Err(DeskError::Wrong(_))));
    office.save(&undo(&text)).unwrap();
    assert_eq!(office.on_disk(), TEXT);
    let nothing = EditedText {
        from: Some("../wattbridge.toml".to_owned()),
        ..undo(&text)
    };
    assert!(matches!(office.save(&nothing), Err(DeskError::NoCopy)));
    // What has been taken out in the file itself does not come back that way.
    let office = Office::with("[[text]]\ncommand = \"/bin/evil\"\n");
    office
        .save(&office.edited(|_| "[[text]]\n".to_owned()))
        .unwrap();
    let name = office.desk.copies()[0].name.clone();
    let undo = EditedText {
        from: Some(name),
        ..office.edited(|_| "[[text]]\ncommand = \"/bin/evil\"\n".to_owned())
    };
    assert!(matches!(office.save(&undo), Err(DeskError::Wrong(_))));
}

#[test]
fn remarks_and_order_begin_nothing_anew() {
    let office = Office::with("[mqtt]\nhost = \"a\"\npassword = \"hunter2\"\n[[text]]\nport = 1\n");
    *office.made.used.lock().unwrap() = Some(office.on_disk());
    let labels = ["[mqtt]", "[[text]]"].map(str::to_owned);
    let saved = office
        .save(&office.edited(|text| {
            let swapped = text.replace(
                "host = \"a\"\npassword = \"kept-1\"",
                "password = \"kept-1\" # mine\nhost = \"a\"",
            );
            assert_ne!(swapped, text);
            swapped
        }))
        .unwrap();
    assert!(office.on_disk().contains("# mine"));
    assert_eq!((saved.restarted, saved.kept), (Vec::new(), labels.to_vec()));
    assert_eq!(office.made.reloads.load(Ordering::Relaxed), 0);
    // A secret is what is used too.
    let saved = office
        .save(&office.edited(|text| text.replace("kept-1", "other")))
        .unwrap();
    assert_eq!((saved.restarted, saved.kept), (labels.to_vec(), Vec::new()));
    assert_eq!(office.made.reloads.load(Ordering::Relaxed), 1);
}

#[test]
fn a_backup_brings_nothing_that_the_page_may_not_change() {
    let office = Office::with("[mqtt]\nhost = \"a\"\n[[text]]\ncommand = \"/bin/good\"\n");
    let sent = office.path.with_file_name("sent");
    let unpack = |text: &str| {
        fs::write(&sent, text).unwrap();
        office.desk.unpack(&sent)
    };
    let deep = format!("[mqtt]\nx = {}1{}\n", "[".repeat(70), "]".repeat(70));
    for refused in [
        "[[text]]\ncommand = \"/bin/evil\"\n",
        "[web]\ntrusted_editor = true\n[[text]]\ncommand = \"/bin/good\"\n",
        "[mqtt]\npassword = { file = \"/etc/shadow\" }\n",
        // Words that would stand for a secret, were this typed into the page.
        "[mqtt]\nhost = \"kept-\\u0031\"\n[[text]]\ncommand = \"/bin/evil\"\n",
        "[mqtt]\n\"kept-\\u0031\" = 1\n[[text]]\ncommand = \"/bin/evil\"\n",
        "[[text]]\n\"c\\u006fmmand\" = \"/bin/evil\"\n",
        // What is none.
        "[[text]]\ncommand = \"/bin/good\"\n[mqtt\n",
        &deep,
    ] {
        assert!(
            matches!(unpack(refused), Err(RestoreRefusal::HeldBack)),
            "{refused}"
        );
    }
    // All else may come, with its own secrets; what is wrong with it is said.
    let found =
        unpack("[mqtt]\nhost = \"b\"\npassword = \"hunter2\"\n[[text]]\nprot = 1\n").unwrap();
    assert_eq!(
        (found.held_back.len(), found.problems.len()),
        (0, 1),
        "{found:?}"
    );
    assert_eq!(
        (found.brings.sections, found.replaces.sections),
        (Some(2), Some(2))
    );
    assert!(!format!("{found:?}").contains("hunter2"));
    // What is found is put back once, by its own name, and while the file is as it was.
    assert!(matches!(
        office.desk.put_back("other"),
        Err(RestoreRefusal::Gone)
    ));
    assert!(office.desk.put_back(&found.token).is_ok());
    assert!(matches!(
        office.desk.put_back(&found.token),
        Err(RestoreRefusal::Gone)
    ));
    let found = unpack("[mqtt]\n").unwrap();
    fs::write(&office.path, "[mqtt]\nhost = \"c\"\n").unwrap();
    assert!(matches!(
        office.desk.put_back(&found.token),
        Err(RestoreRefusal::Changed)
    ));
    // The file itself may trust the page.
    let office = Office::with("[web]\ntrusted_editor = true\n");
    fs::write(
        office.path.with_file_name("sent"),
        "[[text]]\ncommand = \"/bin/any\"\n",
    )
    .unwrap();
    office
        .desk
        .unpack(&office.path.with_file_name("sent"))
        .unwrap();
    // One backup at a time.
    let turn = office.desk.restore_turn().unwrap();
    assert!(office.desk.restore_turn().is_none());
    drop(turn);
    assert!(office.desk.restore_turn().is_some());
}

#[test]
fn with_a_mistake_nothing_is_saved_unless_its_section_is_left_out() {
    let office = Office::with(
        "[mqtt]\nhost = \"a\"\n[[text]]\nport = 1\n[[text]]\npassword = \"hunter2\"\n",
    );
    let mut edited = office.edited(|text| text.replace("password", "prot = 5\npassword"));
    let told = office.desk.check(&edited).unwrap().problems;
    let [problem] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(
        (problem.line, problem.section.as_str(), problem.kind),
        (6, "[[text]]", SectionWeight::Device)
    );
    assert_eq!(
        problem
            .fix
            .as_ref()
            .map(|fix| (fix.length, fix.text.as_str())),
        Some((4, "port"))
    );
    assert!(matches!(office.save(&edited), Err(DeskError::Wrong(problems)) if problems == told));
    assert_eq!(office.made.reloads.load(Ordering::Relaxed), 0);
    edited.leave_out = true;
    let saved = office.save(&edited).unwrap();
    assert_eq!(saved.left_out, ["[[text]]"]);
    assert_eq!(
        office.on_disk(),
        "[mqtt]\nhost = \"a\"\n[[text]]\nport = 1\n#[[text]]\n#prot = 5\n#password = \"hunter2\"\n"
    );
    assert!(!office.desk.shown().unwrap().text.contains("hunter2"));
    // Not the broker.
    let edited = EditedText {
        leave_out: true,
        ..office.edited(|text| text.replace("host", "hots"))
    };
    assert!(matches!(office.save(&edited), Err(DeskError::Wrong(_))));
    // Nor what the page may not change.
    let edited = EditedText {
        leave_out: true,
        ..office.edited(|text| text.replace("port = 1", "command = \"/bin/sh\""))
    };
    match office.save(&edited) {
        // To switch it off is no harm.
        Ok(saved) => assert_eq!(saved.left_out, ["[[text]]"]),
        Err(error) => panic!("{error}"),
    }
    assert!(office.on_disk().contains("#command = \"/bin/sh\""));
}

#[test]
fn only_the_file_itself_opens_the_gate() {
    let office = Office::with("[[text]]\nport = 1\n");
    let command = |text: String| text.replace("port = 1", "command = \"/bin/sh\"");
    let with_trust = |text: String| format!("[web]\ntrusted_editor = true\n{}", command(text));
    for edited in [office.edited(command), office.edited(with_trust)] {
        match office.save(&edited) {
            Err(DeskError::Wrong(told)) => assert!(
                told.iter()
                    .all(|it| it.hint == "change it in the file itself"),
                "{told:?}"
            ),
            other => panic!("{other:?}"),
        }
    }
    fs::write(
        &office.path,
        "[web]\ntrusted_editor = true\n[[text]]\nport = 1\n",
    )
    .unwrap();
    office.save(&office.edited(command)).unwrap();
}

#[test]
fn a_file_that_is_no_toml_can_be_mended() {
    let office = Office::with("[mqtt]\npassword = \"hunter2\"\n[[text]]\nport = \n");
    let shown = office.desk.shown().unwrap();
    assert_eq!(shown.problems.len(), 1);
    assert_eq!(
        (shown.problems[0].line, shown.text.contains("hunter2")),
        (4, false)
    );
    office
        .save(&office.edited(|text| text.replace("port = ", "port = 7")))
        .unwrap();
    assert_eq!(
        office.on_disk(),
        "[mqtt]\npassword = \"hunter2\"\n[[text]]\nport = 7\n"
    );
}

#[test]
fn a_file_that_is_not_there_is_made() {
    let office = Office::with("");
    fs::remove_file(&office.path).unwrap();
    let saved = office
        .save(&office.edited(|_| "[[text]]\nport = 1\n".to_owned()))
        .unwrap();
    assert_eq!(
        (saved.copy, office.on_disk().as_str()),
        (None, "[[text]]\nport = 1\n")
    );
}
