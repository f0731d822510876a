//! `rustic_core`, which writes restic's format (repository version 2).
//!
//! What was measured of it, and what is done about it:
//!
//! - **It has no locks.** A snapshot beside a prune can leave a repository that fails its check. Whoever
//!   calls a writing function here holds the repository's lock; prunes are two-phase only; no other
//!   tool may prune.
//! - **A file that cannot be read is left out with a warning.** Readers veto the snapshot instead.
//! - **The chunker in the config can be lost** (`restic migrate`). It is looked at at every open.
//! - **Opening by password costs half a second and 128 MiB** (scrypt). The master key is kept in memory;
//!   the repository itself is always made with the password, so that restic opens it.
//! - **It panics in many places.** Every call is caught, and is an error here.
//! - **A prune marks packs that no index names without their blobs, and forgets their size at the next**,
//!   whose index then fails the check. It does not get to see them; they are swept here.
//! - **Its check finds a repository sound whose trees are damaged** in some places: a thread of it panics
//!   and is not heard. Files are compared here with their names, which are their digests.
//! - Its own restore takes memory like the database's size. Files are written one after another.

use std::any::Any;
use std::collections::HashSet;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytesize::ByteSize;
use rustic_core::jiff::{self, tz::TimeZone};
use rustic_core::repofile::{Chunker, MasterKey, SnapshotFile};
use rustic_core::{
    BackupOptions, CheckOptions, ConfigOptions, Credentials, KeyOptions, LsOptions, OpenStatus,
    PruneOptions, Repository, RepositoryBackends, RepositoryOptions, RusticError, RusticResult,
    SnapshotOptions,
};
use secrecy::{ExposeSecret, SecretString};
use yagura_control::Timestamp;

use super::gate::Gate;
use super::source::{Entry, Source, Veto};
use super::unnamed::unnamed;
use super::writing::{Counted, below, folder};
use super::{Engine, Generation, Part, Progress, Pruned, Reading, reading};
use crate::backup::error::BackupError;
use crate::backup::leftovers::{Leftovers, Unnamed};
use crate::backup::store::{Kind, Store};

/// Pieces of a database: sixteen pages of 4 KiB.
const PIECE: u64 = 64 << 10;

/// How a repository cuts what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Fixed pieces: pages keep their places in a database.
    Pages,
    /// By content: what is inserted moves the rest.
    Files,
}

/// A repository at a place.
pub(crate) struct Rustic {
    store: Arc<dyn Store>,
    password: SecretString,
    shape: Shape,
    cache: Option<PathBuf>,
    key: OnceLock<MasterKey>,
    veto: Veto,
}

impl Rustic {
    /// `cache` is a folder for what is read again and again of a place that is far away.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        password: SecretString,
        shape: Shape,
        cache: Option<PathBuf>,
    ) -> Self {
        Self {
            store,
            password,
            shape,
            cache,
            key: OnceLock::new(),
            veto: Veto::default(),
        }
    }

    /// Whatever the engine does, its panics are errors and its errors name the place.
    fn guarded<T>(&self, act: impl FnOnce() -> Result<T, Fault>) -> Result<T, BackupError> {
        match catch_unwind(AssertUnwindSafe(act)) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Fault::Own(error))) => Err(error),
            Ok(Err(Fault::Engine(error))) => Err(BackupError::Engine {
                place: self.store.place(),
                why: error.display_log(),
            }),
            Err(panic) => Err(BackupError::Broke {
                place: self.store.place(),
                why: words(&*panic),
            }),
        }
    }

    fn bare(&self) -> RusticResult<Repository<()>> {
        self.bare_without(Unnamed::new())
    }

    fn bare_without(&self, hidden: Unnamed) -> RusticResult<Repository<()>> {
        let afar = self.cache.is_some();
        let gate = Gate::new(self.store.clone(), self.veto.clone(), afar);
        let gate = gate.without(hidden);
        let backends = RepositoryBackends::new(Arc::new(gate), None);
        let options = match &self.cache {
            Some(folder) => RepositoryOptions::default().cache_dir(folder.clone()),
            None => RepositoryOptions::default().no_cache(true),
        };
        Repository::new(&options, &backends)
    }

    fn opened(&self) -> Result<Repository<OpenStatus>, Fault> {
        self.opened_without(Unnamed::new())
    }

    fn opened_without(&self, hidden: Unnamed) -> Result<Repository<OpenStatus>, Fault> {
        let credentials = match self.key.get() {
            Some(key) => Credentials::Masterkey(key.clone()),
            None => Credentials::password(self.password.expose_secret()),
        };
        let repository = self.bare_without(hidden)?.open(&credentials)?;
        let config = repository.config();
        let fixed = config.chunker() == Chunker::FixedSize
            && u64::try_from(config.chunk_size()).ok() == Some(PIECE);
        if config.version != 2 || fixed != (self.shape == Shape::Pages) {
            let place = self.store.place();
            return Err(BackupError::Shape { place }.into());
        }
        let _kept_before = self.key.set(repository.key());
        Ok(repository)
    }

    fn snapshot(&self, id: &str) -> Result<(Repository<OpenStatus>, SnapshotFile), Fault> {
        let repository = self.opened()?;
        let all = repository.get_all_snapshots()?;
        let found = all.into_iter().find(|snapshot| id_of(snapshot) == id);
        let wanted = id.to_owned();
        let snapshot = found.ok_or(BackupError::NoGeneration { wanted })?;
        Ok((repository, snapshot))
    }
}

