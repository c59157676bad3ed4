//! What the command lines of all simulators have in common.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Zoned, civil};

use super::fault::{fault_help, fault_line};
use super::{Daylight, Fault, FaultRule, House, SimPlace, Sky};

/// Why arguments that are sound by themselves do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgsError {
    /// There is no port for the last devices.
    #[error("{count} ports from {first} on do not exist; choose a smaller port with --listen")]
    NoPort {
        /// The port of the first device.
        first: u16,
        /// How many were wanted.
        count: usize,
    },
    /// The sun does not rise.
    #[error("--sunset {sunset} is not after --sunrise {sunrise}")]
    NoDay {
        /// As given.
        sunrise: civil::Time,
        /// As given.
        sunset: civil::Time,
    },
    /// There is no such time in this zone.
    #[error("--start-time {0} is a time that no calendar has")]
    NoTime(civil::DateTime),
}

/// Where devices listen, from this port on if nothing else is said.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct ListenArgs<const PORT: u16> {
    /// Address and port to listen on; 0.0.0.0 as the address lets the whole network in
    #[arg(long, value_name = "ADDRESS:PORT", default_value = on_this_host(PORT))]
    pub listen: SocketAddr,
}

/// The serial line of a device, or of several on one.
#[derive(Debug, Clone, clap::Args)]
pub struct LineArgs<const PORT: u16> {
    /// Path of the serial port to make, such as /tmp/tty0, instead of listening
    #[arg(long, value_name = "PATH", conflicts_with = "listen")]
    pub pty: Option<PathBuf>,

    /// Without a serial port: as a serial server does.
    #[command(flatten)]
    pub tcp: ListenArgs<PORT>,
}

/// What goes wrong.
#[derive(Debug, Clone, clap::Args)]
pub struct FaultArgs<F: Fault> {
    /// Something that goes wrong.
    #[arg(long = "fault", value_name = "FAULT", help = fault_line::<F>(), long_help = fault_help::<F>())]
    pub faults: Vec<FaultRule<F>>,
}

/// The house in which devices stand: its clock and its weather.
#[derive(Debug, Clone, clap::Args)]
pub struct HouseArgs {
    /// Simulated seconds for each real one: 1440 lets a day pass in a minute, 0 stops the time
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = speed)]
    pub speed: f64,

    /// Local time to begin at: 11:00, or 2026-06-21T11:00; now if left out
    #[arg(long, visible_alias = "at", value_name = "TIME")]
    pub start_time: Option<StartTime>,

    /// Time zone of the devices, such as Europe/Vienna; that of this computer if left out
    #[arg(long, value_name = "NAME", value_parser = zone)]
    pub zone: Option<TimeZone>,

    /// When the sun rises, local time
    #[arg(long, value_name = "TIME", default_value = "06:00")]
    pub sunrise: civil::Time,

    /// When the sun sets, local time
    #[arg(long, value_name = "TIME", default_value = "20:30")]
    pub sunset: civil::Time,

    /// Where weather and values come from; the same number gives the same
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
}

/// How often something is said, as people write it.
///
/// # Errors
/// What to write instead.
pub fn rhythm(text: &str) -> Result<Duration, String> {
    let rhythm = humantime::parse_duration(text).ok();
    let range = Duration::from_millis(10)..=Duration::from_secs(3600);
    let rhythm = rhythm.filter(|rhythm| range.contains(rhythm));
    rhythm.ok_or_else(|| "write a time from 10ms to 1h, such as 5s".to_owned())
}

/// The one of these models that has this name.
///
/// # Errors
/// Which names there are.
pub fn model_of<'a, T>(
    name: &str,
    models: &'a [T],
    name_of: impl Fn(&T) -> &'static str,
) -> Result<&'a T, String> {
    let found = models.iter().find(|model| name_of(model) == name);
    found.ok_or_else(|| {
        let names: Vec<_> = models.iter().map(name_of).collect();
        format!("there is no such model; there are {}", names.join(", "))
    })
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok();
    let speed = speed.filter(|speed| (0.0..=100_000.0).contains(speed));
    speed.ok_or_else(|| "write a number from 0 to 100000, such as 60".to_owned())
}

fn zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_| {
        "there is no such time zone; write a name such as Europe/Vienna or UTC".to_owned()
    })
}

/// A time of this day, or of any day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartTime {
    /// `11:00`
    Today(civil::Time),
    /// `2026-06-21T11:00`
    At(civil::DateTime),
}

impl FromStr for StartTime {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        let time = text.parse().map(Self::Today);
        time.map_err(|_| "write a time such as 11:00 or 2026-06-21T11:00")
    }
}

