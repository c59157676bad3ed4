//! What a radio is.
