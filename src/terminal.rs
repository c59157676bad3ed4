//! What commands say to the user, on standard output.

use std::io::Write;

/// Says something, and ends the line. False when nobody reads any more, as after `| head`, which is
/// no trouble: there is nobody left to tell.
pub(crate) fn say(text: &str) -> bool {
    writeln!(std::io::stdout().lock(), "{text}").is_ok()
}
