//! The token of the HTTP API: a file that only its owner can read, made at the first start.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq;

/// Who has it may do everything that the API offers.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// The one that is kept in `data`, or a new one.
    ///
    /// # Errors
    /// When the file can be neither read nor made.
    pub fn read_or_make(data: &Path) -> Result<Self, TokenError> {
        let path = path_of(data);
        match std::fs::read_to_string(&path) {
            Ok(text) if text.trim().len() >= LENGTH_MIN => Ok(Self(text.trim().to_owned())),
            Ok(_) => Err(TokenError::Short { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::make(data),
            Err(error) => Err(TokenError::File { path, error }),
        }
    }

    /// A new one, in place of the one of before.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn make(data: &Path) -> Result<Self, TokenError> {
        let path = path_of(data);
        let failed = |error| TokenError::File { path: path.clone(), error };
        let seed =
            backline_io::entropy::seed().map_err(|error| failed(io::Error::other(error.to_string())))?;
        let text: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
        std::fs::create_dir_all(data).map_err(failed)?;
        write_private(&path, &text).map_err(failed)?;
        Ok(Self(text))
    }

    /// Whether somebody has it; takes as long for every guess.
    pub fn is(&self, guess: &str) -> bool {
        self.0.as_bytes().ct_eq(guess.as_bytes()).into()
    }

    /// To be shown to whoever may read the file, and to nobody else.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Beside it first, then in its place: whoever reads it meanwhile finds all of one.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    std::fs::rename(beside, path)
}

fn path_of(data: &Path) -> PathBuf {
    data.join("token")
}

/// A shorter one could be guessed.
const LENGTH_MIN: usize = 32;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be used.
    #[error(
        "the token's file {path} can't be used ({error}): check who owns it, or name another folder with --data"
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It is too short to keep anybody out.
    #[error(
        "the token in {path} is shorter than {LENGTH_MIN} characters: make a new one with `backline-server token --new`"
    )]
    Short {
        /// The file.
        path: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_made_once_and_opens_only_for_itself() {
        let dir = tempfile::tempdir().unwrap();
        let first = Token::read_or_make(dir.path()).unwrap();
        assert!(Token::read_or_make(dir.path()).unwrap().is(first.text()));
        assert!(
            !first.is("") && !first.is(&first.text()[1..]) && !format!("{first:?}").contains(first.text())
        );
        let second = Token::make(dir.path()).unwrap();
        assert!(!second.is(first.text()) && Token::read_or_make(dir.path()).unwrap().is(second.text()));
    }

    #[test]
    #[cfg(unix)]
    fn nobody_else_reads_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        Token::make(dir.path()).unwrap();
        let mode = std::fs::metadata(path_of(dir.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_token_that_can_be_guessed_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(path_of(dir.path()), "secret\n").unwrap();
        assert!(Token::read_or_make(dir.path()).unwrap_err().to_string().contains("token --new"));
    }
}