/// A failure inside [`Rustic::guarded`].
enum Fault {
    Engine(Box<RusticError>),
    Own(BackupError),
}

impl From<Box<RusticError>> for Fault {
    fn from(error: Box<RusticError>) -> Self {
        Self::Engine(error)
    }
}

impl From<BackupError> for Fault {
    fn from(error: BackupError) -> Self {
        Self::Own(error)
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no words").to_owned()
}

fn id_of(snapshot: &SnapshotFile) -> String {
    snapshot.id.to_hex().to_string()
}

fn instant(snapshot: &SnapshotFile) -> Timestamp {
    let millis = snapshot.time.timestamp().as_millisecond();
    Timestamp(u64::try_from(millis).unwrap_or(0))
}

/// What the engine saved; none for what other programs put into the repository.
fn generation(snapshot: &SnapshotFile) -> Option<Generation> {
    let part = Part::ALL
        .into_iter()
        .find(|it| it.word() == snapshot.label)?;
    let summary = snapshot.summary.as_ref();
    Some(Generation {
        id: id_of(snapshot),
        part,
        at: instant(snapshot),
        bytes: summary.map_or(0, |it| it.total_bytes_processed),
        added: summary.map_or(0, |it| it.data_added_packed),
        record: snapshot.description.clone().unwrap_or_default(),
    })
}

impl Engine for Rustic {
    fn place(&self) -> String {
        self.store.place()
    }

    fn prepare(&self, may_make: bool) -> Result<(), BackupError> {
        self.guarded(|| {
            if self.bare()?.config_id()?.is_some() {
                self.opened()?;
                let swept = self.store.sweep();
                swept.map_err(BackupError::at(self.store.place()))?;
                return Ok(());
            }
            if !may_make {
                let place = self.store.place();
                return Err(BackupError::Gone { place }.into());
            }
            let options = ConfigOptions::default().set_version(2_u32);
            let options = match self.shape {
                Shape::Pages => options
                    .set_chunker(Chunker::FixedSize)
                    .set_chunk_size(ByteSize(PIECE)),
                Shape::Files => options,
            };
            let credentials = Credentials::password(self.password.expose_secret());
            let made = self
                .bare()?
                .init(&credentials, &KeyOptions::default(), &options)?;
            let _first = self.key.set(made.key());
            Ok(())
        })
    }

    fn take(
        &self,
        entries: Vec<Entry>,
        at: Timestamp,
        record: &str,
    ) -> Result<Generation, BackupError> {
        self.guarded(|| {
            self.veto.clear();
            let part = match self.shape {
                Shape::Pages => Part::Database,
                Shape::Files => Part::Files,
            };
            let expected: u64 = entries.iter().map(|entry| entry.size).sum();
            let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
            let time = jiff::Timestamp::from_millisecond(millis)
                .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
                .to_zoned(TimeZone::UTC);
            let options = SnapshotOptions::default()
                .time(time)
                .label(part.word().to_owned())
                .host("yagura".to_owned())
                .command("yagura backup".to_owned())
                .description(record.to_owned());
            let snapshot = SnapshotFile::from_options(&options)?;
            let mut how = BackupOptions::default();
            // A database whose size and time are unchanged may still have changed.
            how.parent_opts.force = self.shape == Shape::Pages;
            let repository = self.opened()?.to_indexed_ids()?;
            let source = Source::new(entries, self.veto.clone());
            let saved = repository.archive(&how, &source, snapshot, &[PathBuf::from("/")]);
            if let Some(why) = self.veto.said() {
                let place = self.store.place();
                return Err(BackupError::Engine { place, why }.into());
            }
            let saved = saved?;
            let kept = saved
                .summary
                .as_ref()
                .map_or(0, |it| it.total_bytes_processed);
            if kept != expected {
                repository.delete_snapshots(&[saved.id])?;
                let why = format!("{kept} of {expected} bytes were kept: something was left out");
                let place = self.store.place();
                return Err(BackupError::Engine { place, why }.into());
            }
            generation(&saved).ok_or_else(|| {
                let wanted = id_of(&saved);
                BackupError::NoGeneration { wanted }.into()
            })
        })
    }

    fn generations(&self) -> Result<Vec<Generation>, BackupError> {
        self.guarded(|| {
            let all = self.opened()?.get_all_snapshots()?;
            let mut all: Vec<_> = all.iter().filter_map(generation).collect();
            all.sort_by_key(|generation| generation.at);
            Ok(all)
        })
    }

