//! Who comes and goes, and what the handles ask of the worker.

use std::path::{Path, PathBuf};

use backline_io::clock::Clock;
use backline_io::{WakeHandle, entropy, identity, store as disk};
use backline_session::{InstanceConfig, SessionConfig};
use backline_wire::{Change, Generation, IdentityKey, InviteLink, Name, OutboxId};

use super::*;
use crate::api::Command;
use crate::engine::EngineConfig;
use crate::guest::{Order, Own, Settings};
use crate::store::{Files, outbox};
use backline_kept::{Hosted, SessionFile};

/// Seconds from 1970 to 2020: generations are counted from there, and 136 years of them fit.
const YEAR_2020_S: u64 = 1_577_836_800;

impl Worker {
    /// Opens the session for the first instance.
    pub(super) fn begin(&mut self, wish: Wish) {
        let Some(first) = self.house.arrivals.pop() else { return };
        self.person = Some(first.own.settings.person.clone());
        self.guests.push(first);
        if let Err(error) = self.open(wish) {
            self.fail(&error.to_string());
        }
    }

    /// Takes further instances of the process in.
    pub(super) fn take_in(&mut self) {
        while let Some(mut guest) = self.house.arrivals.pop() {
            let Some(open) = &mut self.open else { continue };
            guest.shared.doorbell.silence();
            let person = self.person.get_or_insert_with(|| guest.own.settings.person.clone());
            if person.name.is_empty() && !guest.own.settings.person.name.is_empty() {
                person.name.clone_from(&guest.own.settings.person.name);
                open.engine.session_mut().set_name(clock::now(), person.shown_name(), person.colour);
            }
            guest.own.settings.person = person.clone();
            guest.own.participant = self.guests.first().and_then(|first| first.own.participant);
            let clock = Clock::read();
            let config = instance_config(&guest.own.settings, clock.unix_time);
            if !open.engine.session_mut().add_instance(clock.now, config) {
                let text = "More instances than one session takes are in it already.";
                guest.own.notices.add(Severity::Error, text, "Remove Backline from some tracks.");
                guest.settle(None);
                continue;
            }
            if let Err(error) = open.engine.attach(guest.id(), guest.own.net_end.as_deref()) {
                guest.own.complain(&error.to_string());
            }
            self.guests.push(guest);
            self.snapshot_at = clock.now;
        }
    }

    pub(super) fn handle_orders(&mut self) {
        let mut at = 0;
        while let Some(guest) = self.guests.get(at) {
            match guest.shared.orders.pop() {
                None => at += 1,
                Some(Order::Command(Command::HostAgain { link })) if self.hosts(&link) => {}
                Some(Order::Command(
                    command @ (Command::Host | Command::HostAgain { .. } | Command::Join { .. }),
                )) => self.release(at, Some(command), Ending::OnPurpose),
                Some(Order::Command(Command::CarryOn)) => self.carry_on(),
                Some(Order::Command(Command::Leave)) => self.release(at, None, Ending::OnPurpose),
                Some(Order::Stop) => self.release(at, None, Ending::ForNow),
                Some(Order::Command(command)) => self.handle_command(at, command),
                Some(Order::Attach(net_end)) => self.attach(at, net_end),
            }
        }
    }

    fn handle_command(&mut self, at: usize, command: Command) {
        let now = clock::now();
        let (Some(guest), Some(open)) = (self.guests.get_mut(at), &mut self.open) else { return };
        guest.own.settings.apply(&command);
        let settings = &guest.own.settings;
        let session = open.engine.session_mut();
        let id = settings.instance;
        match &command {
            Command::SetSourceName(_) => session.set_source_name(now, id, Name::new(&settings.source_name)),
            Command::SetSends(sends) => session.set_sends(now, id, *sends),
            Command::SetReturns(returns) => session.set_returns(id, returns.clone()),
            Command::SetQuality(quality) if !session.set_quality(now, id, *quality) => {
                let text = "This quality can't be used; the old one stays.";
                guest.own.notices.add(Severity::Error, text, "Choose another one.");
            }
            Command::SetAutomatic(automatic) => session.set_automatic(now, id, *automatic),
            Command::SetDepthCeiling(_) => session.set_depth_ceiling(id, settings.depth_ceiling),
            Command::SetSlots(slots) => session.set_slots(id, *slots),
            Command::MoveFader { fader, setting } => drop(session.move_fader(now, *fader, *setting)),
            Command::Permit { scope, grantee, allowed } => {
                session
                    .change(now, Change::Permission { scope: *scope, grantee: *grantee, allowed: *allowed });
            }
            Command::Say(line) if session.say(now, line.clone()) => {}
            Command::SetTempo(tempo) => drop(session.set_tempo(now, *tempo)),
            Command::Lead(leads) => drop(session.lead(now, *leads)),
            Command::StartTransport { count_in_bars } if session.start_transport(now, *count_in_bars) => {}
            Command::StopTransport => drop(session.stop_transport(now)),
            Command::SyncNow => session.sync_now(now),
            Command::DiscardWaiting => session.discard_all(),
            Command::DiscardLeftBehind => session.discard_left_behind(),
            Command::SetName(_)
            | Command::SetColour(_)
            | Command::SetHostAddress(_)
            | Command::SetOpenToLan(_)
            | Command::SetHearOwn(_)
            | Command::SetServers { .. } => {
                let person = guest.own.settings.person.clone();
                guest.own.handle(Order::Command(command));
                self.change_person(now, person);
            }
            _ => guest.own.handle(Order::Command(command)),
        }
        self.snapshot_at = now;
    }

