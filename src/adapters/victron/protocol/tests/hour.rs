//! An hour with a device that speaks, falls silent, is unplugged and comes back, and a command in each
//! of these states.

use super::*;
use crate::links::LinkError;

const MINUTE: i64 = 60_000;

impl Bench {
    /// Lets time pass until this minute, and looks at it only when that is wanted. A device that
    /// `speaks` sends a block each second.
    fn until(&mut self, minute: i64, speaks: bool) {
        let end = minute * MINUTE;
        while self.milliseconds < end {
            let next = if speaks {
                self.milliseconds - self.milliseconds % 1000 + 1000
            } else {
                end
            };
            loop {
                let wake = i64::try_from(self.wake.as_millis()).unwrap_or(i64::MAX);
                if wake >= next {
                    break;
                }
                self.milliseconds = self.milliseconds.max(wake);
                self.handle(Input::Time);
            }
            self.milliseconds = next;
            if speaks {
                self.block(CHARGER);
            }
        }
    }

    fn set_mode(&mut self, id: u64) {
        self.command(id, "mode", &"off".into());
    }

    /// What was said to the one command that was given last.
    fn answer_to(&mut self, id: u64) -> Result<Value, String> {
        let mut finished = self.finished();
        let (of, result) = finished.pop().unwrap();
        assert_eq!((of, finished.len()), (id, 0));
        result
    }
}

#[test]
fn every_state_of_a_line_has_its_reports_and_every_command_its_answer() {
    let mut bench = Bench::new(VictronConfig::default()).hears(CHARGER_REGISTERS);

    bench.until(9, true);
    assert_eq!(bench.health(), [HealthCode::Online]);
    bench.set_mode(1);
    bench.until(10, true);
    assert_eq!(bench.answer_to(1), Ok("off".into()));
    let blocks = bench.heard.len();
    assert!(blocks > 600 && bench.heard.iter().all(|heard| *heard == Heard::Good));
    bench.reports.clear();

    // It loses its power. Who asks it meanwhile is told so.
    bench.registers.clear();
    bench.until(11, false);
    assert_eq!(bench.health(), [HealthCode::Silent]);
    bench.set_mode(2);
    bench.until(12, false);
    let why = bench.answer_to(2).unwrap_err();
    assert!(why.contains("not answer"), "{why}");
    // After ten minutes the adapter is suspected.
    bench.until(19, false);
    assert_eq!(bench.reopened, 0);
    bench.until(21, false);
    assert_eq!(bench.reopened, 1);
    assert_eq!(bench.health(), [HealthCode::Silent; 2]);
    bench.set_mode(3);
    bench.until(24, false);
    let why = bench.answer_to(3).unwrap_err();
    assert!(why.contains("not answer"), "{why}");
    let last = bench.readings().last().unwrap().get("panel_power");
    assert_eq!(last, Some(&Value::Unknown));

    // It has power again, and somebody unplugs its cable.
    bench = bench.hears(CHARGER_REGISTERS);
    bench.until(26, true);
    assert_eq!(bench.health().last(), Some(&HealthCode::Online));
    bench.reports.clear();
    let asked = bench.sent.len();
    bench.set_mode(4);
    assert_eq!(bench.written(asked).len(), 1);
    bench.handle(Input::Closed);
    let gone = LinkError::Unplugged("/dev/ttyUSB0".to_owned());
    bench.handle(Input::Unreachable(&gone));
    let why = bench.answer_to(4).unwrap_err();
    assert!(why.contains("was lost"), "{why}");
    assert_eq!(bench.health(), [HealthCode::Unreachable]);
    assert_eq!(bench.wake, Duration::MAX);
    bench.set_mode(5);
    let why = bench.answer_to(5).unwrap_err();
    assert!(why.contains("not connected"), "{why}");
    let asked = bench.sent.len();
    bench.until(40, false);
    bench.handle(Input::Unreachable(&gone));
    assert_eq!(bench.health(), [HealthCode::Unreachable]);
    assert_eq!(bench.sent.len(), asked);

    // It is plugged in again. What was asked meanwhile is not written now.
    bench.registers.insert(0x0200, vec![1]);
    bench.reports.clear();
    bench.handle(Input::Opened);
    bench.until(50, true);
    assert_eq!(bench.health(), [HealthCode::Online]);
    assert_eq!(bench.written(asked), [&Request::Ping; 0]);
    let stranger = DeviceId::new(crate::adapters::victron::KIND, "HQ0000000AC");
    bench.command_to(stranger, 6, "mode", &"off".into());
    let why = bench.answer_to(6).unwrap_err();
    assert!(why.contains("another device"), "{why}");
    bench.set_mode(7);
    bench.until(60, true);
    assert_eq!(bench.answer_to(7), Ok("off".into()));
    // Twice, for the first answer was lost.
    assert_eq!(bench.written(asked), [&Request::Set(0x0200, vec![4]); 2]);
    assert_eq!(bench.number("panel_power").as_deref(), Some("20"));
    assert_eq!(bench.reopened, 1);
    let known = bench.remembered();
    assert_eq!(known.identity.as_deref(), Some("HQ0000000AB"));
}
