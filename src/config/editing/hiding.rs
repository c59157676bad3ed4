//! The text as it is shown.

use std::collections::{BTreeMap, BTreeSet};

use super::super::file::File;
use super::broken::Salvage;
use super::kinds::SectionKinds;
use super::patch::Patch;
use super::remark_secrets;
use super::scan;
use super::secrets::{self, Home, SecretSpot};

/// Shorter words are parts of ordinary ones, and not looked for in remarks.
const TELLING: usize = 4;
/// The same in texts that are not ours.
const VEILED: usize = 6;

/// A file as it may be shown, and what is not shown of it.
pub struct Hidden {
    /// With a word such as `kept-1` in place of each secret.
    pub text: String,
    /// What those words stand for.
    pub(super) kept: BTreeMap<usize, KeptWord>,
    /// Remarks as they are shown, and as they are.
    pub(super) remarks: BTreeMap<String, String>,
    /// The file itself, or what could be understood of it.
    pub(super) file: Option<File>,
    /// The number behind the last one.
    next: usize,
    /// The secrets themselves, as far as they are no parts of ordinary words; the longest first.
    words: Vec<String>,
    /// Numbers that stand in the file by themselves.
    taken: BTreeSet<usize>,
}

/// What is not shown.
pub(super) enum KeptWord {
    /// A value or a key of that home, as it is written.
    Secret(Home, String),
    /// A remark, or a part of one.
    Remark,
    /// What could not be understood.
    Lost,
}

impl Hidden {
    /// Hides the secrets of a file. Lines of `public` are no secrets, whatever they say.
    pub fn of(text: &str, kinds: &SectionKinds, public: &BTreeSet<String>) -> Self {
        let numbers = scan::placeholders(text).into_iter();
        let mut hidden = Self {
            text: String::new(),
            kept: BTreeMap::new(),
            remarks: BTreeMap::new(),
            file: None,
            next: 1,
            words: Vec::new(),
            taken: numbers.map(|(_, number)| number).collect(),
        };
        let (spots, remarks, lost) = if let Ok(file) = File::parse(text, "") {
            let spots = secrets::find(&file, kinds);
            hidden.file = Some(file);
            (spots, scan::remarks(text), Vec::new())
        } else {
            let salvage = Salvage::of(text, kinds);
            hidden.file = File::parse(&salvage.text, "").ok();
            (salvage.spots, salvage.remarks, salvage.lost)
        };
        let mut patch = Patch::default();
        let spots: Vec<SecretSpot> = spots
            .into_iter()
            .filter(|spot| spot.place != Some(true))
            .collect();
        let known = spots.iter().map(|spot| spot.words.as_str());
        let known: Vec<&str> = known.filter(|words| words.len() >= TELLING).collect();
        hidden.words = spots
            .iter()
            .map(|spot| spot.words.clone())
            .filter(|words| words.len() >= VEILED)
            .collect();
        hidden
            .words
            .sort_by_key(|words| std::cmp::Reverse(words.len()));
        let in_line = |line: &std::ops::Range<usize>| {
            let in_line =
                |spot: &SecretSpot| line.start < spot.span.end && spot.span.start < line.end;
            spots.iter().any(in_line)
                || lost
                    .iter()
                    .any(|(it, _)| line.start < it.end && it.start < line.end)
        };
        let veiled = remark_secrets::find(text, &remarks, public, &known, in_line);
        // In the order of the text, so that numbers are.
        let mut all: Vec<Veil> = spots.iter().map(Veil::Spot).collect();
        all.extend(lost.iter().map(Veil::Lost));
        all.extend(veiled.iter().map(Veil::Remark));
        all.sort_by_key(Veil::start);
        for veil in all {
            hidden.hide(&mut patch, text, &veil);
        }
        hidden.text = patch.apply(text);
        hidden
    }

    fn hide(&mut self, patch: &mut Patch, text: &str, veil: &Veil<'_>) {
        let number = self.number();
        let word = format!("{}{number}", scan::PREFIX);
        match veil {
            Veil::Spot(spot) => {
                if patch.put(spot.span.clone(), format!("\"{word}\"")) {
                    let written = text[spot.span.clone()].to_owned();
                    self.kept
                        .insert(number, KeptWord::Secret(spot.home.clone(), written));
                }
            }
            Veil::Lost((span, is_value)) => {
                let shown = if *is_value {
                    format!("\"{word}\"")
                } else {
                    format!("# {word}")
                };
                if patch.put(span.clone(), shown) {
                    self.kept.insert(number, KeptWord::Lost);
                }
            }
            Veil::Remark(remark) => {
                let shown = if remark.is_value {
                    format!("\"{word}\"")
                } else {
                    word
                };
                let whole = &text[remark.whole.clone()];
                let before = &text[remark.whole.start..remark.veiled.start];
                let after = &text[remark.veiled.end..remark.whole.end];
                let as_shown = format!("{before}{shown}{after}");
                if patch.put(remark.veiled.clone(), shown) {
                    self.kept.insert(number, KeptWord::Remark);
                    self.remarks.insert(as_shown, whole.to_owned());
                }
            }
        }
    }

    /// Another text without the secrets of this one, wherever they stand.
    pub fn veil(&self, text: &str) -> String {
        let mut shown = text.to_owned();
        for words in &self.words {
            if shown.contains(words.as_str()) {
                shown = shown.replace(words.as_str(), "***");
            }
        }
        shown
    }

    /// Whether the word of a number stands in the file itself, as words of the user.
    pub(super) fn stands_by_itself(&self, number: usize) -> bool {
        self.taken.contains(&number)
    }

    /// The next number that stands nowhere in the file.
    fn number(&mut self) -> usize {
        while self.taken.contains(&self.next) {
            self.next += 1;
        }
        self.next += 1;
        self.next - 1
    }
}

enum Veil<'a> {
    Spot(&'a SecretSpot),
    Lost(&'a (std::ops::Range<usize>, bool)),
    Remark(&'a remark_secrets::VeiledRemark),
}

impl Veil<'_> {
    fn start(&self) -> usize {
        match self {
            Self::Spot(spot) => spot.span.start,
            Self::Lost((span, _)) => span.start,
            Self::Remark(remark) => remark.veiled.start,
        }
    }
}

impl std::fmt::Debug for Hidden {
    /// Without its secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hidden")
            .field("kept", &self.kept.len())
            .finish_non_exhaustive()
    }
}
