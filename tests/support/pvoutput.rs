//! What stands in for pvoutput.org: it answers on a real socket, and refuses what that refuses.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The key that it knows.
pub(crate) const KEY: &str = "3f9c0a71d5";
/// A key that may only read.
pub(crate) const READ_ONLY: &str = "readonly00";
/// The system that it knows.
pub(crate) const SYSTEM: &str = "12345";

/// What came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Came {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
    /// The rows in it.
    pub(crate) rows: Vec<String>,
    /// What was answered.
    pub(crate) status: u16,
}

/// An answer on demand, instead of its own.
#[derive(Debug, Clone)]
pub(crate) enum Demand {
    /// This, before anything is stored.
    Say(u16, Vec<(String, String)>, String),
    /// Stores all and answers without this row of it.
    LeaveOut(usize),
    /// Stores all and hangs up.
    HangUp,
}

/// A status as it keeps it. What is -1 or empty changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) generated: Option<i64>,
    pub(crate) power: Option<i64>,
    pub(crate) consumed: Option<i64>,
    pub(crate) consumption: Option<i64>,
    pub(crate) rest: Vec<String>,
}

/// What it knows and how it is.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) now: Timestamp,
    pub(crate) zone: TimeZone,
    pub(crate) zone_name: String,
    pub(crate) interval: i64,
    pub(crate) donations: i64,
    /// Requests an hour for each key.
    pub(crate) limit: i64,
    /// Generation before and after these minutes of the day is refused.
    pub(crate) daylight: Option<(i64, i64)>,
    /// The size of the panels in W.
    pub(crate) size: i64,
    pub(crate) statuses: BTreeMap<(String, String), Status>,
    /// The dates that got a daily output: those of the last row of each request.
    pub(crate) outputs: BTreeMap<String, i64>,
    pub(crate) came: Vec<Came>,
    pub(crate) demands: VecDeque<Demand>,
    /// Rows of these dates and times are neither stored nor answered.
    pub(crate) mute: BTreeSet<(String, String)>,
    /// How often a row had no answer, by its date and time.
    pub(crate) unanswered: BTreeMap<(String, String), usize>,
    used: HashMap<(String, i64), i64>,
}

/// The stand-in. Ends with the runtime.
#[derive(Debug, Clone)]
pub(crate) struct StandIn {
    pub(crate) address: SocketAddr,
    pub(crate) books: Arc<Mutex<Books>>,
}

impl StandIn {
    /// One in a zone.
    pub(crate) async fn start(zone: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let books = Books {
            now: Timestamp::UNIX_EPOCH,
            zone: TimeZone::get(zone).unwrap(),
            zone_name: zone.to_owned(),
            interval: 5,
            donations: 0,
            limit: 60,
            daylight: None,
            size: 100_000,
            statuses: BTreeMap::new(),
            outputs: BTreeMap::new(),
            came: Vec::new(),
            demands: VecDeque::new(),
            mute: BTreeSet::new(),
            unanswered: BTreeMap::new(),
            used: HashMap::new(),
        };
        let books = Arc::new(Mutex::new(books));
        let own = Arc::clone(&books);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&own)));
            }
        });
        Self { address, books }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Books) -> T) -> T {
        look(&mut self.books.lock().unwrap())
    }

    /// The requests with rows, each with its status.
    pub(crate) fn batches(&self) -> Vec<(u16, Vec<String>)> {
        self.with(|books| {
            let came = books.came.iter().filter(|came| came.method == "POST");
            came.map(|came| (came.status, came.rows.clone())).collect()
        })
    }
}

async fn serve(mut stream: TcpStream, books: Arc<Mutex<Books>>) {
    let Some(mut came) = read(&mut stream).await else {
        return;
    };
    let answer = {
        let mut books = books.lock().unwrap();
        let answer = books.answer(&mut came);
        came.status = answer.as_ref().map_or(0, |(status, _, _)| *status);
        books.came.push(came);
        answer
    };
    let Some((status, headers, body)) = answer else {
        return;
    };
    let mut text = format!(
        "HTTP/1.1 {status} Any\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.push_str(&body);
    let _ = stream.write_all(text.as_bytes()).await;
}

async fn read(stream: &mut TcpStream) -> Option<Came> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).ok()?;
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let mut came = Came {
        method: first.next()?.to_owned(),
        path: first.next()?.to_owned(),
        ..Came::default()
    };
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let value = value.trim().to_owned();
        came.headers.insert(name.to_ascii_lowercase(), value);
    }
    let length = came.headers.get("content-length");
    let length: usize = length.map_or(0, |it| it.parse().unwrap());
    while bytes.len() < head + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    came.body = String::from_utf8(bytes[head + 4..].to_vec()).ok()?;
    Some(came)
}

