//! Keys that no metric of an adapter may have, because the bridge or an output has them for itself.

/// The key of a metric that every device gets, and the name that a person reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// The key.
    pub key: &'static str,
    /// The name.
    pub name: &'static str,
}

const fn given(key: &'static str, name: &'static str) -> Given {
    Given { key, name }
}

/// Whether there is data of it.
pub const CONNECTIVITY: Given = given("connectivity", "Connection");
/// Whether somebody should look after it.
pub const PROBLEM: Given = given("problem", "Problem");
/// How it is, in words.
pub const REASON: Given = given("reason", "Status");
/// The same in one word for programs.
pub const HEALTH: Given = given("health", "Status code");
/// Which of its values are not believed.
pub const COUNTER_GUARD: Given = given("counter_guard", "Counter guard");

/// What every device gets from the bridge, the last one if it counts.
pub const GIVEN: [Given; 5] = [CONNECTIVITY, PROBLEM, REASON, HEALTH, COUNTER_GUARD];

/// The time of a state, beside its values.
pub const TIME: &str = "ts";
/// What was seen of the health of a device, and what can be done: parts of [`REASON`].
pub const STATUS_DETAIL: &str = "status_detail";
/// See [`STATUS_DETAIL`].
pub const STATUS_ADVICE: &str = "status_advice";
/// Before the key of a control, where that stands among those of metrics.
pub const CONTROL: &str = "set_";

/// Whether a key is reserved.
pub fn is_reserved(key: &str) -> bool {
    GIVEN.iter().any(|given| given.key == key)
        || [TIME, STATUS_DETAIL, STATUS_ADVICE].contains(&key)
        || key.starts_with(CONTROL)
}

/// Whether a person would take something of this name for what every device has.
pub fn is_name_of_given(name: &str) -> bool {
    GIVEN
        .iter()
        .any(|given| given.name.eq_ignore_ascii_case(name))
}
