//! ICE credentials from the network: checked for length and characters before they are copied.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};

use crate::limits::{ICE_PASSWORD_BYTES_MAX, ICE_UFRAG_BYTES_MAX};

/// 4 characters and more (RFC 8445 section 5.3).
pub(super) fn ufrag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    deserializer.deserialize_str(IceText { least: 4, most: ICE_UFRAG_BYTES_MAX })
}

/// 22 characters and more (RFC 8445 section 5.3).
pub(super) fn password<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    deserializer.deserialize_str(IceText { least: 22, most: ICE_PASSWORD_BYTES_MAX })
}

struct IceText {
    least: usize,
    most: usize,
}

impl Visitor<'_> for IceText {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {} characters of ICE", self.least, self.most)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        let fits = (self.least..=self.most).contains(&text.len());
        let clean = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'));
        if fits && clean { Ok(text.to_owned()) } else { Err(E::custom("no ICE credential")) }
    }
}
