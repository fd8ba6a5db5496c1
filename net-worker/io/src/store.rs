//! The durable store: one file of tables, each a map from bytes to bytes, written in transactions that a crash leaves whole.
//!
//! What the bytes mean is the caller's to know. Of a numbered store each process has a file of its own: a second one that starts takes the
//! next number. A named one is held by one process at a time. All methods wait for the disk: never call them from the audio thread, and
//! from the worker only where a session begins.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redb::backends::FileBackend;
use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, StorageBackend, StorageError, TableDefinition,
};

/// Processes of one user that have a store at the same time.
const FILES_MAX: usize = 16;
/// Pages that are kept in memory, in bytes: a store holds some thousand entries.
const CACHE_BYTES: usize = 1 << 20;

/// A store, held by this process alone.
pub struct Store {
    database: Database,
}

/// One change; several are done together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Keeps a value under a key, in place of what is there.
    Put {
        /// In which table.
        table: &'static str,
        /// Under which key.
        key: Vec<u8>,
        /// What.
        value: Vec<u8>,
    },
    /// Forgets a key; nothing where it is not there.
    Remove {
        /// In which table.
        table: &'static str,
        /// Which key.
        key: Vec<u8>,
    },
}

/// What a table holds under a key.
pub type KeyAndValue = (Vec<u8>, Vec<u8>);

/// A store that could be opened, and what had to be done for it.
pub struct Opened {
    /// The store.
    pub store: Store,
    /// A file that was no store any more, and where it is kept now.
    pub kept_aside: Option<PathBuf>,
}

impl Store {
    /// Opens the first file `NAME-0.redb`, `NAME-1.redb`, … in `dir` that no other process holds; makes folder and file where there are
    /// none. A file that cannot be read is kept aside under another name, and a new one made.
    ///
    /// # Errors
    /// When the folder or file cannot be made or read, or other processes hold all of them.
    pub fn open(dir: &Path, name: &str) -> Result<Opened, StoreError> {
        fs::create_dir_all(dir).map_err(|error| StoreError::Folder { path: dir.to_owned(), error })?;
        for number in 0..FILES_MAX {
            let path = dir.join(format!("{name}-{number}.redb"));
            match open_file(&path) {
                Err(DatabaseError::DatabaseAlreadyOpen) => {}
                Ok(database) => return Ok(Opened { store: Self { database }, kept_aside: None }),
                Err(DatabaseError::Storage(StorageError::Io(error)))
                    if error.kind() != io::ErrorKind::InvalidData =>
                {
                    return Err(StoreError::File { path, error });
                }
                Err(error) => return replace(&path, &error),
            }
        }
        Err(StoreError::InUse { path: dir.to_owned() })
    }

    /// Opens the file `NAME.redb` in `dir`; makes folder and file where there are none.
    ///
    /// # Errors
    /// When the folder or file cannot be made or read, another process holds it, or it is no store.
    pub fn open_named(dir: &Path, name: &str) -> Result<Self, StoreError> {
        fs::create_dir_all(dir).map_err(|error| StoreError::Folder { path: dir.to_owned(), error })?;
        let path = path_of(dir, name);
        match open_file(&path) {
            Ok(database) => Ok(Self { database }),
            Err(DatabaseError::DatabaseAlreadyOpen) => Err(StoreError::Held { path }),
            Err(DatabaseError::Storage(StorageError::Io(error)))
                if error.kind() != io::ErrorKind::InvalidData =>
            {
                Err(StoreError::File { path, error })
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a store is damaged and left as it is");
                Err(StoreError::Damaged { path })
            }
        }
    }

    /// Opens the file `NAME.redb` in `dir`; none where it is not there.
    ///
    /// # Errors
    /// As [`Store::open_named`].
    pub fn open_existing(dir: &Path, name: &str) -> Result<Option<Self>, StoreError> {
        if path_of(dir, name).exists() { Self::open_named(dir, name).map(Some) } else { Ok(None) }
    }

    /// A store on something else than a file: tests let it fail.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn on(backend: impl StorageBackend) -> Result<Self, StoreError> {
        let database = builder().create_with_backend(backend).map_err(redb::Error::from)?;
        Ok(Self { database })
    }

    /// Everything in a table, in the order of keys; nothing where there is no such table.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load(&self, table: &'static str) -> Result<Vec<KeyAndValue>, StoreError> {
        let transaction = self.database.begin_read().map_err(redb::Error::from)?;
        let table = match transaction.open_table(definition(table)) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(redb::Error::from(error).into()),
        };
        let mut entries = Vec::new();
        for entry in table.iter().map_err(redb::Error::from)? {
            let (key, value) = entry.map_err(redb::Error::from)?;
            entries.push((key.value().to_vec(), value.value().to_vec()));
        }
        Ok(entries)
    }

    /// Does all of it, and returns once it is on the disk; or none of it.
    ///
    /// # Errors
    /// When it cannot be written: a full disk, mostly.
    pub fn commit(&self, writes: &[Write]) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().map_err(redb::Error::from)?;
        for write in writes {
            match write {
                Write::Put { table, key, value } => {
                    let mut table = transaction.open_table(definition(table)).map_err(redb::Error::from)?;
                    table.insert(key.as_slice(), value.as_slice()).map_err(redb::Error::from)?;
                }
                Write::Remove { table, key } => {
                    let mut table = transaction.open_table(definition(table)).map_err(redb::Error::from)?;
                    table.remove(key.as_slice()).map_err(redb::Error::from)?;
                }
            }
        }
        transaction.commit().map_err(redb::Error::from)?;
        Ok(())
    }
}

