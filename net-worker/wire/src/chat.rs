//! A line that somebody writes to everybody in the session.
//!
//! A line is clean by construction (short, not empty, no control or direction characters), so that no peer can break another's
//! editor with one, and its text is in no log: `Debug` leaves it out. The step before is the editor; the step after is [`crate::Control::Chat`].

use std::fmt;

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::limits::{CHAT_BYTES_MAX, CHAT_CHARACTERS_MAX};
use crate::name::is_unprintable;

/// Of 1 to [`CHAT_CHARACTERS_MAX`] characters.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ChatLine(String);

/// Why a text is no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ChatLineError {
    /// Nothing of it can be read.
    #[error("there is nothing to send: write something first")]
    Empty,
    /// Too much for one line.
    #[error(
        "a line has at most {CHAT_CHARACTERS_MAX} characters, this one has {characters}: send it as several lines"
    )]
    TooLong {
        /// What it has.
        characters: usize,
    },
}

impl ChatLine {
    /// What is printable of `text`, without blank ends; ends of lines and tabs become spaces.
    ///
    /// # Errors
    /// When nothing is left, or too much; nothing is ever cut off.
    pub fn new(text: &str) -> Result<Self, ChatLineError> {
        let spaced = text.chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c });
        let printable: String = spaced.filter(|c| !is_unprintable(*c)).collect();
        let line = printable.trim();
        match line.chars().count() {
            0 => Err(ChatLineError::Empty),
            characters if characters > CHAT_CHARACTERS_MAX => Err(ChatLineError::TooLong { characters }),
            _ => Ok(ChatLine(line.to_owned())),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ChatLine {
    /// Without the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChatLine({} bytes)", self.0.len())
    }
}

impl<'de> Deserialize<'de> for ChatLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(CleanLine)
    }
}

/// Checks before it copies, so that a long text allocates nothing.
struct CleanLine;

impl Visitor<'_> for CleanLine {
    type Value = ChatLine;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a line of 1 to {CHAT_CHARACTERS_MAX} characters")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ChatLine, E> {
        if text.len() > CHAT_BYTES_MAX {
            return Err(E::custom("line too long"));
        }
        match ChatLine::new(text) {
            Ok(line) if line.as_str() == text => Ok(line),
            _ => Err(E::custom("no line as it is sent")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_cleaned_and_never_cut() {
        let line = |text: &str| ChatLine::new(text).map(|line| line.0);
        assert_eq!(line("  from\tthe\r\ntop\u{202E}\u{7} "), Ok("from the  top".to_owned()));
        assert_eq!(line(" \n\u{200B}"), Err(ChatLineError::Empty));
        let longest = "ö".repeat(CHAT_CHARACTERS_MAX);
        assert_eq!(line(&longest), Ok(longest.clone()));
        let longer = format!("{longest}!");
        assert_eq!(line(&longer), Err(ChatLineError::TooLong { characters: CHAT_CHARACTERS_MAX + 1 }));
    }

    #[test]
    fn no_text_reaches_a_log() {
        assert_eq!(format!("{:?}", ChatLine::new("secret").unwrap()), "ChatLine(6 bytes)");
    }

    proptest! {
        #[test]
        fn every_line_is_short_and_cleaning_twice_changes_nothing(text in ".{0,600}") {
            if let Ok(line) = ChatLine::new(&text) {
                prop_assert!(line.0.len() <= CHAT_BYTES_MAX);
                prop_assert_eq!(ChatLine::new(&line.0), Ok(line.clone()));
            }
        }
    }
}
