//! What a listener is shown of the session: plain values, no behaviour, made anew for each look.

use std::time::{Duration, Instant};

use backline_wire::limits::NETWORK_RATE_HZ;
use backline_wire::{
    Bus, ChatLine, GainValue, InstanceId, PanValue, ParticipantId, SourceId, StreamFormat, Tempo,
};

use crate::assignment::ReturnChoice;
use crate::stages::LatencyStages;

/// How a source reaches this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Route {
    /// Straight from the other participant.
    Direct,
    /// From the other participant, by an address of one of us on a TURN server.
    ThroughTurn,
    /// Passed on by the host.
    ThroughHost,
    /// In the mix that the host makes.
    Mixed,
    /// Nothing has come yet, or the source is away.
    #[default]
    Waiting,
}

/// One remote source as the listener sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceView {
    /// Who and which instance.
    pub source: SourceId,
    /// The slot it plays on, 0 to 15; none where all 16 are taken, and where another instance returns it.
    pub slot: Option<usize>,
    /// The instance of this process that returns it; none where nobody wants to.
    pub returned_by: Option<InstanceId>,
    /// The participant's name.
    pub participant_name: String,
    /// The source's name.
    pub source_name: String,
    /// The participant's colour, sRGB.
    pub colour: [u8; 3],
    /// In the session now.
    pub present: bool,
    /// It is what the host mixes for us.
    pub is_mix: bool,
    /// How it reaches us.
    pub route: Route,
    /// DTLS-SRTP is up on the path it comes by.
    pub encrypted: bool,
    /// From their capture to our playout, measured by time stamps and clock offset; in a mix, through it.
    pub latency: Option<Duration>,
    /// The same by stage; the sum of the medians is about the latency. None in a mix.
    pub stages: Option<LatencyStages>,
    /// Round trip to the participant.
    pub round_trip: Option<Duration>,
    /// From our capture to the participant's playout, as their own Backline measures and tells it; of several sources of ours the
    /// one that takes longest. None while they play nothing of ours by itself.
    pub hears_us_after: Option<Duration>,
    /// Share of what was played in the last seconds that was concealed, 0 to 1.
    pub loss: f32,
    /// Share of its packets that the network lost of late, 0 to 1, whether or not they were replaced.
    pub lost: f32,
    /// Concealed sample frames since it joined.
    pub concealed_frames: u64,
    /// Sample frames brought back from redundancy since it joined.
    pub recovered_frames: u64,
    /// Packets that had been lost and came in time when they were sent again, since it joined.
    pub repaired: u64,
    /// What the playout holds now.
    pub depth: Duration,
    /// Their clock against ours, parts per million.
    pub drift_ppm: f32,
    /// In words: "PCM 16 bit, 1.25 ms".
    pub encoding: String,
    /// How loud everyone gets it, set at its sender.
    pub send: FaderView,
}

/// How a fader stands, of either kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaderView {
    /// How loud.
    pub gain: GainValue,
    /// Where.
    pub pan: PanValue,
    /// Silent.
    pub mute: bool,
    /// Alone.
    pub solo: bool,
    /// On which output.
    pub bus: Bus,
    /// A change of ours is not answered yet.
    pub waiting: bool,
    /// It is ours, or its owner lets us.
    pub may_move: bool,
    /// Who moved it last; none where nobody has.
    pub moved_by: Option<String>,
}

/// Changes that wait for the host's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WaitingView {
    /// All of them; some are on their way for as long as a round trip takes.
    pub changes: usize,
    /// Of these, those that have had no answer in spite of all attempts.
    pub failed: usize,
    /// For how long the first of them has waited.
    pub since: Duration,
}

/// Tempo and transport of the session.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TempoView {
    /// Of whoever leads, else the session's.
    pub tempo: Tempo,
    /// Whose DAW leads; none where nobody's does.
    pub leader: Option<LeaderView>,
    /// Where it is for us; none before anybody led or started anything.
    pub transport: Option<TransportView>,
    /// How much later than its leader plays we hear them, and are with the beat; none where that is not known.
    pub path: Option<Duration>,
    /// Our DAW says where its song is, so that it could lead.
    pub daw_tells: bool,
    /// Our DAW records.
    pub records: bool,
    /// Whose DAWs record.
    pub others_record: Vec<String>,
}

/// Whose DAW leads the session's transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderView {
    /// “you”, or their name.
    pub name: String,
    /// It is us.
    pub is_own: bool,
    /// They are in the session; while they are away, nobody leads.
    pub is_here: bool,
}

/// A transport at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TransportView {
    /// When it is there for us.
    pub at: Instant,
    /// In quarter notes from the beginning of the song; negative while it is counted in.
    pub position_quarters: f64,
    /// Where a bar begins, likewise.
    pub bar_start_quarters: f64,
    /// It goes on from there.
    pub is_rolling: bool,
    /// Somebody has started or stopped it by hand.
    pub by_hand: bool,
}

