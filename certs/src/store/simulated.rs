//! A disk of the tests' own that does the worst a file system may: at a power cut it forgets what
//! was not synced, file contents and names each by their own rule. It counts its changes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::disk::Disk;

/// The disk; clones are the same disk.
#[derive(Clone, Debug)]
pub(super) struct Simulated(Arc<Mutex<State>>);

/// What is left after the power came back.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    /// Nothing that was not synced.
    LosesAll,
    /// Every name, but of files not synced only the names.
    KeepsNames,
    /// Some of it, by chance.
    KeepsSome(u64),
    /// All of it: only the process was killed.
    KeepsAll,
}

/// Which syncs do what they say; a test of the tests switches them off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Syncs {
    pub(super) of_files: bool,
    pub(super) of_folders: bool,
}

#[derive(Clone, Debug)]
struct State {
    nodes: Vec<Node>,
    changes: usize,
    syncs: Syncs,
    power_until: usize,
}

#[derive(Clone, Debug)]
enum Node {
    File {
        now: Vec<u8>,
        safe: Vec<u8>,
    },
    Folder {
        now: Names,
        safe: Names,
        /// Changes since the last sync, each wholly or not at all.
        pending: Vec<Change>,
    },
}

type Names = BTreeMap<OsString, usize>;
type Change = Vec<(OsString, Option<usize>)>;

fn folder() -> Node {
    Node::Folder {
        now: Names::new(),
        safe: Names::new(),
        pending: Vec::new(),
    }
}

fn apply(names: &mut Names, change: &Change) {
    for (name, node) in change {
        match node {
            Some(node) => names.insert(name.clone(), *node),
            None => names.remove(name),
        };
    }
}

impl Simulated {
    /// An empty disk whose power goes after so many changes.
    pub(super) fn new(syncs: Syncs, power_until: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            nodes: vec![folder()],
            changes: 0,
            syncs,
            power_until,
        })))
    }

    pub(super) fn changes(&self) -> usize {
        self.0.lock().unwrap().changes
    }

    /// What this disk is when it is switched on again.
    pub(super) fn after(&self, cut: Cut) -> Self {
        let mut state = self.0.lock().unwrap().clone();
        state.power_until = usize::MAX;
        let mut chance = StdRng::seed_from_u64(match cut {
            Cut::KeepsSome(seed) => seed,
            _ => 0,
        });
        for node in &mut state.nodes {
            match node {
                Node::File { now, safe } => {
                    match cut {
                        Cut::LosesAll | Cut::KeepsNames => now.clone_from(safe),
                        Cut::KeepsSome(_) if now != safe => match chance.random_range(0..3) {
                            0 => now.clone_from(safe),
                            1 => now.truncate(chance.random_range(0..=now.len())),
                            _ => now.fill(0),
                        },
                        Cut::KeepsSome(_) | Cut::KeepsAll => {}
                    }
                    safe.clone_from(now);
                }
                Node::Folder { now, safe, pending } => {
                    let kept = match cut {
                        Cut::LosesAll => 0,
                        Cut::KeepsNames | Cut::KeepsAll => pending.len(),
                        Cut::KeepsSome(_) => chance.random_range(0..=pending.len()),
                    };
                    for change in pending.drain(..).take(kept) {
                        apply(safe, &change);
                    }
                    now.clone_from(safe);
                }
            }
        }
        Self(Arc::new(Mutex::new(state)))
    }

    /// Does something that needs power.
    fn change<T>(&self, act: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.0.lock().unwrap();
        if state.changes >= state.power_until {
            return Err(io::ErrorKind::Other.into());
        }
        let done = act(&mut state)?;
        state.changes += 1;
        Ok(done)
    }
}

impl State {
    fn find(&self, path: &Path) -> io::Result<usize> {
        path.iter().skip(1).try_fold(0, |node, name| {
            let Node::Folder { now, .. } = &self.nodes[node] else {
                return Err(io::ErrorKind::NotADirectory.into());
            };
            let found = now.get(name).copied();
            found.ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }

    fn rename_in(&mut self, folder: &Path, change: Change) -> io::Result<()> {
        let number = self.find(folder)?;
        let Node::Folder { now, pending, .. } = &mut self.nodes[number] else {
            return Err(io::ErrorKind::NotADirectory.into());
        };
        apply(now, &change);
        pending.push(change);
        Ok(())
    }

    fn add(&mut self, path: &Path, node: Node) -> io::Result<()> {
        let (folder, name) = parts(path);
        self.rename_in(folder, vec![(name, Some(self.nodes.len()))])?;
        self.nodes.push(node);
        Ok(())
    }
}

fn parts(path: &Path) -> (&Path, OsString) {
    let name = path.file_name().unwrap();
    (path.parent().unwrap(), name.to_os_string())
}

impl Disk for Simulated {
    type Lock = ();

    fn lock(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.change(|state| match state.find(path) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => state.add(path, folder()),
        })
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let (now, safe) = (bytes.to_vec(), Vec::new());
        self.change(|state| state.add(path, Node::File { now, safe }))
    }

    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.change(|state| {
            if let Ok(number) = state.find(path)
                && let Node::File { now, .. } = &mut state.nodes[number]
            {
                now.extend_from_slice(bytes);
                return Ok(());
            }
            let (now, safe) = (bytes.to_vec(), Vec::new());
            state.add(path, Node::File { now, safe })
        })
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.change(|state| {
            let (number, works) = (state.find(path)?, state.syncs.of_files);
            if let Node::File { now, safe } = &mut state.nodes[number]
                && works
            {
                safe.clone_from(now);
            }
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(|state| {
            let node = state.find(from)?;
            let ((folder, old), (other, new)) = (parts(from), parts(to));
            assert_eq!(folder, other, "a rename across folders is not one change");
            state.rename_in(folder, vec![(old, None), (new, Some(node))])
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change(|state| {
            state.find(path)?;
            let (folder, name) = parts(path);
            state.rename_in(folder, vec![(name, None)])
        })
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.remove(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.change(|state| {
            let (number, works) = (state.find(path)?, state.syncs.of_folders);
            if let Node::Folder { now, safe, pending } = &mut state.nodes[number]
                && works
            {
                safe.clone_from(now);
                pending.clear();
            }
            Ok(())
        })
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.0.lock().unwrap();
        match &state.nodes[state.find(path)?] {
            Node::File { now, .. } => Ok(now.clone()),
            Node::Folder { .. } => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.0.lock().unwrap();
        match &state.nodes[state.find(folder)?] {
            Node::Folder { now, .. } => Ok(now.keys().map(|name| folder.join(name)).collect()),
            Node::File { .. } => Err(io::ErrorKind::NotADirectory.into()),
        }
    }
}
