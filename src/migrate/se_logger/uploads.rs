//! Where se-logger sends: its database, and PVOutput.

use zeroize::Zeroizing;

use super::{SeLoggerFiles, line, php, python};
use crate::migrate::SecretFile;

/// Where the option file of the client program is looked for if nobody says where to write it.
const USUAL_FOLDER: &str = "/etc/wattbridge";
/// The option file.
const OPTIONS: &str = "my.cnf";
/// The key of PVOutput.
const KEY: &str = "pvoutput";
/// What the sample has.
const SAMPLE_PASSWORD: &str = "dbpassword";

/// Adds `[mysql]`, and what belongs into its option file.
pub fn mysql(
    files: &SeLoggerFiles<'_>,
    toml: &mut String,
    remarks: &mut Vec<String>,
) -> Option<SecretFile> {
    let text = |name| {
        python::value(files.config, name)
            .flatten()
            .map(|it| it.text())
    };
    let database = text("db_name")?;
    let (user, password) = (text("db_user"), text("db_pass"));
    if password
        .as_ref()
        .is_none_or(|it| it.as_str() == SAMPLE_PASSWORD)
    {
        remarks.push(
            "There is no database in config.py but that of the sample, or its password is not written as it is; [mysql] is \
             left out. docs/uploads/mysql.md shows the section."
                .to_owned(),
        );
        return None;
    }
    let folder = files.secrets.unwrap_or(USUAL_FOLDER).trim_end_matches('/');
    toml.push_str("\n[mysql]\n");
    line(toml, "name", &database);
    let options = format!("--defaults-extra-file={folder}/{OPTIONS}");
    let words = ["mariadb", options.as_str(), database.as_str()];
    let words: Vec<_> = words.into_iter().map(toml::Value::from).collect();
    toml.push_str(&format!("command = {}\n", toml::Value::from(words)));
    let mut lines = Zeroizing::new("[client]\n".to_owned());
    let host = text("db_host");
    let host = host.as_ref().map_or("localhost", |host| host.as_str());
    for (name, value) in [("user", user), ("password", password)] {
        if let Some(value) = value {
            lines.push_str(&format!("{name} = {}\n", *option(&value)));
        }
    }
    if host != "localhost" {
        lines.push_str(&format!("host = {}\n", *option(host)));
        if let Some(port) = python::number(files.config, "db_port") {
            lines.push_str(&format!("port = {port}\n"));
        }
    }
    if files.secrets.is_none() {
        remarks.push(format!(
            "The user and the password of the database are not written here. Write them into {USUAL_FOLDER}/{OPTIONS} as \
             docs/uploads/mysql.md shows, or run this again with --secrets {USUAL_FOLDER}."
        ));
    }
    remarks.push(
        "[mysql] needs the client program of the database (Debian: mariadb-client), and goes on with the tables that \
         are there."
            .to_owned(),
    );
    Some(SecretFile {
        name: OPTIONS,
        text: lines,
    })
}

/// A value of an option file.
fn option(value: &str) -> Zeroizing<String> {
    let mut quoted = Zeroizing::new("\"".to_owned());
    for letter in value.chars() {
        if matches!(letter, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push('"');
    quoted
}

/// Adds `[pvoutput]`, and its key.
pub fn pvoutput(
    files: &SeLoggerFiles<'_>,
    toml: &mut String,
    remarks: &mut Vec<String>,
) -> Option<SecretFile> {
    let Some(uploader) = files.uploader else {
        remarks.push(
            "If you send to PVOutput, name se-logger's script for it with --uploader, such as pvo-upload.php: [pvoutput] is \
             made from it."
                .to_owned(),
        );
        return None;
    };
    let system = php::constant(uploader, "PVO_SYSTEM_ID");
    let (Some(system), Some(key)) = (system, php::constant(uploader, "PVO_API_KEY")) else {
        remarks.push(
            "There is no PVO_SYSTEM_ID with a PVO_API_KEY in the file named with --uploader; [pvoutput] is left out. It should \
             be pvo-upload.php or pvo-upload-3phase.php."
                .to_owned(),
        );
        return None;
    };
    toml.push_str("\n[pvoutput]\n");
    line(toml, "system_id", &system);
    match files.secrets {
        Some(folder) => {
            let place = format!("{}/{KEY}", folder.trim_end_matches('/'));
            toml.push_str(&format!(
                "key = {{ file = {} }}\n",
                toml::Value::from(place)
            ));
        }
        None => line(toml, "key", &key),
    }
    toml.push_str("generation = \"house\"   # all panels; or one inverter by its id, as `wattbridge check --connect` shows it\n");
    remarks.push(
        "Before wattbridge starts with [pvoutput], take pvo-upload out of the crontab: docs/from-se-logger.md says in which \
         order, so that no day is spoiled. se-logger also sent the temperature and a voltage: docs/uploads/pvoutput.md shows \
         how."
            .to_owned(),
    );
    Some(SecretFile {
        name: KEY,
        text: key,
    })
}
