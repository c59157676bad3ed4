//! Writes the manual pages and the completions of shells into a folder, for packages:
//!
//! ```text
//! cargo run --no-default-features --example manual -- FOLDER
//! ```
//!
//! All of it is made from what the program itself knows: its command line, and the reference of its
//! configuration. It is no subcommand, so that the program does not carry it about for years.

// A tool for those who build packages: what goes wrong ends it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use clap::{Arg, Command};
use clap_complete::Shell;
use clap_mangen::Man;
use wattbridge::cli;

const MANUAL: &str = "wattbridge";

/// Where a package has them.
const FILES: &str = "\
.SH FILES
.TP
.I /etc/wattbridge/wattbridge.toml
The configuration of the service
.TP
.I /var/lib/wattbridge/wattbridge.db
What the service keeps over restarts
";

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.expect("usage: manual FOLDER");
    fs::create_dir_all(&folder)?;
    // Not its own `help`, of which each group of commands has one.
    let mut command = cli::command().disable_help_subcommand(true);
    command.build();
    pages(&folder, &command, &[])?;
    let page = configuration(&cli::configuration_page());
    fs::write(folder.join("wattbridge.toml.5"), page)?;
    for (shell, name) in [
        (Shell::Bash, "wattbridge.bash"),
        (Shell::Zsh, "_wattbridge"),
        (Shell::Fish, "wattbridge.fish"),
    ] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut cli::command(), "wattbridge", &mut script);
        fs::write(folder.join(name), script)?;
    }
    Ok(())
}

/// The page of a command and those of all below it. Its parents' names come before its own.
fn pages(folder: &Path, command: &Command, parents: &[&str]) -> io::Result<()> {
    let mut names = parents.to_vec();
    names.push(command.get_name());
    let name = names.join("-");
    fs::write(folder.join(format!("{name}.1")), page(command, &name)?)?;
    let inner = |inner: &&Command| !inner.is_hide_set() && inner.get_name() != "help";
    for inner in command.get_subcommands().filter(inner) {
        pages(folder, inner, &names)?;
    }
    Ok(())
}

fn page(command: &Command, name: &str) -> io::Result<String> {
    let about = command.get_about().map(ToString::to_string);
    let about = about.unwrap_or_default();
    let mut shown = command.clone().display_name(name);
    shown = shown.mut_args(|arg: Arg| arg.hide_short_help(false));
    let man = Man::new(shown);
    let mut out = head(name, "1", &about).into_bytes();
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    man.render_options_section(&mut out)?;
    if command.get_subcommands().any(|inner| !inner.is_hide_set()) {
        let mut list = Vec::new();
        man.render_subcommands_section(&mut list)?;
        // Who has no commands but `help` has none.
        let list = String::from_utf8_lossy(&list).replace(".SH SUBCOMMANDS", ".SH COMMANDS");
        out.extend(list.bytes());
    }
    let after = command
        .get_after_long_help()
        .or_else(|| command.get_after_help());
    if let Some(after) = after {
        out.extend(after_help(&after.to_string()).bytes());
    }
    let mut see = vec!["wattbridge.toml (5)".to_owned()];
    if let Some((parent, _)) = name.rsplit_once('-') {
        // The name of a command may have a hyphen itself.
        let parent = if parent.contains('-') {
            parent
        } else {
            "wattbridge"
        };
        see.insert(0, format!("{parent} (1)"));
    }
    let mut page = String::from_utf8_lossy(&out).into_owned();
    if name == "wattbridge" {
        page.push_str(FILES);
    }
    page.push_str(".SH \"SEE ALSO\"\n");
    writeln!(page, ".BR {}", see.join(" ,\n.BR ")).unwrap();
    Ok(tidy(&page))
}

/// Without the breaks and paragraphs that stand where there is one anyway.
fn tidy(page: &str) -> String {
    let page = page.replace(".br\n\n.br\n", ".sp\n");
    let mut tidy: Vec<&str> = Vec::new();
    for line in page.lines() {
        let last = tidy.last().copied().unwrap_or_default();
        if line == ".PP" && (last.starts_with(".SH") || last == ".PP") {
            continue;
        }
        if line.starts_with(".SH") && last == ".PP" {
            tidy.pop();
        }
        tidy.push(line);
    }
    tidy.join("\n") + "\n"
}

/// The title and the section NAME.
fn head(name: &str, section: &str, about: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let date = env::var("SOURCE_DATE_EPOCH").unwrap_or_default();
    let date = date
        .parse()
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let date = date.map(|at| at.strftime("%Y-%m-%d").to_string());
    format!(
        ".TH \"{name}\" \"{section}\" \"{}\" \"wattbridge {version}\" \"{MANUAL}\"\n.SH NAME\n{} \\- {}\n",
        date.unwrap_or_default(),
        escaped(name),
        escaped(about)
    )
}

