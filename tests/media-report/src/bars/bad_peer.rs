//! Bar 7: one of eight has a very bad network. The other seven hear each other as if nothing were.

use std::time::Duration;

use backline_sim::judge::exact::Exact;
use backline_sim::{Card, Id, Jitter, Loss, Musician, Way, World};

use crate::figure::{Figure, Limit, Report};
use crate::pair::world;
use crate::signals::{self, Loop};

const SEED: u64 = 307;
const NAMES: [&str; 8] = ["Ada", "Bob", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hal"];
/// The last one.
const BAD: usize = 7;
const GOOD_WAY: Way = Way::clean(Duration::from_millis(5));
/// Paths begin through the host and become straight: the depth that is left over is worked off, and then they are exact again.
const SETTLING: Duration = Duration::from_secs(22);
const PIECE: Duration = Duration::from_millis(500);
const DELAY_FRAMES_MAX: usize = 9_600;

/// Everybody plays music from another place on and hears each source on a bus of its own.
pub fn measure(report: &mut Report<'_>) {
    let music = match signals::music() {
        Ok(music) => music,
        Err(error) => return report.print(&Figure::unmeasured("7", "music", "", None, error.to_string())),
    };
    let seconds = report.seconds(60, 5);
    let what = format!(
        "eight people, one with 30 % loss and 200 ms jitter, PCM, music, {seconds} s: of 42 ways between the others, not bit-exact"
    );
    let limit = Limit::AtMost(0.0);
    let mut room = Room::new(&music);
    match room.listen(Duration::from_secs(seconds)) {
        Some(heard) => {
            let wrong = heard
                .iter()
                .filter(|exact| exact.delay_frames().is_none() || exact.wrong_frames() > 0)
                .count();
            let frames: u64 = heard.iter().map(Exact::wrong_frames).sum();
            let figure = Figure::judged("7", what, wrong as f64, "", limit);
            report.print(
                &figure.because(format!("{frames} sample frames are not as sent, on all of them together")),
            );
        }
        None => {
            report.print(&Figure::unmeasured("7", what, "", Some(limit), "not everybody hears everybody"))
        }
    }
}

struct Room {
    world: World,
    people: Vec<Id>,
}

impl Room {
    fn new(sound: &Loop) -> Self {
        let mut world = world(SEED);
        world.network.usual = GOOD_WAY;
        let people: Vec<Id> = NAMES
            .iter()
            .enumerate()
            .map(|(number, name)| {
                // Callbacks of two computers never come at the same moment.
                let first_callback = Duration::from_micros(157 * number as u64);
                let card = Card { first_callback, ..Card::default() };
                world.add(Musician { card, ..Musician::new(name, sound.signal(number * 100_000)) })
            })
            .collect();
        let bad_way =
            Way { loss: Loss::Random(0.3), jitter: Jitter::Uniform(Duration::from_millis(200)), ..GOOD_WAY };
        let bad = world.address(people[BAD]);
        for good in &people[..BAD] {
            let good = world.address(*good);
            world.network.set(bad, good, bad_way);
            world.network.set(good, bad, bad_way);
        }
        people.iter().for_each(|who| world.hear_apart(*who));
        world.meet(people[0], &people[1..]);
        Self { world, people }
    }

    /// What the seven hear of each other; none where somebody does not hear somebody.
    fn listen(&mut self, time: Duration) -> Option<Vec<Exact>> {
        for _ in 0..SETTLING.as_millis() / PIECE.as_millis() {
            self.world.run(PIECE);
            self.forget();
        }
        let good = self.people[..BAD].to_vec();
        let mut heard = Vec::new();
        for (listener, who) in good.iter().enumerate() {
            for source in (0..BAD).filter(|source| *source != listener) {
                let views = self.world.sources(*who);
                let view = views.iter().find(|view| view.participant_name == NAMES[source])?;
                heard.push((listener, source, view.slot?, Exact::new(DELAY_FRAMES_MAX)));
            }
        }
        for _ in 0..time.as_millis() / PIECE.as_millis() {
            self.world.run(PIECE);
            let sent: Vec<Vec<[f32; 2]>> = good.iter().map(|who| self.world.take_sent(*who)).collect();
            for (listener, source, bus, exact) in &mut heard {
                exact.feed(&sent[*source], &self.world.take_apart(good[*listener], *bus));
            }
            self.forget();
        }
        Some(heard.into_iter().map(|(.., exact)| exact).collect())
    }

    /// Nobody judges what is left.
    fn forget(&mut self) {
        for who in &self.people {
            self.world.take_sent(*who);
            self.world.take_heard(*who);
            for bus in 0..NAMES.len() {
                self.world.take_apart(*who, bus);
            }
        }
    }
}
