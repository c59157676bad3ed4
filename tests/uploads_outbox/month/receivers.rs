//! Those who get the month, and what is the matter with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};
use wattbridge::clock::Clock;
use wattbridge::history::History;
use wattbridge::model::{Device, Metric, Quantity, Readings, Report, Value};
use wattbridge::simulation::year::TimedReport;

use super::{Chance, Month, RECORDED, ZONE};
use crate::core::StandIn as Core;
use crate::emoncms::{Fault, StandIn as Emoncms, WRITE_KEY};
use crate::pvoutput::{Demand, KEY, SYSTEM, StandIn as PvOutput};
use crate::receiver::Receiver;
use crate::sender::Sender;

pub(crate) const METER: &str = "smart_meter_1kfm0200654321";
/// So many slots have more power than PVOutput believes.
const TOO_HIGH: usize = 8;
/// At these times it neither takes a row nor says why.
const MUTE: [(i8, &str); 3] = [(9, "11:35"), (21, "12:10"), (27, "13:00")];

/// Stands in for the client program of MySQL: it keeps what it is told, and fails as a file says.
const CLIENT: &str = r#"
cat > "$1/came"
case "$(cat "$1/fault")" in
    away) echo "ERROR 2002 (HY000): Can't connect to local server through socket" >&2; exit 1 ;;
    lost) cat "$1/came" >> "$1/all"; exit 1 ;;
esac
cat "$1/came" >> "$1/all"
tail -n 1 "$1/came" | sed "s/SELECT '\(.*\)';/\1/"
"#;

/// One target, its time and its trouble.
pub(crate) struct Line {
    pub(crate) sender: Sender,
    pub(crate) clock: Clock,
    toml: String,
    /// It gets to work one time of so many.
    pub(crate) every: u64,
    /// Its receiver is in trouble until then, and in which.
    trouble: Option<(Timestamp, u64)>,
    pub(crate) kills: usize,
    pub(crate) troubles: usize,
}

impl Line {
    pub(crate) async fn new(toml: (String, u64), history: &History, clock: Clock) -> Self {
        Self {
            sender: Sender::begin(&toml.0, history, &clock).await,
            toml: toml.0,
            every: toml.1,
            clock,
            trouble: None,
            kills: 0,
            troubles: 0,
        }
    }

    /// Whether its receiver is away.
    pub(crate) const fn is_in_trouble(&self) -> bool {
        self.trouble.is_some()
    }

    /// After a kill.
    pub(crate) async fn begin(&mut self, history: &History) {
        self.sender = Sender::begin(&self.toml, history, &self.clock).await;
    }
}

/// All of them.
pub(crate) struct Receivers {
    pub(crate) influx: Receiver,
    influx_fails: Arc<AtomicU64>,
    pub(crate) pvoutput: PvOutput,
    pub(crate) emoncms: Emoncms,
    pub(crate) core: Core,
    pub(crate) mysql: PathBuf,
    optimizers: [Device; 2],
    /// What optimizers said: by id and time the columns of their rows.
    pub(crate) said: BTreeMap<(u32, i64), String>,
}

impl Receivers {
    pub(crate) async fn start(folder: &Path, month: &Month, told: &[TimedReport]) -> Self {
        let influx_fails = Arc::new(AtomicU64::new(0));
        let influx = Receiver::start().await;
        let fails = Arc::clone(&influx_fails);
        influx.kept().hook = Some(Box::new(move |_| match fails.load(Ordering::Relaxed) {
            0 => None,
            1 => Some((None, true)),
            2 => Some((None, false)),
            3 => Some((Some((500, "timeout".to_owned())), false)),
            _ => Some((Some((404, "database not found".to_owned())), false)),
        }));
        let pvoutput = PvOutput::start(ZONE).await;
        let mut powers: Vec<i64> = told.iter().filter_map(|it| power(it, month.sun)).collect();
        powers.sort_unstable();
        let most = powers[powers.len() - TOO_HIGH - 1];
        pvoutput.with(|books| {
            books.size = most * 2 / 3 + 1;
            books.mute = MUTE
                .iter()
                .map(|(day, time)| {
                    let date = month.from.with().day(*day).build().unwrap();
                    (date.strftime("%Y%m%d").to_string(), (*time).to_owned())
                })
                .collect();
        });
        let mysql = folder.join("mysql");
        std::fs::create_dir(&mysql).unwrap();
        std::fs::write(mysql.join("client"), CLIENT).unwrap();
        std::fs::write(mysql.join("fault"), "").unwrap();
        let optimizers = ["1A2B3C4D", "5E6F7081"].map(|serial| {
            let mut device = Device::new(RECORDED, serial, "Optimizer", "SolarEdge");
            device.metrics = vec![Metric::measurement("panel_voltage", Quantity::Voltage)];
            device
        });
        Self {
            influx,
            influx_fails,
            pvoutput,
            emoncms: Emoncms::start().await,
            core: Core::start().await,
            mysql,
            optimizers,
            said: BTreeMap::new(),
        }
    }

