//! Looking around in the local network for sessions to join, while somebody looks at an editor and only then.
//!
//! It needs no session and no worker: what was heard is taken in whenever the editor asks. The step before is
//! [`crate::Client::look_around`]; the step after is `io::discovery`, and a link that is joined like any other.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use backline_io::{Browser, DiscoveryError, Service};
use backline_wire::Announcement;

use crate::api::FoundSession;

/// Sessions that are shown.
const SHOWN_MAX: usize = 16;

/// The view of one instance. All of it is [main-thread] and waits for nothing but the end of its own thread, a millisecond.
#[derive(Default)]
pub(crate) struct Around {
    looking: Mutex<Looking>,
}

#[derive(Default)]
enum Looking {
    #[default]
    Away,
    At {
        browser: Browser,
        found: Vec<FoundSession>,
    },
    /// It did not work; tried again when somebody looks the next time.
    Failed,
}

impl Around {
    /// Begins or ends looking; the same again changes nothing.
    ///
    /// # Errors
    /// When it cannot begin; told once.
    pub fn look(&self, is_wanted: bool) -> Result<(), DiscoveryError> {
        let mut looking = self.lock();
        match (&*looking, is_wanted) {
            (Looking::Away, true) => match Browser::new() {
                Ok(browser) => *looking = Looking::At { browser, found: Vec::new() },
                Err(error) => {
                    *looking = Looking::Failed;
                    return Err(error);
                }
            },
            (_, false) => *looking = Looking::Away,
            (Looking::At { .. } | Looking::Failed, true) => {}
        }
        Ok(())
    }

    /// The sessions that are there now, by their hosts' names.
    pub fn found(&self) -> Vec<FoundSession> {
        let mut looking = self.lock();
        let Looking::At { browser, found } = &mut *looking else { return Vec::new() };
        if browser.poll() {
            *found = browser.found().filter_map(session).collect();
            found.sort_by(|one, other| (&one.host, &one.link).cmp(&(&other.host, &other.link)));
            found.truncate(SHOWN_MAX);
        }
        found.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Looking> {
        // Every change is one assignment.
        self.looking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A service as a session to join; none where it is no session, or leads nowhere.
fn session(service: &Service) -> Option<FoundSession> {
    let announcement = Announcement::from_texts(|key| service.texts.get(key).map(String::as_str))?;
    let addresses: Vec<SocketAddr> = service
        .addresses
        .iter()
        .filter(|ip| needs_no_zone(ip))
        .map(|ip| (*ip, service.port).into())
        .collect();
    let link = announcement.link(&addresses).ok()?;
    Some(FoundSession {
        host: announcement.host.to_string(),
        participants: announcement.participants.into(),
        link: link.to_text(),
    })
}

/// Link-local IPv6 needs a zone that a link cannot carry.
fn needs_no_zone(ip: &std::net::IpAddr) -> bool {
    !matches!(ip, std::net::IpAddr::V6(v6) if v6.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;
    use backline_wire::{Fingerprint, InviteLink, Name, SessionSecret};

    fn service(addresses: &[&str]) -> Service {
        let announcement = Announcement::new(Name::new("Ada"), 3, Fingerprint([7; 32]));
        Service {
            id: announcement.id(),
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            port: 4464,
            texts: announcement.to_texts().map(|(key, text)| (key.to_owned(), text)).into(),
        }
    }

    #[test]
    fn a_service_becomes_a_session_with_a_link_by_its_local_addresses() {
        let found = session(&service(&["192.168.1.7", "fe80::7", "203.0.113.7", "fd00::7"])).unwrap();
        assert_eq!((found.host.as_str(), found.participants), ("Ada", 3));
        let link = InviteLink::parse(&found.link).unwrap();
        let addresses: Vec<String> = link.addresses().iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["192.168.1.7:4464", "[fd00::7]:4464"]);
        assert!(*link.secret() == SessionSecret::of_local_network(&Fingerprint([7; 32])));
    }

    #[test]
    fn what_leads_nowhere_or_is_no_session_is_not_shown() {
        assert_eq!(session(&service(&["fe80::7", "203.0.113.7"])), None);
        let mut without_name = service(&["192.168.1.7"]);
        without_name.texts.remove("host");
        assert_eq!(session(&without_name), None);
    }

    #[test]
    fn nobody_looks_until_asked() {
        let around = Around::default();
        assert!(around.found().is_empty());
        around.look(false).unwrap();
        assert!(matches!(*around.lock(), Looking::Away));
    }
}