    /// What is the same for all instances was changed at one of them.
    fn change_person(&mut self, now: Instant, person: Person) {
        let Some(open) = &mut self.open else { return };
        let shown = |person: &Person| (person.shown_name(), person.colour);
        if self.person.as_ref().map(shown) != Some(shown(&person)) {
            open.engine.session_mut().set_name(now, person.shown_name(), person.colour);
        }
        open.engine.set_servers(now, person.servers.config().0);
        open.engine.set_open_to_lan(person.is_open_to_lan());
        open.engine.session_mut().set_hear_own(person.hear_own);
        for guest in &mut self.guests {
            guest.own.settings.person = person.clone();
        }
        self.person = Some(person);
        self.announce();
    }

    fn attach(&mut self, at: usize, net_end: Option<Box<NetEnd>>) {
        let (Some(guest), Some(open)) = (self.guests.get_mut(at), &mut self.open) else { return };
        guest.own.net_end = net_end;
        let outcome = open.engine.attach(guest.id(), guest.own.net_end.as_deref());
        if let Err(error) = outcome {
            guest.own.complain(&error.to_string());
        }
    }

    /// An instance leaves; `next` is what it wants instead. With the last one the session ends.
    fn release(&mut self, at: usize, next: Option<Command>, ending: Ending) {
        let mut guest = self.guests.remove(at);
        self.keep_slots(&mut guest);
        if self.guests.is_empty() && self.registry.close_if_empty(&self.house) {
            self.close(ending);
        } else if let Some(open) = &mut self.open {
            open.engine.remove_instance(clock::now(), guest.id());
        }
        guest.own.stop_audio();
        guest.settle(next);
    }

    /// The session is over for all, because of this.
    pub(super) fn fail(&mut self, text: &str) {
        self.registry.close(&self.house);
        let mut guests = std::mem::take(&mut self.guests);
        guests.iter_mut().for_each(|guest| self.keep_slots(guest));
        self.close(Ending::ForNow);
        while let Some(late) = self.house.arrivals.pop() {
            guests.push(late);
        }
        for mut guest in guests {
            guest.own.failure = Some(text.to_owned());
            guest.own.stop_audio();
            guest.settle(None);
        }
    }

    /// What the session has bound its slots to stays with an instance.
    pub(super) fn keep_slots(&self, guest: &mut Guest) {
        let session = self.open.as_ref().map(|open| open.engine.session());
        if let Some(slots) = session.and_then(|session| session.bindings(guest.id())) {
            guest.own.settings.slots = slots;
        }
    }

    fn open(&mut self, wish: Wish) -> Result<(), Box<dyn std::error::Error>> {
        let Some(first) = self.guests.first_mut() else { return Ok(()) };
        let dir = data_dir(&first.own.settings);
        let kept = match &wish {
            Wish::HostAgain(link) => Some(hosting::find(dir.as_deref(), link)?),
            Wish::Host | Wish::Join(_) => None,
        };
        let mut port = Port::open_preferring(kept.as_ref().map_or(0, |(_, kept)| kept.port))?;
        if let Some(poller) = &self.poller {
            poller.watch(&mut port)?;
        }
        let addresses = interfaces::addresses();
        let clock = Clock::read();
        let own = &mut first.own;
        let config = engine_config(&own.settings, &clock, &addresses, port.number())?;
        own.participant = Some(config.session.identity.participant_id());
        let place = hosting::Place { dir: dir.as_deref(), port: port.number() };
        let (mut engine, session) = match (wish, kept) {
            (Wish::Join(link), _) => (Engine::join(config, link)?, None),
            (_, Some(kept)) => {
                let (hosted, file) = place.open_again(kept, config.seed, &mut own.notices)?;
                (Engine::host_session(config, hosted), file)
            }
            (Wish::Host | Wish::HostAgain(_), None) => {
                let (hosted, file) = place.keep(Hosted::new(config.seed)?, &mut own.notices);
                (Engine::host_session(config, hosted), file)
            }
        };
        engine.attach(own.settings.instance, own.net_end.as_deref())?;
        engine.set_servers(clock.now, own.settings.person.servers.config().0);
        engine.set_open_to_lan(own.settings.person.is_open_to_lan());
        engine.session_mut().set_hear_own(own.settings.person.hear_own);
        let is_kept = session.is_some();
        let wake = self.poller.as_ref().map(Poller::wake_handle);
        let store =
            wake.zip(dir).and_then(|(wake, dir)| start_store(own, &mut engine, wake, (&dir, session)));
        self.started = clock.now;
        self.open = Some(Open {
            engine,
            port,
            announcer: None,
            addresses,
            buffer: Vec::with_capacity(2048),
            is_kept: is_kept && store.is_some(),
            store,
        });
        self.announce();
        Ok(())
    }

