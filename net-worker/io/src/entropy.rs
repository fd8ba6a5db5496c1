//! Unpredictable bytes from the system, as seeds for everything that must not be guessed.

/// 32 bytes from the system's generator.
///
/// # Errors
/// Where the system has none to give (no such system is known to run a DAW).
pub fn seed() -> Result<[u8; 32], EntropyError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(EntropyError)?;
    Ok(seed)
}

/// The system gave no random numbers.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers ({0}); without them no session can be kept private")]
pub struct EntropyError(getrandom::Error);
