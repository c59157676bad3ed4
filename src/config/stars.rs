//! Patterns with stars, as sections name devices and values.

/// Whether a text fits a pattern, in which `*` is any text.
pub fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text) in [
            ("victron_*", "victron_hq1"),
            ("*", "victron_hq1"),
            ("v*_h*1", "victron_hq1"),
            ("victron_hq1", "victron_hq1"),
        ] {
            assert!(fits(pattern, text), "{pattern}");
        }
        for (pattern, text) in [
            ("victron_", "victron_hq1"),
            ("*_hq2", "victron_hq1"),
            ("x*", "victron_hq1"),
            ("", "victron_hq1"),
            ("a*a", "a"),
        ] {
            assert!(!fits(pattern, text), "{pattern}");
        }
    }
}
