//! The bytes of VE.Direct: two protocols that share a wire; no I/O, both directions.
//!
//! The line runs at 19200 baud, 8N1. The knowledge is from the vendor's public documents and from
//! public captures, and holds on the captures.
//!
//! | Layer | Module | Carries |
//! |---|---|---|
//! | blocks | [`text`] | what a device says by itself, once a second |
//! | frames | [`hex`] | questions, answers, and values sent on change |

pub mod hex;
pub mod text;