/// Removes the file `NAME.redb` in `dir`, with all that it holds; nothing where it is not there. Nobody may have it open.
///
/// # Errors
/// When it cannot be removed.
pub fn remove(dir: &Path, name: &str) -> Result<(), StoreError> {
    let path = path_of(dir, name);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::File { path, error }),
        _ => Ok(()),
    }
}

/// Removes files of `dir` whose names begin with `prefix`, that nobody holds, and that nobody has written for longer than `age`.
/// What cannot be removed stays.
pub fn remove_older(dir: &Path, prefix: &str, age: Duration) {
    let Ok(files) = fs::read_dir(dir) else { return };
    for file in files.flatten() {
        let is_meant = file.file_name().to_string_lossy().starts_with(prefix);
        let written = file.metadata().and_then(|metadata| metadata.modified());
        let is_old = written.is_ok_and(|at| at.elapsed().is_ok_and(|elapsed| elapsed > age));
        let is_free = || !matches!(open_file(&file.path()), Err(DatabaseError::DatabaseAlreadyOpen));
        if is_meant && is_old && is_free() && fs::remove_file(file.path()).is_ok() {
            tracing::info!(path = %file.path().display(), "an old store was removed");
        }
    }
}

/// Of every store in `dir` whose name begins so; in order. [any-thread]
///
/// # Errors
/// When the folder cannot be read; one that is not there holds nothing.
pub fn names(dir: &Path, prefix: &str) -> Result<Vec<String>, StoreError> {
    let failed = |error| StoreError::Folder { path: dir.to_owned(), error };
    let files = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        files => files.map_err(failed)?,
    };
    let name = |file: fs::DirEntry| file.file_name().to_str()?.strip_suffix(".redb").map(str::to_owned);
    let mut names: Vec<String> =
        files.flatten().filter_map(name).filter(|name| name.starts_with(prefix)).collect();
    names.sort();
    Ok(names)
}

fn path_of(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.redb"))
}

fn definition(table: &'static str) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(table)
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

fn open_file(path: &Path) -> Result<Database, DatabaseError> {
    builder().create_with_backend(FileBackend::new(private_file(path)?)?)
}

/// Readable by its owner only: it holds whom one has played with.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Keeps a file aside that is no store any more, and makes a new one.
fn replace(path: &Path, why: &DatabaseError) -> Result<Opened, StoreError> {
    tracing::warn!(path = %path.display(), %why, "a store is damaged and kept aside");
    let failed = |error| StoreError::File { path: path.to_owned(), error };
    let free = (1..).map(|number| path.with_extension(format!("damaged-{number}")));
    let aside = free.take(1_000).find(|aside| !aside.exists());
    let aside = aside.ok_or_else(|| failed(io::ErrorKind::AlreadyExists.into()))?;
    fs::rename(path, &aside).map_err(failed)?;
    let database = open_file(path).map_err(redb::Error::from)?;
    Ok(Opened { store: Store { database }, kept_aside: Some(aside) })
}

/// Where Backline keeps data for this user: `BACKLINE_DATA_DIR`, where only `BACKLINE_CONFIG_DIR` is named there too, else the system's
/// usual place. None where there is no such place.
pub fn data_dir() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|dir| !dir.is_empty()).map(PathBuf::from);
    if let Some(dir) = named("BACKLINE_DATA_DIR").or_else(|| named("BACKLINE_CONFIG_DIR")) {
        return Some(dir);
    }
    if cfg!(windows) {
        named("LOCALAPPDATA").map(|dir| dir.join("Backline"))
    } else if cfg!(target_os = "macos") {
        named("HOME").map(|dir| dir.join("Library/Application Support/Backline"))
    } else {
        named("XDG_DATA_HOME")
            .or_else(|| named("HOME").map(|dir| dir.join(".local/share")))
            .map(|dir| dir.join("backline"))
    }
}

/// Why there is no store, or why it does not keep something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No place for files.
    #[error("the folder {path} can't be made ({error}): make room on the disk, or allow writing there")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file cannot be used.
    #[error("the file {path} can't be used ({error}): make room on the disk, or check who owns the file")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Too many processes.
    #[error(
        "{FILES_MAX} programs with Backline are running already, with all files in {path}: close one of them"
    )]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// Another process has it.
    #[error("another program has {path} open: close it there first")]
    Held {
        /// The file.
        path: PathBuf,
    },
    /// It is there, and no store any more.
    #[error("the file {path} is damaged: it is left as it is; a copy of the disk may have it whole")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// Reading or writing failed.
    #[error(
        "your changes can't be kept on the disk ({0}): make room there; they are still sent as long as Backline runs"
    )]
    Disk(#[from] redb::Error),
}

#[cfg(test)]
mod tests;
