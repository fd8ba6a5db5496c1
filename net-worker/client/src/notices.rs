//! Messages for a person: a short list that a snapshot carries.

use crate::api::{Notice, Severity};

/// Shown at once; the oldest go first.
const NOTICES_MAX: usize = 8;

/// The list of one instance.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    list: Vec<Notice>,
    next_id: u64,
}

impl Notices {
    /// Adds a message; one that says the same already stands stays as it is.
    pub fn add(&mut self, severity: Severity, text: impl Into<String>, advice: impl Into<String>) {
        let (text, advice) = (text.into(), advice.into());
        if self.list.iter().any(|notice| notice.text == text && notice.advice == advice) {
            return;
        }
        if self.list.len() == NOTICES_MAX {
            self.list.remove(0);
        }
        self.next_id += 1;
        self.list.push(Notice { id: self.next_id, severity, text, advice });
    }

    /// Adds a message in place of earlier ones whose text begins with the same `topic`.
    pub fn supersede(
        &mut self,
        topic: &str,
        severity: Severity,
        text: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.list.retain(|notice| !notice.text.starts_with(topic));
        self.add(severity, text, advice);
    }

    /// Takes a message away; an unknown id is no error, the message may have gone by itself.
    pub fn dismiss(&mut self, id: u64) {
        self.list.retain(|notice| notice.id != id);
    }

    pub fn list(&self) -> Vec<Notice> {
        self.list.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_shown_once_and_can_be_dismissed() {
        let mut notices = Notices::default();
        notices.add(Severity::Info, "Ada joined", "");
        notices.add(Severity::Info, "Ada joined", "");
        assert_eq!(notices.list().len(), 1);
        notices.dismiss(notices.list()[0].id);
        assert!(notices.list().is_empty());
    }

    #[test]
    fn a_newer_message_takes_the_place_of_those_on_its_topic() {
        let mut notices = Notices::default();
        notices.add(Severity::Info, "Ada joined", "");
        notices.supersede("You send ", Severity::Warning, "You send less now", "");
        notices.supersede("You send ", Severity::Info, "You send as before", "");
        let texts: Vec<String> = notices.list().into_iter().map(|notice| notice.text).collect();
        assert_eq!(texts, ["Ada joined", "You send as before"]);
    }

    #[test]
    fn the_list_stays_short() {
        let mut notices = Notices::default();
        for number in 0..100 {
            notices.add(Severity::Info, number.to_string(), "");
        }
        assert_eq!(notices.list().len(), NOTICES_MAX);
        assert_eq!(notices.list()[NOTICES_MAX - 1].text, "99");
    }
}
