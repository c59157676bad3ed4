//! What Victron devices report: data, not code. [`table`] has the metrics, [`origins`] says which
//! label of the text and which register of HEX carries each.

mod origins;
mod table;

use std::borrow::Cow;

use super::wire::words::{OTHER, Words};
use crate::model::Metric;

pub use origins::{of_label, of_register};
pub use table::{ALWAYS, DEVICE};

/// The metric of this key.
pub fn metric(key: &str) -> Option<&'static Metric> {
    DEVICE.iter().find(|metric| metric.key == key)
}

/// The words of a table as the options of a state, and one for what is not in it.
const fn options<const COUNT: usize>(words: &Words) -> [Cow<'static, str>; COUNT] {
    let mut options = [const { Cow::Borrowed(OTHER) }; COUNT];
    let (mut at, mut next) = (0, 0);
    while at < words.list.len() {
        if words.is_first(at) {
            // Constants cannot run the destructor that plain assignment implies.
            let word = Cow::Borrowed(words.list[at].1);
            std::mem::forget(std::mem::replace(&mut options[next], word));
            next += 1;
        }
        at += 1;
    }
    options
}
