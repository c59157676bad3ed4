//! What goes wrong around a stick at the worst moment.

use super::*;

impl Bench {
    /// The stick is unplugged, and plugged in again after a while.
    fn unplug(&mut self, seconds: u64) {
        self.handle(Input::Closed);
        let error = crate::links::LinkError::RecordingEnded;
        self.handle(Input::Unreachable(&error));
        self.stick.replug();
        self.stick.run(Duration::from_secs(seconds));
        self.handle(Input::Opened);
    }
}

#[test]
fn a_stick_that_is_unplugged_while_it_pairs_goes_on_asking() {
    let mut bench = Bench::with("DS3,YC600", true, |_, _| {}, |_| {});
    bench.minutes(2);
    let ids = bench.ids();
    bench.command(&ids[0], "pair", Value::Unknown);
    bench.run(Duration::from_secs(8));
    bench.unplug(5);
    bench.minutes(5);
    bench
        .reports
        .retain(|report| matches!(report, Report::Device(_)));
    bench.minutes(3);
    assert!(bench.number(&ids[1], "power").is_some());
}
