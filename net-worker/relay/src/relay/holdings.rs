//! Who and how much is in a session: people, and the number of entries of each kind, for tests that nothing grows while people come and go.
//!
//! The step after is [`crate::Shard::holdings`].

use super::*;

impl Relay {
    /// Who is in.
    pub(crate) fn people(&self) -> impl Iterator<Item = ParticipantId> {
        self.members.iter().map(|(_, member)| member.info.participant)
    }

    /// The number of entries of everything that could grow.
    pub(crate) fn holdings(&self) -> Vec<(&'static str, usize)> {
        let mix = self.mix_stats().unwrap_or_default();
        let of_members =
            self.members.iter().fold([0; 4], |[sources, direct, repairs, separate], (_, member)| {
                [
                    sources + member.sources.len(),
                    direct + member.direct.len(),
                    repairs + member.repairs.len(),
                    separate + member.separate.len(),
                ]
            });
        let [sources, direct, repairs, separate] = of_members;
        let mut all = vec![
            ("members", self.members.len()),
            ("sources", sources),
            ("direct ways", direct),
            ("repair budgets", repairs),
            ("separate sources", separate),
            ("links", self.links.iter().count()),
            ("knocking", self.knocking.len()),
            ("ending", self.ending.len()),
            ("addresses", self.addresses().count()),
            ("remembered streams", self.recent.len()),
            ("local messages", self.to_local.len()),
            ("replies", self.replies.len()),
            ("events", self.events.len()),
            ("strangers", self.strangers.len()),
            ("mixed sources", mix.sources),
            ("mixes", mix.mixes),
            ("mix listeners", mix.listeners),
        ];
        all.extend(self.members.holdings());
        all.extend(self.ledger.holdings());
        all
    }
}
