//! What commands say to the user. The log is somewhere else.

use std::io::Write;

/// Says something that was asked for, and ends the line, on standard output. False when nobody reads any more, as after `| head`, which is
/// no trouble: there is nobody left to tell.
pub(crate) fn say(text: &str) -> bool {
    writeln!(std::io::stdout().lock(), "{text}").is_ok()
}

/// Says something that is no result, and ends the line, on standard error.
pub(crate) fn remark(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
