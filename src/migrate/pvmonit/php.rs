//! The variables of a file of PHP, as far as they are literals.

use zeroize::Zeroizing;

use super::PvMonitSettings;

/// A piece of PHP.
#[derive(Debug)]
enum Token {
    /// A variable, with its `$`, a number or a word.
    Word(String),
    /// What stands in quotes.
    Text(Zeroizing<String>),
    Sign(char),
}

/// What the file says.
pub fn read(text: &str) -> PvMonitSettings {
    let tokens = tokens(text);
    let mut settings = PvMonitSettings::default();
    let mut rest = tokens.as_slice();
    while let [first, behind @ ..] = rest {
        rest = behind;
        let (Token::Word(name), [Token::Sign('='), value @ ..]) = (first, behind) else {
            continue;
        };
        let end = value
            .iter()
            .position(|token| matches!(token, Token::Sign(';')));
        let (value, after) = value.split_at(end.unwrap_or(value.len()));
        rest = after;
        take(&mut settings, name, value);
    }
    settings
}

fn take(settings: &mut PvMonitSettings, name: &str, value: &[Token]) {
    let single = match value {
        [Token::Text(text)] => Some(text.to_string()),
        [Token::Word(word)] => Some(word.clone()),
        [Token::Sign('-'), Token::Word(word)] => Some(format!("-{word}")),
        _ => None,
    };
    let said = single.filter(|text| !text.trim().is_empty());
    match name {
        "$EMONCMS_URL_INPUT_JSON_POST" => settings.url = said,
        "$EMONCMS_API_KEY" => settings.key = said.map(Zeroizing::new),
        "$TEMPERV14_BIN" => settings.thermometer = said,
        "$SONDE_TEMPERATURE_CORRECTION" => settings.correction = said,
        "$AMPEREMETRE_BIN" => settings.has_ammeter = said.is_some(),
        "$CONSO_PLAFOND" => settings.ceiling = said,
        "$VEDIRECT_BY" => settings.is_arduino = said.as_deref() == Some("arduino"),
        "$BIN_ENABLED_DIR" => settings.has_scripts = true,
        "$VEDIRECT_DEVICE_CORRESPONDANCE" => settings.names = pairs(value),
        "$VEDIRECT_BIN" | "$VEDIRECT_MPTT_DATA" | "$DATA_COLLECTE" => {}
        _ => return,
    }
    settings.is_any = true;
}

/// `'a' => 'b'`, one after the other.
fn pairs(value: &[Token]) -> Vec<(String, String)> {
    let fours = value.windows(4).filter_map(|four| match four {
        [
            Token::Text(key),
            Token::Sign('='),
            Token::Sign('>'),
            Token::Text(name),
        ] => Some((key.to_string(), name.to_string())),
        _ => None,
    });
    fours.collect()
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let behind = rest.get(c.len_utf8()..).unwrap_or_default();
        if c == '#' || rest.starts_with("//") {
            rest = behind.split_once('\n').map_or("", |(_, after)| after);
        } else if rest.starts_with("/*") {
            rest = behind.split_once("*/").map_or("", |(_, after)| after);
        } else if c == '\'' || c == '"' {
            let (text, after) = quoted(behind, c);
            tokens.push(Token::Text(text));
            rest = after;
        } else if is_of_word(c) {
            let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            tokens.push(Token::Word(word.to_owned()));
            rest = after;
        } else {
            if !c.is_whitespace() {
                tokens.push(Token::Sign(c));
            }
            rest = behind;
        }
    }
    tokens
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '$' | '_' | '.')
}

/// What stands up to the closing quote, and what is behind.
fn quoted(text: &str, quote: char) -> (Zeroizing<String>, &str) {
    let mut inside = Zeroizing::new(String::new());
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some((_, escaped)) if escaped == quote || escaped == '\\' => inside.push(escaped),
                Some((_, other)) => inside.extend(['\\', other]),
                None => break,
            },
            c if c == quote => {
                return (inside, text.get(at + c.len_utf8()..).unwrap_or_default());
            }
            c => inside.push(c),
        }
    }
    (inside, "")
}
