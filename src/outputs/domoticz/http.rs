//! Telling Domoticz without a broker, by its own web server.

use super::config::DomoticzSettings;
use crate::config::SecretError;
use crate::http::{HttpAnswer, HttpError, HttpRequest, HttpServer, basic, form};
use crate::model::{Health, HealthCode};
use crate::say;

/// So many letters of an answer are shown.
const SHOWN: usize = 120;

/// Tells a device of Domoticz something.
pub fn request(
    server: &HttpServer,
    settings: &DomoticzSettings,
    svalue: &str,
) -> Result<HttpRequest, SecretError> {
    let idx = settings.idx.to_string();
    let query = form([
        ("type", "command"),
        ("param", "udevice"),
        ("idx", idx.as_str()),
        ("nvalue", "0"),
        ("svalue", svalue),
    ]);
    with_login(server, settings, &query)
}

/// Asks something that needs the login and changes nothing.
pub fn trial(server: &HttpServer, settings: &DomoticzSettings) -> Result<HttpRequest, SecretError> {
    with_login(server, settings, "type=command&param=getversion")
}

fn with_login(
    server: &HttpServer,
    settings: &DomoticzSettings,
    query: &str,
) -> Result<HttpRequest, SecretError> {
    let request = HttpRequest::get(server, format!("/json.htm?{query}"));
    let Some(user) = &settings.user else {
        return Ok(request);
    };
    let password = settings.password.as_ref();
    let password = password.map(crate::config::Secret::reveal).transpose()?;
    let login = basic(user, password.as_deref().map_or("", |word| word.as_str()));
    Ok(request.secret_header("Authorization", login))
}

/// What an answer means; `None` if all is well.
pub fn judge(idx: u32, answer: &Result<HttpAnswer, HttpError>) -> Option<Health> {
    let refused = || Health::new(HealthCode::Refused);
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let error = error.to_string();
            return Some(
                Health::new(HealthCode::Retrying)
                    .seen(say!("{error}", error))
                    .advise(say!("Domoticz gets the next value once it answers.")),
            );
        }
    };
    let status = answer.status.as_u16();
    match status {
        200 if is_ok(answer) => None,
        200 => {
            let said = shown(answer);
            Some(
                refused()
                    .seen(say!("Domoticz does not take a value for device {idx} ({said})", idx, said))
                    .advise(say!(
                        "Compare idx in [[domoticz]] with Setup, Devices in Domoticz; its user has to be allowed to change \
                         that device."
                    )),
            )
        }
        401 | 403 => Some(
            refused()
                .seen(say!("Domoticz refuses the login ({status})", status))
                .advise(say!(
                    "Correct user and password in [[domoticz]]; Domoticz has its users under Setup, Users."
                )),
        ),
        300..=499 => Some(
            refused()
                .seen(say!("this is not the address of Domoticz ({status})", status))
                .advise(say!(
                    "Write the address of Domoticz itself as url in [[domoticz]], such as http://192.168.1.10:8080."
                )),
        ),
        _ => Some(
            Health::new(HealthCode::Retrying)
                .seen(say!("Domoticz answers with an error ({status})", status))
                .advise(say!("Domoticz gets the next value once it answers.")),
        ),
    }
}

fn is_ok(answer: &HttpAnswer) -> bool {
    let said = serde_json::from_slice::<serde_json::Value>(&answer.body);
    said.is_ok_and(|said| said["status"] == "OK")
}

fn shown(answer: &HttpAnswer) -> String {
    let text: String = answer.text().chars().take(SHOWN).collect();
    text.escape_debug().to_string()
}
