//! `--set KEY=VALUE`, as everywhere.

/// One of them.
pub fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(key, _)| !key.trim().is_empty())
        .map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
        // What was meant to be one may be a secret.
        .ok_or_else(|| "this is not of the form key=value".to_owned())
}
