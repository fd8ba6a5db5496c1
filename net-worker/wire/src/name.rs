//! Names that people read: of a participant, a source, a program.
//!
//! A name is clean by construction (short, no control or direction characters, no blank ends), so
//! that no peer can break another's editor or log with one.

use std::fmt;
use std::ops::Deref;

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use crate::limits::NAME_BYTES_MAX;

/// A name of at most [`NAME_BYTES_MAX`] bytes of UTF-8; may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Name(String);

impl Name {
    /// What is printable of `text`, without blank ends, cut at the last whole character that fits.
    pub fn new(text: &str) -> Self {
        let printable: String = text.chars().filter(|c| !is_unprintable(*c)).collect();
        let mut kept = printable.trim();
        while kept.len() > NAME_BYTES_MAX {
            let last = kept.char_indices().next_back().map_or(0, |(at, _)| at);
            kept = &kept[..last];
        }
        Name(kept.trim_end().to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Name::new(text)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(CleanText)
    }
}

/// Checks before it copies, so that a long text allocates nothing.
struct CleanText;

impl Visitor<'_> for CleanText {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a name of at most {NAME_BYTES_MAX} bytes")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Name, E> {
        if text.len() > NAME_BYTES_MAX {
            return Err(E::custom("name too long"));
        }
        let name = Name::new(text);
        if name.as_str() == text { Ok(name) } else { Err(E::custom("name with unprintable characters")) }
    }
}

/// Control characters, and those that reorder, hide or join what surrounds them.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_cleaned_and_cut_between_characters() {
        assert_eq!(Name::new("  Ada\n\u{202E}Löv  ").as_str(), "AdaLöv");
        let long = Name::new(&"ö".repeat(100));
        assert_eq!(long.len(), NAME_BYTES_MAX);
        assert_eq!(Name::new(&format!("{} x", "a".repeat(63))).as_str(), "a".repeat(63));
    }

    proptest! {
        #[test]
        fn every_name_is_short_and_cleaning_twice_changes_nothing(text in ".{0,100}") {
            let name = Name::new(&text);
            prop_assert!(name.len() <= NAME_BYTES_MAX);
            prop_assert_eq!(&Name::new(&name), &name);
        }
    }
}
