//! What is no secret to who edits the file, and is not passed on to others all the same.
//!
//! Arguments of programs and what is said to a device may hold passwords that nobody can tell from other words.

use super::super::file::File;
use super::super::messages::is_same;
use super::super::tree::{Node, Place, Value};
use super::kinds::SectionKinds;
use super::patch::Patch;
use super::scan;

/// A key whose value is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WithheldKey {
    /// The kind of section.
    pub section: &'static str,
    /// The key.
    pub key: &'static str,
    /// Whether the first word stays, which is a program.
    pub keeps_first: bool,
}

/// What stands in place of it.
const VEIL: &str = "***";

/// A text without the values of such keys, also in its remarks, and the words that were taken out.
pub fn withhold(text: &str, kinds: &SectionKinds, keys: &[WithheldKey]) -> (String, Vec<String>) {
    let mut withheld = Withheld::default();
    let mut remarks = None;
    if let Ok(file) = File::parse(text, "") {
        for top in &file.tops {
            let section = kinds.name(&top.name);
            for held in keys.iter().filter(|held| is_same(held.section, section)) {
                if let Some(entry) = top.node().get(held.key) {
                    withheld.veil(&entry.node, held.keeps_first);
                }
            }
        }
        remarks = Some(scan::remarks(text));
    }
    withheld.lines(text, remarks.as_deref(), keys);
    (withheld.patch.apply(text), withheld.words)
}

#[derive(Default)]
struct Withheld {
    patch: Patch,
    words: Vec<String>,
}

impl Withheld {
    fn veil(&mut self, node: &Node, keeps_first: bool) {
        let shown = match &node.value {
            Value::List(items) => {
                for item in items.iter().skip(usize::from(keeps_first)) {
                    self.veil(item, false);
                }
                return;
            }
            Value::Table(entries) => {
                entries
                    .iter()
                    .for_each(|entry| self.veil(&entry.node, false));
                return;
            }
            Value::Text(text) => {
                let first = text.split_once(char::is_whitespace);
                let shown = match first.filter(|_| keeps_first) {
                    Some((first, _)) if !first.contains(['"', '\\']) => {
                        format!("\"{first} {VEIL}\"")
                    }
                    None if keeps_first => return,
                    _ => format!("\"{VEIL}\""),
                };
                self.words
                    .extend(text.split_whitespace().map(str::to_owned));
                shown
            }
            _ => format!("\"{VEIL}\""),
        };
        if let Place::Span(span) = &node.place {
            self.patch.put(span.clone(), shown);
        }
    }

    /// In remarks, and where the text is no TOML, lines have to do.
    fn lines(
        &mut self,
        text: &str,
        remarks: Option<&[std::ops::Range<usize>]>,
        keys: &[WithheldKey],
    ) {
        let mut at = 0;
        let mut is_open = false;
        for line in text.split_inclusive('\n') {
            let start = at;
            at += line.len();
            let end = start + line.trim_end().len();
            let from = match remarks {
                None => Some(start),
                Some(remarks) => {
                    let mut inside = remarks.iter().map(|remark| remark.start);
                    inside.find(|remark| start <= *remark && *remark < at)
                }
            };
            let Some(from) = from else {
                is_open = false;
                continue;
            };
            let rest = text.get(from..end).unwrap_or_default();
            let found = if is_open {
                let bare = rest.trim_start_matches([' ', '\t', '#']);
                Some((rest.len() - bare.len(), false))
            } else {
                value_in(rest, keys)
            };
            let Some((offset, keeps_first)) = found else {
                continue;
            };
            let value = rest.get(offset..).unwrap_or_default();
            let begins = is_open || value.trim_start().starts_with('[');
            is_open = begins && !value.contains(']');
            let kept = if keeps_first { first_word(value) } else { 0 };
            let taken = value.get(kept..).unwrap_or_default();
            let words = taken.split(['"', '\'', ',', '[', ']', ' ', '#']);
            let words = words.filter(|word| !word.is_empty());
            self.words.extend(words.map(str::to_owned));
            if !taken.trim().is_empty() {
                self.patch
                    .put(from + offset + kept..end, format!(" {VEIL}"));
            }
        }
    }
}

