//! `packaging/linker`: what it is asked to link besides the program.

use std::fs;
use std::process::Command;

/// What this computer runs, in Rust's words.
fn host() -> String {
    let said = Command::new("rustc").arg("-vV").output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.unwrap().to_owned()
}

/// A crate with a macro and a build script that uses it, for this computer, as `packaging/build-static` builds ours
/// in an image of Alpine: there the target is what the computer itself runs, and Cargo takes the target's linker for
/// both, without the target's flags.
#[test]
fn the_target_may_be_this_computer() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    write(
        "Cargo.toml",
        "[package]\nname = \"tiny\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [build-dependencies]\nwords = { path = \"words\" }\n[workspace]\n",
    );
    write("src/lib.rs", "pub const WORD: &str = env!(\"WORD\");\n");
    write(
        "build.rs",
        "fn main() { println!(\"cargo::rustc-env=WORD={}\", words::word!()); }\n",
    );
    write(
        "words/Cargo.toml",
        "[package]\nname = \"words\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[lib]\nproc-macro = true\n",
    );
    write(
        "words/src/lib.rs",
        "#[proc_macro]\npub fn word(_: proc_macro::TokenStream) -> proc_macro::TokenStream {\n    \
         \"\\\"linked\\\"\".parse().unwrap()\n}\n",
    );
    let host = host();
    let name = host.to_uppercase().replace('-', "_");
    // `check` links what runs at build time, and nothing else: the program itself wants musl.
    let built = Command::new("cargo")
        .args(["check", "--quiet", "--offline", "--target", &host])
        .current_dir(folder.path())
        .env("CARGO_TARGET_DIR", folder.path().join("target"))
        .env(
            format!("CARGO_TARGET_{name}_LINKER"),
            super::path("packaging/linker"),
        )
        .env(
            format!("CARGO_TARGET_{name}_RUSTFLAGS"),
            "-C linker-flavor=ld.lld -C link-self-contained=yes",
        )
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_RUSTFLAGS")
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{words}");
}
