//! What Linux says of its network interfaces, in files.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::error::LinkError;
use super::filter::Head;

/// Where Linux says it.
const FOLDER: &str = "/sys/class/net";
/// Ethernet, and the loopback, which looks like it.
const ETHERNET: [u32; 2] = [1, 772];
/// No header before IP: tun, and tunnels like it.
const NONE: u32 = 65534;
/// The bit that says that it is switched on.
const IS_UP: u32 = 1;

/// A network interface that packets can be had from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    folder: PathBuf,
    /// Its name.
    pub name: String,
    /// Its number. One that comes back has another.
    pub index: u32,
    /// What its packets begin with.
    pub head: Head,
}

impl Interface {
    /// The interface of this name, if it can be used.
    pub fn find(name: &str) -> Result<Self, LinkError> {
        Self::find_in(Path::new(FOLDER), name)
    }

    fn find_in(folder: &Path, name: &str) -> Result<Self, LinkError> {
        let number = |file: &str| read(folder, name, file)?.parse().ok();
        let missing = || LinkError::NoSuchInterface {
            name: name.to_owned(),
            others: others(folder),
        };
        let index = number("ifindex").ok_or_else(missing)?;
        let kind = number("type").ok_or_else(missing)?;
        let head = match kind {
            NONE => Head::Ip,
            kind if ETHERNET.contains(&kind) => Head::Ethernet,
            kind => {
                let name = name.to_owned();
                return Err(LinkError::UnreadableInterface { name, kind });
            }
        };
        let interface = Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
            index,
            head,
        };
        interface.look()?;
        Ok(interface)
    }

    /// Whether it is still there, the same, and can be used.
    pub fn look(&self) -> Result<(), LinkError> {
        let read = |file: &str| read(&self.folder, &self.name, file);
        let Some(index) = read("ifindex") else {
            return Err(LinkError::NoSuchInterface {
                name: self.name.clone(),
                others: others(&self.folder),
            });
        };
        if index != self.index.to_string() {
            return Err(LinkError::InterfaceReplaced(self.name.clone()));
        }
        let flags = read("flags");
        let flags = flags.as_deref().and_then(|text| text.strip_prefix("0x"));
        let flags = flags.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let is_on = flags.is_none_or(|flags| flags & IS_UP != 0);
        // Of one that is switched off, the second cannot be read.
        let is_unplugged = is_on && read("carrier").as_deref() == Some("0");
        if !is_on || is_unplugged {
            return Err(LinkError::InterfaceDown {
                name: self.name.clone(),
                is_unplugged,
            });
        }
        Ok(())
    }
}

fn read(folder: &Path, name: &str, file: &str) -> Option<String> {
    let text = fs::read_to_string(folder.join(name).join(file)).ok()?;
    Some(text.trim().to_owned())
}

/// The names of all interfaces that can be had.
fn others(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    // There are files beside, where bonds can be had.
    let is_one = |name: &String| read(folder, name, "ifindex").is_some();
    let mut names: Vec<String> = names.filter(is_one).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn write(folder: &TempDir, name: &str, files: &[(&str, &str)]) {
        let folder = folder.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        for (file, text) in files {
            fs::write(folder.join(file), format!("{text}\n")).unwrap();
        }
    }

    const FINE: [(&str, &str); 4] = [
        ("ifindex", "3"),
        ("type", "1"),
        ("flags", "0x1003"),
        ("carrier", "1"),
    ];

    #[test]
    fn an_interface_is_found_with_what_its_packets_begin_with() {
        let folder = tempfile::tempdir().unwrap();
        for (kind, head) in [
            ("1", Head::Ethernet),
            ("772", Head::Ethernet),
            ("65534", Head::Ip),
        ] {
            write(&folder, "eth0", &FINE);
            write(&folder, "eth0", &[("type", kind)]);
            let found = Interface::find_in(folder.path(), "eth0").unwrap();
            assert_eq!((found.index, found.head), (3, head));
        }
        write(&folder, "eth0", &[("type", "280")]);
        let found = Interface::find_in(folder.path(), "eth0");
        assert!(matches!(
            found,
            Err(LinkError::UnreadableInterface { kind: 280, .. })
        ));
    }

    #[test]
    fn one_that_is_not_there_is_told_with_the_others() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder, "eth1", &FINE);
        write(&folder, "br0", &FINE);
        write(&folder, "bonding", &[]);
        let Err(LinkError::NoSuchInterface { others, .. }) =
            Interface::find_in(folder.path(), "eth0")
        else {
            panic!()
        };
        assert_eq!(others, ["br0", "eth1"]);
    }

    #[test]
    fn what_becomes_of_it_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder, "eth0", &FINE);
        let interface = Interface::find_in(folder.path(), "eth0").unwrap();
        let down = |is_unplugged| LinkError::InterfaceDown {
            name: "eth0".to_owned(),
            is_unplugged,
        };
        assert_eq!(interface.look(), Ok(()));
        write(&folder, "eth0", &[("carrier", "0")]);
        assert_eq!(interface.look(), Err(down(true)));
        write(&folder, "eth0", &[("flags", "0x1002")]);
        assert_eq!(interface.look(), Err(down(false)));
        let found = Interface::find_in(folder.path(), "eth0");
        assert_eq!(found, Err(down(false)));
        write(&folder, "eth0", &[("ifindex", "9")]);
        let gone = LinkError::InterfaceReplaced("eth0".to_owned());
        assert_eq!(interface.look(), Err(gone));
        fs::remove_dir_all(folder.path().join("eth0")).unwrap();
        let missing = interface.look();
        assert!(matches!(missing, Err(LinkError::NoSuchInterface { .. })));
    }
}
