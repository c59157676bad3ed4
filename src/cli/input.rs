//! Bytes from files, however they are written down.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};

use super::trouble::why;
use crate::links::{Event, Recording};

/// More than any recording of a home.
const LARGEST: u64 = 256 << 20;

/// Reads a file, or the standard input for `-`.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, anyhow::Error> {
    let mut bytes = Vec::new();
    let name = path.display();
    let count = if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(LARGEST + 1)
            .read_to_end(&mut bytes)
    } else {
        let file = std::fs::File::open(path)
            .map_err(|error| anyhow!("{name} cannot be opened: {}", why(&error)))?;
        file.take(LARGEST + 1).read_to_end(&mut bytes)
    };
    let count = count.map_err(|error| anyhow!("{name} cannot be read: {}", why(&error)))?;
    if count as u64 > LARGEST {
        bail!("{name} is larger than 256 MiB; split it");
    }
    Ok(bytes)
}

/// The bytes from a device in a file: from a recording, from hexadecimal text, or as they are.
/// Each part is a stream of its own.
pub(super) fn streams(content: Vec<u8>) -> Result<Vec<Vec<u8>>, anyhow::Error> {
    if let Ok(text) = std::str::from_utf8(&content) {
        if text
            .trim_start_matches('\u{feff}')
            .starts_with("# wattbridge recording")
        {
            return Ok(received(&Recording::parse(text)?));
        }
        if let Some(bytes) = hex(text) {
            return Ok(vec![bytes]);
        }
    }
    Ok(vec![content])
}

fn received(recording: &Recording) -> Vec<Vec<u8>> {
    let mut streams = std::collections::BTreeMap::<u64, Vec<u8>>::new();
    for line in &recording.lines {
        if let Event::Received(bytes) = &line.event {
            streams
                .entry(line.connection)
                .or_default()
                .extend_from_slice(bytes);
        }
    }
    streams.into_values().collect()
}

/// Bytes from hexadecimal text with white space, `0x` and comments after `#`.
fn hex(text: &str) -> Option<Vec<u8>> {
    let mut digits = Vec::with_capacity(text.len());
    for line in text.lines() {
        let line = line.split_once('#').map_or(line, |(before, _)| before);
        for word in line
            .split([' ', '\t', ',', ':', '\r'])
            .filter(|word| !word.is_empty())
        {
            let word = word.strip_prefix("0x").unwrap_or(word);
            digits.extend(word.chars().map(|c| c.to_digit(16)));
        }
    }
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    digits
        .chunks(2)
        .map(|pair| Some((pair[0]? * 16 + pair[1]?) as u8))
        .collect()
}

/// The paths to read: the standard input if none is given.
pub(super) fn or_stdin(paths: &[PathBuf]) -> Vec<PathBuf> {
    if paths.is_empty() {
        vec![PathBuf::from("-")]
    } else {
        paths.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_forms_apart() {
        let of = |content: &[u8]| streams(content.to_vec()).unwrap().concat();
        assert_eq!(of(b"4150 53 # the head\n0x31,31"), b"APS11");
        assert_eq!(of(b"APS1100160001END\n"), b"APS1100160001END\n");
        assert_eq!(of(&[0xff, 0x00]), [0xff, 0x00]);
        assert_eq!(of(b""), b"");
        assert_eq!(of(b"415"), b"415");
    }

    #[test]
    fn takes_what_a_recording_received() {
        let recording =
            b"# wattbridge recording 1\n# adapter: aps_ecu\n# started: 2026-06-21T10:00:00Z\n\
            0 1 open x\n0 1 > 41\n0 1 < 42\n0 2 < 44\n0 1 < 43\n";
        assert_eq!(
            streams(recording.to_vec()).unwrap(),
            [b"BC".to_vec(), b"D".to_vec()]
        );
        assert!(streams(b"# wattbridge recording 1\nx".to_vec()).is_err());
    }
}
