//! The character devices of GPIO chips, as Linux has them since 5.10.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use gpiocdev_uapi::v2::{
    self, LineConfig, LineFlags, LineRequest, LineValues, Offsets, get_line, set_line_values,
};
use gpiocdev_uapi::{Error as UapiError, Name};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::{GpioError, GpioLine, GpioPin};

/// What users of other programs see as the one who has the line.
const CONSUMER: &str = "wattbridge";

/// A line that is ours as long as its file is open.
struct ClaimedLine {
    file: File,
    place: String,
}

impl GpioPin for ClaimedLine {
    fn drive(&self, is_low: bool) -> Result<(), GpioError> {
        let values = LineValues::from_slice(&[is_low]);
        let driven = set_line_values(&self.file, &values);
        driven.map_err(|error| trouble(errno(&error), &self.place))
    }
}

/// A chip that is there and is one.
struct OpenChip {
    file: File,
    path: PathBuf,
    lines: u32,
}

/// Claims a line of the chips in a folder as an output that is high.
pub fn claim(folder: &Path, line: &GpioLine) -> Result<Box<dyn GpioPin>, GpioError> {
    let (chip, number) = match line {
        GpioLine::Numbered { chip, line } => {
            let chip = OpenChip::open(folder, &folder.join(format!("gpiochip{chip}")))?;
            (chip, *line)
        }
        GpioLine::Named(name) => find(folder, name)?,
    };
    chip.claim(number)
}

/// What is asked for: low when it is active, which it is not at first.
fn request(number: u32) -> LineRequest {
    LineRequest {
        offsets: Offsets::from_slice(&[number]),
        num_lines: 1,
        consumer: Name::from(CONSUMER),
        config: LineConfig {
            flags: LineFlags::OUTPUT | LineFlags::ACTIVE_LOW,
            ..LineConfig::default()
        },
        ..LineRequest::default()
    }
}

impl OpenChip {
    fn open(folder: &Path, path: &Path) -> Result<Self, GpioError> {
        let name = path.display().to_string();
        // Whatever stands there: opening it waits for nobody.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = rustix::fs::open(path, flags, Mode::empty());
        let file: File = match opened {
            Ok(file) => file.into(),
            Err(Errno::NOENT) => {
                let others = chips(folder);
                let others: Vec<String> =
                    others.iter().map(|it| it.display().to_string()).collect();
                return Err(if others.is_empty() {
                    GpioError::NoChips
                } else {
                    GpioError::NoSuchChip { path: name, others }
                });
            }
            Err(error) => return Err(trouble(error, &name)),
        };
        let info = v2::get_chip_info(&file).map_err(|error| trouble(errno(&error), &name))?;
        Ok(Self {
            file,
            path: path.to_owned(),
            lines: info.num_lines,
        })
    }

    fn claim(&self, number: u32) -> Result<Box<dyn GpioPin>, GpioError> {
        let path = self.path.display().to_string();
        if number >= self.lines {
            return Err(GpioError::NoSuchLine {
                path,
                line: number,
                last: self.lines.saturating_sub(1),
            });
        }
        let place = format!("{path}/{number}");
        match get_line(&self.file, request(number)).map_err(|error| errno(&error)) {
            Ok(file) => Ok(Box::new(ClaimedLine { file, place })),
            Err(Errno::BUSY) => {
                let info = v2::get_line_info(&self.file, number);
                let by = info.map(|it| text(&it.consumer)).unwrap_or_default();
                Err(GpioError::Busy { place, by })
            }
            Err(error) => Err(trouble(error, &place)),
        }
    }

    /// Its lines that have a name.
    fn named(&self) -> impl Iterator<Item = NamedLine> + '_ {
        (0..self.lines).filter_map(|number| {
            let info = v2::get_line_info(&self.file, number).ok()?;
            (!info.name.is_empty()).then(|| (text(&info.name), self.path.clone(), number))
        })
    }
}

/// A name, and where its line is.
type NamedLine = (String, PathBuf, u32);

