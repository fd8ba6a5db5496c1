//! The environment variables of the plugin and the standalone: for kiosks, scripts and tests.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `BACKLINE_HOST_LINK_FILE` | a path: hosts a session and writes its invite link there |
//! | `BACKLINE_JOIN` | an invite link, or the path of a file that holds one (waited for up to 30 s): joins |
//! | `BACKLINE_QUALITY` | `lowest-latency`, `balanced`, `careful` or `lossless` |
//! | `BACKLINE_AUTOMATIC` | `on` or `off`: whether another way of sending is taken while the paths do not carry that quality |
//! | `BACKLINE_DEPTH_MS` | the most that playouts hold back, in milliseconds, 0 to 250, fractions allowed |
//! | `BACKLINE_NAME` | the participant's name |
//! | `BACKLINE_HOST_ADDRESS` | `ip` or `ip:port` under which the internet reaches this machine, for the invite link |
//! | `BACKLINE_STUN` | `ip:port` of a STUN server, which tells the address that the internet sees |
//! | `BACKLINE_TURN` | `user:password@ip:port` of a TURN server, which passes on what no other way carries |
//! | `BACKLINE_LOCAL_NETWORK` | `on` or `off`: whether sessions are announced and looked for in the local network, and people there get in without a link |
//! | `BACKLINE_CONFIG_DIR` | the folder of the identity, instead of the user's config folder |
//! | `BACKLINE_REPORT` | a path: what the editor would show, as JSON, every second and at the end (`report.rs`) |
//! | `BACKLINE_LOG` | `error` to `trace`: log lines on standard error (`logging.rs`) |
//!
//! They are read at the first activation of each instance (`BACKLINE_CONFIG_DIR` and `BACKLINE_LOCAL_NETWORK` when it is made), and win over
//! what the project says. In a path, `{instance}` stands for the instance's id, so that several can report.
//! What is done with them: `unattended.rs`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use backline_client::{DEPTH_CEILING_MAX, InstanceId, Quality, TurnServer};

use crate::state_text;

/// What the variables ask for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Environment {
    /// `BACKLINE_HOST_LINK_FILE`.
    pub host_link_file: Option<PathBuf>,
    /// `BACKLINE_JOIN`: a link or a path.
    pub join: Option<String>,
    /// `BACKLINE_QUALITY`.
    pub quality: Option<Quality>,
    /// `BACKLINE_AUTOMATIC`.
    pub automatic: Option<bool>,
    /// `BACKLINE_DEPTH_MS`.
    pub depth: Option<Duration>,
    /// `BACKLINE_NAME`.
    pub name: Option<String>,
    /// `BACKLINE_HOST_ADDRESS`.
    pub host_address: Option<String>,
    /// `BACKLINE_STUN`.
    pub stun: Option<String>,
    /// `BACKLINE_TURN`.
    pub turn: Option<TurnServer>,
    /// `BACKLINE_REPORT`.
    pub report: Option<PathBuf>,
    /// Variables whose value cannot be used, and what could be, for a notice.
    pub complaints: Vec<String>,
}

impl Environment {
    /// The variables of this process. [main-thread]
    pub fn read() -> Self {
        Self::from_variables(|name| std::env::var_os(name))
    }

    /// Where the identity is to live, if not in the user's config folder. [main-thread]
    pub fn config_dir() -> Option<PathBuf> {
        std::env::var_os("BACKLINE_CONFIG_DIR").filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    /// Whether the local network may hear of this process. [main-thread]
    pub fn uses_local_network() -> bool {
        let switch = std::env::var("BACKLINE_LOCAL_NETWORK").ok();
        switch.as_deref().and_then(parse_switch).unwrap_or(true)
    }

    /// The variables as a function tells them; empty ones count as absent.
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let value = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| value(name).map(|value| value.to_string_lossy().into_owned());
        let mut complaints = Vec::new();
        let mut checked = |name: &str, is_usable: bool, expected: &str| {
            if !is_usable {
                complaints.push(format!("{name} must be {expected}."));
            }
        };
        let quality_text = text("BACKLINE_QUALITY");
        let quality = quality_text.as_deref().and_then(state_text::quality::parse);
        let qualities = "lowest-latency, balanced, careful or lossless";
        checked("BACKLINE_QUALITY", quality.is_some() || quality_text.is_none(), qualities);
        let automatic_text = text("BACKLINE_AUTOMATIC");
        let automatic = automatic_text.as_deref().and_then(parse_switch);
        checked("BACKLINE_AUTOMATIC", automatic.is_some() || automatic_text.is_none(), "on or off");
        let local_network = text("BACKLINE_LOCAL_NETWORK");
        let is_switch = local_network.as_deref().is_none_or(|text| parse_switch(text).is_some());
        checked("BACKLINE_LOCAL_NETWORK", is_switch, "on or off");
        let depth_text = text("BACKLINE_DEPTH_MS");
        let depth = depth_text.as_deref().and_then(parse_depth);
        checked(
            "BACKLINE_DEPTH_MS",
            depth.is_some() || depth_text.is_none(),
            "a number of milliseconds from 0 to 250",
        );
        let turn_text = text("BACKLINE_TURN");
        let turn = turn_text.as_deref().and_then(parse_turn);
        checked("BACKLINE_TURN", turn.is_some() || turn_text.is_none(), "of the form user:password@ip:port");
        Self {
            host_link_file: value("BACKLINE_HOST_LINK_FILE").map(PathBuf::from),
            join: text("BACKLINE_JOIN"),
            quality,
            automatic,
            depth,
            name: text("BACKLINE_NAME"),
            host_address: text("BACKLINE_HOST_ADDRESS"),
            stun: text("BACKLINE_STUN"),
            turn,
            report: value("BACKLINE_REPORT").map(PathBuf::from),
            complaints,
        }
    }
}

