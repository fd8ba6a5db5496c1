//! Telling the local network of the session that is hosted here, as long as the person wants that.
//!
//! The step before is the worker's turn; the step after is `io::discovery`. What is told: `wire::Announcement`.

use backline_io::{Announcer, DiscoveryError, Service};
use backline_wire::Announcement;

use super::*;

impl Worker {
    /// Announces the session as it is now; one that is not open to the local network any more is withdrawn.
    pub(super) fn announce(&mut self) {
        let (Some(open), Some(person)) = (&mut self.open, &self.person) else { return };
        let (is_open, name) = (person.is_open_to_lan(), person.shown_name());
        let service = open.engine.hosted_fingerprint().filter(|_| is_open).map(|fingerprint| {
            let participants = u8::try_from(open.engine.session().participants()).unwrap_or(u8::MAX);
            service(&Announcement::new(name, participants, fingerprint), open.port.number())
        });
        if let Err(error) = tell(&mut open.announcer, service.as_ref()) {
            tracing::warn!(%error, "the session is not announced");
            let (text, advice) = sentences(&error.to_string());
            if let Some(guest) = self.guests.first_mut() {
                guest.own.notices.add(Severity::Warning, text, advice);
            }
        }
    }
}

/// There is no announcer before there is something to announce.
fn tell(announcer: &mut Option<Announcer>, service: Option<&Service>) -> Result<(), DiscoveryError> {
    match announcer {
        Some(announcer) => announcer.announce(service),
        None if service.is_none() => Ok(()),
        None => announcer.insert(Announcer::new()?).announce(service),
    }
}

fn service(announcement: &Announcement, port: u16) -> Service {
    let texts = announcement.to_texts().map(|(key, text)| (key.to_owned(), text)).into();
    Service { id: announcement.id(), port, texts, ..Service::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backline_wire::{Fingerprint, Name, SessionSecret};

    #[test]
    fn nothing_secret_is_announced() {
        let secret = SessionSecret([0xC7; 16]);
        let announcement = Announcement::new(Name::new("Ada"), 2, Fingerprint([7; 32]));
        let service = service(&announcement, 4464);
        let told = format!("{service:?}");
        let credentials = secret.ice_credentials_host();
        for hidden in [&"c7".repeat(16), &credentials.ufrag, &credentials.password] {
            assert!(!told.contains(hidden.as_str()), "{told}");
        }
        let keys: Vec<&str> = service.texts.keys().map(String::as_str).collect();
        assert_eq!(keys, ["cert", "host", "people", "v"], "and no more than this");
    }
}
