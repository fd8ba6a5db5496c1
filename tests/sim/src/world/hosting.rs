//! Hosts with a disk: their session is opened again after a crash, or carried on by somebody else.

use backline_client::Hosted;

use super::*;
use crate::musician::Disk;

impl World {
    /// They host a session that their disk keeps.
    pub fn host_kept(&mut self, who: Id) {
        let config = self.engine_config(who);
        let Ok(hosted) = Hosted::new(config.seed) else { unreachable!("certificates can be made") };
        self.open_kept(who, config, hosted);
    }

    /// Their DAW crashed or was closed, and they open the session again, from their disk.
    pub fn host_again(&mut self, who: Id) {
        let config = self.engine_config(who);
        let Some(disk) = self.stages[who.0].disk.take() else { unreachable!("{who:?} has hosted nothing") };
        let hosted = Hosted::again(disk.keys, disk.document, config.seed);
        self.open_kept(who, config, hosted);
    }

    /// Their DAW is closed: the session is carried on later.
    pub fn close_daw(&mut self, who: Id) {
        let now = self.instant();
        if let Some(engine) = &mut self.stages[who.0].engine {
            engine.suspend(now);
        }
        self.transmit(who);
        self.stages[who.0].engine = None;
    }

    /// The host is gone, and they carry the session on from their copy.
    pub fn carry_on(&mut self, who: Id) {
        let config = self.engine_config(who);
        let now = self.instant();
        let Some(mut engine) = self.stages[who.0].engine.take() else {
            unreachable!("{who:?} is in no session")
        };
        let copy = engine.session().whole_copy().cloned();
        let outbox = engine.session_mut().take_outbox();
        engine.close(now);
        let Some(Ok(hosted)) = copy.map(|copy| Hosted::carry_on(&copy, config.seed)) else {
            unreachable!("{who:?} knows no session")
        };
        self.open_kept(who, config, hosted);
        if let Some(engine) = &mut self.stages[who.0].engine {
            engine.session_mut().set_outbox(outbox);
        }
        self.act(who);
    }

    fn open_kept(&mut self, who: Id, config: EngineConfig, hosted: Hosted) {
        let hosted = hosted.with_store();
        let disk = Disk { keys: hosted.keys.clone(), document: hosted.document.clone(), written: None };
        let (now, starts) = (self.instant(), self.starts);
        let stage = &mut self.stages[who.0];
        stage.disk = Some(disk);
        stage.attach(now, Engine::host_session(config, hosted), starts);
        self.act(who);
    }
}
