//! The borders between the rooms of the house, held by reading what each file of `src` names.
//!
//! Data runs one way, and three vocabularies are never mixed: the wire speaks of bytes, adapters of devices and
//! readings, outputs of topics and rows. The table below is the list of rooms, from the ground up: a room may
//! use some of those above its row, and no other.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use wattbridge::adapters::ADAPTERS;

/// A file or folder of `src`, and the others that it may name.
struct Room(&'static str, &'static [&'static str]);

const ROOMS: &[Room] = &[
    Room("backoff", &[]),
    Room("hex", &[]),
    Room("clock", &[]),
    Room("whole_file", &[]),
    Room("names", &[]),
    Room("terminal", &[]),
    Room("model", &[]),
    Room("config", &["model"]),
    Room("tls", &["config"]),
    Room("http", &["names", "tls"]),
    Room("home_assistant", &["names", "tls"]),
    Room("words", &["config", "model"]),
    Room("sqlite", &[]),
    Room("history", &["clock", "config", "model", "sqlite"]),
    Room("backup", &["sqlite", "whole_file"]),
    Room("roof", &["model"]),
    Room("links", &["backoff", "clock", "hex", "model", "names"]),
    Room("store", &["config", "model", "sqlite"]),
    Room("simulation", &["clock", "links", "model", "terminal"]),
    Room(
        "device",
        &[
            "clock",
            "config",
            "hex",
            "links",
            "model",
            "simulation",
            "store",
            "terminal",
        ],
    ),
    Room(
        "adapters",
        &[
            "backoff",
            "clock",
            "config",
            "device",
            "hex",
            "links",
            "model",
            "simulation",
            "store",
            "terminal",
        ],
    ),
    Room(
        "bridge",
        &[
            "backoff", "clock", "config", "device", "history", "links", "model", "store",
        ],
    ),
    Room("flow", &["bridge", "config", "history", "model"]),
    Room(
        "outputs",
        &[
            "backoff",
            "bridge",
            "clock",
            "config",
            "hex",
            "history",
            "http",
            "model",
            "names",
            "store",
            "terminal",
            "tls",
            "whole_file",
            "words",
        ],
    ),
    Room(
        "uploads",
        &[
            "backoff",
            "clock",
            "config",
            "device",
            "history",
            "home_assistant",
            "http",
            "links",
            "model",
        ],
    ),
    Room(
        "web",
        &[
            "bridge",
            "clock",
            "config",
            "flow",
            "history",
            "home_assistant",
            "model",
            "outputs",
            "roof",
            "store",
            "uploads",
            "whole_file",
            "words",
        ],
    ),
    Room(
        "addon",
        &["config", "home_assistant", "http", "outputs", "whole_file"],
    ),
    Room("migrate", &["config", "model", "outputs"]),
    Room("demo", &["bridge", "model", "terminal"]),
    Room(
        "cli",
        &[
            "adapters",
            "addon",
            "backup",
            "bridge",
            "clock",
            "config",
            "demo",
            "device",
            "flow",
            "hex",
            "history",
            "http",
            "links",
            "migrate",
            "model",
            "outputs",
            "roof",
            "simulation",
            "store",
            "terminal",
            "uploads",
            "web",
            "whole_file",
            "words",
        ],
    ),
    // The program: they only say what there is, and start it.
    Room("lib", &[]),
    Room("main", &[]),
];

/// What may not stand in some files.
struct Ban {
    /// Where: a pattern for the path below `src`.
    within: &'static str,
    /// But not there.
    except: &'static str,
    /// What. `ADAPTER` stands for each of the list.
    words: &'static str,
    /// Why not, or what to do instead.
    rule: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        within: r"^adapters/[a-z_]+/wire(/|\.rs)",
        except: "^$",
        words: r"\b(tokio|rumqttc|socket2|tracing)::|\bstd::(net|fs|thread)\b|\bcrate::(clock|config|device|links|simulation|store|terminal)\b|\bInstant\b",
        rule: "the wire knows bytes and fields, and neither I/O nor time",
    },
    Ban {
        within: "^adapters/",
        except: r"/simulator(/|\.rs)",
        words: r"\b(Instant|Timestamp|Zoned|SystemTime)::now\b|\bClock::system\b|\btokio::time::(sleep|interval|Instant)\b",
        rule: "an adapter asks no clock; time is what it is handed",
    },
    Ban {
        within: "",
        except: "^$",
        words: r"\bcrate::\{",
        rule: "each room has a `use` line of its own, so that borders can be read",
    },
    Ban {
        within: "^adapters/",
        except: r"/simulator(/|\.rs)",
        words: r"\.receive(_within)?\(",
        rule: "device/line.rs and device/exchange.rs wait for links, and nobody else",
    },
    Ban {
        within: "^adapters/",
        except: "^$",
        words: r"\b(rumqttc|device_class|state_class|homeassistant)\b",
        rule: "an adapter knows nothing of topics and of what Home Assistant calls things",
    },
    Ban {
        within: "^adapters/",
        except: "^$",
        words: r"HealthCode::Disabled\b|\bforget_after\b",
        rule: "what every section has belongs to the house: config reads it, bridge applies it",
    },
    Ban {
        within: r"^adapters/aps_zigbee/radio/mod\.rs",
        except: "^$",
        words: r"\bwire::(znp|payload)\b",
        rule: "what a radio is says nothing of what its stick speaks",
    },
    Ban {
        within: "^adapters/aps_zigbee/",
        except: r"/(radio|simulator)/",
        words: r"\bradio::znp\b|\bZnpRadio\b",
        rule: "radio::radio makes one, whatever its stick speaks",
    },
    Ban {
        within: "^(outputs|demo)/",
        except: "^$",
        words: r"\bcrate::(adapters|device|links)\b|\btokio_serial\b",
        rule: "an output knows updates, and neither adapters nor frames nor ports",
    },
    Ban {
        within: "^(bridge|cli|config|device|links|model|store|simulation|migrate)(/|\\.rs)",
        except: "^$",
        words: r"\badapters::(ADAPTER)\b",
        rule: "nothing but the list in adapters/mod.rs names an adapter",
    },
    Ban {
        within: "^(bridge|cli|config|demo|migrate|store)(/|\\.rs)",
        // What is announced to Home Assistant is what that command is about.
        except: r"^cli/discovery\.rs",
        words: r"\boutputs::(home_assistant|jsonl|kaifareader|solarview)\b",
        rule: "nothing but the list in outputs/mod.rs names an output",
    },
];

/// Names that say nothing of what is in a file.
const SAYS_NOTHING: &[&str] = &[
    "utils", "util", "common", "helpers", "manager", "prelude", "misc",
];

/// How often a name of a type may stand in the house, so that it can be searched for.
const SAME_NAME: usize = 3;

/// A file of `src` without its tests and comments.
struct File {
    /// Below `src`, with slashes.
    path: String,
    lines: Vec<String>,
}

impl File {
    fn new(path: &str, text: &str) -> Self {
        let tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
        let code = |line: &str| match line.find("//") {
            // An address has two slashes, too.
            Some(at) if !line[..at].ends_with(':') => line[..at].to_owned(),
            _ => line.to_owned(),
        };
        Self {
            path: path.to_owned(),
            lines: text[..tests].lines().map(code).collect(),
        }
    }

    fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.trim_end_matches(".rs")
    }

    fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// The module it is: `adapters::text::lines`.
    fn module(&self) -> Vec<&str> {
        let path = self.path.trim_end_matches(".rs");
        path.trim_end_matches("/mod").split('/').collect()
    }
}