    fn copy(
        &self,
        from: &dyn Engine,
        wanted: &dyn Fn(&Generation) -> bool,
    ) -> Result<usize, BackupError> {
        self.guarded(|| {
            let Some(from) = from.as_any().downcast_ref::<Self>() else {
                return Ok(0);
            };
            let here: HashSet<Timestamp> = self
                .opened()?
                .get_all_snapshots()?
                .iter()
                .map(instant)
                .collect();
            let source = from.opened()?;
            let mut missing = source.get_all_snapshots()?;
            missing.retain(|snapshot| {
                !here.contains(&instant(snapshot))
                    && generation(snapshot).is_some_and(|it| wanted(&it))
            });
            missing.sort_by_key(instant);
            if missing.is_empty() {
                return Ok(0);
            }
            self.veto.clear();
            let source = source.to_indexed()?;
            source.copy(&self.opened()?.to_indexed_ids()?, &missing)?;
            Ok(missing.len())
        })
    }

    fn restore(&self, id: &str, to: &Path, progress: Progress<'_>) -> Result<(), BackupError> {
        self.guarded(|| {
            let (repository, snapshot) = self.snapshot(id)?;
            let total = snapshot
                .summary
                .as_ref()
                .map_or(0, |it| it.total_bytes_processed);
            let repository = repository.to_indexed()?;
            let root = repository.node_from_snapshot_and_path(&snapshot, "")?;
            let mut done = 0;
            for entry in repository.ls(&root, &LsOptions::default())? {
                let (path, node) = entry?;
                let path = to.join(below(&path)?);
                if node.is_dir() {
                    folder(&path)?;
                    continue;
                }
                folder(path.parent().unwrap_or(to))?;
                let file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&path);
                let mut file = Counted {
                    file: file.map_err(BackupError::at(&path))?,
                    done,
                    total,
                    progress,
                };
                repository.dump(&node, &mut file)?;
                done = file.done;
                let modified = node
                    .meta
                    .mtime
                    .map(|at| Timestamp(u64::try_from(at.as_millisecond()).unwrap_or(0)));
                let file = file.file;
                file.sync_all().map_err(BackupError::at(&path))?;
                if let Some(modified) = modified {
                    file.set_modified(modified.into())
                        .map_err(BackupError::at(&path))?;
                }
            }
            Ok(())
        })
    }

    fn check(&self, reading: Reading) -> Result<Vec<String>, BackupError> {
        let mut found = reading::read(&*self.store, reading)?;
        let structure = self.guarded(|| {
            let checked = self.opened()?.check(CheckOptions::default())?;
            let errors = checked
                .0
                .iter()
                .filter(|(level, _)| format!("{level:?}") == "Error");
            Ok(errors
                .map(|(_, error)| error.to_string())
                .collect::<Vec<_>>())
        });
        match structure {
            Ok(errors) => found.extend(errors),
            // A damaged file is reason enough for the engine to break off.
            Err(error) if !found.is_empty() => found.push(error.to_string()),
            Err(error) => return Err(error),
        }
        Ok(found)
    }

    fn forget(&self, ids: &[String]) -> Result<(), BackupError> {
        self.guarded(|| {
            let repository = self.opened()?;
            let all = repository.get_all_snapshots()?;
            let meant = all.iter().filter(|it| ids.contains(&id_of(it)));
            let meant: Vec<_> = meant.map(|snapshot| snapshot.id).collect();
            Ok(repository.delete_snapshots(&meant)?)
        })
    }

    fn prune(&self, leftovers: &mut Leftovers, now: Timestamp) -> Result<Pruned, BackupError> {
        self.guarded(|| {
            let at = || BackupError::at(self.store.place());
            let unnamed = unnamed(&self.opened()?, &*self.store).map_err(at())??;
            let repository = self.opened_without(unnamed.clone())?;
            let options = PruneOptions::default();
            // It fails when an index that is read lacks anything that a generation needs.
            let plan = repository.prune_plan(&options)?;
            let mut pruned = Pruned {
                marked: plan.stats.size_sum().remove,
                removed: plan.stats.size_to_delete.remove,
            };
            repository.prune(&options, plan)?;
            let gone = leftovers.look(&unnamed, now);
            for (name, bytes) in &unnamed {
                if gone.contains(name) {
                    self.store.remove(Kind::Pack, name).map_err(at())?;
                    pruned.removed += u64::from(*bytes);
                } else {
                    pruned.marked += u64::from(*bytes);
                }
            }
            Ok(pruned)
        })
    }

    fn size(&self) -> Result<u64, BackupError> {
        let mut bytes = 0;
        for kind in [Kind::Key, Kind::Snapshot, Kind::Index, Kind::Pack] {
            let listed = self.store.list(kind);
            let listed = listed.map_err(BackupError::at(self.store.place()))?;
            bytes += listed.iter().map(|(_, size)| u64::from(*size)).sum::<u64>();
        }
        Ok(bytes)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
