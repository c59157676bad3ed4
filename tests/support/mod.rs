//! Pieces shared by the black-box tests.

// Each test is a crate of its own and uses only some of them.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod mosquitto;
pub(crate) mod ports;
pub(crate) mod supervisor;
