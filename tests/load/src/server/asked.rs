//! What a soak asks of the server beside links and figures: routes, metrics, whether it lives, and to stop.
//!
//! The step before is `soak.rs`; the step after is the process and its HTTP API.

use std::collections::BTreeMap;
use std::process::Command;

use super::{Server, failed};
use crate::LoadError;
use backline_wire::{InviteLink, Route};
use serde_json::Value;

impl Server {
    /// Makes a session; its id and its link.
    pub(crate) fn room(&self, name: &str) -> Result<(String, InviteLink), LoadError> {
        let answer = ureq::post(format!("{}/api/v1/sessions", self.api))
            .header("Authorization", format!("Bearer {}", self.token))
            .send_json(serde_json::json!({ "name": name }));
        let made: Value = answer.and_then(|mut answer| answer.body_mut().read_json()).map_err(failed)?;
        let link = InviteLink::parse(made["link"].as_str().unwrap_or_default());
        let link = link.map_err(|error| LoadError::Server(format!("gives a strange link: {error}")))?;
        Ok((made["id"].as_str().unwrap_or_default().to_owned(), link))
    }

    /// Lets a session's media travel in another way.
    pub(crate) fn set_route(&self, session: &str, route: Route) -> Result<(), LoadError> {
        let answer = ureq::put(format!("{}/api/v1/sessions/{session}/route", self.api))
            .header("Authorization", format!("Bearer {}", self.token))
            .send_json(serde_json::json!({ "route": route.name() }));
        answer.map(|_| ()).map_err(failed)
    }

    /// Every sample of `/metrics` by its name and labels as they stand there.
    pub(crate) fn metrics(&self) -> Result<BTreeMap<String, f64>, LoadError> {
        let text = self.text("/metrics")?;
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Ok(text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect())
    }

    /// Whether it says that it lives.
    pub(crate) fn lives(&self) -> bool {
        self.text("/healthz").is_ok()
    }

    /// Asks it to stop and waits until it has; whether it ended well.
    pub(crate) fn stop(&mut self) -> bool {
        // A system without this program leaves it to the end of this value.
        let asked = Command::new("kill").args(["-TERM", &self.process().to_string()]).status();
        asked.is_ok_and(|asked| asked.success()) && self.child.wait().is_ok_and(|status| status.success())
    }

    fn text(&self, path: &str) -> Result<String, LoadError> {
        let answer = ureq::get(format!("{}{path}", self.api))
            .header("Authorization", format!("Bearer {}", self.token))
            .call();
        answer.and_then(|mut answer| answer.body_mut().read_to_string()).map_err(failed)
    }
}
