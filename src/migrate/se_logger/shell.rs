//! The values of variables in a script of a shell, as far as they are plain.

/// What a variable is set to last, in one line.
pub fn value(script: &str, name: &str) -> Option<String> {
    script.lines().rev().find_map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let value = line.strip_prefix(name)?.strip_prefix('=')?;
        let value = unquoted(value);
        (!value.is_empty() && !value.contains(['$', '`'])).then_some(value)
    })
}

/// A word of a shell without its quotes, up to where it ends.
fn unquoted(text: &str) -> String {
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => quote = Some(c),
            ('\\', None | Some('"')) => word.extend(chars.next()),
            (c, None) if c.is_whitespace() || matches!(c, ';' | '#' | '&' | '|') => break,
            (c, _) => word.push(c),
        }
    }
    word.trim().to_owned()
}
