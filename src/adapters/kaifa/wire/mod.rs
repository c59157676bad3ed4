//! The bytes of the customer interface, layer by layer; no I/O, both directions.
//!
//! | Layer | Module | Carries |
//! |---|---|---|
//! | frames, messages | [`link`] | bytes of the line: M-Bus, HDLC, block transfer, or none of them |
//! | lengths, values | [`ber`], [`axdr`] | the DLMS way of writing them |

pub mod axdr;
pub mod ber;
pub mod link;
