//! What one inverter does otherwise than others, and what holds for all of them for a while.

use std::time::Duration;

/// What is peculiar to one inverter.
#[derive(Debug, Clone, PartialEq)]
pub struct InverterManners {
    /// Whether it answers when it is asked for its address; the usual of its kind if left out.
    pub answers_ask: Option<bool>,
    /// Whether it answers when it is told to move.
    pub answers_move: Option<bool>,
    /// The second byte of that answer.
    pub second: Option<u8>,
    /// It answers from this round of pairing on.
    pub from_round: u32,
    /// Whether it is near enough for pairing.
    pub is_in_reach: bool,
    /// Whether it answers with its own number when another one is asked for.
    pub answers_for_others: bool,
    /// Inputs without a panel, from 0 on.
    pub missing_inputs: Vec<usize>,
    /// Whether it has no grid.
    pub has_no_grid: bool,
    /// How long it takes to answer, at least.
    pub delay: Duration,
    /// The part of its answers that is lost.
    pub loss: f64,
    /// How well it is heard, of 255; as it is with its place if left out.
    pub quality: Option<u8>,
    /// Through which others it is heard, by their places in the list; the last of them is next to the stick.
    pub relays: Vec<usize>,
    /// So many limits that it is told are taken and not kept.
    pub ignored_limits: u32,
    /// Whether it takes no limit.
    pub refuses_limits: bool,
    /// Whether it forgets its limit at night.
    pub forgets_limit: bool,
    /// So many requests after each start of the stick go unanswered.
    pub patience: u32,
    /// Whether it answers once after each start of the stick, and then no more.
    pub answers_once: bool,
}

impl Default for InverterManners {
    fn default() -> Self {
        Self {
            answers_ask: None,
            answers_move: None,
            second: None,
            from_round: 1,
            is_in_reach: true,
            answers_for_others: false,
            missing_inputs: Vec::new(),
            has_no_grid: false,
            delay: Duration::from_millis(350),
            loss: 0.0,
            quality: None,
            relays: Vec::new(),
            ignored_limits: 0,
            refuses_limits: false,
            forgets_limit: false,
            patience: 0,
            answers_once: false,
        }
    }
}

/// What holds for all of them for a while.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AirConditions {
    /// It is night whatever the time.
    pub is_night: bool,
    /// There is no grid.
    pub has_no_grid: bool,
    /// This input, from 0 on, has no panel.
    pub missing_input: Option<usize>,
    /// Grid voltage and frequency are told as zeros by a QS1.
    pub has_zeros: bool,
    /// In twilight they start over and over.
    pub is_flapping: bool,
    /// They forget their limits at night.
    pub forgets_limits: bool,
    /// Answers in two parts do not reach the host.
    pub loses_long: bool,
    /// Each answers once after a start of the stick.
    pub answers_once: bool,
    /// So many requests go unanswered after a start of the stick.
    pub patience: u32,
    /// Nobody repeats what is said to everybody.
    pub has_no_echo: bool,
    /// Nobody answers when it is paired.
    pub pairs_never: bool,
    /// They do from this round on.
    pub pairs_from: u32,
    /// Only when asked for the address.
    pub pairs_on_ask: bool,
    /// Only when told to move.
    pub pairs_on_move: bool,
    /// Only those that have started anew since they were there do.
    pub pairs_restarted: bool,
    /// Others answer as well.
    pub pairs_others: bool,
    /// What stands behind the limit on the page of a YC600 or QS1, if it is not zeros.
    pub limit_marker: Option<[u8; 2]>,
}

/// What happens to one request and its answer.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AirMishaps {
    /// The answer is lost.
    pub is_lost: bool,
    /// Nobody knows the way.
    pub has_no_route: bool,
    /// Nobody acknowledges.
    pub has_no_ack: bool,
    /// The answer comes so much later.
    pub late: Duration,
    /// It comes twice.
    pub is_repeated: bool,
    /// The request comes back.
    pub is_looped: bool,
    /// A limit is taken and not kept.
    pub ignores_limit: bool,
    /// A limit is refused.
    pub refuses_limit: bool,
}
