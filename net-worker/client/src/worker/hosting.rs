//! Sessions that are hosted here: kept on the disk, opened again, carried on from a copy.
//!
//! The step before is `orders.rs`; the step after is `store/hosted.rs` (files) and [`Hosted`] (what an engine hosts).

use std::path::Path;

use backline_io::clock::Clock;
use backline_kept::{HostAgainError, HostKeys, Hosted, KeptSession, SessionFile};
use backline_session::SessionState;
use backline_transport::CertificateError;
use backline_wire::InviteLink;

use super::orders::{data_dir, engine_config, instance_config};
use super::*;
use crate::notices::Notices;

/// A session that nobody has carried on for so long is forgotten.
const KEPT_FOR: Duration = Duration::from_secs(90 * 24 * 3_600);

/// Where a session is kept, and where it is reached.
pub(super) struct Place<'a> {
    pub dir: Option<&'a Path>,
    pub port: u16,
}

impl Place<'_> {
    /// Keeps a session from its beginning on. It goes on without a file, and the person is told.
    pub fn keep(&self, hosted: Hosted, notices: &mut Notices) -> (Hosted, Option<SessionFile>) {
        let Some(dir) = self.dir else { return (hosted, None) };
        SessionFile::retire(dir, KEPT_FOR);
        match SessionFile::create(dir, &hosted.keys, &hosted.document, self.port) {
            Ok(file) => (hosted.with_store(), Some(file)),
            Err(error) => {
                tracing::warn!(%error, "the session is not kept");
                let (text, advice) = words_of_failed_disk();
                notices.add(Severity::Warning, text, advice);
                (hosted, None)
            }
        }
    }

    /// A session as it was kept: under its link, as far as its key and its port are to be had.
    ///
    /// # Errors
    /// When a new certificate is needed and cannot be made.
    pub fn open_again(
        &self,
        (file, kept): (SessionFile, KeptSession),
        seed: [u8; 32],
        notices: &mut Notices,
    ) -> Result<(Hosted, Option<SessionFile>), CertificateError> {
        let Some(keys) = kept.keys else {
            let hosted = Hosted::again(HostKeys::generate(seed)?, kept.document, seed);
            let (hosted, new) = self.keep(hosted, notices);
            if new.is_some() {
                file.remove();
            }
            say_link_is_new(notices);
            return Ok((hosted, new));
        };
        if kept.port != self.port {
            say_link_is_new(notices);
        }
        let hosted = Hosted::again(keys, kept.document, seed);
        match file.set_port(self.port) {
            Ok(()) => Ok((hosted.with_store(), Some(file))),
            Err(error) => {
                tracing::warn!(%error, "the session is not kept any more");
                let (text, advice) = words_of_failed_disk();
                notices.add(Severity::Warning, text, advice);
                Ok((hosted, None))
            }
        }
    }
}

/// What was kept of the session of a link.
pub(super) fn find(
    dir: Option<&Path>,
    link: &InviteLink,
) -> Result<(SessionFile, KeptSession), HostAgainError> {
    SessionFile::open(dir.ok_or(HostAgainError::NotHere)?, link)
}

/// What a host is told whose disk cannot keep the session.
pub(super) fn words_of_failed_disk() -> (String, String) {
    let text = "The disk can't keep this session: it goes on, but not after a crash of this computer.";
    (
        text.to_owned(),
        "Make room on the disk, then press Host for a new session when it suits you.".to_owned(),
    )
}

fn say_link_is_new(notices: &mut Notices) {
    let text = "The session goes on, but its invite link is a new one.";
    notices.add(Severity::Warning, text, "Send it to the others: the one of before leads here no more.");
}

impl Worker {
    /// The host is gone: the session goes on here, from our copy, with all instances of the process that are in it.
    pub(super) fn carry_on(&mut self) {
        let Some(open) = &self.open else { return };
        let is_lost = *open.engine.session().state() == SessionState::Reconnecting;
        let copy = open.engine.session().whole_copy().filter(|_| is_lost).cloned();
        let outcome = match copy {
            Some(copy) => self.host_copy(&copy),
            None => Err("there is nothing to carry on here: the host is there, or was never reached".into()),
        };
        let error = outcome.err().map(|error| error.to_string());
        for guest in &mut self.guests {
            match &error {
                Some(error) => guest.own.complain(error),
                None => {
                    let text = "You host the session now, as you had it. Its invite link is a new one.";
                    let advice = "Send it to the others: the one of before leads to the old host only.";
                    guest.own.notices.add(Severity::Info, text, advice);
                }
            }
        }
        self.snapshot_at = clock::now();
    }

    fn host_copy(
        &mut self,
        copy: &backline_session::document::Document,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let mut guests = std::mem::take(&mut self.guests);
        guests.iter_mut().for_each(|guest| self.keep_slots(guest));
        self.guests = guests;
        let (Some(open), Some(first)) = (&mut self.open, self.guests.first_mut()) else { return Ok(()) };
        let clock = Clock::read();
        let config = engine_config(&first.own.settings, &clock, &open.addresses, open.port.number())?;
        let dir = data_dir(&first.own.settings).filter(|_| open.store.is_some());
        let place = Place { dir: dir.as_deref(), port: open.port.number() };
        let hosted = Hosted::carry_on(copy, config.seed)?;
        let (hosted, file) = place.keep(hosted, &mut first.own.notices);
        let outbox = open.engine.session_mut().take_outbox();
        open.engine.close(clock.now);
        self.transmit();
        let mut engine = Engine::host_session(config, hosted);
        engine.session_mut().set_outbox(outbox);
        for (number, guest) in self.guests.iter_mut().enumerate() {
            if number > 0 {
                let config = instance_config(&guest.own.settings, clock.unix_time);
                engine.session_mut().add_instance(clock.now, config);
            }
            if let Err(error) = engine.attach(guest.id(), guest.own.net_end.as_deref()) {
                guest.own.complain(&error.to_string());
            }
        }
        if let Some(person) = &self.person {
            engine.set_servers(clock.now, person.servers.config().0);
            engine.set_open_to_lan(person.is_open_to_lan());
            engine.session_mut().set_hear_own(person.hear_own);
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        open.engine = engine;
        open.is_kept = file.is_some();
        if let (Some(store), Some(file)) = (&mut open.store, file) {
            store.ask(Request::Host(file));
        }
        self.announce();
        Ok(())
    }
}