fn parse_switch(text: &str) -> Option<bool> {
    match text.trim() {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

/// A path with `{instance}` replaced by an instance's id.
pub fn path_of_instance(path: &std::path::Path, instance: InstanceId) -> PathBuf {
    match path.to_str() {
        Some(text) => PathBuf::from(text.replace("{instance}", &instance.to_string())),
        None => path.to_owned(),
    }
}

/// A password may hold any character, also `@` and `:`.
fn parse_turn(text: &str) -> Option<TurnServer> {
    let (who, address) = text.rsplit_once('@')?;
    let (user, password) = who.split_once(':')?;
    let is_whole = !user.is_empty() && !password.is_empty() && !address.is_empty();
    let server =
        TurnServer { address: address.to_owned(), user: user.to_owned(), password: password.to_owned() };
    is_whole.then_some(server)
}

fn parse_depth(text: &str) -> Option<Duration> {
    let milliseconds = text.trim().parse::<f64>().ok()?;
    Duration::try_from_secs_f64(milliseconds / 1000.0).ok().filter(|depth| *depth <= DEPTH_CEILING_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn with(variables: &[(&str, &str)]) -> Environment {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Environment::from_variables(|name| find(name).map(|(_, value)| OsString::from(value)))
    }

    #[test]
    fn an_empty_environment_asks_for_nothing() {
        assert_eq!(with(&[]), Environment::default());
        assert_eq!(with(&[("BACKLINE_JOIN", ""), ("BACKLINE_QUALITY", "")]), Environment::default());
    }

    #[test]
    fn every_variable_is_read() {
        let environment = with(&[
            ("BACKLINE_HOST_LINK_FILE", "/tmp/link"),
            ("BACKLINE_JOIN", "backline://join/x"),
            ("BACKLINE_QUALITY", "Lowest-Latency"),
            ("BACKLINE_DEPTH_MS", "2.5"),
            ("BACKLINE_NAME", "Ada"),
            ("BACKLINE_HOST_ADDRESS", "203.0.113.7"),
            ("BACKLINE_STUN", "203.0.113.8:3478"),
            ("BACKLINE_TURN", "ada:h@s:h@203.0.113.9:3478"),
            ("BACKLINE_REPORT", "/tmp/report.json"),
        ]);
        assert_eq!(environment.host_link_file.as_deref(), Some(Path::new("/tmp/link")));
        assert_eq!(environment.join.as_deref(), Some("backline://join/x"));
        assert_eq!(environment.quality, Some(Quality::LowestLatency));
        assert_eq!(environment.depth, Some(Duration::from_micros(2500)));
        assert_eq!(environment.name.as_deref(), Some("Ada"));
        assert_eq!(environment.host_address.as_deref(), Some("203.0.113.7"));
        assert_eq!(environment.stun.as_deref(), Some("203.0.113.8:3478"));
        let turn = environment.turn.unwrap();
        assert_eq!((&*turn.user, &*turn.password, &*turn.address), ("ada", "h@s:h", "203.0.113.9:3478"));
        assert_eq!(environment.report.as_deref(), Some(Path::new("/tmp/report.json")));
        assert!(environment.complaints.is_empty());
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        for (name, value) in [
            ("BACKLINE_TURN", "203.0.113.9"),
            ("BACKLINE_QUALITY", "best"),
            ("BACKLINE_LOCAL_NETWORK", "maybe"),
            ("BACKLINE_DEPTH_MS", "-1"),
            ("BACKLINE_DEPTH_MS", "inf"),
        ] {
            let environment = with(&[(name, value)]);
            assert_eq!(environment.complaints.len(), 1);
            assert!(environment.complaints[0].starts_with(name));
        }
    }

    #[test]
    fn paths_can_name_the_instance() {
        let path = path_of_instance(Path::new("/tmp/{instance}.json"), InstanceId(255));
        assert_eq!(path, Path::new("/tmp/00000000000000ff.json"));
    }
}
