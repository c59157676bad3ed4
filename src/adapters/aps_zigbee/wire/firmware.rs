//! Which firmware a stick may have.

/// A firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StickFirmware {
    /// The one that is needed, by all that can be seen.
    Modified,
    /// Z-Stack Home 1.2 as it comes: sends, and never hears an answer.
    StockHome12,
    /// Z-Stack 3.0.x as it comes. Its file has the same name as the one that is needed.
    Stock30,
    /// Z-Stack 3.x.0 of the newer chips CC26xx and CC13xx.
    Cc26xx,
    /// One that is not known.
    Unknown,
}
