//! The conversation with one database.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use super::answers::{field_in_conflict, is_own, judge, refused, words};
use super::config::InfluxSettings;
use super::lines::push_lines;
use crate::config::SecretError;
use crate::history::Wanted;
use crate::http::{HttpAnswer, HttpRequest, basic, form};
use crate::say;
use crate::uploads::{Choice, Errand, ErrandAnswer, Load, Parcel, Target, UploadVerdict};

/// So much goes out in one request, in bytes and lines.
const MOST_BYTES: usize = 1_000_000;
const MOST_LINES: usize = 5000;
/// A day: what is sent at once lies in memory, several times over.
const MOST_SLOTS: usize = 288;
/// So many fields are left out at most. Where more are refused it is no oversight.
const MOST_REFUSED: usize = 100;
/// A field that is refused is tried again after so long: perhaps somebody has dropped it there.
const REFUSED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// One database.
#[derive(Debug)]
pub struct InfluxTarget {
    settings: InfluxSettings,
    choice: Choice,
    /// The line of the head that is the login.
    login: Option<Zeroizing<String>>,
    /// The server has said that more is too large for it.
    most_bytes: usize,
    /// Fields that are of another type there. With one of them the whole line is refused, so they are left out.
    refused: BTreeSet<String>,
    refused_at: Timestamp,
}

impl InfluxTarget {
    /// That of a section. Reads its secrets.
    pub fn new(settings: InfluxSettings) -> Result<Self, SecretError> {
        let login = match (&settings.username, &settings.password, &settings.token) {
            (Some(user), password, _) if settings.version == 1 => {
                let password = password
                    .as_ref()
                    .map(crate::config::Secret::reveal)
                    .transpose()?;
                let password = password.as_ref().map_or("", |password| password.as_str());
                Some(basic(user, password))
            }
            (_, _, Some(token)) if settings.version == 2 => {
                Some(format!("Token {}", *token.reveal()?))
            }
            (_, _, Some(token)) if settings.version == 3 => {
                Some(format!("Bearer {}", *token.reveal()?))
            }
            _ => None,
        };
        Ok(Self {
            choice: Choice::new(&settings.devices),
            login: login.map(Zeroizing::new),
            most_bytes: MOST_BYTES,
            refused: BTreeSet::new(),
            refused_at: Timestamp::UNIX_EPOCH,
            settings,
        })
    }

    fn write_path(&self) -> String {
        let settings = &self.settings;
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        match settings.version {
            2 => {
                let query = form([
                    ("org", text(&settings.org).as_str()),
                    ("bucket", text(&settings.bucket).as_str()),
                    ("precision", "s"),
                ]);
                format!("/api/v2/write?{query}")
            }
            3 => {
                let query = form([
                    ("db", text(&settings.database).as_str()),
                    ("precision", "second"),
                    ("accept_partial", "true"),
                ]);
                format!("/api/v3/write_lp?{query}")
            }
            _ => {
                let database = text(&settings.database);
                let mut fields = vec![("db", database.as_str()), ("precision", "s")];
                if let Some(policy) = &settings.retention_policy {
                    fields.push(("rp", policy));
                }
                format!("/write?{}", form(fields))
            }
        }
    }

    /// Whether a field has to be left out that was not before.
    fn leave_out(&mut self, parcel: &Parcel, answer: &HttpAnswer, now: Timestamp) -> bool {
        let Some(field) = field_in_conflict(answer) else {
            return false;
        };
        let Some(Errand::Http(request)) = &parcel.errand else {
            return false;
        };
        let is_ours = String::from_utf8_lossy(&request.body).contains(&format!("{field}="));
        if !is_ours || self.refused.len() >= MOST_REFUSED || !self.refused.insert(field) {
            return false;
        }
        self.refused_at = now;
        true
    }