/// Nobody says that others write letters only.
fn text(name: &Name) -> String {
    String::from(name)
        .chars()
        .flat_map(char::escape_default)
        .collect()
}

/// The chips in a folder, in the order of their numbers.
fn chips(folder: &Path) -> Vec<PathBuf> {
    let number = |path: &Path| -> Option<u16> {
        let name = path.file_name()?.to_str()?;
        name.strip_prefix("gpiochip")?.parse().ok()
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.filter_map(|it| Some((number(&it.path())?, it.path())));
    let mut chips: Vec<(u16, PathBuf)> = named.collect();
    chips.sort();
    chips.into_iter().map(|(_, path)| path).collect()
}

/// The chip and the number of the line of this name.
fn find(folder: &Path, name: &str) -> Result<(OpenChip, u32), GpioError> {
    let (mut lines, mut refused, mut seen) = (Vec::new(), None, Vec::new());
    for path in chips(folder) {
        // Some systems have a chip under two names.
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        if seen.contains(&real) {
            continue;
        }
        seen.push(real);
        match OpenChip::open(folder, &path) {
            Ok(chip) => lines.extend(chip.named()),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    match (pick(&lines, name), refused) {
        (Ok((path, number)), _) => Ok((OpenChip::open(folder, &path)?, number)),
        (Err(GpioError::NoSuchName(_)), _) if seen.is_empty() => Err(GpioError::NoChips),
        // It may be on the one that could not be looked at.
        (Err(GpioError::NoSuchName(_)), Some(refused)) => Err(refused),
        (Err(error), _) => Err(error),
    }
}

/// The line of this name, spelt just so, or else only in other letters.
fn pick(lines: &[NamedLine], name: &str) -> Result<(PathBuf, u32), GpioError> {
    let exactly = |(known, ..): &&NamedLine| known == name;
    let nearly = |(known, ..): &&NamedLine| known.eq_ignore_ascii_case(name);
    let mut found: Vec<&NamedLine> = lines.iter().filter(exactly).collect();
    if found.is_empty() {
        found = lines.iter().filter(nearly).collect();
    }
    match found[..] {
        [] => Err(GpioError::NoSuchName(name.to_owned())),
        [(_, path, number)] => Ok((path.clone(), *number)),
        _ => Err(GpioError::SeveralOfName {
            name: name.to_owned(),
            places: found
                .iter()
                .map(|(_, path, number)| format!("{}/{number}", path.display()))
                .collect(),
        }),
    }
}

fn errno(error: &UapiError) -> Errno {
    match error {
        UapiError::Os(number) => Errno::from_raw_os_error(number.0),
        UapiError::UnderRead(_) => Errno::IO,
    }
}

/// Any other trouble with a chip or a line.
fn trouble(error: Errno, place: &str) -> GpioError {
    let place = place.to_owned();
    match error {
        Errno::ACCESS | Errno::PERM => GpioError::NotPermitted(place),
        // What is there does not understand what chips are asked.
        Errno::NOTTY | Errno::INVAL | Errno::NXIO | Errno::NODEV => GpioError::NotAChip(place),
        _ => GpioError::Broken(place, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(folder: &Path, line: &GpioLine) -> GpioError {
        match claim(folder, line) {
            Ok(_) => panic!("{line} could be claimed"),
            Err(error) => error,
        }
    }

    fn named(name: &str) -> GpioLine {
        GpioLine::Named(name.to_owned())
    }

    const NUMBERED: GpioLine = GpioLine::Numbered { chip: 0, line: 18 };

    #[test]
    fn a_computer_without_chips_says_so() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(refused(folder.path(), &NUMBERED), GpioError::NoChips);
        assert_eq!(refused(folder.path(), &named("GPIO18")), GpioError::NoChips);
        let nowhere = folder.path().join("nowhere");
        assert_eq!(refused(&nowhere, &NUMBERED), GpioError::NoChips);
    }

    #[test]
    fn another_chip_is_told_where_there_is_one() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["gpiochip10", "gpiochip4", "gpiochipX", "gpio", "tty"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let GpioError::NoSuchChip { path, others } = refused(folder.path(), &NUMBERED) else {
            panic!("it is not missing");
        };
        assert!(path.ends_with("/gpiochip0"), "{path}");
        let ends = |it: &String, name: &str| it.ends_with(name);
        assert_eq!(others.len(), 2, "{others:?}");
        assert!(ends(&others[0], "/gpiochip4") && ends(&others[1], "/gpiochip10"));
    }

    #[test]
    fn what_is_no_chip_is_told_from_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gpiochip0");
        let expected = GpioError::NotAChip(path.display().to_string());
        let make: [&dyn Fn(); 4] = [
            &|| fs::write(&path, "hello").unwrap(),
            &|| fs::create_dir(&path).unwrap(),
            &|| std::os::unix::fs::symlink("/dev/null", &path).unwrap(),
            // Nobody writes to it: opening it must not wait for that.
            &|| {
                let mode = Mode::RUSR | Mode::WUSR;
                rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
            },
        ];
        for make in make {
            make();
            assert_eq!(refused(folder.path(), &NUMBERED), expected);
            assert_eq!(refused(folder.path(), &named("GPIO18")), expected);
            if path.is_dir() {
                fs::remove_dir(&path).unwrap();
            } else {
                fs::remove_file(&path).unwrap();
            }
        }
    }

    #[test]
    fn a_chip_of_others_needs_a_group() {
        use std::os::unix::fs::PermissionsExt as _;

        let error = trouble(Errno::ACCESS, "/dev/gpiochip0");
        assert_eq!(error, GpioError::NotPermitted("/dev/gpiochip0".to_owned()));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gpiochip0");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        // Root may read everything.
        if File::open(&path).is_err() {
            let expected = GpioError::NotPermitted(path.display().to_string());
            assert_eq!(refused(folder.path(), &NUMBERED), expected);
            assert_eq!(refused(folder.path(), &named("GPIO18")), expected);
        }
    }

    #[test]
    fn other_trouble_keeps_its_words() {
        let error = trouble(Errno::NOMEM, "/dev/gpiochip0/18");
        assert!(matches!(error, GpioError::Broken(..)), "{error:?}");
        assert!(error.to_string().contains("/dev/gpiochip0/18 cannot"));
    }

    #[test]
    fn a_line_is_found_by_its_name_on_whichever_chip() {
        let chip = |number: u32| PathBuf::from(format!("/dev/gpiochip{number}"));
        let line = |name: &str, chip, number| (name.to_owned(), chip, number);
        let lines = [
            line("GPIO18", chip(4), 18),
            line("gpio18", chip(0), 3),
            line("SDA", chip(0), 2),
            line("SDA", chip(4), 2),
        ];
        assert_eq!(pick(&lines, "GPIO18"), Ok((chip(4), 18)));
        assert_eq!(pick(&lines, "gpio18"), Ok((chip(0), 3)));
        assert_eq!(pick(&lines[..1], "gpio18"), Ok((chip(4), 18)));
        let missing = GpioError::NoSuchName("GPIO1".to_owned());
        assert_eq!(pick(&lines, "GPIO1"), Err(missing));
        let several = pick(&lines, "sda").unwrap_err().to_string();
        assert!(
            several.contains("/dev/gpiochip0/2, /dev/gpiochip4/2"),
            "{several}"
        );
    }

    #[test]
    fn the_line_is_asked_for_as_high_and_in_our_name() {
        let request = request(18);
        assert_eq!((request.num_lines, request.offsets.get(0)), (1, 18));
        assert_eq!(
            request.config.flags,
            LineFlags::OUTPUT | LineFlags::ACTIVE_LOW
        );
        // No value is given with it: not active, and so high.
        assert_eq!(request.config.num_attrs, 0);
        assert_eq!(String::from(&request.consumer), "wattbridge");
        let low = LineValues::from_slice(&[true]);
        assert_eq!((low.bits, low.mask), (1, 1));
    }
}
