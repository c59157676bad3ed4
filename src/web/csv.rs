//! Tables as text: for programs, and for Excel, which reads numbers and columns by the language of the computer.

use crate::model::Decimal;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CsvDialect {
    separator: char,
    decimal: char,
    is_for_excel: bool,
    /// What the first columns are called.
    pub words: CsvWords,
}

/// What the first columns are called in a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CsvWords {
    lang: &'static str,
    /// The end of five minutes.
    pub time: &'static str,
    /// How far the clock is ahead of UTC.
    pub offset: &'static str,
    /// The day.
    pub date: &'static str,
    /// Between the whole and the rest of a number.
    decimal: char,
}

const WORDS: [CsvWords; 3] = [
    CsvWords {
        lang: "en",
        time: "Time (end)",
        offset: "Offset",
        date: "Date",
        decimal: '.',
    },
    CsvWords {
        lang: "de",
        time: "Zeit (Ende)",
        offset: "Abstand zu UTC",
        date: "Datum",
        decimal: ',',
    },
    CsvWords {
        lang: "fr",
        time: "Heure (fin)",
        offset: "Décalage UTC",
        date: "Date",
        decimal: ',',
    },
];

impl CsvDialect {
    /// For programs, or for Excel in a language (`de`, `de-AT`); English where that is not known.
    pub fn of(is_for_excel: bool, lang: Option<&str>) -> Self {
        let lang = lang.unwrap_or_default().to_ascii_lowercase();
        let language = lang.split(['-', '_']).next().unwrap_or_default();
        let [english, ..] = WORDS;
        let words = WORDS.into_iter().find(|words| words.lang == language);
        let words = words.filter(|_| is_for_excel).unwrap_or(english);
        Self {
            separator: if words.decimal == ',' { ';' } else { ',' },
            decimal: words.decimal,
            is_for_excel,
            words,
        }
    }

    /// Whether it is for Excel, which knows no times with an offset.
    pub const fn is_for_excel(self) -> bool {
        self.is_for_excel
    }
}

/// Lines of a table.
#[derive(Debug)]
pub struct CsvLines {
    dialect: CsvDialect,
    text: String,
    is_within_line: bool,
}

impl CsvLines {
    /// None yet.
    pub fn new(dialect: CsvDialect) -> Self {
        // Without this mark, Excel takes letters for others.
        let mark = if dialect.is_for_excel { "\u{feff}" } else { "" };
        Self {
            dialect,
            text: mark.to_owned(),
            is_within_line: false,
        }
    }

    /// Adds words.
    pub fn text(&mut self, text: &str) {
        self.separate();
        // Spreadsheets run what begins like a formula.
        let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let is_plain = |c: char| c != '"' && c != self.dialect.separator && !c.is_control();
        if is_formula || !text.chars().all(is_plain) {
            self.text.push('"');
            if is_formula {
                self.text.push('\'');
            }
            self.text.push_str(&text.replace('"', "\"\""));
            self.text.push('"');
        } else {
            self.text.push_str(text);
        }
    }

    /// Adds a date, a time or an offset, which is written by us.
    pub fn moment(&mut self, text: &str) {
        self.separate();
        self.text.push_str(text);
    }

    /// Adds a number; nothing where it is not known.
    pub fn number(&mut self, number: Option<Decimal>) {
        self.separate();
        let Some(number) = number else { return };
        let written = number.shortest();
        if self.dialect.decimal == '.' {
            self.text.push_str(&written);
        } else {
            let decimal = self.dialect.decimal.to_string();
            self.text.push_str(&written.replace('.', &decimal));
        }
    }

    /// Ends the line.
    pub fn end(&mut self) {
        self.text.push_str("\r\n");
        self.is_within_line = false;
    }

    /// How much there is.
    pub const fn len(&self) -> usize {
        self.text.len()
    }

    /// Takes what there is.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    fn separate(&mut self) {
        if self.is_within_line {
            self.text.push(self.dialect.separator);
        }
        self.is_within_line = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(dialect: CsvDialect) -> String {
        let mut lines = CsvLines::new(dialect);
        lines.text("Süd, \"oben\"; 1");
        lines.text("plain");
        lines.text("=HYPERLINK(1)");
        lines.number(Some(Decimal::new(-12_340, 3)));
        lines.number(None);
        lines.number(Some(Decimal::new(1_500, 0)));
        lines.number(Some(Decimal::new(-4, 12).rounded(1)));
        lines.end();
        lines.take()
    }

    #[test]
    fn programs_and_excel_read_it() {
        let program = "\"Süd, \"\"oben\"\"; 1\",plain,\"'=HYPERLINK(1)\",-12.34,,1500,0\r\n";
        assert_eq!(line(CsvDialect::of(false, Some("de"))), program);
        let marked = |text: &str| format!("\u{feff}{text}");
        assert_eq!(line(CsvDialect::of(true, Some("en"))), marked(program));
        assert_eq!(line(CsvDialect::of(true, Some("xx"))), marked(program));
        let german = "\"Süd, \"\"oben\"\"; 1\";plain;\"'=HYPERLINK(1)\";-12,34;;1500;0\r\n";
        for lang in ["de", "de-AT", "DE_CH", "fr"] {
            let told = line(CsvDialect::of(true, Some(lang)));
            assert_eq!(told, marked(german), "{lang}");
        }
    }

    #[test]
    fn a_line_break_stays_in_its_field() {
        let mut lines = CsvLines::new(CsvDialect::of(false, None));
        lines.text("a\nb");
        lines.text("");
        lines.end();
        assert_eq!(lines.len(), lines.take().len());
        lines.text("x");
        lines.end();
        assert_eq!(lines.take(), "x\r\n");
    }
}
