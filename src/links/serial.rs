//! Opening serial ports.
//!
//! A port is opened raw and exclusively: bytes pass as they are, and a second program is refused.
//! The lines DTR and RTS are both on from then on: adapters draw their power from them, and cables
//! ask a meter for its data by one of them. Most drivers switch them on themselves.
//!
//! A byte whose parity bit is wrong, or whose stop bit is missing, is passed on like any other.
//! That is what a checksum is for: a byte left out would shift all that follow, and one replaced
//! by a zero would hide what was sent. Many adapters read 8E1 as 8N1, where every other byte
//! seems to lack its stop bit.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tokio_serial::{ErrorKind, FlowControl, SerialPort, SerialStream, StopBits};

use super::address::Address;
use super::error::LinkError;
use super::ports::{PortInfo, ports};

/// How a serial line is spoken: always with 1 stop bit and no flow control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SerialSettings {
    /// Bits per second.
    pub baud: u32,
    /// The bit after the data bits.
    pub parity: Parity,
    /// How many bits each byte has.
    pub data_bits: DataBits,
}

impl SerialSettings {
    /// With 8 data bits, as nearly everything speaks.
    pub const fn new(baud: u32, parity: Parity) -> Self {
        Self {
            baud,
            parity,
            data_bits: DataBits::Eight,
        }
    }
}

/// How many bits of each byte are sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DataBits {
    /// Characters only.
    Seven,
    /// Any byte.
    #[default]
    Eight,
}

/// The bit that follows the data bits of each byte.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Parity {
    /// There is none.
    #[default]
    None,
    /// It makes the number of ones even.
    Even,
    /// It makes the number of ones odd.
    Odd,
}

impl std::fmt::Display for SerialSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parity = match self.parity {
            Parity::None => 'N',
            Parity::Even => 'E',
            Parity::Odd => 'O',
        };
        let data_bits = match self.data_bits {
            DataBits::Seven => '7',
            DataBits::Eight => '8',
        };
        write!(f, "{} baud, {data_bits}{parity}1", self.baud)
    }
}

impl From<DataBits> for tokio_serial::DataBits {
    fn from(data_bits: DataBits) -> Self {
        match data_bits {
            DataBits::Seven => Self::Seven,
            DataBits::Eight => Self::Eight,
        }
    }
}

impl From<Parity> for tokio_serial::Parity {
    fn from(parity: Parity) -> Self {
        match parity {
            Parity::None => Self::None,
            Parity::Even => Self::Even,
            Parity::Odd => Self::Odd,
        }
    }
}

/// Opens a port and sets it up. Blocks for as long as the driver takes.
pub fn open(path: &Path, settings: SerialSettings) -> Result<SerialStream, LinkError> {
    let name = path.display().to_string();
    #[cfg(unix)]
    let handle = unix::look(path)?;
    let builder = tokio_serial::new(name.as_str(), settings.baud)
        .data_bits(settings.data_bits.into())
        .parity(settings.parity.into())
        .stop_bits(StopBits::One)
        .flow_control(FlowControl::None);
    let mut stream = SerialStream::open(&builder).map_err(|error| match error.kind() {
        ErrorKind::NoDevice => LinkError::Busy(name),
        ErrorKind::Io(std::io::ErrorKind::NotFound) => missing(path),
        ErrorKind::Io(std::io::ErrorKind::PermissionDenied) => LinkError::NotPermitted(name),
        _ => broken(path, &error),
    })?;
    #[cfg(unix)]
    unix::pass_every_byte(&handle).map_err(|error| broken(path, &error))?;
    // Ports that are no chip have no such lines, and are none the worse for it.
    let _ = stream.write_data_terminal_ready(true);
    let _ = stream.write_request_to_send(true);
    Ok(stream)
}

/// Whether an error of an open port means that the port is not there any more.
pub fn is_unplugged(error: &std::io::Error) -> bool {
    #[cfg(unix)]
    let gone = rustix::io::Errno::from_io_error(error).is_some_and(unix::is_gone);
    #[cfg(not(unix))]
    let gone = false;
    gone || matches!(
        error.kind(),
        std::io::ErrorKind::NotFound | std::io::ErrorKind::BrokenPipe
    )
}

fn missing(path: &Path) -> LinkError {
    LinkError::NoSuchPort {
        path: path.display().to_string(),
        others: ports().iter().map(PortInfo::name).collect(),
    }
}

