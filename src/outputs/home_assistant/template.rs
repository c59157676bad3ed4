//! How Home Assistant is told which part of a state message it shall take.

/// The template that picks a metric out of the state message.
pub fn template(key: &str) -> String {
    // Words that are methods of a Python dictionary, and words that do not begin with a letter,
    // cannot stand behind the point.
    const METHODS: [&str; 11] = [
        "clear",
        "copy",
        "fromkeys",
        "get",
        "items",
        "keys",
        "pop",
        "popitem",
        "setdefault",
        "update",
        "values",
    ];
    let plain = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && !key.contains('-')
        && !METHODS.contains(&key);
    if plain {
        format!("{{{{ value_json.{key} }}}}")
    } else {
        format!("{{{{ value_json['{key}'] }}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_finds_any_key() {
        assert_eq!(template("power"), "{{ value_json.power }}");
        assert_eq!(template("items"), "{{ value_json['items'] }}");
        assert_eq!(template("1st"), "{{ value_json['1st'] }}");
    }
}
