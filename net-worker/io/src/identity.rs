//! The identity file: the secret half of a participant's key pair, in the user's config folder.
//!
//! Made once, readable by its owner only, never overwritten: a file that cannot be read is left as it is.
//! What the bytes mean is `backline-wire`'s to know.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Bytes of a secret key.
pub const SECRET_BYTES: usize = 32;

const FILE_NAME: &str = "identity.key";

/// Where Backline keeps its settings for this user: `BACKLINE_CONFIG_DIR`, or the system's usual place.
pub fn config_dir() -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os("BACKLINE_CONFIG_DIR").filter(|dir| !dir.is_empty()) {
        return Some(PathBuf::from(dir));
    }
    let home = |name: &str| std::env::var_os(name).filter(|dir| !dir.is_empty()).map(PathBuf::from);
    if cfg!(windows) {
        home("APPDATA").map(|dir| dir.join("Backline"))
    } else if cfg!(target_os = "macos") {
        home("HOME").map(|dir| dir.join("Library/Application Support/Backline"))
    } else {
        home("XDG_CONFIG_HOME")
            .or_else(|| home("HOME").map(|dir| dir.join(".config")))
            .map(|dir| dir.join("backline"))
    }
}

/// Reads the identity in `dir`, or writes `fresh` there as a new one.
///
/// # Errors
/// When the folder or file cannot be made or read, or the file holds something else (it is left as it is).
pub fn load_or_create(dir: &Path, fresh: [u8; SECRET_BYTES]) -> Result<[u8; SECRET_BYTES], IdentityError> {
    let path = dir.join(FILE_NAME);
    match fs::read(&path) {
        Ok(bytes) => bytes.try_into().map_err(|_| IdentityError::NotAKey { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(dir, &path, fresh),
        Err(error) => Err(IdentityError::Read { path, error }),
    }
}

fn create(dir: &Path, path: &Path, fresh: [u8; SECRET_BYTES]) -> Result<[u8; SECRET_BYTES], IdentityError> {
    let failed = |error| IdentityError::Write { path: path.to_owned(), error };
    fs::create_dir_all(dir).map_err(failed)?;
    // Written aside and linked into place, so that a crash leaves no half key and, where two processes
    // start at once, the first one's key stays and the second reads it.
    let draft = dir.join(format!("{FILE_NAME}.{}", std::process::id()));
    // Left by a crash of an earlier process of the same number.
    let _ = fs::remove_file(&draft);
    write_private(&draft, &fresh).map_err(failed)?;
    // Where the file system has no links, the file is made in place: still by one process only.
    let made = fs::hard_link(&draft, path).or_else(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Err(error),
        _ => write_private(path, &fresh),
    });
    fs::remove_file(&draft).map_err(failed)?;
    match made {
        Ok(()) => Ok(fresh),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => load_or_create(dir, fresh),
        Err(error) => Err(failed(error)),
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// It is there and cannot be read.
    #[error("your identity file {path} can't be read ({error}): check who owns it")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It holds something else.
    #[error(
        "{path} is not an identity of Backline: move it away, and a new one is made; others will then see you as somebody new"
    )]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error(
        "your identity can't be saved as {path} ({error}): make room on the disk, or allow writing there"
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let nested = dir.path().join("a/b");
        assert_eq!(load_or_create(&nested, [7; 32]).unwrap(), [7; 32]);
        assert_eq!(load_or_create(&nested, [8; 32]).unwrap(), [7; 32]);
        assert_eq!(fs::read_dir(&nested).unwrap().count(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn only_its_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        load_or_create(dir.path(), [7; 32]).unwrap();
        let mode = fs::metadata(dir.path().join(FILE_NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_no_key_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE_NAME), b"hello").unwrap();
        assert!(matches!(load_or_create(dir.path(), [7; 32]), Err(IdentityError::NotAKey { .. })));
        assert_eq!(fs::read(dir.path().join(FILE_NAME)).unwrap(), b"hello");
    }
}