    /// Whether the session of a link is hosted here.
    fn hosts(&self, link: &str) -> bool {
        let hosted = self.open.as_ref().and_then(|open| open.engine.hosted_fingerprint());
        hosted.is_some_and(|ours| InviteLink::parse(link).is_ok_and(|link| *link.fingerprint() == ours))
    }
}

/// Reads the outbox of earlier runs, if there is a place for it, and starts the store's thread. A session goes on without one, and the
/// person is told.
fn start_store(
    own: &mut Own,
    engine: &mut Engine,
    wake: WakeHandle,
    (dir, session): (&Path, Option<SessionFile>),
) -> Option<StoreThread> {
    let mut files = Files { outbox: None, session };
    let mut warn = |text: String, advice: String| own.notices.add(Severity::Warning, text, advice);
    let seeds = entropy::seed().ok().zip(entropy::seed().ok());
    let fresh = |seed: [u8; 32]| OutboxId(u64::from_be_bytes(std::array::from_fn(|at| seed[at])));
    match seeds.map(|(id, seed)| outbox::open(dir, fresh(id), seed)) {
        Some(Ok((store, kept))) => {
            files.outbox = Some(store);
            engine.session_mut().set_outbox(kept.outbox);
            if let Some(aside) = kept.kept_aside {
                let advice = format!("It is kept as {aside}; a copy of the disk may have it whole.");
                warn("What waited to be sent could not be read.".to_owned(), advice);
            }
        }
        Some(Err(error)) => {
            let (text, advice) = sentences(&error.to_string());
            warn(text, advice);
        }
        None => {}
    }
    match StoreThread::start(files, wake) {
        Ok(thread) => Some(thread),
        Err(error) => {
            tracing::warn!(%error, "there is no thread for the store");
            engine.handle_stored(clock::now(), Stored::OutboxFailed);
            engine.handle_stored(clock::now(), Stored::LedgerFailed);
            let (text, advice) = hosting::words_of_failed_disk();
            warn(text, advice);
            None
        }
    }
}

/// Where this user's data is kept; none where there is no such place.
pub(super) fn data_dir(settings: &Settings) -> Option<PathBuf> {
    let named = settings.config_dir.as_ref().map(|dir| dir.join("data"));
    named.or_else(disk::data_dir)
}

/// What an engine for this instance starts with.
pub(super) fn engine_config(
    settings: &Settings,
    clock: &Clock,
    addresses: &[IpAddr],
    port: u16,
) -> Result<EngineConfig, Box<dyn std::error::Error>> {
    Ok(EngineConfig {
        session: SessionConfig {
            identity: identity_of(settings)?,
            app: Name::new(&settings.app),
            name: settings.person.shown_name(),
            colour: settings.person.colour,
            first: instance_config(settings, clock.unix_time),
        },
        addresses: addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect(),
        seed: entropy::seed()?,
        now: clock.now,
        unix_time: clock.unix_time,
    })
}

fn identity_of(settings: &Settings) -> Result<IdentityKey, Box<dyn std::error::Error>> {
    let dir = settings.config_dir.clone().or_else(identity::config_dir);
    let seed = match dir {
        Some(dir) => identity::load_or_create(&dir, entropy::seed()?)?,
        // A system without any place for settings: a new identity each time is better than no session.
        None => entropy::seed()?,
    };
    Ok(IdentityKey::from_seed(seed))
}

pub(super) fn instance_config(settings: &Settings, unix_time: Duration) -> InstanceConfig {
    InstanceConfig {
        instance: settings.instance,
        generation: Generation((unix_time.as_secs().saturating_sub(YEAR_2020_S)) as u32),
        source_name: Name::new(&settings.source_name),
        sends: settings.sends,
        quality: settings.quality,
        automatic: settings.automatic,
        depth_ceiling: settings.depth_ceiling,
        slots: settings.slots,
        returns: settings.returns.clone(),
    }
}