/// Everything in these files that crosses a border, with the rule.
fn trespasses(files: &[File]) -> Vec<String> {
    let path = Regex::new(r"\b(?:crate::(\w+)|((?:super::)+)(\w+))").unwrap();
    let kinds: Vec<&str> = ADAPTERS.iter().map(|adapter| adapter.kind()).collect();
    let kinds = kinds.join("|");
    let bans: Vec<(Regex, Regex, Regex, &str)> = BANS
        .iter()
        .map(|ban| {
            let regex = |text: &str| Regex::new(&text.replace("ADAPTER", &kinds)).unwrap();
            (
                regex(ban.within),
                regex(ban.except),
                regex(ban.words),
                ban.rule,
            )
        })
        .collect();
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !file.is_test()) {
        let row = ROOMS.iter().find(|Room(name, _)| *name == file.room());
        let Some(Room(room, may)) = row else {
            found.push(format!(
                "src/{}: no such room in tests/layers.rs",
                file.path
            ));
            continue;
        };
        let module = file.module();
        for (number, line) in file.lines.iter().enumerate() {
            let place = format!("src/{}:{}", file.path, number + 1);
            for named in path.captures_iter(line) {
                let target = match (named.get(1), named.get(2)) {
                    (Some(target), _) => target.as_str(),
                    (None, Some(ups)) => {
                        let ups = ups.as_str().matches("super").count();
                        let is_root = ups >= module.len();
                        if is_root { &named[3] } else { module[0] }
                    }
                    _ => continue,
                };
                let is_room = ROOMS.iter().any(|Room(name, _)| *name == target);
                let is_open = matches!(*room, "lib" | "main");
                if is_room && target != *room && !may.contains(&target) && !is_open {
                    found.push(format!(
                        "{place}: `{room}` may not use `{target}`, only {}",
                        may.join(", ")
                    ));
                }
            }
            for (within, except, words, rule) in &bans {
                let is_there = within.is_match(&file.path) && !except.is_match(&file.path);
                if is_there && let Some(word) = words.find(line) {
                    found.push(format!("{place}: `{}`: {rule}", word.as_str()));
                }
            }
            if let ["adapters", own, ..] = module[..]
                && let Some(other) = line.split("crate::adapters::").nth(1)
                && !other.starts_with(own)
                && own != "mod"
            {
                found.push(format!("{place}: `{own}` may not name another adapter"));
            }
        }
        let name = module.last().copied().unwrap_or_default();
        if SAYS_NOTHING.contains(&name) {
            found.push(format!(
                "src/{}: the name says nothing of what is in it",
                file.path
            ));
        }
    }
    found
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn read(folder: &Path, files: &mut Vec<File>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            read(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let below = path.strip_prefix(source()).unwrap();
            let below = below.to_str().unwrap().replace('\\', "/");
            files.push(File::new(&below, &fs::read_to_string(&path).unwrap()));
        }
    }
}

