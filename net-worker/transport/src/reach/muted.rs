//! Keeps the TURN library out of the log: it writes peers' addresses at INFO, and at TRACE the key that is made of the
//! password.

use tracing::Dispatch;
use tracing::dispatcher::with_default;

/// Something of the library, to be used without a word.
pub(super) struct Muted<T>(T);

impl<T> Muted<T> {
    /// Makes it, without a word.
    pub(super) fn new(make: impl FnOnce() -> T) -> Self {
        Self(without_a_word(make))
    }

    /// Uses it, without a word.
    pub(super) fn with<R>(&mut self, action: impl FnOnce(&mut T) -> R) -> R {
        without_a_word(|| action(&mut self.0))
    }
}

/// Does what the library does, without a word of it.
pub(super) fn without_a_word<R>(action: impl FnOnce() -> R) -> R {
    with_default(&Dispatch::none(), action)
}
