//! Remarks in a text that is TOML: what begins with a `#` outside of every text.

use std::ops::Range;

/// Each remark from its `#` to the end of its line.
pub fn remarks(text: &str) -> Vec<Range<usize>> {
    let mut remarks = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find(['#', '"', '\'']) {
        let start = at + found;
        let rest = &text[start..];
        at = if rest.starts_with('#') {
            let end = start + rest.find('\n').unwrap_or(rest.len());
            let end = start + text[start..end].trim_end_matches('\r').len();
            remarks.push(start..end);
            end
        } else {
            start + quoted(rest)
        };
    }
    remarks
}

/// The length of the text in quotes that this begins with; of all there is, if it does not end.
pub fn quoted(text: &str) -> usize {
    for (fence, has_escapes) in [("\"\"\"", true), ("'''", false), ("\"", true), ("'", false)] {
        if !text.starts_with(fence) {
            continue;
        }
        let mut at = fence.len();
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            if has_escapes && rest.starts_with('\\') {
                let escaped = rest[1..].chars().next().map_or(0, char::len_utf8);
                at += 1 + escaped;
            } else if rest.starts_with(fence) {
                at += fence.len();
                // Up to two quotes more belong to a text of several lines.
                let more = text[at..]
                    .bytes()
                    .take_while(|byte| text.starts_with(*byte as char));
                return at
                    + if fence.len() == 3 {
                        more.take(2).count()
                    } else {
                        0
                    };
            } else if fence.len() == 1 && rest.starts_with('\n') {
                return at;
            } else {
                at += rest.chars().next().map_or(1, char::len_utf8);
            }
        }
        return text.len();
    }
    0
}

/// The words that stand for a secret which is not shown, wherever they occur.
pub fn placeholders(text: &str) -> Vec<(Range<usize>, usize)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(PREFIX) {
        let digits = text[at + PREFIX.len()..].bytes();
        let count = digits.take_while(u8::is_ascii_digit).count();
        let end = at + PREFIX.len() + count;
        // More digits than any number of secrets has are no number of one.
        if let Ok(number) = text[at + PREFIX.len()..end].parse() {
            found.push((at..end, number));
        }
    }
    found
}

/// What stands for a secret, before its number.
pub const PREFIX: &str = "kept-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_are_told_from_texts() {
        let text = "a = 1 # one\nb = \"# no \\\" # no\" # two\nc = '# no \\' # three\n\
                    d = \"\"\"\n# no \"\" # no\n\\\"\"\" # no\"\"\"\"\" # four\ne = '''# no ' # no''' # fünf";
        let found: Vec<&str> = remarks(text).into_iter().map(|it| &text[it]).collect();
        assert_eq!(found, ["# one", "# two", "# three", "# four", "# fünf"]);
    }

    #[test]
    fn what_stands_for_secrets_is_found_in_any_words() {
        let numbers: Vec<usize> =
            placeholders("kept-1, xkept-22y kept- kept-x kept-99999999999999999999999")
                .into_iter()
                .map(|(_, number)| number)
                .collect();
        assert_eq!(numbers, [1, 22]);
    }
}