    /// Their sections, and how often each gets to work: what looks for what it has written takes a while each time.
    pub(crate) fn tomls(&self, month: &Month) -> [(String, u64); 5] {
        let since = format!("since = \"{}\"\n", month.from);
        let sun = month.sun;
        [
            (self.influx.toml(&since), 1),
            (
                format!(
                    "[pvoutput]\nsystem_id = \"{SYSTEM}\"\nkey = \"{KEY}\"\nurl = \"{}\"\ngeneration = \"{sun}\"\nconsumption = \"house\"\n{since}",
                    self.pvoutput.url()
                ),
                1,
            ),
            (
                format!(
                    "[emoncms]\nurl = \"{}\"\nkey = \"{WRITE_KEY}\"\n{since}",
                    self.emoncms.url
                ),
                1,
            ),
            (
                format!(
                    "[statistics]\nurl = \"{}\"\ntoken = \"swordfish\"\nfill_gaps = false\nown = true\n{since}",
                    self.core.url
                ),
                12,
            ),
            (
                format!(
                    "[mysql]\ncommand = [\"sh\", {:?}, {:?}]\n",
                    self.mysql.join("client"),
                    self.mysql
                ),
                4,
            ),
        ]
    }

    /// At some times at which the meter speaks optimizers do too; their records go where they are wanted.
    pub(crate) fn roof_says(&mut self, timed: &TimedReport, history: &History) {
        let at = timed.at.as_second();
        if at % 1800 > 300 || power(timed, METER).is_none() {
            return;
        }
        for device in &self.optimizers {
            let mut readings = Readings::new(device.id.clone(), timed.at);
            let volts = 20 + at / 300 % 17;
            for (key, number) in [
                ("panel_voltage", volts),
                ("output_voltage", volts - 3),
                ("current", at / 300 % 9),
                ("temperature", at / 300 % 50 - 10),
                ("uptime", at % 65_000),
                ("energy_since_wake", 2),
            ] {
                let number = wattbridge::model::Decimal::integer(number);
                readings.push(key, Value::from(number));
            }
            let id = u32::from_str_radix(&device.serial, 16).unwrap();
            let slot = at / 300;
            let row = format!(
                "{id},{at},{},{},{},{},8000,{}",
                at % 65_000,
                volts * 8,
                (volts - 3) * 8,
                slot % 9 * 160,
                // Steps of 2 degrees, half away from zero.
                ((slot % 50 - 10) as f64 / 2.0).round()
            );
            self.said.insert((id, at), row);
            history.record_as_said(device, &readings, timed.at + SignedDuration::from_secs(10));
        }
    }

    /// Trouble comes and goes.
    pub(crate) fn trouble(
        &self,
        month: &Month,
        place: usize,
        line: &mut Line,
        now: Timestamp,
        chance: &mut Chance,
    ) {
        let long = month.long_outage.filter(|_| place == 1);
        let long = long.map(|(from, to)| (month.moment((from, 0)), month.moment((to, 0))));
        if let Some((_, to)) = long.filter(|(from, to)| (*from..*to).contains(&now)) {
            line.trouble = Some((to, 1));
        }
        if line.trouble.is_some_and(|(until, _)| until <= now) {
            line.trouble = None;
            self.fail(place, None);
        } else if line.trouble.is_none() && chance.below(25) == 0 {
            let hours = chance.of(&[1, 3, 12, 40]);
            let until = now + SignedDuration::from_hours(hours);
            line.trouble = Some((until, chance.below(4)));
            line.troubles += 1;
        }
        if let Some((_, how)) = line.trouble {
            self.fail(place, Some(how));
        }
    }

    /// The receiver of a line fails from now on, or works again.
    pub(crate) fn fail(&self, place: usize, how: Option<u64>) {
        match place {
            0 => self
                .influx_fails
                .store(how.map_or(0, |how| how + 1), Ordering::Relaxed),
            1 => self.pvoutput.with(|books| {
                books.demands.clear();
                let demand = match how {
                    Some(0) => Demand::HangUp,
                    Some(1) => Demand::Say(502, Vec::new(), "<html>".to_owned()),
                    Some(2) => Demand::Say(200, Vec::new(), String::new()),
                    Some(_) => Demand::LeaveOut(0),
                    None => return,
                };
                // Rows without an answer are given up after three times: some get through.
                let most = if matches!(demand, Demand::LeaveOut(_)) {
                    1
                } else {
                    500
                };
                books.demands.extend((0..most).map(|_| demand.clone()));
            }),
            2 => {
                let mut account = self.emoncms.account();
                account.faults.clear();
                let fault = match how {
                    Some(0) => Fault::Cut(3),
                    Some(1) => Fault::Cut(0),
                    Some(2) => Fault::Html(usize::MAX),
                    Some(_) => Fault::Empty(7),
                    None => return,
                };
                account.faults.extend((0..500).map(|_| Some(fault)));
            }
            3 => {
                let mut kept = self.core.kept();
                kept.errors.clear();
                kept.slow = 0;
                let fault = match how {
                    Some(0) => ("recorder/import_statistics", "timeout", "not now"),
                    Some(1) => ("recorder/statistics_during_period", "unknown_error", "?"),
                    Some(2) => {
                        kept.slow = 2;
                        return;
                    }
                    Some(_) => ("recorder/import_statistics", "unauthorized", "no"),
                    None => return,
                };
                kept.errors.extend((0..500).map(|_| fault));
            }
            _ => {
                let fault = match how {
                    Some(0 | 1) => "away",
                    Some(_) => "lost",
                    None => "",
                };
                std::fs::write(self.mysql.join("fault"), fault).unwrap();
            }
        }
    }
}

/// The power that a device tells, in W.
fn power(timed: &TimedReport, device: &str) -> Option<i64> {
    let Report::Readings(readings) = &timed.report else {
        return None;
    };
    let mut keys = ["power", "panel_power", "power_net"].into_iter();
    let number = keys.find_map(|key| readings.get(key).and_then(Value::as_number));
    let number = number.filter(|_| readings.device.as_str() == device)?;
    Some(number.with_scale(0).mantissa())
}
