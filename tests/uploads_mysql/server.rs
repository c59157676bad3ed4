//! A MariaDB of our own, on a socket and a port of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The tables as se-logger makes them.
const TABLES: &str = "
CREATE TABLE telemetry_optimizers (op_id INT UNSIGNED NOT NULL, timestamp INT UNSIGNED NOT NULL,
  uptime SMALLINT UNSIGNED NOT NULL, v_in SMALLINT UNSIGNED NOT NULL, v_out SMALLINT UNSIGNED NOT NULL,
  i_in SMALLINT UNSIGNED NOT NULL, e_day SMALLINT UNSIGNED NOT NULL, temperature TINYINT NOT NULL,
  PRIMARY KEY (timestamp, op_id), INDEX (op_id, timestamp));
CREATE TABLE telemetry_inverter (inv_id INT UNSIGNED NOT NULL, timestamp INT UNSIGNED NOT NULL,
  temperature FLOAT NOT NULL, e_day FLOAT NOT NULL, de_day FLOAT NOT NULL, v_ac FLOAT NOT NULL, i_ac FLOAT NOT NULL,
  frequency FLOAT NOT NULL, v_dc FLOAT NOT NULL, e_total INT UNSIGNED NOT NULL, i_rcd FLOAT NOT NULL,
  mode TINYINT UNSIGNED NOT NULL, p_active FLOAT NOT NULL, p_apparent FLOAT NOT NULL, p_reactive FLOAT NOT NULL,
  PRIMARY KEY (timestamp, inv_id));
CREATE TABLE telemetry_inverter_3phase (inv_id INT UNSIGNED NOT NULL, timestamp INT UNSIGNED NOT NULL,
  temperature FLOAT NOT NULL, e_day FLOAT NOT NULL, de_day FLOAT NOT NULL,
  v_ac1 FLOAT NOT NULL, v_ac2 FLOAT NOT NULL, v_ac3 FLOAT NOT NULL,
  i_ac1 FLOAT NOT NULL, i_ac2 FLOAT NOT NULL, i_ac3 FLOAT NOT NULL,
  frequency1 FLOAT NOT NULL, frequency2 FLOAT NOT NULL, frequency3 FLOAT NOT NULL, v_dc FLOAT NOT NULL,
  e_total INT UNSIGNED NOT NULL, i_rcd FLOAT NOT NULL, mode TINYINT UNSIGNED NOT NULL,
  v_1to2 FLOAT NOT NULL, v_2to3 FLOAT NOT NULL, v_3to1 FLOAT NOT NULL,
  p_active1 FLOAT NOT NULL, p_active2 FLOAT NOT NULL, p_active3 FLOAT NOT NULL,
  p_apparent1 FLOAT NOT NULL, p_apparent2 FLOAT NOT NULL, p_apparent3 FLOAT NOT NULL,
  p_reactive1 FLOAT NOT NULL, p_reactive2 FLOAT NOT NULL, p_reactive3 FLOAT NOT NULL,
  PRIMARY KEY (timestamp, inv_id));
CREATE TABLE live_update (pvo_last_live INT UNSIGNED NOT NULL, last_0503 BINARY(34) NOT NULL,
  last_telemetry INT UNSIGNED NOT NULL);
INSERT INTO live_update VALUES (77, '\\0', 0);
";

/// The password of the user, with what an option file has to quote.
pub(crate) const PASSWORD: &str = "a#b \"c";

const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Server {
    child: Child,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts one with the tables; `None` where there is no MariaDB here.
    pub(crate) fn start() -> Option<Self> {
        let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
        if !["mariadbd", "mariadb-install-db", "mariadb"]
            .into_iter()
            .all(is_there)
        {
            eprintln!("passed over: there is no MariaDB here (mariadb-server)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let made = Command::new("mariadb-install-db")
            .args([
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--user=root",
                "--skip-test-db",
            ])
            .arg(format!("--datadir={}", data.display()))
            // Several of them would take each other's files away.
            .arg(format!("--tmpdir={}", folder.path().display()))
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let child = Command::new("mariadbd")
            .args(["--no-defaults", "--user=root", "--skip-networking"])
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--tmpdir={}", folder.path().display()))
            .arg(format!("--socket={}", folder.path().join("s").display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, folder };
        let begin = Instant::now();
        while server.try_sql("", "SELECT 1;").is_err() {
            assert!(begin.elapsed() < PATIENCE, "MariaDB does not start");
        }
        server.sql("", "CREATE DATABASE solaredge;");
        server.sql("solaredge", TABLES);
        let rights = format!(
            "CREATE USER 'wb'@'localhost' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON solaredge.* TO 'wb'@'localhost';"
        );
        server.sql("", &rights);
        let quoted = PASSWORD.replace('"', "\\\"");
        server.write(
            "my.cnf",
            &format!(
                "[client]\nuser=wb\npassword=\"{quoted}\"\nsocket={}\n",
                server.at("s").display()
            ),
        );
        Some(server)
    }

    /// A place in its folder.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.at(name), text).unwrap();
    }

    /// The words of the client program for the tables.
    pub(crate) fn command(&self) -> Vec<String> {
        let options = format!("--defaults-file={}", self.at("my.cnf").display());
        ["mariadb", &options, "solaredge"]
            .map(str::to_owned)
            .to_vec()
    }

    fn try_sql(&self, database: &str, sql: &str) -> Result<Vec<Vec<String>>, String> {
        let done = Command::new("mariadb")
            .args(["--no-defaults", "-uroot", "-N", "-B", "-e", sql])
            .arg(format!("--socket={}", self.at("s").display()))
            .args([database].iter().filter(|it| !it.is_empty()))
            .output()
            .unwrap();
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into_owned());
        }
        let text = String::from_utf8(done.stdout).unwrap();
        let row = |line: &str| line.split('\t').map(str::to_owned).collect();
        Ok(text.lines().map(row).collect())
    }

    /// Rows and columns, as the one who may do everything.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> Vec<Vec<String>> {
        self.try_sql(database, sql).unwrap()
    }

    /// One number.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.sql("solaredge", sql)[0][0].parse().unwrap()
    }
}
