//! Houses, layouts and fortnights that are made up.

mod layouts;
mod panels;
mod weak;