fn house() -> Vec<File> {
    let mut files = Vec::new();
    read(&source(), &mut files);
    assert!(files.len() > 100);
    files
}

#[test]
fn no_file_crosses_a_border() {
    let found = trespasses(&house());
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn rooms_stand_on_those_above_them_so_that_there_is_no_circle() {
    let mut above: Vec<&str> = Vec::new();
    for Room(name, may) in ROOMS {
        for used in *may {
            assert!(
                above.contains(used),
                "{name} uses {used}, which stands below it"
            );
        }
        above.push(name);
    }
}

/// The modules that each module names, but for those above and below it: a module and its parts are one
/// idea.
fn needs(files: &[File]) -> BTreeMap<String, BTreeSet<String>> {
    let path = Regex::new(r"\b((?:crate|super|self)(?:::\w+)+)(?:::\{([^}]*)\})?").unwrap();
    let is_part = |file: &&File| !file.is_test() && !matches!(file.room(), "lib" | "main");
    let parts: BTreeMap<String, &File> = files
        .iter()
        .filter(is_part)
        .map(|file| (file.module().join("/"), file))
        .collect();
    let mut needs = BTreeMap::new();
    for (module, file) in &parts {
        let mut found = BTreeSet::new();
        for named in path.captures_iter(&file.lines.join("\n")) {
            let group = named.get(2).map_or("", |group| group.as_str());
            for last in group.split(',') {
                let whole = absolute(module, &format!("{}::{}", &named[1], last.trim()));
                // What follows the module is what it has.
                let lengths = (1..=whole.len()).rev();
                let mut candidates = lengths.map(|length| whole[..length].join("/"));
                found.extend(candidates.find(|it| parts.contains_key(it)));
            }
        }
        let is_above = |one: &str, other: &str| other.starts_with(&format!("{one}/"));
        found.retain(|it| it != module && !is_above(it, module) && !is_above(module, it));
        needs.insert(module.clone(), found);
    }
    needs
}

/// The words of a path that begins with `crate`, `super` or `self`, from the root on.
fn absolute(module: &str, path: &str) -> Vec<String> {
    let mut whole: Vec<&str> = module.split('/').collect();
    for word in path.split("::").filter(|word| !word.is_empty()) {
        match word {
            "crate" => whole.clear(),
            "super" => drop(whole.pop()),
            "self" => {}
            word => whole.push(word),
        }
    }
    whole.into_iter().map(str::to_owned).collect()
}

#[test]
fn no_files_need_each_other() {
    let files = house();
    let mut needs = needs(&files);
    assert!(needs.values().map(BTreeSet::len).sum::<usize>() > 1000);
    // Who needs nobody that is left, or is needed by nobody that is left, is in no circle.
    loop {
        let left: BTreeSet<_> = needs.keys().cloned().collect();
        let needed: BTreeSet<_> = needs.values().flatten().cloned().collect();
        for those in needs.values_mut() {
            those.retain(|it| left.contains(it));
        }
        needs.retain(|file, those| !those.is_empty() && needed.contains(file));
        if needs.len() == left.len() {
            break;
        }
    }
    assert!(needs.is_empty(), "these files need each other: {needs:#?}");
}

#[test]
fn every_room_is_on_the_first_page() {
    let layout = fs::read_to_string(source().join("lib.rs")).unwrap();
    for Room(name, _) in ROOMS
        .iter()
        .filter(|Room(name, _)| !matches!(*name, "lib" | "main"))
    {
        let is_there = |place: String| source().join(place).exists();
        assert!(
            is_there(format!("{name}.rs")) || is_there(format!("{name}/mod.rs")),
            "{name}"
        );
        let listed = [format!("* [`{name}`]:"), format!("* `{name}`:")];
        assert!(
            listed.iter().any(|line| layout.contains(line)),
            "lib.rs does not list {name}"
        );
    }
}

#[test]
fn names_of_types_can_be_searched_for() {
    let definition =
        Regex::new(r"^\s*(?:pub(?:\([a-z]+\))? )?(?:struct|enum|trait|type) ([A-Z]\w+)").unwrap();
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in house().iter().filter(|file| !file.is_test()) {
        let mut associated = false;
        for line in &file.lines {
            // Types inside of an impl or a trait are no names of the house.
            let begins = ["impl", "trait", "pub trait"]
                .iter()
                .any(|it| line.starts_with(it));
            associated = (associated || begins) && line != "}";
            if let Some(name) = definition.captures(line)
                && !(associated && line.starts_with(' '))
            {
                places
                    .entry(name[1].to_owned())
                    .or_default()
                    .push(file.path.clone());
            }
        }
    }
    let often: Vec<_> = places
        .iter()
        .filter(|(_, places)| places.len() > SAME_NAME)
        .collect();
    assert!(often.is_empty(), "{often:#?}");
    let lines = &places["Line"];
    assert_eq!(lines, &["device/line.rs"], "there is one Line in the house");
}

#[test]
fn what_crosses_a_border_is_told_with_file_and_rule() {
    for (path, text, told) in [
        (
            "adapters/text/sensor.rs",
            "use crate::outputs::Output;",
            "src/adapters/text/sensor.rs:1: `adapters` may not use `outputs`",
        ),
        (
            "model/value.rs",
            "//! Words.\n\nuse super::super::store::Store;",
            "src/model/value.rs:3: `model` may not use `store`",
        ),
        (
            "adapters/victron/wire/hex.rs",
            "use tokio::time::Instant;",
            "src/adapters/victron/wire/hex.rs:1: `tokio::`: the wire",
        ),
        (
            "adapters/victron/ports.rs",
            "let at = Timestamp::now();",
            "src/adapters/victron/ports.rs:1: `Timestamp::now`: an adapter asks no clock",
        ),
        (
            "adapters/victron/ports.rs",
            "use crate::adapters::text::lines;",
            "src/adapters/victron/ports.rs:1: `victron` may not name another adapter",
        ),
        (
            "adapters/aps_zigbee/radio/mod.rs",
            "use super::wire::znp::ZnpStatus;",
            "src/adapters/aps_zigbee/radio/mod.rs:1: `wire::znp`: what a radio is",
        ),
        (
            "adapters/aps_zigbee/tools/pair.rs",
            "use super::super::radio::znp::ZnpRadio;",
            "src/adapters/aps_zigbee/tools/pair.rs:1: `radio::znp`: radio::radio makes one",
        ),
        (
            "bridge/hub.rs",
            "use crate::adapters::victron;",
            "src/bridge/hub.rs:1: `bridge` may not use `adapters`",
        ),
        (
            "outputs/utils.rs",
            "",
            "src/outputs/utils.rs: the name says nothing",
        ),
        ("attic/old.rs", "", "src/attic/old.rs: no such room"),
    ] {
        let found = trespasses(&[File::new(path, text)]);
        assert!(
            found.iter().any(|line| line.contains(told)),
            "{path}: {found:?}"
        );
    }
    let allowed = "use crate::device::Protocol;\nuse super::wire::Frame; // not crate::outputs\n\
                   #[cfg(test)]\nmod tests {\n    use crate::outputs::Output;\n}\n";
    let found = trespasses(&[File::new("adapters/text/sensor.rs", allowed)]);
    assert!(found.is_empty(), "{found:?}");
}
