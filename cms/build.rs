//! Puts the staff's editor where the crate can embed it. It is built from `editor/` with Vite.

use std::path::Path;

fn main() {
    let dist = Path::new("../editor/dist");
    let out = std::env::var_os("OUT_DIR").map(std::path::PathBuf::from);
    for name in ["editor.js", "editor.css"] {
        let from = dist.join(name);
        println!("cargo::rerun-if-changed={}", from.display());
        let copied = out.as_ref().map(|out| std::fs::copy(&from, out.join(name)));
        if !matches!(copied, Some(Ok(_))) {
            println!(
                "cargo::error=editor/dist/{name} is missing: run `make editor` first (it needs Node)"
            );
        }
    }
}
