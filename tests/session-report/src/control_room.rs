//! Musicians in the simulated world who move faders and play nothing: their hosts do not call, so that only control is exchanged.

use std::time::Duration;

use backline_session::view::FaderView;
use backline_session::{Session, SessionState};
use backline_sim::signal::silence;
use backline_sim::{Id, Musician, Way, World};
use backline_wire::limits::SLOTS;
use backline_wire::{
    Bus, Change, Fader, GainValue, Grantee, InstanceId, InviteLink, Scope, Setting, SourceId,
};

const NAMES: [&str; 4] = ["Ada", "Bob", "Cleo", "Dora"];
/// The instance that every musician begins with.
const INSTANCE: u64 = 1;

/// Everybody, the first of whom hosts.
pub struct ControlRoom {
    /// Time and network.
    pub world: World,
    /// In the order in which they were added.
    pub people: Vec<Id>,
    /// What each of them sends.
    pub sources: Vec<SourceId>,
    /// Leads into the session.
    pub link: InviteLink,
    /// Of each musician's slots, as their DAW projects have them.
    buses: Vec<[Bus; SLOTS]>,
}

impl ControlRoom {
    /// `count` musicians (at most four) who have met, and let everybody move what they send.
    pub fn new(seed: u64, count: usize, one_way: Duration) -> Self {
        Self::hosted_by(World::host, seed, count, one_way)
    }

    /// The same with a host whose disk keeps the session: they can be restarted.
    pub fn kept(seed: u64, count: usize, one_way: Duration) -> Self {
        Self::hosted_by(World::host_kept, seed, count, one_way)
    }

    fn hosted_by(host: impl Fn(&mut World, Id), seed: u64, count: usize, one_way: Duration) -> Self {
        let mut world = World::new(seed);
        world.network.usual = Way::clean(one_way);
        let (mut people, mut sources) = (Vec::new(), Vec::new());
        for name in NAMES.iter().take(count) {
            let musician = Musician::new(name, silence());
            sources.push(musician.source());
            people.push(world.add(musician));
            if let Some(who) = people.last() {
                world.set_called(*who, INSTANCE, false);
            }
        }
        host(&mut world, people[0]);
        let link = world.invite(people[0]);
        people[1..].iter().for_each(|who| world.join(*who, &link));
        world.run(Duration::from_secs(1));
        let mut room = Self { world, people, sources, link, buses: vec![[Bus::MAIN; SLOTS]; count] };
        for index in 0..count {
            room.open(index);
        }
        room.world.run(Duration::from_millis(300));
        room
    }

    /// Lets everybody move what they send.
    pub fn open(&mut self, index: usize) {
        let scope = Scope::Send(self.sources[index]);
        let change = Change::Permission { scope, grantee: Grantee::Everyone, allowed: true };
        let now = self.world.instant();
        self.session(index).map(|session| session.change(now, change));
    }

    /// Their session; none while they are in none.
    pub fn session(&mut self, index: usize) -> Option<&mut Session> {
        self.world.engine(self.people[index]).map(backline_client::Engine::session_mut)
    }

    /// Moves how loud everybody gets a source; false where they are in no session that they know.
    pub fn drag(&mut self, mover: usize, source: usize, centi_db: i16) -> bool {
        let fader = Fader::Send(self.sources[source]);
        let setting = Setting::Gain(GainValue::from_db(f32::from(centi_db) / 100.0));
        let now = self.world.instant();
        self.session(mover).is_some_and(|session| session.move_fader(now, fader, setting))
    }

    /// Which slot somebody has a source on; none where they are away, or it never came.
    pub fn slot(&mut self, who: usize, source: usize) -> Option<usize> {
        let source = self.sources[source];
        let bindings = self.session(who)?.bindings(InstanceId(INSTANCE))?;
        bindings.iter().position(|bound| *bound == Some(source))
    }

    /// Routes a source to an output of the listener's own: its slot in their DAW, and the fader of the session. False where they have no
    /// slot for it, or are in no session that they know.
    pub fn route(&mut self, listener: usize, source: usize, bus: Bus) -> bool {
        let (Some(slot), now) = (self.slot(listener, source), self.world.instant()) else { return false };
        let fader = self.monitor(listener, source);
        let is_known =
            self.session(listener).is_some_and(|session| session.move_fader(now, fader, Setting::Bus(bus)));
        if is_known {
            self.buses[listener][slot] = bus;
        }
        is_known
    }

    /// On which output a listener has a source, as their DAW has it; none where they are away, or it never came.
    pub fn bus(&mut self, listener: usize, source: usize) -> Option<Bus> {
        self.slot(listener, source).map(|slot| self.buses[listener][slot])
    }

    /// The same as somebody sees it in the session.
    pub fn bus_seen_by(&mut self, who: usize, listener: usize, source: usize) -> Option<Bus> {
        let fader = self.monitor(listener, source);
        self.session(who).map(|session| session.fader(fader).bus)
    }

    fn monitor(&self, listener: usize, source: usize) -> Fader {
        Fader::Monitor { listener: self.sources[listener].participant, source: self.sources[source] }
    }

    /// The host's DAW crashes, and they open the session again.
    pub fn restart_host(&mut self) {
        let host = self.people[0];
        self.world.save_project(host);
        self.world.crash(host);
        self.world.host_again(host);
    }

    /// How somebody sees how loud everybody gets a source.
    pub fn level(&mut self, who: usize, source: usize) -> Option<FaderView> {
        let fader = Fader::Send(self.sources[source]);
        self.session(who).map(|session| session.fader(fader))
    }

    /// Cuts somebody off, or no longer.
    pub fn cut(&mut self, who: usize, is_cut: bool) {
        let address = self.world.address(self.people[who]);
        self.world.network.cut(address, is_cut);
    }

    /// Everybody is in, and nothing waits.
    pub fn is_quiet(&mut self) -> bool {
        (0..self.people.len()).all(|index| {
            self.session(index).is_some_and(|session| {
                let is_in = matches!(session.state(), SessionState::Joined | SessionState::Hosting);
                is_in && session.knows_session() && session.waiting().count() == 0
            })
        })
    }

    /// Lets time pass until all is quiet and everybody has the same document, and stays so: some have not noticed yet that they were cut off,
    /// or that their host was. False where it does not become so.
    pub fn settle(&mut self, within: Duration) -> bool {
        let end = self.world.now() + within;
        while self.world.now() < end {
            if self.is_settled() {
                // Two round trips: what was accepted has been told to everybody.
                self.world.run(Duration::from_millis(200));
                if self.is_settled() {
                    return true;
                }
            }
            self.world.run(Duration::from_millis(50));
        }
        false
    }

    fn is_settled(&mut self) -> bool {
        self.is_quiet() && self.documents_agree()
    }

    /// Everybody has the same document.
    pub fn documents_agree(&mut self) -> bool {
        let mut documents = (0..self.people.len()).map(|index| {
            self.world.engine(self.people[index]).and_then(|engine| engine.session().document().cloned())
        });
        let Some(first) = documents.next().flatten() else { return false };
        documents.all(|document| document.as_ref() == Some(&first))
    }
}
