//! `wattbridge migrate`: the configuration of another program, turned into ours.

use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::CliError;
use super::trouble::why;
use crate::config::{Problem, Problems};
use crate::migrate::rpi_ecu::{self, EcuFile, EcuOptions};
use crate::migrate::se_logger::SeLoggerFiles;
use crate::migrate::{Migrated, SecretFile, kaifareader, pvmonit, se_logger};
use crate::terminal::{remark, say};

/// Turns the configuration of another program into one for wattbridge
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wattbridge migrate kaifareader meter.json > wattbridge.toml
  (umask 077; wattbridge migrate kaifareader > wattbridge.toml)   yours alone
  wattbridge migrate se-logger config.py --service se-logger-service.sh
  wattbridge migrate se-logger --uploader pvo-upload.php --secrets keys
  wattbridge migrate pvmonit config.php --key-file /etc/wattbridge/emoncms
  wattbridge migrate rpi-ecu 20260614-ecu_backup.tar
  wattbridge migrate rpi-ecu inv*.json --ecu-id D8A3011B9780

The other program's file stays as it is. Exit code 2 means that it cannot be used, and says why.")]
pub struct MigrateArgs {
    #[command(subcommand)]
    from: From,
}

/// The programs whose files can be read.
#[derive(Debug, Subcommand)]
enum From {
    /// From kaifareader, for smart meters: its meter.json
    Kaifareader {
        /// The file
        #[arg(value_name = "FILE", default_value = kaifareader::USUAL_FILE)]
        file: PathBuf,
    },
    /// From se-logger, for SolarEdge inverters with a display: its config.py
    SeLogger {
        /// The file
        #[arg(value_name = "FILE", default_value = se_logger::USUAL_FILE)]
        file: PathBuf,
        /// The script that captures, se-logger-service.sh: says at which interface
        #[arg(long, value_name = "FILE")]
        service: Option<PathBuf>,
        /// The script for PVOutput, pvo-upload.php: has its key
        #[arg(long, value_name = "FILE")]
        uploader: Option<PathBuf>,
        /// Where to write the option file of the database (my.cnf) and the key of PVOutput, for nobody else to read
        #[arg(long, value_name = "FOLDER")]
        secrets: Option<PathBuf>,
    },
    /// From PvMonit, for Victron devices and emoncms: its config.php or config.yaml
    #[command(name = "pvmonit")]
    PvMonit {
        /// The file [default: /opt/PvMonit/config.yaml, or else config.php there]
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// Where to write the key of emoncms, for nobody else to read; without it the key is in the configuration
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
    },
    /// From RPI-ECU, ESP-ECU and kin, for APsystems inverters over a Zigbee module
    ///
    /// Reads the backup YYYYMMDD-ecu_backup.tar of RPI-ECU, or its folder ecu_data; the answers of ESP-ECU, ESP32-ECU and
    /// ESP32C6-ECU for each inverter, saved to files; and the file .storage/core.config_entries of Home Assistant with
    /// the integration ha-apsystems-ds3. Each is recognised by what is in it, and several are put together.
    #[command(visible_alias = "esp-ecu")]
    RpiEcu {
        /// Files, or the folder ecu_data
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// The ECU id, where no file has it: 12 hexadecimal digits
        #[arg(long, value_name = "ID")]
        ecu_id: Option<String>,
        /// Degrees north, where no file has them
        #[arg(long, value_name = "DEGREES", allow_negative_numbers = true)]
        latitude: Option<f64>,
        /// Degrees east, where no file has them
        #[arg(long, value_name = "DEGREES", allow_negative_numbers = true)]
        longitude: Option<f64>,
    },
}

pub fn run(args: &MigrateArgs) -> Result<(), CliError> {
    match &args.from {
        From::Kaifareader { file } => {
            let name = file.display().to_string();
            let hint = "name the file: wattbridge migrate kaifareader /path/to/meter.json";
            let migrated = kaifareader::migrate(&read(file, hint)?)
                .map_err(|error| Problems::from(Problem::new(name, error.to_string(), "")))?;
            print(&migrated);
        }
        From::SeLogger {
            file,
            service,
            uploader,
            secrets,
        } => {
            let name = file.display().to_string();
            let hint = "name the file: wattbridge migrate se-logger /path/to/config.py";
            let config = Zeroizing::new(read(file, hint)?);
            let script = |file: &Option<PathBuf>| {
                let text = file.as_ref().map(|file| read(file, "compare its name"));
                text.transpose().map(|text| text.map(Zeroizing::new))
            };
            let (service, uploader) = (script(service)?, script(uploader)?);
            let folder = secrets.as_ref().map(|folder| folder.display().to_string());
            let files = SeLoggerFiles {
                config: &config,
                service: service.as_ref().map(|text| text.as_str()),
                uploader: uploader.as_ref().map(|text| text.as_str()),
                secrets: folder.as_deref(),
            };
            let (migrated, written) = se_logger::migrate(&files)
                .map_err(|error| Problems::from(Problem::new(name, error.to_string(), "")))?;
            for secret in secrets
                .iter()
                .flat_map(|folder| written.iter().map(move |it| (folder, it)))
            {
                let (folder, SecretFile { name, text }) = secret;
                write_secret(&folder.join(name), text.trim_end(), "--secrets")?;
            }
            print(&migrated);
        }
        From::PvMonit { file, key_file } => {
            let usual = || {
                let mut usual = pvmonit::USUAL_FILES.iter().map(PathBuf::from);
                usual.find(|file| file.exists()).unwrap_or_default()
            };
            let file = file.clone().unwrap_or_else(usual);
            let name = file.display().to_string();
            let hint = "name the file: wattbridge migrate pvmonit /path/to/config.php";
            if name.is_empty() {
                let what = "there is no configuration of PvMonit in /opt/PvMonit";
                return Err(Problems::from(Problem::new("config.php", what, hint)).into());
            }
            let config = Zeroizing::new(read(&file, hint)?);
            let place = key_file.as_ref().map(|file| file.display().to_string());
            let (migrated, key) = pvmonit::migrate(&config, place.as_deref())
                .map_err(|error| Problems::from(Problem::new(name, error.to_string(), "")))?;
            if let (Some(place), Some(key)) = (key_file, key) {
                write_secret(place, &key, "--key-file")?;
            }
            print(&migrated);
        }
        From::RpiEcu {
            files,
            ecu_id,
            latitude,
            longitude,
        } => {
            let name = match files.as_slice() {
                [file] => file.display().to_string(),
                _ => "these files".to_owned(),
            };
            let options = EcuOptions {
                ecu_id: ecu_id.clone(),
                latitude: *latitude,
                longitude: *longitude,
            };
            let files: Result<Vec<EcuFile>, Problems> =
                files.iter().map(|file| ecu_file(file)).collect();
            let migrated = rpi_ecu::migrate(&files?, &options)
                .map_err(|error| Problems::from(Problem::new(name, error.to_string(), "")))?;
            print(&migrated);
        }
    }
    Ok(())
}