fn broken(path: &Path, error: &dyn std::fmt::Display) -> LinkError {
    LinkError::Broken(Address::Serial(path.to_owned()), error.to_string())
}

/// What tokio-serial leaves open: it sets INPCK for a port with parity, which makes a zero of each
/// byte with a wrong parity bit, and IGNPAR for one without, which makes several drivers drop each
/// byte with a bad stop bit. It also forgets most of the reasons why a port cannot be opened.
/// Settings belong to the port and not to who opened it, so a second handle corrects them.
#[cfg(unix)]
mod unix {
    use std::os::fd::OwnedFd;
    use std::path::Path;

    use rustix::fs::{FlockOperation, Mode, OFlags, flock};
    use rustix::io::Errno;
    use rustix::termios::{InputModes, OptionalActions, SpecialCodeIndex};
    use rustix::termios::{isatty, tcgetattr, tcsetattr};

    use super::{LinkError, broken, missing};

    /// A handle to the port, if it can be opened at all.
    pub fn look(path: &Path) -> Result<OwnedFd, LinkError> {
        let name = || path.display().to_string();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let handle = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
            Errno::NOENT | Errno::NOTDIR => missing(path),
            Errno::ACCESS | Errno::PERM => LinkError::NotPermitted(name()),
            Errno::BUSY => LinkError::Busy(name()),
            Errno::ISDIR => LinkError::NotSerial(name()),
            error if is_gone(error) => missing(path),
            error => broken(path, &error),
        })?;
        // Not isatty: a port without a chip behind it is a terminal that does nothing.
        match tcgetattr(&handle) {
            Ok(_) => {}
            Err(error) if is_gone(error) => return Err(missing(path)),
            Err(_) if !isatty(&handle) => return Err(LinkError::NotSerial(name())),
            Err(error) => return Err(broken(path, &error)),
        }
        // Root may open what another program holds exclusively; the lock holds for root, too.
        match flock(&handle, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => return Err(LinkError::Busy(name())),
            // It is taken for good when the port is opened.
            _ => drop(flock(&handle, FlockOperation::Unlock)),
        }
        Ok(handle)
    }

    /// Makes the driver pass on what comes, whatever it thinks of it.
    pub fn pass_every_byte(port: &OwnedFd) -> rustix::io::Result<()> {
        let mut modes = tcgetattr(port)?;
        modes.input_modes.remove(
            InputModes::INPCK
                | InputModes::IGNPAR
                | InputModes::PARMRK
                | InputModes::ISTRIP
                | InputModes::IGNBRK
                | InputModes::BRKINT
                | InputModes::INLCR
                | InputModes::IGNCR
                | InputModes::ICRNL
                | InputModes::IXON
                | InputModes::IXOFF,
        );
        // A read of nothing then means that the port is gone, and never that there is nothing yet.
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(port, OptionalActions::Now, &modes)
    }

    pub fn is_gone(error: Errno) -> bool {
        matches!(error, Errno::IO | Errno::NXIO | Errno::NODEV)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_written_as_everybody_writes_them() {
        let settings = |baud, parity| SerialSettings::new(baud, parity).to_string();
        assert_eq!(settings(2400, Parity::Even), "2400 baud, 8E1");
        assert_eq!(settings(19200, Parity::None), "19200 baud, 8N1");
        assert_eq!(settings(300, Parity::Odd), "300 baud, 8O1");
        let seven = SerialSettings {
            data_bits: DataBits::Seven,
            ..SerialSettings::new(9600, Parity::None)
        };
        assert_eq!(seven.to_string(), "9600 baud, 7N1");
    }

    #[tokio::test]
    async fn what_is_no_port_is_told_apart_from_what_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "hello").unwrap();
        let settings = SerialSettings::new(2400, Parity::Even);
        let error = |path: &Path| open(path, settings).unwrap_err();
        for path in [&file, folder.path(), Path::new("/dev/null")] {
            let found = error(path);
            assert!(matches!(found, LinkError::NotSerial(_)), "{found:?}");
        }
        for path in [folder.path().join("missing"), file.join("below")] {
            let found = error(&path);
            assert!(found.is_unplugged(), "{found:?}");
            assert!(found.to_string().contains(path.to_str().unwrap()));
        }
    }
}
