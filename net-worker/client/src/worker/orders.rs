//! What the handle asks of the worker.

use backline_io::clock::Clock;
use backline_io::store::data_dir;
use backline_io::{entropy, identity};
use backline_session::SessionConfig;
use backline_wire::{Change, Generation, IdentityKey, InviteLink, Name, OutboxId};

use super::*;
use crate::api::Command;
use crate::engine::EngineConfig;
use crate::servers;

impl Worker {
    pub(super) fn handle_orders(&mut self) {
        while let Some(order) = self.shared.orders.pop() {
            match order {
                Order::Command(command) => self.handle_command(command),
                Order::Attach(net_end) => self.attach(net_end),
                Order::Stop => {
                    self.close();
                    self.is_stopping = true;
                }
            }
        }
    }

    fn handle_command(&mut self, command: Command) {
        self.settings.apply(&command);
        let now = clock::now();
        match command {
            Command::Host => self.start(None),
            Command::Join { link } => match InviteLink::parse(&link) {
                Ok(link) => self.start(Some(link)),
                Err(error) => self.fail(error.to_string()),
            },
            Command::Leave => self.close(),
            Command::Notify { .. } | Command::DismissNotice(_) => self.parked.handle(Order::Command(command)),
            Command::SetServers { .. } => {
                let (servers, _) = self.settings.servers.config();
                if let Some(open) = &mut self.open {
                    open.engine.set_servers(now, servers);
                }
                self.parked.handle(Order::Command(command));
            }
            Command::SetOpenToLan(_) => {
                let is_open = self.settings.is_open_to_lan();
                if let Some(open) = &mut self.open {
                    open.engine.set_open_to_lan(is_open);
                }
                self.announce();
            }
            _ => self.change_settings(&command, now),
        }
        self.snapshot_at = now;
    }

    /// A setting that a running session takes up.
    fn change_settings(&mut self, command: &Command, now: Instant) {
        let Some(open) = &mut self.open else { return };
        let session = open.engine.session_mut();
        match command {
            Command::SetName(_) | Command::SetColour(_) => {
                session.set_name(now, Name::new(&self.settings.name), self.settings.colour);
            }
            Command::SetSourceName(name) => session.set_source_name(now, Name::new(name)),
            Command::SetQuality(quality) if !session.set_quality(now, *quality) => {
                let text = "This quality can't be used; the old one stays.";
                self.parked.notices.add(Severity::Error, text, "Choose another one.");
            }
            Command::SetAutomatic(automatic) => session.set_automatic(now, *automatic),
            Command::SetDepthCeiling(_) => session.set_depth_ceiling(self.settings.depth_ceiling),
            Command::SetSlots(slots) => session.set_slots(*slots),
            Command::MoveFader { fader, setting } => drop(session.move_fader(now, *fader, *setting)),
            Command::Permit { scope, grantee, allowed } => {
                session
                    .change(now, Change::Permission { scope: *scope, grantee: *grantee, allowed: *allowed });
            }
            Command::SyncNow => session.sync_now(now),
            Command::DiscardWaiting => session.discard_all(),
            _ => {}
        }
    }

    fn attach(&mut self, net_end: Option<Box<NetEnd>>) {
        self.parked.net_end = net_end;
        if let Some(open) = &mut self.open {
            let outcome = open.engine.attach(self.parked.net_end.as_deref());
            if let Err(error) = outcome {
                let (text, advice) = sentences(&error.to_string());
                self.parked.notices.add(Severity::Error, text, advice);
            }
        }
    }

    fn start(&mut self, link: Option<InviteLink>) {
        self.close();
        self.parked.failure = None;
        match self.open(link) {
            Ok(open) => {
                self.open = Some(open);
                self.announce();
            }
            Err(error) => self.fail(error.to_string()),
        }
    }

    pub(super) fn fail(&mut self, text: String) {
        self.close();
        self.parked.failure = Some(text);
    }

    fn open(&mut self, link: Option<InviteLink>) -> Result<Open, Box<dyn std::error::Error>> {
        let identity = self.identity()?;
        self.parked.participant = Some(identity.participant_id());
        let mut port = Port::open()?;
        if let Some(poller) = &self.parked.poller {
            poller.watch(&mut port)?;
        }
        let addresses = interfaces::addresses();
        let clock = Clock::read();
        let config = EngineConfig {
            session: self.session_config(identity, clock.unix_time),
            addresses: addresses.iter().map(|ip| SocketAddr::new(*ip, port.number())).collect(),
            seed: entropy::seed()?,
            now: clock.now,
            unix_time: clock.unix_time,
        };
        let mut engine = match link {
            Some(link) => Engine::join(config, link)?,
            None => Engine::host(config)?,
        };
        engine.attach(self.parked.net_end.as_deref())?;
        engine.set_servers(clock.now, self.settings.servers.config().0);
        engine.set_open_to_lan(self.settings.is_open_to_lan());
        let store = self.open_store(&mut engine)?;
        self.started = clock.now;
        Ok(Open { engine, port, announcer: None, addresses, buffer: Vec::with_capacity(2048), store })
    }