type Answered = (u16, Vec<(String, String)>, String);

impl Books {
    fn answer(&mut self, came: &mut Came) -> Option<Answered> {
        if let Some(data) = came.body.strip_prefix("data=") {
            came.rows = decoded(data).split(';').map(str::to_owned).collect();
        }
        let is_rows = came.method == "POST";
        let demand = if is_rows {
            self.demands.pop_front()
        } else {
            None
        };
        if let Some(Demand::Say(status, headers, body)) = demand {
            return Some((status, headers, body));
        }
        let mut headers = Vec::new();
        let said = self.handle(came, &mut headers);
        let (status, mut body) = match said {
            Ok(body) => (200, body),
            Err((status, text)) => {
                let kind = match status {
                    401 => "Unauthorized",
                    403 => "Forbidden",
                    _ => "Bad request",
                };
                (status, format!("{kind} {status}: {text}"))
            }
        };
        match demand {
            Some(Demand::LeaveOut(place)) => {
                let mut rows: Vec<&str> = body.split(';').collect();
                if status == 200 && place < rows.len() {
                    let row: Vec<&str> = rows.remove(place).split(',').collect();
                    let label = (row[0].to_owned(), row[1].to_owned());
                    *self.unanswered.entry(label).or_default() += 1;
                }
                body = rows.join(";");
            }
            Some(Demand::HangUp) => return None,
            _ => {}
        }
        Some((status, headers, body))
    }

    fn handle(
        &mut self,
        came: &Came,
        headers: &mut Vec<(String, String)>,
    ) -> Result<String, (u16, String)> {
        let no = |status, text: &str| Err((status, text.to_owned()));
        let header = |name: &str| came.headers.get(name).map_or("", String::as_str);
        let key = header("x-pvoutput-apikey").to_owned();
        assert!(!came.path.contains(&key), "the key is in the address");
        if key != KEY && key != READ_ONLY {
            return no(401, "Invalid API Key");
        }
        if header("x-pvoutput-systemid") != SYSTEM {
            return no(401, "Invalid System ID");
        }
        let hour = self.now.as_second().div_euclid(3600);
        let used = self.used.entry((key.clone(), hour)).or_default();
        *used += 1;
        let left = self.limit - *used;
        if header("x-rate-limit") == "1" {
            let mut tell = |name: &str, value: i64| {
                headers.push((format!("X-Rate-Limit-{name}"), value.to_string()));
            };
            tell("Limit", self.limit);
            tell("Remaining", left.max(0));
            tell("Reset", (hour + 1) * 3600);
        }
        if left < 0 {
            return Err((403, format!("Exceeded {} requests per hour", self.limit)));
        }
        if came.method == "GET" {
            assert_eq!(came.path, "/service/r2/getsystem.jsp?donations=1&tz=1");
            return Ok(format!(
                "My, roof,{},1010,10,320,Acme,1,3000,APsystems,S,30.0,No,20200228,48.1,16.3,{},{};12.0,39.98,NaN,NaN,NaN,99.3;{}",
                self.size, self.interval, self.zone_name, self.donations
            ));
        }
        assert_eq!(came.path, "/service/r2/addbatchstatus.jsp");
        assert_eq!(header("content-type"), "application/x-www-form-urlencoded");
        if key == READ_ONLY {
            return no(403, "Read only key");
        }
        self.take(&came.rows)
    }

