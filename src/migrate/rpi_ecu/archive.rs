//! The backup of RPI-ECU: a tar archive of its folder `ecu_data`.
//!
//! Nothing is unpacked. Of the members only those with the very names in [`MEMBERS`] are looked at, in memory; links are
//! no files, and the backup of the database is passed over.

use std::collections::BTreeMap;
use std::io::{self, Read};

/// What is read of the folder `ecu_data`, in this order; any of them may be missing.
pub const MEMBERS: &[&str] = &[
    "settings.json",
    "ecuProperties",
    "mqttConfig.json",
    "inverters/invProperties0",
    "inverters/invProperties1",
    "inverters/invProperties2",
    "inverters/invProperties3",
    "inverters/invProperties4",
    "inverters/invProperties5",
    "inverters/invProperties6",
    "inverters/invProperties7",
    "inverters/invProperties8",
    "inverters/invProperties9",
];

/// The folder that they are in.
pub const FOLDER: &str = "ecu_data";

/// The longest member that is read, in bytes.
pub const LONGEST_MEMBER: u64 = 64 * 1024;

/// No backup is longer, in bytes.
const LONGEST_ARCHIVE: u64 = 4 << 30;

/// Members by their names in [`MEMBERS`].
pub type Members = BTreeMap<&'static str, Vec<u8>>;

/// What was found in an archive.
#[derive(Default)]
pub struct Unpacked {
    /// Those that are looked for.
    pub members: Members,
    /// Those of them that are too long to be what they should be.
    pub too_long: Vec<&'static str>,
    /// Whether it could not be read to its end.
    pub is_damaged: bool,
}

/// Whether a file that begins so is a tar archive.
pub fn is_archive(beginning: &[u8]) -> bool {
    beginning.get(257..262) == Some(b"ustar")
}

/// Whether it is compressed, which the backups of RPI-ECU are not.
pub fn is_compressed(beginning: &[u8]) -> bool {
    beginning.starts_with(&[0x1f, 0x8b]) || beginning.starts_with(b"PK\x03\x04")
}

/// Reads an archive to its end, or as far as it can be read.
pub fn unpack(archive: impl Read) -> Unpacked {
    let mut unpacked = Unpacked::default();
    unpacked.is_damaged = take_members(archive, &mut unpacked).is_err();
    unpacked
}

fn take_members(archive: impl Read, unpacked: &mut Unpacked) -> io::Result<()> {
    let mut archive = tar::Archive::new(archive.take(LONGEST_ARCHIVE));
    // Raw: names that are longer than a header are none of ours, and nobody can make us keep them in memory.
    for entry in archive.entries()?.raw(true) {
        let entry = entry?;
        let name = member(&entry.path_bytes());
        let Some(name) = name.filter(|_| entry.header().entry_type().is_file()) else {
            continue;
        };
        if entry.size() > LONGEST_MEMBER {
            unpacked.too_long.push(name);
            continue;
        }
        let mut bytes = Vec::new();
        entry.take(LONGEST_MEMBER).read_to_end(&mut bytes)?;
        unpacked.members.insert(name, bytes);
    }
    Ok(())
}

/// Which of the members has this path.
fn member(path: &[u8]) -> Option<&'static str> {
    let path = std::str::from_utf8(path).ok()?;
    let path = path.strip_prefix("./").unwrap_or(path);
    let name = path.strip_prefix(FOLDER)?.strip_prefix('/')?;
    MEMBERS.iter().copied().find(|member| *member == name)
}
