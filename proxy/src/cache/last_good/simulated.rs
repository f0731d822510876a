//! A disk of the tests' own that does the worst a file system may: at a power cut it forgets what
//! was not synced, file contents and names each by their own rule; it runs full, turns read-only or
//! breaks from a given operation on. It counts what is asked of it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use yagura_control::Timestamp;

use super::disk::{Disk, Facts};

/// The disk; clones are the same disk.
#[derive(Clone, Debug)]
pub struct Simulated(Arc<Mutex<State>>);

/// What is left after the power came back.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    /// Nothing that was not synced.
    LosesAll,
    /// Every name, but of files not synced only the names: what journals of names alone do.
    KeepsNames,
    /// Some of it, by chance: names up to some change in each folder, and parts of contents.
    KeepsSome(u64),
    /// All of it: only the process was killed.
    KeepsAll,
}

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing new fits (ENOSPC).
    Full,
    /// Nothing can be changed (EROFS).
    ReadOnly,
    /// Nothing works (EIO).
    Broken,
    /// The power is off.
    Off,
}

/// Which syncs do what they say; a test of the tests switches them off.
#[derive(Clone, Copy, Debug)]
pub struct Syncs {
    pub of_files: bool,
    pub of_folders: bool,
}

/// How often each was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub changes: usize,
    pub reads: usize,
    pub facts: usize,
    pub lists: usize,
}

#[derive(Clone, Debug)]
struct State {
    nodes: Vec<Node>,
    counts: Counts,
    syncs: Syncs,
    /// From which change on, and what.
    fault: Option<(usize, Fault)>,
    clock: u64,
}

#[derive(Clone, Debug)]
enum Node {
    File {
        now: Vec<u8>,
        safe: Vec<u8>,
        used_at: Timestamp,
    },
    Folder {
        now: Names,
        safe: Names,
        /// Changes since the last sync, each wholly or not at all.
        pending: Vec<Vec<(OsString, Option<usize>)>>,
    },
}

type Names = BTreeMap<OsString, usize>;

fn folder() -> Node {
    Node::Folder {
        now: Names::new(),
        safe: Names::new(),
        pending: Vec::new(),
    }
}

impl Simulated {
    /// An empty disk.
    pub fn new(syncs: Syncs) -> Self {
        Self(Arc::new(Mutex::new(State {
            nodes: vec![folder()],
            counts: Counts::default(),
            syncs,
            fault: None,
            clock: 1,
        })))
    }

    /// Another disk with the same contents, where nothing is counted or failing yet.
    pub fn copied(&self) -> Self {
        let mut state = self.0.lock().unwrap().clone();
        (state.counts, state.fault) = (Counts::default(), None);
        Self(Arc::new(Mutex::new(state)))
    }

    /// Lets everything fail from the given change on.
    pub fn fail_from(&self, change: usize, fault: Fault) {
        self.0.lock().unwrap().fault = Some((change, fault));
    }

    /// Nothing fails any more.
    pub fn mend(&self) {
        self.0.lock().unwrap().fault = None;
    }

    /// Whether it fails by now.
    pub fn is_failing(&self) -> bool {
        let state = self.0.lock().unwrap();
        let changes = state.counts.changes;
        state.fault.is_some_and(|(from, _)| changes >= from)
    }

    pub fn counts(&self) -> Counts {
        self.0.lock().unwrap().counts
    }

    /// What this disk is when it is switched on again.
    pub fn after(&self, cut: Cut) -> Self {
        let after = self.copied();
        let mut chance = StdRng::seed_from_u64(match cut {
            Cut::KeepsSome(seed) => seed,
            _ => 0,
        });
        let mut state = after.0.lock().unwrap();
        for node in &mut state.nodes {
            match node {
                Node::File { now, safe, .. } => {
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
                    for change in pending.drain(..).take(kept).flatten() {
                        apply(safe, change);
                    }
                    now.clone_from(safe);
                }
            }
        }
        drop(state);
        after
    }

    /// Every file there is.
    pub fn files(&self) -> Vec<PathBuf> {
        let state = self.0.lock().unwrap();
        let (mut found, mut folders) = (Vec::new(), vec![(PathBuf::from("/"), 0)]);
        while let Some((path, node)) = folders.pop() {
            if let Node::Folder { now, .. } = &state.nodes[node] {
                for (name, node) in now {
                    match state.nodes[*node] {
                        Node::File { .. } => found.push(path.join(name)),
                        Node::Folder { .. } => folders.push((path.join(name), *node)),
                    }
                }
            }
        }
        found
    }
}

fn apply(names: &mut Names, (name, node): (OsString, Option<usize>)) {
    match node {
        Some(node) => names.insert(name, node),
        None => names.remove(&name),
    };
}

/// What an operation does, for deciding whether a fault hits it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Adds,
    Changes,
    Looks,
}

