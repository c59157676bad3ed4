//! Wire codec of the ECU.