    fn take(&mut self, rows: &[String]) -> Result<String, (u16, String)> {
        let no = |text: String| Err((400, text));
        let most = if self.donations > 0 { 100 } else { 30 };
        assert!(
            !rows.is_empty() && rows.len() <= most,
            "{} rows",
            rows.len()
        );
        let dates: Vec<&str> = rows.iter().map(|row| &row[..8]).collect();
        assert!(dates.iter().all(|date| *date == dates[0]), "two dates");
        let now = self.now.to_zoned(self.zone.clone());
        let (today, minute_now) = (
            now.date(),
            i64::from(now.hour()) * 60 + i64::from(now.minute()),
        );
        let day = |date: &str, time: &str| (date.to_owned(), time.to_owned());
        let of_date = day(dates[0], "")..day(dates[0], "~");
        let of_date = self.statuses.range(of_date);
        let mut kept: BTreeMap<_, _> = of_date
            .map(|(label, status)| (label.clone(), status.clone()))
            .collect();
        let mut answers = Vec::new();
        for row in rows {
            let fields: Vec<&str> = row.split(',').collect();
            let (date, time) = (fields[0].to_owned(), fields[1].to_owned());
            assert!(fields.last().is_some_and(|last| !last.is_empty()), "{row}");
            if self.mute.contains(&(date.clone(), time.clone())) {
                *self.unanswered.entry((date, time)).or_default() += 1;
                continue;
            }
            let parsed = Date::strptime("%Y%m%d", &date).unwrap();
            let (hour, minute) = time.split_once(':').unwrap();
            let minute = hour.parse::<i64>().unwrap() * 60 + minute.parse::<i64>().unwrap();
            assert_eq!(minute % self.interval, 0, "{row}: between two statuses");
            let days = if self.donations > 0 { 90 } else { 14 };
            let age = (today - parsed).get_days();
            if age > days {
                return no(format!("Date is older than {days} days [{date}]"));
            }
            if age < 0 || (age == 0 && minute > minute_now) {
                return no(format!("Invalid future date [{date}]"));
            }
            let number = |place: usize| -> Option<i64> {
                let text = fields.get(place).filter(|text| !text.is_empty())?;
                Some(text.parse().unwrap())
            };
            for value in [number(2), number(3), number(4), number(5)]
                .into_iter()
                .flatten()
            {
                if value < -1 {
                    return no(format!("Invalid power value [{value}]"));
                }
            }
            if fields.len() > 8 && self.donations == 0 {
                return Err((403, "Donation Mode".to_owned()));
            }
            let said = |place| number(place).filter(|value| *value >= 0);
            let status = Status {
                generated: said(2),
                power: said(3),
                consumed: said(4),
                consumption: said(5),
                rest: fields.iter().skip(6).map(|it| (*it).to_owned()).collect(),
            };
            let any = [
                status.generated,
                status.power,
                status.consumed,
                status.consumption,
            ];
            assert!(any.iter().any(Option::is_some), "{row}: nothing in it");
            if let Some((from, to)) = self.daylight
                && status.power.is_some_and(|power| power > 0)
                && !(from..=to).contains(&minute)
            {
                return no("Moon Powered".to_owned());
            }
            if let Some(power) = status.power.filter(|power| *power > self.size * 3 / 2) {
                let size = self.size;
                return no(format!(
                    "Power value [{power}] too high for system size [{size}]"
                ));
            }
            let before = kept
                .range((date.clone(), String::new())..(date.clone(), time.clone()))
                .rev();
            for of in [
                |status: &Status| status.generated,
                |status: &Status| status.consumed,
            ] {
                let least = before.clone().find_map(|(_, status)| of(status));
                if let (Some(least), Some(value)) = (least, of(&status))
                    && value < least
                {
                    return no(format!(
                        "Energy value [{value}] lower than previously recorded value: [{least}]"
                    ));
                }
            }
            let own = kept.entry((date.clone(), time.clone())).or_default();
            let merged = Status {
                generated: status.generated.or(own.generated),
                power: status.power.or(own.power),
                consumed: status.consumed.or(own.consumed),
                consumption: status.consumption.or(own.consumption),
                rest: if status.rest.is_empty() {
                    own.rest.clone()
                } else {
                    status.rest
                },
            };
            let flag = i32::from(*own != merged);
            *own = merged;
            answers.push(format!("{date},{time},{flag}"));
        }
        let total = kept.values().filter_map(|it| it.generated).max();
        self.outputs.insert(dates[0].to_owned(), total.unwrap_or(0));
        self.statuses.extend(kept);
        Ok(answers.join(";"))
    }
}

/// A field of a form as it was before.
fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                let digits = std::str::from_utf8(&digits).unwrap().to_owned();
                out.push(u8::from_str_radix(&digits, 16).unwrap());
            }
            byte => out.push(byte),
        }
    }
    String::from_utf8(out).unwrap()
}