impl State {
    fn begin(&mut self, kind: Kind) -> io::Result<()> {
        let failing = self
            .fault
            .filter(|(from, _)| self.counts.changes >= *from)
            .map(|(_, fault)| fault);
        if kind != Kind::Looks {
            self.counts.changes += 1;
        }
        let error = match (failing, kind) {
            (Some(Fault::Full), Kind::Adds) => io::ErrorKind::StorageFull,
            (Some(Fault::ReadOnly), Kind::Adds | Kind::Changes) => {
                io::ErrorKind::ReadOnlyFilesystem
            }
            (Some(Fault::Broken | Fault::Off), _) => io::ErrorKind::Other,
            _ => return Ok(()),
        };
        Err(error.into())
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        path.iter().skip(1).try_fold(0, |node, name| {
            let Node::Folder { now, .. } = &self.nodes[node] else {
                return Err(io::ErrorKind::NotADirectory.into());
            };
            let found = now.get(name).copied();
            found.ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }

    fn rename_in(
        &mut self,
        folder: &Path,
        change: Vec<(OsString, Option<usize>)>,
    ) -> io::Result<()> {
        let number = self.find(folder)?;
        let Node::Folder { now, pending, .. } = &mut self.nodes[number] else {
            return Err(io::ErrorKind::NotADirectory.into());
        };
        for one in &change {
            apply(now, one.clone());
        }
        pending.push(change);
        Ok(())
    }

    fn add(&mut self, path: &Path, node: Node) -> io::Result<usize> {
        let number = self.nodes.len();
        let (folder, name) = parts(path);
        self.rename_in(folder, vec![(name, Some(number))])?;
        self.nodes.push(node);
        Ok(number)
    }
}

fn parts(path: &Path) -> (&Path, OsString) {
    (
        path.parent().unwrap(),
        path.file_name().unwrap().to_os_string(),
    )
}

impl Disk for Simulated {
    type File = usize;

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if state.find(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.begin(Kind::Adds)?;
        state.add(path, folder()).map(|_| ())
    }

    fn create(&self, path: &Path) -> io::Result<usize> {
        let mut state = self.0.lock().unwrap();
        state.begin(Kind::Adds)?;
        state.clock += 1;
        let used_at = Timestamp(state.clock);
        let (now, safe) = (Vec::new(), Vec::new());
        state.add(path, Node::File { now, safe, used_at })
    }

    fn write(&self, file: &mut usize, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.begin(Kind::Adds)?;
        if let Node::File { now, .. } = &mut state.nodes[*file] {
            now.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn sync_file(&self, file: &usize) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.begin(Kind::Changes)?;
        let works = state.syncs.of_files;
        if let Node::File { now, safe, .. } = &mut state.nodes[*file]
            && works
        {
            safe.clone_from(now);
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.begin(Kind::Changes)?;
        let node = state.find(from)?;
        let (folder, old) = parts(from);
        let (other, new) = parts(to);
        assert_eq!(folder, other, "a rename across folders is not one change");
        state.rename_in(folder, vec![(old, None), (new, Some(node))])
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.begin(Kind::Changes)?;
        state.find(path)?;
        let (folder, name) = parts(path);
        state.rename_in(folder, vec![(name, None)])
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.begin(Kind::Changes)?;
        let (number, works) = (state.find(path)?, state.syncs.of_folders);
        if let Node::Folder { now, safe, pending } = &mut state.nodes[number]
            && works
        {
            safe.clone_from(now);
            pending.clear();
        }
        Ok(())
    }

    fn read(&self, path: &Path, most_bytes: u64) -> io::Result<Vec<u8>> {
        let mut state = self.0.lock().unwrap();
        state.begin(Kind::Looks)?;
        state.counts.reads += 1;
        let number = state.find(path)?;
        let Node::File { now, .. } = &state.nodes[number] else {
            return Err(io::ErrorKind::IsADirectory.into());
        };
        let most = usize::try_from(most_bytes).unwrap_or(usize::MAX);
        Ok(now[..now.len().min(most)].to_vec())
    }

    fn facts(&self, path: &Path) -> io::Result<Facts> {
        let mut state = self.0.lock().unwrap();
        state.begin(Kind::Looks)?;
        state.counts.facts += 1;
        let number = state.find(path)?;
        let Node::File { now, used_at, .. } = &state.nodes[number] else {
            return Err(io::ErrorKind::IsADirectory.into());
        };
        Ok(Facts {
            length_bytes: now.len() as u64,
            used_at: *used_at,
        })
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut state = self.0.lock().unwrap();
        state.begin(Kind::Looks)?;
        state.counts.lists += 1;
        let number = state.find(folder)?;
        let Node::Folder { now, .. } = &state.nodes[number] else {
            return Err(io::ErrorKind::NotADirectory.into());
        };
        Ok(now.keys().map(|name| folder.join(name)).collect())
    }

    fn touch(&self, path: &Path, at: Timestamp) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.begin(Kind::Changes)?;
        let number = state.find(path)?;
        if let Node::File { used_at, .. } = &mut state.nodes[number] {
            *used_at = at;
        }
        Ok(())
    }
}
