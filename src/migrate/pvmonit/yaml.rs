//! The plain values of a file of YAML: keys below keys by their indentation, and no more of YAML than PvMonit's file has.

use zeroize::Zeroizing;

use super::PvMonitSettings;

/// What the file says.
pub fn read(text: &str) -> PvMonitSettings {
    let mut settings = PvMonitSettings::default();
    let mut above: Vec<(usize, String)> = Vec::new();
    for line in text.lines() {
        let line = without_comment(line);
        let inner = line.trim_start_matches([' ', '\t']);
        let indent = line.len() - inner.len();
        let Some((key, value)) = split(inner.trim_end()) else {
            continue;
        };
        above.retain(|(of, _)| *of < indent);
        let path: Vec<&str> = above.iter().map(|(_, key)| key.as_str()).collect();
        take(&mut settings, &path, &key, &value);
        above.push((indent, key));
    }
    settings
}

fn take(settings: &mut PvMonitSettings, path: &[&str], key: &str, value: &str) {
    let said = Some(value.to_owned()).filter(|text| !text.is_empty());
    let is_on = matches!(value, "true" | "yes" | "on" | "1");
    match (path, key) {
        (["emoncms"], "urlInputJsonPost") => settings.url = said,
        (["emoncms"], "apiKey") => settings.key = said.map(Zeroizing::new),
        (["deviceCorrespondance"], serial) => {
            settings.names.push((serial.to_owned(), value.to_owned()));
        }
        (["data"], "ppv_total") => settings.has_total = is_on,
        (["data"], "conso_calc") => settings.has_consumption = is_on,
        (["vedirect"], "by") => settings.is_arduino = value == "arduino",
        (["dir"], "bin_enabled") => settings.has_scripts = true,
        ([], "consoPlafond") => settings.ceiling = said,
        ([], "tensionNorme") => settings.voltage = said,
        ([], "urlDataXml" | "printMessage") => {}
        _ => return,
    }
    settings.is_any = true;
}

/// Key and value of a line; nothing for an entry of a list.
fn split(line: &str) -> Option<(String, String)> {
    if line.starts_with('-') {
        return None;
    }
    let at = match line.chars().next()? {
        quote @ ('"' | '\'') => line.get(1..)?.find(quote)? + 2,
        _ => line
            .find(": ")
            .or_else(|| line.find(":\t"))
            .or_else(|| line.strip_suffix(':').map(str::len))?,
    };
    let (key, rest) = (line.get(..at)?, line.get(at..)?);
    let value = rest.trim_start().strip_prefix(':')?;
    Some((unquoted(key), unquoted(value)))
}

fn unquoted(text: &str) -> String {
    let text = text.trim();
    for quote in ['"', '\''] {
        let inner = text
            .strip_prefix(quote)
            .and_then(|text| text.strip_suffix(quote));
        if let Some(inner) = inner {
            return inner.to_owned();
        }
    }
    text.to_owned()
}

/// A `#` begins a comment at the beginning of a line and behind a blank, but not in quotes.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match (c, quote) {
            ('#', None) if before.is_whitespace() => return line.get(..at).unwrap_or(line),
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) if before.is_whitespace() || before == ':' => quote = Some(c),
            _ => {}
        }
        before = c;
    }
    line
}
