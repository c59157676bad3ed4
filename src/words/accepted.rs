//! The languages that a browser asks for.

use super::Language;

/// More than this nobody asks for.
const MOST: usize = 32;

/// The first of them that there is, by what is wanted most.
pub fn first(header: &str) -> Option<Language> {
    let wanted = header.split(',').take(MOST).filter_map(|item| {
        let (language, weight) = item.split_once(';').unwrap_or((item, ""));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
        let weight: f32 = weight.trim().parse().ok()?;
        let language: Language = language.trim().parse().ok()?;
        (weight > 0.0).then_some((language, weight))
    });
    // Of equals the first one counts.
    wanted
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
        .map(|(language, _)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_most_comes_first() {
        for (header, language) in [
            ("de-AT,de;q=0.9,en;q=0.8", Some(Language::De)),
            ("en;q=0.5, fr;q=0.9", Some(Language::Fr)),
            ("it, fr;q=0.3", Some(Language::Fr)),
            ("fr;q=0, en", Some(Language::En)),
            ("FR", Some(Language::Fr)),
            ("it", None),
            ("*", None),
            ("", None),
            ("de;q=x", None),
        ] {
            assert_eq!(first(header), language, "{header}");
        }
    }
}
