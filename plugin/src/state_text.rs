//! Text forms inside the state: ids, qualities, buses, returns. For serde's `with`.
//!
//! Not value texts of parameters (`value_text.rs`). Text rather than numbers, so that a project can be
//! read by people and survives JSON readers that round large integers.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

/// Writes a value by its `Display`.
pub fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Reads a value by its `FromStr`.
pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    text.parse().map_err(D::Error::custom)
}

/// The same for values that may be absent (`null`).
pub mod optional {
    use super::*;

    /// Writes a value by its `Display`, or `null`.
    pub fn serialize<T: Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a value by its `FromStr`, or `null`.
    pub fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

/// "lowest-latency", "balanced", "careful", "lossless": also what `BACKLINE_QUALITY` takes.
pub mod quality {
    use super::*;
    use backline_client::Quality;

    const TEXTS: [(Quality, &str); 4] = [
        (Quality::LowestLatency, "lowest-latency"),
        (Quality::Balanced, "balanced"),
        (Quality::Careful, "careful"),
        (Quality::Lossless, "lossless"),
    ];

    /// The text of a quality.
    pub fn text(quality: Quality) -> &'static str {
        TEXTS.iter().find(|(known, _)| *known == quality).map_or("balanced", |(_, text)| text)
    }

    /// The quality of a text, whatever its case.
    pub fn parse(text: &str) -> Option<Quality> {
        TEXTS.iter().find(|(_, known)| known.eq_ignore_ascii_case(text.trim())).map(|(quality, _)| *quality)
    }

    /// For serde.
    pub fn serialize<S: Serializer>(quality: &Quality, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text(*quality))
    }

    /// For serde.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Quality, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| D::Error::custom("no such quality"))
    }
}

/// "main", "aux1" … "aux8".
pub mod bus {
    use super::*;
    use backline_bridge::{AUX_BUSES, BusChoice};

    /// For serde.
    pub fn serialize<S: Serializer>(bus: &BusChoice, serializer: S) -> Result<S::Ok, S::Error> {
        match bus {
            BusChoice::Main => serializer.serialize_str("main"),
            BusChoice::Aux(index) => serializer.collect_str(&format_args!("aux{}", index + 1)),
        }
    }

    /// For serde.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BusChoice, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "main" {
            return Ok(BusChoice::Main);
        }
        let number = text.strip_prefix("aux").and_then(|digits| digits.parse::<u8>().ok());
        let index = number.filter(|number| (1..=AUX_BUSES as u8).contains(number)).map(|number| number - 1);
        index.map(BusChoice::Aux).ok_or_else(|| D::Error::custom("no such bus"))
    }
}

/// "automatic", "mix", "nothing", or the ids of sources with blanks between.
pub mod returns {
    use super::*;
    use backline_client::{ReturnChoice, SLOTS, SourceId};

    /// The text of a choice.
    pub fn text(choice: &ReturnChoice) -> String {
        match choice {
            ReturnChoice::Automatic => "automatic".to_owned(),
            ReturnChoice::Mix => "mix".to_owned(),
            ReturnChoice::Nothing => "nothing".to_owned(),
            ReturnChoice::Sources(sources) => {
                sources.iter().map(SourceId::to_string).collect::<Vec<_>>().join(" ")
            }
        }
    }

    /// For serde.
    pub fn serialize<S: Serializer>(choice: &ReturnChoice, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(choice))
    }

    /// For serde.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ReturnChoice, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.trim() {
            "automatic" => Ok(ReturnChoice::Automatic),
            "mix" => Ok(ReturnChoice::Mix),
            "nothing" => Ok(ReturnChoice::Nothing),
            sources => {
                let sources = sources.split_whitespace().take(SLOTS).map(str::parse::<SourceId>);
                let sources = sources.collect::<Result<Vec<_>, _>>().map_err(D::Error::custom)?;
                Ok(ReturnChoice::Sources(sources))
            }
        }
    }
}
