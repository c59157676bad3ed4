//! What a recogniser says about the bytes at one place of the stream.

use super::event::Reason;

/// Must depend on the bytes only, and be final as soon as it is not [`Wait`](Found::Wait): so the
/// outcome is the same however the bytes are cut.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// Nothing begins here.
    Noise,
    /// So many bytes with a meaning, but without a message.
    PassOver(usize),
    /// More bytes decide. The claimed size, if it is surely worth a word when they never come.
    Wait(Option<usize>),
    /// A frame that claims so many bytes, and is broken.
    Broken(usize, Reason),
    /// What was looked for.
    Sound(T),
}

impl<T> Found<T> {
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Found<U> {
        match self {
            Self::Noise => Found::Noise,
            Self::PassOver(length) => Found::PassOver(length),
            Self::Wait(need) => Found::Wait(need),
            Self::Broken(length, reason) => Found::Broken(length, reason),
            Self::Sound(found) => Found::Sound(with(found)),
        }
    }
}
