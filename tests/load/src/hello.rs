//! What a simulated client says first, whoever it plays.
//!
//! The step before is a path that has come up; the step after is the server's welcome.

use backline_wire::limits::PROTOCOL_VERSION;
use backline_wire::{
    Control, Fingerprint, Generation, Hello, HelloTranscript, IdentityKey, InstanceId, InviteLink, Name,
    SourceId, SourceInfo, StreamFormat,
};

/// Of somebody with this name and key, who answers to `fingerprint`; with one source where they play.
pub(crate) fn hello(
    (link, fingerprint): (&InviteLink, &Fingerprint),
    (key, name): (&IdentityKey, &str),
    plays: Option<StreamFormat>,
) -> Control {
    let transcript = HelloTranscript::new(link.fingerprint(), fingerprint);
    let participant = key.participant_id();
    let source = |format| SourceInfo {
        source: SourceId { participant, instance: InstanceId(1) },
        name: Name::new(name),
        colour: [0; 3],
        format,
        generation: Generation(1),
    };
    Control::Hello(Box::new(Hello {
        protocol_version: PROTOCOL_VERSION,
        app: Name::new(concat!("Backline load ", env!("CARGO_PKG_VERSION"))),
        name: Name::new(name),
        colour: [0; 3],
        participant,
        instance: InstanceId(1),
        generation: Generation(1),
        signature: transcript.sign(key),
        proof: transcript.proof(link.secret()),
        sources: plays.map(source).into_iter().collect(),
    }))
}
