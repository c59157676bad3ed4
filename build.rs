//! Two things that the compiler cannot do by itself.
//!
//! It tells the tests whether the captures that some of them read in place are there. Without them those
//! tests are counted as ignored, not as passed.
//!
//! And it makes the table of the web page's files for `src/web/assets.rs`: each as written and compressed, the words of each
//! language, and one hash of everything, under which browsers keep them for ever.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

type Outcome<T> = Result<T, Box<dyn Error>>;

const ASSETS: &str = "src/web/assets";
const WORDS: &str = "src/words";
/// What stands in `index.html` where the hash belongs.
const HASH_MARK: &str = "{hash}";

fn main() -> Outcome<()> {
    println!("cargo::rustc-check-cfg=cfg(no_vectors)");
    println!("cargo::rerun-if-changed=build.rs");
    vectors();
    page()
}

fn vectors() {
    println!("cargo::rerun-if-env-changed=WATTBRIDGE_VECTORS");
    let folder = env::var_os("WATTBRIDGE_VECTORS");
    let folder = folder.map_or_else(|| PathBuf::from("../shared/vectors"), PathBuf::from);
    // One file stands for all: watching what is not there would build everything anew each time.
    let one = folder.join("aps-ecu.json");
    if one.is_file() {
        println!("cargo::rerun-if-changed={}", one.display());
    } else {
        println!("cargo::rustc-cfg=no_vectors");
    }
}

/// One file of the page: its path below `v/<hash>/`, and what is in it.
struct File {
    path: String,
    bytes: Vec<u8>,
}

fn page() -> Outcome<()> {
    println!("cargo::rerun-if-changed={ASSETS}");
    println!("cargo::rerun-if-changed={WORDS}");
    let mut files = Vec::new();
    collect(Path::new(ASSETS), "", &mut files)?;
    for language in ["en", "de", "fr"] {
        let from = format!("{WORDS}/{language}.json");
        let all = fs::read_to_string(&from)?;
        let bytes =
            section(&all, "page").ok_or_else(|| format!("{from} has no section \"page\""))?;
        files.push(File {
            path: format!("i18n/{language}.json"),
            bytes: bytes.into(),
        });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));

    let hash = hash_of(&files);
    let folder = PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    fs::create_dir_all(folder.join("page"))?;
    let mut table = format!("pub const HASH: &str = \"{hash}\";\n");
    let mut rows = String::new();
    for (n, file) in files.iter().enumerate() {
        let is_index = file.path == "index.html";
        let bytes = if is_index {
            String::from_utf8(file.bytes.clone())?
                .replace(HASH_MARK, &hash)
                .into_bytes()
        } else {
            file.bytes.clone()
        };
        fs::write(folder.join(format!("page/{n}")), &bytes)?;
        let mut gzip = GzEncoder::new(
            fs::File::create(folder.join(format!("page/{n}.gz")))?,
            Compression::best(),
        );
        gzip.write_all(&bytes)?;
        gzip.finish()?;
        let row = format!(
            "Asset {{ path: {:?}, mime: {:?}, raw: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/page/{n}\")), \
             gzip: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/page/{n}.gz\")) }}",
            file.path,
            mime(&file.path)?,
        );
        if is_index {
            writeln!(table, "pub static INDEX: Asset = {row};")?;
        } else {
            writeln!(rows, "    {row},")?;
        }
    }
    writeln!(
        table,
        "/// Sorted by path.\npub static ASSETS: &[Asset] = &[\n{rows}];"
    )?;
    fs::write(folder.join("assets.rs"), table)?;
    Ok(())
}

fn collect(folder: &Path, below: &str, files: &mut Vec<File>) -> Outcome<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|_| "a file of the page has no plain name")?;
        let path = format!("{below}{name}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else if mime(&path).is_ok() {
            let mut bytes = fs::read(entry.path())?;
            let is_code = path.ends_with(".js") || path.ends_with(".css");
            if is_code && !path.starts_with("vendor/") {
                bytes = lean(&String::from_utf8(bytes)?).into_bytes();
            }
            files.push(File { path, bytes });
        }
    }
    Ok(())
}

/// Code without its indentation and its comment lines, a tenth less to carry. Every line stays where it is, so that what a
/// browser says of a line is true of the file.
fn lean(code: &str) -> String {
    let mut is_comment = false;
    let mut out = String::with_capacity(code.len());
    for line in code.lines().map(str::trim) {
        is_comment |= line.starts_with("/*");
        if !is_comment && !line.starts_with("//") {
            out.push_str(line);
        }
        is_comment &= !line.ends_with("*/");
        out.push('\n');
    }
    out
}

/// What is served; anything else in the folder (how the vendored files are made) is not.
fn mime(path: &str) -> Outcome<&'static str> {
    Ok(
        match path.rsplit_once('.').map(|(_, extension)| extension) {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("json") => "application/json",
            Some("svg") => "image/svg+xml",
            Some("txt") => "text/plain; charset=utf-8",
            _ => return Err(format!("{path} is no file of the page").into()),
        },
    )
}

/// FNV-1a: it need not withstand anybody, only change when a file does, and be the same on every computer.
fn hash_of(files: &[File]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for file in files {
        let length = (file.bytes.len() as u64).to_le_bytes();
        for byte in file
            .path
            .bytes()
            .chain(length)
            .chain(file.bytes.iter().copied())
        {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

/// The object under a key of the outermost object. Brackets and strings are all one has to know for that, so that building
/// needs no reader of JSON; `src/words` reads the same file properly in its tests.
fn section<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
    let mut begin = None;
    let wanted = format!("\"{key}\"");
    let mut last_string = (0, 0);
    for (at, c) in json.char_indices() {
        if in_string {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    in_string = false;
                    last_string.1 = at + 1;
                }
                _ => {}
            }
            continue;
        }
        match c {
            '"' => {
                in_string = true;
                last_string.0 = at;
            }
            '{' | '[' => {
                depth += 1;
                if depth == 2
                    && begin.is_none()
                    && json.get(last_string.0..last_string.1) == Some(wanted.as_str())
                {
                    begin = Some(at);
                }
            }
            '}' | ']' => {
                depth -= 1;
                if let (1, Some(begin)) = (depth, begin) {
                    return json.get(begin..=at);
                }
            }
            _ => {}
        }
    }
    None
}
