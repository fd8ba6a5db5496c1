//! Who may come in: the checks on a hello, in the order in which a person should hear about them.

use backline_wire::limits::PROTOCOL_VERSION;
use backline_wire::{Fingerprint, Hello, HelloTranscript, RefusalReason, SessionSecret};

/// The session that somebody wants to join, by the door at which they are.
pub(crate) struct Door<'a> {
    /// The session's, or what stands in for it at the local door.
    pub secret: &'a SessionSecret,
    /// The local door may have been closed since they knocked.
    pub is_open: bool,
    /// Ours.
    pub fingerprint: &'a Fingerprint,
    /// Members who stay if this one comes in (who comes again replaces themselves).
    pub others: usize,
    /// How many may be in.
    pub participants: usize,
    /// How many sources each may have.
    pub sources: usize,
}

/// # Errors
/// Why the joiner, whose certificate has `fingerprint`, is not let in.
pub(crate) fn check(door: &Door<'_>, fingerprint: &Fingerprint, hello: &Hello) -> Result<(), RefusalReason> {
    if hello.protocol_version != PROTOCOL_VERSION {
        return Err(RefusalReason::OtherVersion { ours: PROTOCOL_VERSION });
    }
    let transcript = HelloTranscript::new(door.fingerprint, fingerprint);
    if !door.is_open || !transcript.proof_is_valid(door.secret, &hello.proof) {
        return Err(RefusalReason::WrongSecret);
    }
    if !transcript.signature_is_valid(&hello.participant, &hello.signature) {
        return Err(RefusalReason::WrongIdentity);
    }
    if door.others >= door.participants {
        return Err(RefusalReason::SessionFull { participants: told(door.participants) });
    }
    if hello.sources.len() > door.sources {
        return Err(RefusalReason::TooManySources { sources: told(door.sources) });
    }
    Ok(())
}

/// A message has one byte for it; more than that is only said less exactly.
fn told(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use backline_wire::{Generation, IdentityKey, InstanceId, Name};

    const HOST: Fingerprint = Fingerprint([1; 32]);
    const JOINER: Fingerprint = Fingerprint([2; 32]);
    const SECRET: SessionSecret = SessionSecret([3; 16]);

    fn hello() -> Hello {
        let key = IdentityKey::from_seed([4; 32]);
        let transcript = HelloTranscript::new(&HOST, &JOINER);
        Hello {
            protocol_version: PROTOCOL_VERSION,
            app: Name::new("Backline"),
            name: Name::new("Ada"),
            colour: [0; 3],
            participant: key.participant_id(),
            instance: InstanceId(1),
            generation: Generation(1),
            signature: transcript.sign(&key),
            proof: transcript.proof(&SECRET),
            sources: Vec::new(),
        }
    }

    fn door() -> Door<'static> {
        Door { secret: &SECRET, is_open: true, fingerprint: &HOST, others: 0, participants: 16, sources: 8 }
    }

    fn outcome(others: usize, change: impl FnOnce(&mut Hello)) -> Result<(), RefusalReason> {
        let mut hello = hello();
        change(&mut hello);
        check(&Door { others, ..door() }, &JOINER, &hello)
    }

    #[test]
    fn an_invited_joiner_comes_in() {
        assert_eq!(outcome(15, |_| {}), Ok(()));
    }

    #[test]
    fn each_reason_is_told() {
        assert_eq!(
            outcome(0, |hello| hello.protocol_version += 1),
            Err(RefusalReason::OtherVersion { ours: PROTOCOL_VERSION })
        );
        assert_eq!(outcome(0, |hello| hello.proof[0] ^= 1), Err(RefusalReason::WrongSecret));
        assert_eq!(outcome(0, |hello| hello.signature[9] ^= 1), Err(RefusalReason::WrongIdentity));
        assert_eq!(outcome(16, |_| {}), Err(RefusalReason::SessionFull { participants: 16 }));
    }

    #[test]
    fn a_hello_of_another_connection_is_worth_nothing() {
        assert_eq!(check(&door(), &Fingerprint([9; 32]), &hello()), Err(RefusalReason::WrongSecret));
    }

    #[test]
    fn a_door_that_was_closed_meanwhile_lets_nobody_in() {
        assert_eq!(
            check(&Door { is_open: false, ..door() }, &JOINER, &hello()),
            Err(RefusalReason::WrongSecret)
        );
    }
}
