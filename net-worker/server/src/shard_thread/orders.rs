//! What the API asks of a shard, and what time asks of it: sessions are made, changed, ended and retired.
//!
//! The step before is the queue of [`Order`]s; the step after is the shard and the disk (`driver.rs`).

use std::net::SocketAddr;
use std::time::Duration;

use backline_io::clock::{self, Clock};
use backline_io::entropy;
use backline_kept::{Hosted, SessionFile};
use backline_relay::SessionId;
use backline_wire::Route;

use super::driver::{Driver, Plan};
use super::{Order, OrderError};
use crate::keeper::{NAME, ROUTE, Request, SEEN, id_of};
use crate::log;

/// Between two looks for sessions in which nobody was for too long.
pub(super) const RETIRE_EVERY: Duration = Duration::from_secs(3_600);

impl Driver {
    /// False when it is time to stop.
    pub(super) fn follow_orders(&mut self) -> bool {
        while let Ok((since, order)) = self.orders.try_recv() {
            self.counts.order_wait.record(clock::now().saturating_duration_since(since));
            // Whoever asked and went away wants no answer.
            match order {
                Order::Create(name, route, answer) => drop(answer.send(self.create(name, route))),
                Order::Link(id, answer) => drop(answer.send(self.link(id))),
                Order::SetRoute(id, route, answer) => drop(answer.send(self.set_route(id, route))),
                Order::End(id, answer) => drop(answer.send(self.end(id))),
                Order::Drain => return false,
                #[cfg(test)]
                Order::Act(act) => act(self),
            }
            self.snapshot_at = clock::now();
        }
        true
    }

    fn create(&mut self, name: String, route: Route) -> Result<(SessionId, String), OrderError> {
        let failed = |error: &dyn std::fmt::Display| OrderError::NotMade(error.to_string());
        let seed = entropy::seed().map_err(|error| failed(&error))?;
        let hosted = Hosted::new(seed).map_err(|error| failed(&error))?.with_store();
        let file = SessionFile::create(&self.setup.dir, &hosted.keys, &hosted.document, self.port.number())
            .map_err(|error| failed(&error))?;
        file.set_note(NAME, name.as_bytes()).map_err(|error| failed(&error))?;
        file.set_note(ROUTE, route.name().as_bytes()).map_err(|error| failed(&error))?;
        let id = id_of(&hosted.keys.certificate.fingerprint());
        tracing::info!(session = %id, name, %route, "a session was made");
        self.open(id, Plan { name, route }, hosted, Some(file));
        Ok((id, self.link(id)?))
    }

    fn link(&self, id: SessionId) -> Result<String, OrderError> {
        let port = self.port.number();
        let named: Vec<SocketAddr> = self.setup.public.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
        let link = self.shard.invite(id, &named).ok_or(OrderError::NoSession)?;
        link.map(|link| link.to_text()).map_err(|error| OrderError::NotMade(error.to_string()))
    }

    fn set_route(&mut self, id: SessionId, route: Route) -> Result<(), OrderError> {
        if !self.shard.set_route(id, clock::now(), route) {
            return Err(OrderError::NoSession);
        }
        self.kept.get_mut(&id).into_iter().for_each(|(plan, _)| plan.route = route);
        self.ask(Request::Note(id, ROUTE, route.name().into()));
        tracing::info!(session = %id, %route, "a session's media travels in another way");
        Ok(())
    }

    fn end(&mut self, id: SessionId) -> Result<(), OrderError> {
        if !self.shard.close(id, clock::now()) {
            return Err(OrderError::NoSession);
        }
        self.kept.remove(&id);
        self.seen.remove(&id);
        self.ask(Request::End(id));
        tracing::info!(session = %id, "a session was ended");
        Ok(())
    }

    /// Keeps who was there when, and ends sessions in which nobody was for too long.
    pub(super) fn retire(&mut self, now: Clock) {
        self.retire_at = now.now + RETIRE_EVERY;
        self.keep_seen(now);
        let age = self.setup.retire_after;
        let is_unused =
            |id: &SessionId| self.seen.get(id).is_some_and(|seen| seen.unused_for(now.now) >= age);
        let unused: Vec<SessionId> = self.seen.keys().copied().filter(is_unused).collect();
        for id in unused {
            tracing::info!(target: log::AUDIT, session = %id, days = age.as_secs() / 86_400, "retired: nobody was there for so long");
            // One that is gone already is as it should be.
            let _ = self.end(id);
        }
    }

    /// Whoever is in was there now; it is kept where it is news.
    pub(super) fn keep_seen(&mut self, now: Clock) {
        for (id, who) in self.shard.people() {
            self.seen.get_mut(&id).into_iter().for_each(|seen| seen.saw(who, now));
        }
        let news: Vec<(SessionId, Vec<u8>)> =
            self.seen.iter_mut().filter_map(|(id, seen)| Some((*id, seen.poll_bytes()?))).collect();
        news.into_iter().for_each(|(id, bytes)| self.ask(Request::Note(id, SEEN, bytes)));
    }
}