impl HouseArgs {
    /// A house that begins as the arguments say.
    pub fn house(&self) -> Result<House, ArgsError> {
        let (sunrise, sunset) = (self.sunrise, self.sunset);
        if sunset <= sunrise {
            return Err(ArgsError::NoDay { sunrise, sunset });
        }
        let zone = self.zone.clone().unwrap_or_else(TimeZone::system);
        let now = Zoned::now().with_time_zone(zone.clone());
        let start = self.start_time.map(|start| match start {
            StartTime::At(at) => at,
            StartTime::Today(time) => now.date().to_datetime(time),
        });
        let begin = |at: civil::DateTime| at.to_zoned(zone).map_err(|_| ArgsError::NoTime(at));
        let start = start.map(begin).transpose()?.unwrap_or(now);
        let sky = Sky::of_days(Daylight { sunrise, sunset }, self.seed);
        Ok(House::new(&start, sky).at_speed(self.speed))
    }
}

fn on_this_host(port: u16) -> String {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string()
}

impl<const PORT: u16> ListenArgs<PORT> {
    /// An address for each of so many devices: this one and the following ports. Port 0 is any free
    /// one, for each of them.
    pub fn addresses(&self, count: usize) -> Result<Vec<SocketAddr>, ArgsError> {
        let first = self.listen.port();
        let port = |number: usize| match (first, u16::try_from(number)) {
            (0, _) => Some(0),
            (_, Ok(number)) => first.checked_add(number),
            (_, Err(_)) => None,
        };
        let address = |number| Some(SocketAddr::new(self.listen.ip(), port(number)?));
        let addresses: Option<_> = (0..count).map(address).collect();
        addresses.ok_or(ArgsError::NoPort { first, count })
    }
}

impl<const PORT: u16> LineArgs<PORT> {
    /// Where the line ends.
    pub fn place(&self) -> SimPlace {
        let tcp = || SimPlace::Tcp(self.tcp.listen);
        self.pty.clone().map_or_else(tcp, SimPlace::Terminal)
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};

    use super::*;

    fn args<A: Args + FromArgMatches>(words: &[&str]) -> Result<A, String> {
        let command = A::augment_args(clap::Command::new("simulate"));
        let words = ["simulate"].iter().chain(words);
        let matches = command.try_get_matches_from(words);
        let matches = matches.map_err(|error| error.to_string())?;
        A::from_arg_matches(&matches).map_err(|error| error.to_string())
    }

    fn listen<const PORT: u16>(words: &[&str]) -> LineArgs<PORT> {
        args(words).unwrap()
    }

    #[test]
    fn a_house_begins_when_and_where_it_is_said() {
        let words = "--zone Europe/Vienna --start-time 2026-06-21T11:00 --speed 0 --seed 7";
        let words: Vec<_> = words.split_whitespace().collect();
        let house = args::<HouseArgs>(&words).unwrap().house().unwrap();
        let local = house.local(house.now());
        assert_eq!(local, civil::date(2026, 6, 21).at(11, 0, 0, 0));
        assert_eq!(house.sky(), Sky::of_days(Daylight::default(), 7));
        let today = args::<HouseArgs>(&["--at=06:30", "--speed=0"]);
        let house = today.unwrap().house().unwrap();
        assert_eq!(house.local(house.now()).time(), civil::time(6, 30, 0, 0));
    }

    #[test]
    fn mistakes_are_explained() {
        for (words, remedy) in [
            ("--speed=fast", "from 0 to 100000"),
            ("--speed=-1", "from 0 to 100000"),
            ("--zone=Vienna", "such as Europe/Vienna"),
            ("--start-time=noon", "such as 11:00"),
        ] {
            let error = args::<HouseArgs>(&[words]).unwrap_err();
            assert!(error.contains(remedy), "{error}");
        }
        let never = args::<HouseArgs>(&["--sunrise=12:00", "--sunset=11:00"]);
        let error = never.unwrap().house().unwrap_err().to_string();
        assert!(error.contains("is not after --sunrise"), "{error}");
    }

    #[test]
    fn each_kind_of_device_has_its_usual_port() {
        let first = listen::<2001>(&[]).tcp.addresses(2).unwrap();
        assert_eq!(
            first,
            ["127.0.0.1:2001", "127.0.0.1:2002"].map(|it| it.parse().unwrap())
        );
        assert_eq!(listen::<2011>(&[]).tcp.listen.port(), 2011);
    }

    #[test]
    fn devices_take_ports_in_a_row() {
        let ports = |words: &[&str], count| {
            let addresses = listen::<2001>(words).tcp.addresses(count)?;
            Ok(addresses.iter().map(SocketAddr::port).collect::<Vec<_>>())
        };
        assert_eq!(ports(&["--listen", "0.0.0.0:0"], 3), Ok(vec![0, 0, 0]));
        assert_eq!(
            ports(&["--listen", "[::1]:65534"], 2),
            Ok(vec![65534, 65535])
        );
        let error: ArgsError = ports(&["--listen", "[::1]:65534"], 3).unwrap_err();
        assert!(
            error.to_string().contains("choose a smaller port"),
            "{error}"
        );
    }

    #[test]
    fn a_line_is_a_serial_port_if_there_is_a_path() {
        let path = listen::<2001>(&["--pty", "/tmp/meter"]).place();
        assert!(matches!(path, SimPlace::Terminal(path) if path.ends_with("meter")));
        assert!(matches!(listen::<2001>(&[]).place(), SimPlace::Tcp(_)));
    }
}
