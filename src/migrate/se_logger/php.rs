//! The constants of a file of PHP, as far as they are literals.

use zeroize::Zeroizing;

/// What `define("NAME", "...")` says last. Lines that are commented out say nothing.
pub fn constant(source: &str, name: &str) -> Option<Zeroizing<String>> {
    source.lines().rev().find_map(|line| {
        let rest = line.trim_start().strip_prefix("define")?.trim_start();
        let (key, rest) = quoted(rest.strip_prefix('(')?)?;
        if *key != name {
            return None;
        }
        let (value, rest) = quoted(rest.trim_start().strip_prefix(',')?)?;
        rest.trim_start().starts_with(')').then_some(value)
    })
}

/// A text in quotes, and what is behind it.
fn quoted(text: &str) -> Option<(Zeroizing<String>, &str)> {
    let text = text.trim_start();
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut inside = Zeroizing::new(String::new());
    let mut chars = text.get(1..)?.chars();
    loop {
        match chars.next()? {
            c if c == quote => return Some((inside, chars.as_str())),
            '\\' => match chars.next()? {
                c if c == quote || c == '\\' => inside.push(c),
                c => inside.extend(['\\', c]),
            },
            // What is put together when it runs is no literal.
            '$' if quote == '"' => return None,
            c => inside.push(c),
        }
    }
}