/// What stands behind the options: prose that is filled, and examples that stay as they are.
fn after_help(text: &str) -> String {
    let mut page = String::new();
    let mut verbatim = false;
    let mut section = ".SH NOTES\n";
    for line in text.lines() {
        let is_verbatim = line.starts_with(' ');
        if verbatim && !is_verbatim {
            page.push_str(".EE\n.RE\n");
        }
        if is_verbatim && !verbatim {
            page.push_str(".PP\n.RS 4\n.EX\n");
        }
        verbatim = is_verbatim;
        if line == "Examples:" {
            page.push_str(".SH EXAMPLES\n");
            section = ".SH NOTES\n";
        } else if line.is_empty() {
            continue;
        } else if verbatim {
            let line = line.strip_prefix("  ").unwrap_or(line);
            writeln!(page, "{}", escaped(line)).unwrap();
        } else {
            page.push_str(section);
            writeln!(page, "{}", prose(line)).unwrap();
            section = ".PP\n";
        }
    }
    if verbatim {
        page.push_str(".EE\n.RE\n");
    }
    page
}

/// `wattbridge.toml(5)`, from the page that is written in the plain Markdown of `config::reference`:
/// headings, paragraphs, lists, tables with the columns key, type, default and meaning, and code.
fn configuration(markdown: &str) -> String {
    let mut page = head("wattbridge.toml", "5", "the configuration of wattbridge");
    page.push_str(".SH DESCRIPTION\n");
    let mut lines = markdown.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("# ") || line.starts_with("This page is generated") {
            continue;
        } else if let Some(heading) = line
            .trim_start_matches('#')
            .strip_prefix(' ')
            .filter(|_| line.starts_with("##"))
        {
            writeln!(
                page,
                ".SH \"{}\"",
                escaped(&heading.replace(['`', '"'], ""))
            )
            .unwrap();
        } else if line.starts_with("```") {
            page.push_str(".PP\n.RS 4\n.EX\n");
            for line in lines.by_ref().take_while(|line| !line.starts_with("```")) {
                writeln!(page, "{}", escaped(line)).unwrap();
            }
            page.push_str(".EE\n.RE\n");
        } else if line.starts_with("| Key") || line.starts_with("|---") {
            continue;
        } else if line.starts_with('|') {
            page.push_str(&key(line));
        } else if let Some(item) = line.strip_prefix("* ") {
            writeln!(page, ".IP \\(bu 2\n{}", prose(item)).unwrap();
        } else if line.is_empty() {
            let is_prose = |next: &&str| {
                !next.is_empty() && !next.starts_with(['|', '#', '`', '*'])
                    || next.starts_with("`") && !next.starts_with("```")
            };
            if lines.peek().is_some_and(is_prose) && !page.ends_with("DESCRIPTION\n") {
                page.push_str(".PP\n");
            }
        } else {
            writeln!(page, "{}", prose(line)).unwrap();
        }
    }
    page.push_str(".SH \"SEE ALSO\"\n.BR wattbridge (1)\n");
    tidy(&page)
}

/// A row of a table.
fn key(row: &str) -> String {
    // A bar in a cell is written with a backslash.
    let row = row.replace("\\|", "\u{1}");
    let cells: Vec<String> = row
        .trim_matches('|')
        .split('|')
        .map(|cell| cell.trim().replace('\u{1}', "|"))
        .collect();
    let [key, kind, default, meaning] = &cells[..] else {
        panic!("not four columns: {row}");
    };
    let mut about = kind.clone();
    if !default.is_empty() && default != "none" {
        write!(about, "; default {default}").unwrap();
    }
    format!(
        ".TP\n{} ({})\n{}\n",
        prose(key),
        prose(&about),
        if meaning.is_empty() {
            "\\&".to_owned()
        } else {
            prose(meaning)
        }
    )
}

/// A line of Markdown: code in bold, links by their words.
fn prose(line: &str) -> String {
    let link = regex::Regex::new(r"\[([^\]`]+)\]\([^)]*\)").unwrap();
    let line = link.replace_all(line, "$1");
    let mut text = String::new();
    for (index, piece) in line.split('`').enumerate() {
        let piece = if index % 2 == 1 {
            format!("\\fB{}\\fR", inline(piece))
        } else {
            inline(piece)
        };
        text.push_str(&piece);
    }
    guarded(text)
}

fn escaped(line: &str) -> String {
    guarded(inline(line))
}

fn inline(text: &str) -> String {
    text.replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('"', "\\(dq")
        .replace('\'', "\\(aq")
        .replace('^', "\\(ha")
        .replace('~', "\\(ti")
}

/// A dot at the beginning of a line would be a command.
fn guarded(line: String) -> String {
    if line.starts_with(['.', '\'']) {
        format!("\\&{line}")
    } else {
        line
    }
}
