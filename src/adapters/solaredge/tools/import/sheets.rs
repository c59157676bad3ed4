//! Where rows go: all into one place, or each kind into a file of its own.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::RowFormat;

/// A kind of row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sheet {
    /// Inverters.
    Inverters,
    /// Optimizers.
    Optimizers,
    /// Meters.
    Meters,
    /// Batteries.
    Batteries,
    /// What is no row of a table.
    Others,
}

impl Sheet {
    /// Those with columns.
    pub const TABLES: [Self; 4] = [
        Self::Inverters,
        Self::Optimizers,
        Self::Meters,
        Self::Batteries,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Inverters => "inverters",
            Self::Optimizers => "optimizers",
            Self::Meters => "meters",
            Self::Batteries => "batteries",
            Self::Others => "others",
        }
    }
}

/// There is nowhere to write to.
#[derive(Debug, thiserror::Error)]
pub enum SheetTrouble {
    /// It would overwrite what is to be read.
    #[error("{0} is one of the files to read; name another one with --out")]
    IsRead(String),
    /// It cannot be made.
    #[error("{0} cannot be written: {1}; name another place with --out")]
    Unwritable(String, io::Error),
}

/// All of them.
pub struct Sheets {
    place: SheetPlace,
    /// Why no more can be written.
    failure: Option<io::Error>,
}

type Out = Box<dyn Write + Send>;

enum SheetPlace {
    Together(Out),
    /// Those that were needed so far.
    Apart {
        folder: PathBuf,
        ending: &'static str,
        files: Vec<(Sheet, Out)>,
    },
}

const BUFFER: usize = 64 * 1024;

impl Sheets {
    /// Opens a file, or a folder: one that is there, or is written with a slash at its end. Without one, the
    /// standard output.
    pub fn open(
        out: Option<&Path>,
        read: &[PathBuf],
        format: RowFormat,
    ) -> Result<Self, SheetTrouble> {
        let place = match out {
            None => SheetPlace::Together(Box::new(BufWriter::with_capacity(BUFFER, io::stdout()))),
            Some(path) => {
                let shown = path.display().to_string();
                let trouble = |error| SheetTrouble::Unwritable(shown.clone(), error);
                if path.is_dir() || shown.ends_with('/') {
                    std::fs::create_dir_all(path).map_err(trouble)?;
                    SheetPlace::Apart {
                        folder: path.to_owned(),
                        ending: match format {
                            RowFormat::Jsonl => "jsonl",
                            RowFormat::Csv => "csv",
                        },
                        files: Vec::new(),
                    }
                } else {
                    let real = path.canonicalize().ok();
                    let is_it = |file: &PathBuf| real.is_some() && file.canonicalize().ok() == real;
                    if read.iter().any(is_it) {
                        return Err(SheetTrouble::IsRead(shown));
                    }
                    SheetPlace::Together(create(path).map_err(trouble)?)
                }
            }
        };
        Ok(Self {
            place,
            failure: None,
        })
    }

    /// Whether each has a file of its own.
    pub const fn are_apart(&self) -> bool {
        matches!(self.place, SheetPlace::Apart { .. })
    }

    /// Whether nothing more can be written.
    pub const fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Writes to one of them. After a failure, nothing more.
    pub fn write(&mut self, sheet: Sheet, text: &str) {
        if self.failure.is_some() {
            return;
        }
        let written = self
            .of(sheet)
            .and_then(|out| out.write_all(text.as_bytes()));
        self.failure = written.err();
    }

    fn of(&mut self, sheet: Sheet) -> io::Result<&mut Out> {
        match &mut self.place {
            SheetPlace::Together(out) => Ok(out),
            SheetPlace::Apart {
                folder,
                ending,
                files,
            } => {
                let at = match files.iter().position(|(of, _)| *of == sheet) {
                    Some(at) => at,
                    None => {
                        let name = format!("{}.{ending}", sheet.name());
                        files.push((sheet, create(&folder.join(name))?));
                        files.len() - 1
                    }
                };
                let file = files.get_mut(at).map(|(_, out)| out);
                file.ok_or_else(|| io::ErrorKind::NotFound.into())
            }
        }
    }

    /// Writes what is left; what went wrong first.
    pub fn finish(&mut self) -> io::Result<()> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        match &mut self.place {
            SheetPlace::Together(out) => out.flush(),
            SheetPlace::Apart { files, .. } => {
                files.iter_mut().try_for_each(|(_, out)| out.flush())
            }
        }
    }
}

fn create(path: &Path) -> io::Result<Out> {
    Ok(Box::new(BufWriter::with_capacity(
        BUFFER,
        File::create(path)?,
    )))
}
