//! What a recogniser says about the bytes at one place of the stream.

use super::event::Reason;
use super::{hdlc, mbus};

/// Must depend on the bytes only, and be final as soon as it is not [`Wait`](Found::Wait): so the
/// outcome is the same however the bytes are cut.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// Nothing begins here.
    Noise,
    /// So many bytes with a meaning, but without a message.
    PassOver(usize),
    /// More bytes decide. The claimed size, if it is surely worth a word when they never come.
    Wait(Option<usize>),
    /// A frame that claims so many bytes, and is broken.
    Broken(usize, Reason),
    /// A sound M-Bus frame.
    MBus(mbus::Frame<'a>),
    /// A sound HDLC frame.
    Hdlc(hdlc::Frame<'a>),
    /// A message of so many bytes, without a frame.
    Raw(usize),
}
