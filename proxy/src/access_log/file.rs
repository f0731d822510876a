//! The file that is written now: appended to, left for a new one, opened anew. Whole lines or
//! nothing: what a full disk took of them is taken back.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use yagura_config::settings::RotationSettings;
use yagura_control::Timestamp;

use super::rotate::{self, Current};

/// Files of one second that are told apart.
const MOST_OF_A_SECOND: u32 = 999;

/// The log's file.
pub struct LogFile {
    path: PathBuf,
    rotation: Option<RotationSettings>,
    file: Option<File>,
    current: Current,
    /// The file could not be left; told once.
    stuck: bool,
}

impl LogFile {
    /// Opens the file for appending; its folder is made.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn open(path: &Path, rotation: Option<RotationSettings>) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut log = Self {
            path: path.to_owned(),
            rotation,
            file: None,
            current: Current {
                bytes: 0,
                written_at: Timestamp::ZERO,
            },
            stuck: false,
        };
        log.opened()?;
        Ok(log)
    }

    /// Closes the file, so that the next line opens what then has its name.
    pub fn close(&mut self) {
        self.file = None;
    }

    /// Appends whole lines.
    ///
    /// # Errors
    /// They are not written, none of them.
    pub fn append(&mut self, lines: &[u8], now: Timestamp) -> io::Result<()> {
        self.opened()?;
        if let Some(rotation) = &self.rotation
            && rotate::is_due(self.current, now, rotation)
        {
            // Lines go on into the same file rather than nowhere.
            let left = self.leave(now);
            if let (Err(error), false) = (&left, self.stuck) {
                tracing::error!(file = %self.path.display(), %error, "no new file of the access log can begin");
            }
            self.stuck = left.is_err();
        }
        self.opened()?;
        let before = self.current.bytes;
        let file = self.opened()?;
        if let Err(error) = file.write_all(lines) {
            // Another program may have shortened the file; it must not become longer by this.
            if file
                .metadata()
                .is_ok_and(|metadata| metadata.len() > before)
            {
                file.set_len(before)?;
            }
            return Err(error);
        }
        self.current = Current {
            bytes: before + lines.len() as u64,
            written_at: now,
        };
        Ok(())
    }

    /// Removes old files whose time is over.
    ///
    /// # Errors
    /// The folder cannot be read, or a file not be removed.
    pub fn retire(&self, now: Timestamp) -> io::Result<()> {
        let Some((folder, name, rotation)) = self.place() else {
            return Ok(());
        };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            names.extend(entry?.file_name().into_string());
        }
        for name in rotate::to_remove(name, &names, now, rotation) {
            std::fs::remove_file(folder.join(name))?;
        }
        Ok(())
    }

    /// Gives the file the name of one that is left; the next line begins a new one.
    fn leave(&mut self, now: Timestamp) -> io::Result<()> {
        let Some((folder, name, _)) = self.place() else {
            return Ok(());
        };
        let left = (0..=MOST_OF_A_SECOND)
            .map(|again| folder.join(rotate::name(name, now, again)))
            .find(|path| !path.exists());
        let left = left.ok_or(io::ErrorKind::AlreadyExists)?;
        std::fs::rename(&self.path, left)?;
        self.close();
        // What cannot be removed now is tried again every hour, and told then.
        let _tried_again = self.retire(now);
        Ok(())
    }

    fn place(&self) -> Option<(&Path, &str, &RotationSettings)> {
        let folder = self.path.parent()?;
        let name = self.path.file_name()?.to_str()?;
        Some((folder, name, self.rotation.as_ref()?))
    }

    fn opened(&mut self) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                // What readers asked for is not for every account of the machine.
                let file = OpenOptions::new()
                    .create(true)
                    .append(true)
                    .mode(0o640)
                    .open(&self.path)?;
                let metadata = file.metadata()?;
                self.current = Current {
                    bytes: metadata.len(),
                    written_at: metadata.modified().map_or(Timestamp::ZERO, Timestamp::from),
                };
                file
            }
        };
        Ok(self.file.insert(file))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_410_187_000);

    fn later(seconds: u64) -> Timestamp {
        // The first file is of the day on which the test runs.
        Timestamp(NOW.0 + 40 * 366 * 86_400_000).plus(Duration::from_secs(seconds))
    }

    fn read(folder: &Path) -> Vec<(String, String)> {
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, std::fs::read_to_string(path).unwrap())
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn files_are_left_full_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let rotation = RotationSettings {
            at_bytes: 4,
            keep_files: 2,
            keep: Duration::from_secs(3600),
        };
        let path = folder.path().join("logs/a.log");
        let mut log = LogFile::open(&path, Some(rotation)).unwrap();
        for (second, text) in [
            (0, "1\n"),
            (0, "2\n"),
            (0, "3\n"),
            (0, "4\n"),
            (1, "5\n"),
            (1, "6\n"),
            (1, "7\n"),
        ] {
            log.append(text.as_bytes(), later(second)).unwrap();
        }
        let files = read(path.parent().unwrap());
        let texts: Vec<&str> = files.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["3\n4\n", "5\n6\n", "7\n"], "{files:?}");
        log.retire(later(4000)).unwrap();
        assert_eq!(read(path.parent().unwrap()).len(), 1);
    }

    #[test]
    fn a_file_that_another_program_took_away_begins_anew_when_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let mut log = LogFile::open(&path, None).unwrap();
        log.append(b"1\n", NOW).unwrap();
        std::fs::rename(&path, folder.path().join("taken")).unwrap();
        log.append(b"2\n", NOW).unwrap();
        log.close();
        log.append(b"3\n", NOW).unwrap();
        let texts: Vec<String> = read(folder.path())
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        assert_eq!(texts, ["3\n", "1\n2\n"]);
    }
}