/// No configuration is longer, in bytes.
const LONGEST: u64 = 1 << 20;

fn read(file: &Path, missing: &'static str) -> Result<String, Problems> {
    let mut text = String::new();
    let read =
        std::fs::File::open(file).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
    read.map(|_| text)
        .map_err(|error| unread(file, &error, missing))
}

fn unread(file: &Path, error: &io::Error, missing: &'static str) -> Problems {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => missing,
        io::ErrorKind::PermissionDenied => "run this as a user who may read it",
        _ => "name the text file that the other program reads",
    };
    let name = file.display().to_string();
    Problem::new(name, format!("cannot be read: {}", why(error)), hint).into()
}

/// Writes a secret into a new file that nobody else can read. A file that is there already stays as it is.
fn write_secret(file: &Path, secret: &str, option: &str) -> Result<(), Problems> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(file)
        .and_then(|mut file| writeln!(file, "{secret}"));
    written.map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AlreadyExists => {
                format!("take it away, or name another place with {option}")
            }
            io::ErrorKind::NotFound => "make its folder first".to_owned(),
            _ => format!(
                "run this as a user who may write there, or name another place with {option}"
            ),
        };
        let what = format!("the key cannot be written there: {}", why(&error));
        Problem::new(file.display().to_string(), what, &hint).into()
    })
}

/// No file of Home Assistant with its integrations is longer, in bytes.
const LONGEST_OF_ECU: u64 = 8 << 20;

/// A backup of RPI-ECU, its folder, or a file of text, told apart by looking.
fn ecu_file(path: &Path) -> Result<EcuFile, Problems> {
    let hint = "name the file: wattbridge migrate rpi-ecu /path/to/20260614-ecu_backup.tar";
    let name = path.display().to_string();
    if path.is_dir() {
        return Ok(EcuFile::folder(name, ecu_folder(path)?));
    }
    let unread = |error| unread(path, &error, hint);
    let mut file = std::fs::File::open(path).map_err(unread)?;
    let mut beginning = Vec::new();
    let read = (&mut file).take(512).read_to_end(&mut beginning);
    read.map_err(unread)?;
    if rpi_ecu::is_archive(&beginning) {
        return Ok(EcuFile::archive(name, beginning.chain(file)));
    }
    if rpi_ecu::is_compressed(&beginning) {
        let what = "it is compressed, and a backup of RPI-ECU is not";
        return Err(Problem::new(name, what, "unpack it, and name what comes out").into());
    }
    let mut text = Zeroizing::new(beginning);
    file.take(LONGEST_OF_ECU)
        .read_to_end(&mut text)
        .map_err(unread)?;
    if text.len() as u64 >= LONGEST_OF_ECU {
        let what = "it is too long to be one of these files";
        return Err(Problem::new(name, what, hint).into());
    }
    Ok(EcuFile::text(name, &text))
}

/// What is read of a folder `ecu_data`, or of the one that it is in. Links are no files.
fn ecu_folder(path: &Path) -> Result<rpi_ecu::Members, Problems> {
    let below = path.join(rpi_ecu::FOLDER);
    let folder = if below.is_dir() {
        below
    } else {
        path.to_owned()
    };
    let mut members = rpi_ecu::Members::new();
    for member in rpi_ecu::MEMBERS {
        match ecu_member(&folder.join(member)) {
            Ok(bytes) => drop(bytes.map(|bytes| members.insert(member, bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unread(&folder.join(member), &error, "")),
        }
    }
    Ok(members)
}

fn ecu_member(file: &Path) -> io::Result<Option<Vec<u8>>> {
    if !std::fs::symlink_metadata(file)?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(file)?;
    file.take(rpi_ecu::LONGEST_MEMBER).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// The configuration for a file, the rest for the person.
fn print(migrated: &Migrated) {
    for words in &migrated.remarks {
        remark(words);
    }
    remark(
        "Keys and passwords are in this configuration: keep the file private (chmod 600). `wattbridge check` tells whether it is right.",
    );
    say(migrated.toml.trim_end());
}
