//! Announcing a service in the local network and finding those of others: multicast DNS (RFC 6762, RFC 6763).
//!
//! It knows no sessions: a service is an id, a port and texts. Each [`Announcer`] and each [`Browser`] has a thread and sockets
//! of its own (those of mdns-sd, UDP port 5353) as long as it lives; the caller waits for neither. The step before is the worker
//! that hosts, or an editor that somebody looks at; the step after is the network.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use mdns_sd::{
    DaemonEvent, Receiver, ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo, TryRecvError,
};

use crate::priority;

/// Of every session.
const SERVICE_TYPE: &str = "_backline._udp.local.";
/// Services that are remembered; a network that is full of them, or of lies, costs no more.
const FOUND_MAX: usize = 64;
/// Texts of one service that are remembered, and the length of each, in bytes.
const TEXTS_MAX: usize = 8;
const TEXT_BYTES_MAX: usize = 255;
/// How long the end of a thread is waited for; it takes about a millisecond.
const END_MAX: Duration = Duration::from_millis(300);

/// A service in the local network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Its name in the network: up to 32 letters and digits, not two alike.
    pub id: String,
    /// Where it is reached; empty for one's own, whose addresses are those of each interface.
    pub addresses: Vec<IpAddr>,
    /// Its UDP port.
    pub port: u16,
    /// What else there is to know, by key; a key and its text have at most 255 bytes together.
    pub texts: BTreeMap<String, String>,
}

/// Makes a service known until it is dropped, and says then that it is gone.
pub struct Announcer {
    daemon: Daemon,
    announced: Option<Service>,
}

impl Announcer {
    /// Announces nothing yet.
    ///
    /// # Errors
    /// When the system gives no thread or event queue.
    pub fn new() -> Result<Self, DiscoveryError> {
        Ok(Self { daemon: Daemon::start()?, announced: None })
    }

    /// Announces the service as it is now, or none; the same again costs nothing.
    ///
    /// # Errors
    /// When it cannot be named as it is; the one before stays.
    pub fn announce(&mut self, service: Option<&Service>) -> Result<(), DiscoveryError> {
        if self.announced.as_ref() == service {
            return Ok(());
        }
        let gone = self.announced.as_ref().filter(|old| service.is_none_or(|new| new.id != old.id));
        if let Some(gone) = gone {
            // Whether it was known is of no interest.
            let _ = self.daemon.handle.unregister(&format!("{}.{SERVICE_TYPE}", gone.id))?;
        }
        if let Some(service) = service {
            self.daemon.handle.register(info(service)?)?;
        }
        self.announced = service.cloned();
        Ok(())
    }
}

/// Looks for services until it is dropped.
pub struct Browser {
    daemon: Daemon,
    events: Receiver<ServiceEvent>,
    found: Found,
}

impl Browser {
    /// Begins to look.
    ///
    /// # Errors
    /// When the system gives no thread or event queue.
    pub fn new() -> Result<Self, DiscoveryError> {
        let daemon = Daemon::start()?;
        let events = daemon.handle.browse(SERVICE_TYPE)?;
        Ok(Self { daemon, events, found: Found::default() })
    }

    /// Takes what has been heard since the last call, without waiting. True when that changed what was found.
    pub fn poll(&mut self) -> bool {
        let mut changed = false;
        loop {
            match self.events.try_recv() {
                Ok(event) => changed |= self.found.handle(event),
                Err(TryRecvError::Empty) => return changed,
                // Nobody asked for a long while, so that the queue overflowed.
                Err(TryRecvError::Disconnected) => return self.look_again() || changed,
            }
        }
    }

    /// Those that are there now, by id.
    pub fn found(&self) -> impl Iterator<Item = &Service> {
        self.found.services.values()
    }

    fn look_again(&mut self) -> bool {
        match self.daemon.handle.browse(SERVICE_TYPE) {
            Ok(events) => self.events = events,
            Err(error) => tracing::debug!(%error, "looking for sessions goes on no more"),
        }
        !std::mem::take(&mut self.found).services.is_empty()
    }
}

/// Services by their whole name.
#[derive(Default)]
struct Found {
    services: BTreeMap<String, Service>,
}

impl Found {
    /// True when that changed something.
    fn handle(&mut self, event: ServiceEvent) -> bool {
        match event {
            ServiceEvent::ServiceResolved(resolved) => {
                let service = service(&resolved);
                let known = self.services.get(&resolved.fullname);
                if known == Some(&service) || (known.is_none() && self.services.len() == FOUND_MAX) {
                    return false;
                }
                self.services.insert(resolved.fullname, service);
                true
            }
            ServiceEvent::ServiceRemoved(_, fullname) => self.services.remove(&fullname).is_some(),
            _ => false,
        }
    }
}

