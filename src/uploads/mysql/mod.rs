//! MySQL and MariaDB, in the tables of se-logger: what SolarEdge inverters and optimizers say, as it comes.
//!
//! Unlike all others this service takes no slots but records: one row for each record of a device, with the device's
//! time, in the steps of the cable. Statements go to the standard input of the user's own client program (`mariadb`,
//! `mysql`), which knows every way to log in; the last one has it print a line that says that all of them were done.
//!
//! * What came within a second of each other came in one frame, and is one transaction.
//! * All columns are `NOT NULL`. With `STRICT_ALL_TABLES` a number that does not fit is an error, and never 0 or 255; a
//!   number that the inverter does not know is -3.4028234e38, as se-logger writes it.
//! * A row that is there already stays as it is, so that all may be repeated as often as one likes.
//!
//! | file | what |
//! |---|---|
//! | `config` | the section |
//! | `plan` | the section, ready to run |
//! | `rows` | which value goes into which column, in which steps |
//! | `statements` | what is told to the program |
//! | `answers` | what its answers mean |
//! | `target` | the conversation |
//!
//! Sources: `database.txt` and `liveupdate.py` of se-logger 0.0.17; answers of MariaDB 10.11.

mod answers;
mod config;
mod plan;
mod rows;
mod statements;
mod target;
#[cfg(test)]
mod tests;

use crate::config::{Problems, Section, SectionDoc};
use crate::uploads::{Plan, Upload};

pub use config::MysqlSettings;
pub use target::MysqlTarget;

/// This service.
#[derive(Debug)]
pub struct Mysql;

/// The one there is.
pub static UPLOAD: Mysql = Mysql;

impl Upload for Mysql {
    fn name(&self) -> &'static str {
        "mysql"
    }

    fn spoken(&self) -> &'static str {
        "MySQL"
    }

    fn page(&self) -> SectionDoc<'static> {
        SectionDoc {
            heading: "[mysql]",
            about: "Writes what SolarEdge inverters and optimizers say into the tables of se-logger, for zonnepanelen and SQL of your own: see [MySQL](uploads/mysql.md).",
            schema: schemars::schema_for!(MysqlSettings),
            defaults: serde_json::to_value(MysqlSettings::default()).unwrap_or_default(),
            example: "[mysql]\nname = \"solaredge\"\ncommand = [\"mariadb\", \"--defaults-extra-file=/etc/wattbridge/my.cnf\", \"solaredge\"]\n",
        }
    }

    fn configure(&self, section: &Section) -> Result<Box<dyn Plan>, Problems> {
        Ok(Box::new(section.read::<MysqlSettings>()?))
    }
}