    fn request(&self, path: String, body: Option<String>) -> Option<HttpRequest> {
        let server = self.settings.url.as_ref()?;
        let mut request = match body {
            Some(body) => HttpRequest::post(server, path, body)
                .header("Content-Type", "text/plain; charset=utf-8"),
            None => HttpRequest::get(server, path),
        };
        if let Some(login) = &self.login {
            request = request.secret_header("Authorization", login.as_str());
        }
        Some(request)
    }
}

impl Target for InfluxTarget {
    fn wants(&self) -> Wanted {
        let choice = self.choice.clone();
        Wanted {
            series: Box::new(move |series, about| choice.names(series, about)),
            energies: Vec::new(),
            words: self.settings.texts,
        }
    }

    fn takes_again(&self) -> bool {
        true
    }

    fn most_slots(&self) -> usize {
        MOST_SLOTS
    }

    fn prepare(&mut self, load: &Load, _is_again: bool, now: Timestamp) -> Parcel {
        if now.duration_since(self.refused_at) > REFUSED_FOR {
            self.refused.clear();
        }
        let (mut body, mut lines) = (String::new(), 0);
        let mut parcel = Parcel {
            through: load.through,
            ..Parcel::default()
        };
        for slot in &load.slots {
            let before = body.len();
            push_lines(&mut body, &self.settings, slot, |id, key| {
                self.choice.names_value(id, key) && !self.refused.contains(key)
            });
            lines += slot.devices.len();
            let is_full = body.len() > self.most_bytes || lines > MOST_LINES;
            if let Some(last) = parcel.slots.last().filter(|_| is_full) {
                body.truncate(before);
                parcel.through = *last;
                break;
            }
            parcel.slots.push(slot.end);
        }
        if !body.is_empty() {
            let request = self.request(self.write_path(), Some(body));
            parcel.errand = request.map(Errand::Http);
        }
        parcel
    }

    fn judge(&mut self, parcel: &Parcel, answer: &ErrandAnswer, now: Timestamp) -> UploadVerdict {
        match answer.web() {
            Ok(answer) => {
                if self.leave_out(parcel, answer, now) {
                    // The same again without it: the other values of those lines are not there yet.
                    return UploadVerdict::Skip { slots: Vec::new() };
                }
                if answer.status.as_u16() == 413
                    && let Some(Errand::Http(request)) = &parcel.errand
                {
                    // As long as it runs; the next start tries it again.
                    self.most_bytes = (request.body.len() / 2).max(1);
                }
                match judge(&self.settings, answer) {
                    UploadVerdict::Done { trouble: None } if !self.refused.is_empty() => {
                        let fields: Vec<&str> = self.refused.iter().map(String::as_str).collect();
                        let said = format!("another type in the database: {}", fields.join(", "));
                        UploadVerdict::Done {
                            trouble: Some(refused(&said.escape_debug().to_string())),
                        }
                    }
                    verdict => verdict,
                }
            }
            Err(error) => UploadVerdict::again(say!("{error}", error)),
        }
    }

    fn trial(&self) -> Errand {
        // An empty write says whether the login and the place are right, and writes nothing.
        let request = self.request(self.write_path(), Some(String::new()));
        request.map_or_else(
            || Errand::Program {
                command: Vec::new(),
                input: String::new(),
            },
            Errand::Http,
        )
    }

    fn judge_trial(&self, answer: &ErrandAnswer) -> Result<String, String> {
        let answer = answer.web()?;
        match answer.status.as_u16() {
            200 | 204 => Ok("it lets us write".to_owned()),
            // An empty write is refused for being empty, after the login.
            400 if self.settings.version > 1 && is_own(answer) => Ok("it lets us write".to_owned()),
            _ => match judge(&self.settings, answer) {
                UploadVerdict::Hold { health, .. } => {
                    Err(format!("{}. {}", health.detail, health.advice))
                }
                _ => Err(format!(
                    "{} {}",
                    answer.status.as_u16(),
                    words(&answer.text())
                )),
            },
        }
    }
}