/// The thread that speaks and listens; ended with this value.
struct Daemon {
    handle: ServiceDaemon,
    /// Cut off when the thread has put everything away.
    life: Receiver<DaemonEvent>,
}

impl Daemon {
    fn start() -> Result<Self, DiscoveryError> {
        // The caller may be the worker, whose priority a thread would inherit.
        let handle = priority::at_ordinary(ServiceDaemon::new).ok_or(DiscoveryError::NoThread)??;
        let life = handle.monitor()?;
        Ok(Self { handle, life })
    }
}

impl Drop for Daemon {
    /// Says what is gone, and waits until the thread has ended: a host may unload our code next.
    fn drop(&mut self) {
        if self.handle.shutdown().is_err() {
            return;
        }
        let end = Instant::now() + END_MAX;
        while self.life.recv_deadline(end).is_ok() {}
    }
}

/// A service as mdns-sd wants it. Its host has a name of its own, so that the computer's name is not told.
fn info(service: &Service) -> Result<ServiceInfo, DiscoveryError> {
    let texts: Vec<(&str, &str)> =
        service.texts.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
    let host = format!("backline-{}.local.", service.id);
    let info = ServiceInfo::new(SERVICE_TYPE, &service.id, &host, (), service.port, &texts[..])?;
    Ok(info.enable_addr_auto())
}

/// What was heard, cut to what a service may be; addresses best first.
fn service(resolved: &ResolvedService) -> Service {
    let mut addresses: Vec<IpAddr> = resolved.addresses.iter().map(mdns_sd::ScopedIp::to_ip_addr).collect();
    addresses.sort_by_key(|address| (address.is_loopback(), address.is_ipv6(), *address));
    let texts = resolved.txt_properties.iter().take(TEXTS_MAX);
    let fits = |text: &&mdns_sd::TxtProperty| text.key().len() + text.val_str().len() <= TEXT_BYTES_MAX;
    Service {
        id: resolved.fullname.split('.').next().unwrap_or_default().to_owned(),
        addresses,
        port: resolved.port,
        texts: texts.filter(fits).map(|text| (text.key().to_owned(), text.val_str().to_owned())).collect(),
    }
}

/// Why nothing is announced or looked for.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The system gives no thread.
    #[error(
        "sessions in the local network can't be shown: close other programs or plugins, or use the invite link"
    )]
    NoThread,
    /// mdns-sd says why.
    #[error("sessions in the local network can't be shown ({0}): use the invite link")]
    Mdns(#[from] mdns_sd::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(id: &str, participants: &str) -> ServiceEvent {
        let texts = [("host", "Ada"), ("people", participants)];
        let address = IpAddr::from([192, 168, 1, 7]);
        let info = ServiceInfo::new(SERVICE_TYPE, id, "a.local.", address, 4464, &texts[..]).unwrap();
        ServiceEvent::ServiceResolved(Box::new(info.as_resolved_service()))
    }

    #[test]
    fn a_service_comes_changes_and_goes() {
        let mut found = Found::default();
        assert!(found.handle(heard("a5", "1")));
        assert!(!found.handle(heard("a5", "1")), "nothing new");
        assert!(found.handle(heard("a5", "2")));
        let service = found.services.values().next().unwrap();
        assert_eq!((service.id.as_str(), service.port), ("a5", 4464));
        assert_eq!(service.addresses, [IpAddr::from([192, 168, 1, 7])]);
        assert_eq!(service.texts["people"], "2");
        let gone = || ServiceEvent::ServiceRemoved(SERVICE_TYPE.to_owned(), format!("a5.{SERVICE_TYPE}"));
        assert!(found.handle(gone()));
        assert!(!found.handle(gone()) && found.services.is_empty());
    }

    #[test]
    fn a_network_full_of_services_costs_no_more_than_a_list() {
        let mut found = Found::default();
        let changes = (0..1_000).filter(|number| found.handle(heard(&format!("{number}"), "1"))).count();
        assert_eq!((changes, found.services.len()), (FOUND_MAX, FOUND_MAX));
        assert!(found.handle(heard("0", "2")), "those that are known may change");
    }

    #[test]
    fn an_announcement_holds_what_was_given_and_not_the_computers_name() {
        let texts = BTreeMap::from([("host".to_owned(), "Ada".to_owned())]);
        let service = Service { id: "a5".to_owned(), port: 4464, texts, ..Service::default() };
        let info = info(&service).unwrap();
        assert_eq!(info.get_fullname(), format!("a5.{SERVICE_TYPE}"));
        assert_eq!(info.get_hostname(), "backline-a5.local.");
        assert_eq!((info.get_port(), info.get_properties().len()), (4464, 1));
    }
}