/// Where the value begins in a line that has such a key, and whether its first word stays.
fn value_in(line: &str, keys: &[WithheldKey]) -> Option<(usize, bool)> {
    let found = keys.iter().filter_map(|held| {
        let mut places = line.match_indices(held.key);
        places.find_map(|(at, key)| {
            let before = line.get(..at)?;
            let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
            let behind = line.get(at + key.len()..)?;
            let bare = behind.trim_start_matches(['"', '\'', ' ', '\t']);
            let is_key = !before.ends_with(is_part) && bare.starts_with('=');
            is_key.then(|| (line.len() - bare.len() + 1, held.keeps_first))
        })
    });
    found.min()
}

/// Where the first word in quotes ends, of a list or alone.
fn first_word(value: &str) -> usize {
    let Some(start) = value.find(['"', '\'']) else {
        return 0;
    };
    let quote = value.get(start..=start).unwrap_or_default();
    let rest = value.get(start + 1..).unwrap_or_default();
    match rest.find(quote) {
        Some(end) if !rest.get(..end).is_some_and(|word| word.contains(' ')) => start + end + 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::kinds::SectionKind;
    use super::*;

    const fn key(section: &'static str, key: &'static str, keeps_first: bool) -> WithheldKey {
        WithheldKey {
            section,
            key,
            keeps_first,
        }
    }

    fn withheld(text: &str) -> (String, Vec<String>) {
        let kind = |name| SectionKind {
            name,
            others: &[],
            schema: schemars::Schema::default(),
            can_be_left_out: false,
        };
        let keys = [
            key("text", "command", true),
            key("text", "ask", false),
            key("mqtt", "username", false),
        ];
        withhold(text, &SectionKinds(vec![kind("text"), kind("mqtt")]), &keys)
    }

    #[test]
    fn arguments_and_names_are_not_passed_on_however_they_are_written() {
        for text in [
            "[[text]]\ncommand = [\"/x/cnt.sh\", \"--password\", \"zqSECRET\"]\n",
            "[[text]]\n  \"command\" = [\n  '/x/cnt.sh',\n  \"zqSECRET\", # zqq\n]\n",
            "text = [{ command = [\"/x/cnt.sh\", \"a\", \"\\u007aqSECRET\"] }]\n",
            "[[text]]\ncommand = \"/x/cnt.sh --password zqSECRET\"\n",
            "[[text]]\nask = \"login zqSECRET\"\n",
            "[[text]]\nask = '''\nlogin zqSECRET'''\n",
            "[mqtt]\nusername = \"zqSECRET\"\n",
            "mqtt.username = \"zqSECRET\"\n",
            "mqtt = { username = \"zqSECRET\" }\n",
            "#command = [\"/x/cnt.sh\", \"zqSECRET\"]\n",
            "# command = [\n#   \"/x/cnt.sh\",\n#  \"zqSECRET\",\n# ]\n",
            "[mqtt] # username = \"zqSECRET\"\n",
            "[[text]\ncommand = [\n  \"/x/cnt.sh\",\n  \"zqSECRET\"\n]\nask = \"zqSECRET\"\n",
            "= broken\n[mqtt]\nusername = zqSECRET\n",
        ] {
            let (shown, words) = withheld(text);
            assert!(!shown.contains("SECRET"), "{text}: {shown}");
            assert!(shown.contains("***"), "{text}: {shown}");
            assert!(
                words.iter().any(|it| it.contains("zqSECRET")),
                "{text}: {words:?}"
            );
            let is_toml = |text: &str| File::parse(text, "").is_ok();
            assert_eq!(is_toml(text), is_toml(&shown), "{shown}");
        }
        let two = "[[text]]\ncommand = [\"/x/cnt.sh\", \"a\"]\n#command = [\"y\", \"z\"]\n";
        assert_eq!(
            withheld(two).0,
            "[[text]]\ncommand = [\"/x/cnt.sh\", \"***\"]\n#command = [\"y\" ***\n"
        );
        let plain = "# Commands are run, and asked for their task.\n[[text]]\ncommand = [\"x\"]\n[other]\nask = 1\n";
        assert_eq!(withheld(plain), (plain.to_owned(), Vec::new()));
    }
}
