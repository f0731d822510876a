//! The house stands as its plan says: who may import whom, which folders there are, and that every
//! file says what it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand, PackageId};

/// Crates by floor, from the ground up. A crate imports only floors below its own.
const FLOORS: [&[&str]; 5] = [
    &["yagura-config", "yagura-control"],
    &["yagura-certs", "yagura-waf"],
    &["yagura-proxy", "yagura-cms", "yagura-ops"],
    &["yagura"],
    &["yagura-bench"],
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--locked".into()])
        .exec()
        .unwrap()
}

fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&name))
}

#[test]
fn crates_import_only_floors_below_their_own() {
    for package in metadata().workspace_packages() {
        let own =
            floor(&package.name).unwrap_or_else(|| panic!("{} stands on no floor", package.name));
        for dependency in &package.dependencies {
            if let Some(below) = floor(&dependency.name) {
                assert!(
                    below < own,
                    "{} must not import {}",
                    package.name,
                    dependency.name
                );
            }
        }
    }
}

#[test]
fn the_edge_links_no_database() {
    let reached = reachable(&metadata(), "yagura-proxy");
    assert!(
        reached.contains("pingora"),
        "the search reaches nothing: {reached:?}"
    );
    let databases: Vec<_> = reached
        .iter()
        .filter(|name| {
            ["sqlx", "libsqlite3", "postgres", "tokio-postgres"]
                .iter()
                .any(|part| name.starts_with(part))
        })
        .collect();
    assert!(
        databases.is_empty(),
        "the exposed process must not reach {databases:?}"
    );
}

/// Names of every package that `name` is built from.
fn reachable(metadata: &Metadata, name: &str) -> BTreeSet<String> {
    let names: BTreeMap<&PackageId, &str> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.as_str()))
        .collect();
    let graph = metadata.resolve.as_ref().unwrap();
    let mut open: Vec<&PackageId> = names
        .iter()
        .filter(|(_, found)| **found == name)
        .map(|(id, _)| *id)
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(names[id].to_owned()) {
            continue;
        }
        let node = graph.nodes.iter().find(|node| node.id == *id).unwrap();
        let built_from = node.deps.iter().filter(|dependency| {
            dependency
                .dep_kinds
                .iter()
                .any(|kind| kind.kind != cargo_metadata::DependencyKind::Development)
        });
        open.extend(built_from.map(|dependency| &dependency.pkg));
    }
    seen
}

#[test]
fn the_architecture_page_names_exactly_the_folders_there_are() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let map = page
        .split("```")
        .find(|block| block.trim_start().starts_with("Cargo.toml"))
        .unwrap();
    let named: BTreeSet<String> = map
        .lines()
        .filter_map(|line| {
            line.split_whitespace()
                .next()?
                .strip_suffix('/')
                .map(str::to_owned)
        })
        .collect();
    assert_eq!(named, tracked_folders());
}

/// Top-level folders that git keeps, apart from those whose names begin with a dot.
fn tracked_folders() -> BTreeSet<String> {
    let listed = std::process::Command::new("git")
        .args(["ls-files"])
        .current_dir(root())
        .output()
        .unwrap();
    String::from_utf8(listed.stdout)
        .unwrap()
        .lines()
        .filter_map(|path| path.split_once('/'))
        .map(|(folder, _)| folder.to_owned())
        .filter(|folder| !folder.starts_with('.'))
        .collect()
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<PathBuf> = rust_files()
        .into_iter()
        .filter(|path| !fs::read_to_string(path).unwrap().starts_with("//! "))
        .collect();
    assert!(silent.is_empty(), "no module doc in {silent:#?}");
}

#[test]
fn no_file_is_a_drawer_for_everything() {
    let drawers: Vec<PathBuf> = rust_files()
        .into_iter()
        .filter(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            ["util", "utils", "common", "helpers", "misc", "manager"].contains(&name)
        })
        .collect();
    assert!(drawers.is_empty(), "{drawers:#?}");
}

#[test]
fn no_file_outgrows_one_reading() {
    // About 400 lines are the aim; the bound leaves room for a file's tests and long tables.
    const MOST_LINES: usize = 600;
    let long: Vec<(usize, PathBuf)> = rust_files()
        .into_iter()
        .map(|path| (fs::read_to_string(&path).unwrap().lines().count(), path))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .collect();
    assert!(long.is_empty(), "split these: {long:#?}");
}

fn rust_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = tracked_folders()
        .iter()
        .map(|folder| root().join(folder))
        .collect();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let generated =
                |path: &Path| path.ends_with("node_modules") || path.ends_with("target");
            if path.is_dir() && !generated(&path) {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 50, "the search finds too little");
    found
}