    /// The outbox of earlier runs, if there is a place for it. A session goes on without one, and the person is told.
    fn open_store(&mut self, engine: &mut Engine) -> Result<Option<StoreThread>, Box<dyn std::error::Error>> {
        let own = self.settings.config_dir.as_ref().map(|dir| dir.join("data"));
        let Some(dir) = own.or_else(data_dir) else { return Ok(None) };
        let seed = entropy::seed()?;
        let fresh = OutboxId(u64::from_be_bytes(std::array::from_fn(|at| seed[at])));
        match StoreThread::open(&dir, Arc::clone(&self.doorbell), fresh, entropy::seed()?) {
            Ok((store, kept)) => {
                engine.session_mut().set_outbox(kept.outbox);
                if let Some(aside) = kept.kept_aside {
                    let text = "What waited to be sent could not be read.";
                    let advice = format!("It is kept as {aside}; a copy of the disk may have it whole.");
                    self.parked.notices.add(Severity::Warning, text, advice);
                }
                Ok(Some(store))
            }
            Err(error) => {
                let (text, advice) = sentences(&error.to_string());
                self.parked.notices.add(Severity::Warning, text, advice);
                Ok(None)
            }
        }
    }

    fn identity(&self) -> Result<IdentityKey, Box<dyn std::error::Error>> {
        let dir = self.settings.config_dir.clone().or_else(identity::config_dir);
        let seed = match dir {
            Some(dir) => identity::load_or_create(&dir, entropy::seed()?)?,
            // A system without any place for settings: a new identity each time is better than no session.
            None => entropy::seed()?,
        };
        Ok(IdentityKey::from_seed(seed))
    }

    fn session_config(&self, identity: IdentityKey, unix_time: Duration) -> SessionConfig {
        let settings = &self.settings;
        SessionConfig {
            identity,
            instance: settings.instance,
            // Seconds since 2020 rise from start to start, and 136 years of them fit.
            generation: Generation((unix_time.as_secs().saturating_sub(1_577_836_800)) as u32),
            app: Name::new(&settings.app),
            name: settings.participant_name(),
            source_name: Name::new(&settings.source_name),
            colour: settings.colour,
            quality: settings.quality,
            automatic: settings.automatic,
            depth_ceiling: settings.depth_ceiling,
            slots: settings.slots,
        }
    }
}

impl Settings {
    /// By which the others know the participant.
    pub fn participant_name(&self) -> Name {
        Name::new(if self.name.is_empty() { "Musician" } else { &self.name })
    }

    /// Whether the local network hears of a session that is hosted here.
    pub fn is_open_to_lan(&self) -> bool {
        self.uses_local_network && self.open_to_lan
    }

    /// Remembers what a command sets.
    pub fn apply(&mut self, command: &Command) {
        match command {
            Command::SetName(name) => self.name = Name::new(name).to_string(),
            Command::SetSourceName(name) => self.source_name = Name::new(name).to_string(),
            Command::SetColour(colour) => self.colour = *colour,
            Command::SetQuality(quality) => self.quality = *quality,
            Command::SetAutomatic(automatic) => self.automatic = *automatic,
            Command::SetDepthCeiling(depth) => self.depth_ceiling = (*depth).min(DEPTH_CEILING_MAX),
            Command::SetSlots(slots) => self.slots = *slots,
            Command::SetHostAddress(address) => self.host_address = address.clone(),
            Command::SetOpenToLan(is_open) => self.open_to_lan = *is_open,
            Command::SetServers { stun, turn } => {
                self.servers = Servers { stun: stun.clone(), turn: turn.clone() };
            }
            Command::Host
            | Command::Join { .. }
            | Command::Leave
            | Command::MoveFader { .. }
            | Command::Permit { .. }
            | Command::SyncNow
            | Command::DiscardWaiting
            | Command::Notify { .. }
            | Command::DismissNotice(_) => {}
        }
    }
}

impl Parked {
    /// Does what can be done without a session.
    pub fn handle(&mut self, order: Order) {
        match order {
            Order::Attach(net_end) => self.net_end = net_end,
            Order::Command(Command::Notify { severity, text, advice }) => {
                self.notices.add(severity, text, advice)
            }
            Order::Command(Command::DismissNotice(id)) => self.notices.dismiss(id),
            Order::Command(Command::Leave) => self.failure = None,
            Order::Command(Command::SetServers { stun, turn }) => {
                for problem in (Servers { stun, turn }).config().1 {
                    self.notices.add(Severity::Warning, problem, servers::ADVICE);
                }
            }
            Order::Command(_) | Order::Stop => {}
        }
    }
}