/// A line of the chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatLineView {
    /// Counts the lines that came to this process since it came into the session, from 1.
    pub number: u64,
    /// What its writer was called then.
    pub name: String,
    /// Their colour then, sRGB.
    pub colour: [u8; 3],
    /// It is ours.
    pub is_own: bool,
    /// What they wrote.
    pub line: ChatLine,
    /// Always [`ChatLineState::Arrived`] with others'.
    pub state: ChatLineState,
}

/// Whether a line of ours is seen by the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatLineState {
    /// The host has passed it on.
    Arrived,
    /// Not heard of it yet.
    OnTheWay,
    /// Not heard of it for too long: it may have been lost.
    Unanswered,
}

/// Somebody else who is in the session, or has been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonView {
    /// Who; two of one name are two people.
    pub participant: ParticipantId,
    /// Their name; may be empty.
    pub name: String,
    /// Their colour, sRGB.
    pub colour: [u8; 3],
    /// In the session now.
    pub is_here: bool,
}

/// Who else may move some of our faders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccessView {
    /// All who are in the session.
    pub everyone: bool,
    /// Those who are let by name, in the order of ids.
    pub people: Vec<ParticipantId>,
}

/// Changes that wait for sessions that we are not in: their hosts never answered, or we left before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftBehindView {
    /// All of them.
    pub changes: usize,
    /// For so many sessions.
    pub sessions: usize,
    /// For how long the first of them has waited.
    pub since: Duration,
}

/// A slot and what it is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotView {
    /// What it is bound to, also while that is away.
    pub source: SourceId,
    /// The last known name, "Ada · Guitar"; empty where none is known yet.
    pub name: String,
    /// The source is in the session, and this instance returns it.
    pub present: bool,
    /// How we hear it, where others may move that or have moved it.
    pub monitor: FaderView,
}

/// What somebody else hears, for us to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MixView {
    /// Whose ears.
    pub listener: ParticipantId,
    /// Their name.
    pub name: String,
    /// Every source in the session but theirs, in the order of participants.
    pub strips: Vec<MixStrip>,
}

/// One source in somebody else's mix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MixStrip {
    /// Which.
    pub source: SourceId,
    /// Who sends it.
    pub participant_name: String,
    /// The source's name.
    pub source_name: String,
    /// Its participant's colour, sRGB.
    pub colour: [u8; 3],
    /// How they hear it.
    pub monitor: FaderView,
}

/// One instance of this process in the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceView {
    /// Which.
    pub instance: InstanceId,
    /// What it sends, or would send, is called this; may be empty.
    pub source_name: String,
    /// The others get what it plays.
    pub is_published: bool,
    /// Its host calls it, and it is not bypassed.
    pub is_active: bool,
    /// What it was asked to return.
    pub returns: ReturnChoice,
    /// It returns all that no other instance has chosen.
    pub returns_mix: bool,
}

/// What one instance sends.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SendView {
    /// In words: "Opus 2.5 ms, 256 kbit/s".
    pub encoding: String,
    /// To all peers together, over the last second.
    pub packets_per_second: f32,
    /// To all peers together, over the last second, as RTP payload.
    pub bits_per_second: f32,
}

/// A stream's format in words, for people.
pub fn describe(format: StreamFormat) -> String {
    let milliseconds = f32::from(format.frame_frames) * 1_000.0 / NETWORK_RATE_HZ as f32;
    let length = format!("{milliseconds:.2}");
    let length = length.trim_end_matches('0').trim_end_matches('.');
    let copies = match format.redundancy {
        0 => String::new(),
        1 => ", sent twice".to_owned(),
        n => format!(", sent {} times", n + 1),
    };
    match format.payload_type {
        96 => format!("PCM 16 bit, {length} ms{copies}"),
        97 => format!("PCM 24 bit, {length} ms{copies}"),
        111 => format!("Opus {length} ms, {} kbit/s{copies}", format.bitrate_bps / 1_000),
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_read_well() {
        let format = |payload_type, frame_frames, bitrate_bps, redundancy| {
            describe(StreamFormat {
                payload_type,
                frame_frames,
                bitrate_bps,
                redundancy,
                copy_distance: 1,
                block_frames: 0,
            })
        };
        assert_eq!(format(96, 60, 0, 0), "PCM 16 bit, 1.25 ms");
        assert_eq!(format(111, 120, 256_000, 0), "Opus 2.5 ms, 256 kbit/s");
        assert_eq!(format(111, 240, 128_000, 2), "Opus 5 ms, 128 kbit/s, sent 3 times");
        assert_eq!(format(111, 480, 128_000, 1), "Opus 10 ms, 128 kbit/s, sent twice");
    }
}
