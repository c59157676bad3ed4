//! Where wattbridge is published stands in `Cargo.toml`; everything that cannot read it there says the same, and
//! `packaging/set-repository` changes it everywhere.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use regex::Regex;
use tempfile::TempDir;

use super::{APPS, config, files, manifest, path, text, yaml};

/// The address of the repository.
pub fn repository() -> String {
    let manifest = manifest();
    manifest["package"]["repository"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The image, without a tag.
fn image() -> String {
    let manifest = manifest();
    let image = &manifest["package"]["metadata"]["image"]["name"];
    image.as_str().unwrap().to_owned()
}

fn in_a_query(address: &str) -> String {
    address.replace(':', "%3A").replace('/', "%2F")
}

#[test]
fn the_apps_and_the_repository_name_the_address_of_cargo_toml() {
    assert_eq!(yaml("repository.yaml")["url"], repository());
    for app in APPS {
        assert_eq!(config(app)["url"], repository(), "{app}");
        // The last stage but one of docker/Dockerfile, which the Supervisor needs, goes by this name.
        assert_eq!(config(app)["image"], format!("{}-app", image()), "{app}");
        assert!(text(&format!("{app}/DOCS.md")).contains(&format!("    {}\n", repository())));
    }
    // Home Assistant takes no capital letters, and the version as the tag.
    assert_eq!(image(), image().to_lowercase());
    assert!(!image().rsplit('/').next().unwrap().contains(':'));
}

#[test]
fn the_button_in_the_readme_adds_this_repository() {
    let readme = text("README.md");
    let button = format!(
        "https://my.home-assistant.io/redirect/supervisor_add_addon_repository/?repository_url={}",
        in_a_query(&repository())
    );
    assert!(readme.contains(&button), "README.md lacks {button}");
}

#[test]
fn the_installation_page_takes_this_version() {
    let page = text("docs/installation.md");
    let version = env!("CARGO_PKG_VERSION");
    let of_release =
        Regex::new(r"(?m)version=(\d[\w.-]*)$|/v(\d[\w.-]*)/|wattbridge:(\d[\w.-]*)").unwrap();
    let named: Vec<&str> = of_release
        .captures_iter(&page)
        .map(|found| found.iter().flatten().last().unwrap().as_str())
        .collect();
    assert_eq!(named, vec![version; 5], "docs/installation.md");
}

/// Every address of a repository with our name that stands anywhere is ours.
#[test]
fn no_file_knows_another_address() {
    let name = repository().rsplit('/').next().unwrap().to_owned();
    let host = "https://github.com/";
    for file in files() {
        let Ok(words) = fs::read_to_string(path(&file)) else {
            continue;
        };
        for after in words.split(host).skip(1) {
            let mut parts = after.split(|c: char| !(c.is_alphanumeric() || "._-".contains(c)));
            let (owner, project) = (parts.next().unwrap(), parts.next().unwrap_or_default());
            let ours = format!("{host}{owner}/{project}");
            assert!(
                project != name || ours == repository() || owner == "somebody",
                "{file} has {ours}"
            );
        }
    }
}

/// The mail address of an owner who shows none.
fn no_reply(address: &str) -> String {
    let parts: Vec<&str> = address.split('/').collect();
    format!("{}@users.noreply.{}", parts[3], parts[2])
}

/// A copy of the project as it is kept, in which git knows the files.
fn copy() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files() {
        let to = folder.path().join(&file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(path(&file), to).unwrap();
    }
    for args in [&["init", "--quiet"][..], &["add", "--all"]] {
        let ended = Command::new("git").args(args).current_dir(&folder).output();
        assert!(ended.unwrap().status.success());
    }
    folder
}

fn set_repository(folder: &Path, args: &[&str]) -> Output {
    Command::new(folder.join("packaging/set-repository"))
        .args(args)
        .output()
        .unwrap()
}

/// The files below `folder` in which one of `words` stands.
fn files_with(folder: &Path, words: &[String]) -> Vec<String> {
    let holds = |file: &String| {
        let bytes = fs::read(folder.join(file)).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        words.iter().any(|word| text.contains(word.as_str()))
    };
    files().into_iter().filter(holds).collect()
}

#[test]
fn set_repository_leaves_nothing_of_the_old_address() {
    let folder = copy();
    // Put together, or this file would have them too.
    let url = &format!("https://{}/Some-Body/watt.bridge", "git.example.org");
    let new_image = &format!("{}:5000/some-body/watt.bridge", "registry.example.org");
    let owner = repository().trim_start_matches("https://").to_owned();
    let old = [
        repository(),
        in_a_query(&repository()),
        in_a_query(&owner),
        owner,
        no_reply(&repository()),
        image(),
    ];
    // Whether there is such an address depends on who packages it.
    fs::write(folder.path().join("LICENSE-MIT"), no_reply(&repository())).unwrap();
    let before = files_with(folder.path(), &old);
    assert!(before.len() >= 10, "{before:?}");

    let ended = set_repository(folder.path(), &[url, new_image]);
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    let told = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(
        told.lines().collect::<Vec<_>>(),
        before,
        "it tells what it has changed"
    );
    assert_eq!(files_with(folder.path(), &old), [""; 0]);
    let new = [
        url.clone(),
        in_a_query(url),
        no_reply(url),
        new_image.clone(),
    ];
    assert_eq!(files_with(folder.path(), &new), before);
    // As long as it is a placeholder, it is none that could be meant otherwise.
    if repository().contains("/OWNER/") {
        let word = Regex::new(r"\bOWNER\b").unwrap();
        let left: Vec<String> = files()
            .into_iter()
            .filter(|file| !file.starts_with("tests/addon/") && file != "packaging/set-repository")
            .filter(|file| {
                let bytes = fs::read(folder.path().join(file)).unwrap();
                word.is_match(&String::from_utf8_lossy(&bytes))
            })
            .collect();
        assert_eq!(left, [""; 0]);
    }
    let app = fs::read_to_string(folder.path().join("addon/wattbridge/config.yaml")).unwrap();
    assert!(app.contains(&format!("\nurl: {url}\n")), "{app}");
    assert!(
        app.contains(&format!("\nimage: {new_image}-app\n")),
        "{app}"
    );

    // And back again, to the letter; with what people copy along, and the image as it is.
    let back = format!("{}.git/", repository());
    assert!(
        set_repository(folder.path(), &[&back, &image()])
            .status
            .success()
    );
    for file in files().into_iter().filter(|file| file != "LICENSE-MIT") {
        let there = fs::read(folder.path().join(&file)).unwrap();
        assert!(
            there == fs::read(path(&file)).unwrap(),
            "{file} is another one"
        );
    }
}

#[test]
fn set_repository_refuses_what_is_no_address() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("packaging")).unwrap();
    for file in ["Cargo.toml", "packaging/set-repository"] {
        fs::copy(path(file), folder.join(file)).unwrap();
    }
    let good = "https://github.com/somebody/wattbridge";
    let refused: [&[&str]; 6] = [
        &[],
        &["somebody/wattbridge"],
        &["https://github.com/some body/wattbridge"],
        &["git@github.com:somebody/wattbridge"],
        &[good, "registry.example.org/Somebody/wattbridge"],
        &[good, "registry.example.org/somebody/wattbridge:1.0"],
    ];
    for args in refused {
        let ended = set_repository(folder, args);
        assert_eq!(ended.status.code(), Some(2), "{args:?}");
        assert!(!ended.stderr.is_empty(), "{args:?}");
    }
    assert_eq!(
        fs::read(folder.join("Cargo.toml")).unwrap(),
        fs::read(path("Cargo.toml")).unwrap()
    );
}
