//! Who else may move some faders, in words: nobody, everyone, or chosen people.
//!
//! People are told apart by their ids. A name goes with what its owner sends, as on the strips, and with the beginning of the id where
//! that is the same, too.

use backline_client::{AccessView, Command, Grantee, ParticipantId, PersonView, Scope, Snapshot, SourceView};

use super::words;

/// Digits of an id that stand beside a name which is not the only one of its kind.
const ID_DIGITS: usize = 4;

/// Who else may move the faders of a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// "nobody", "everyone", "Ben · Drums", "2 people".
    pub shown: String,
    /// Somebody may.
    pub is_open: bool,
    /// What may be chosen: nobody, everyone, then each person.
    pub options: Vec<AccessOption>,
}

/// One choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessOption {
    /// "Nobody", "Everyone", "Ben · Drums".
    pub name: String,
    /// It is chosen.
    pub is_chosen: bool,
    /// Others may be chosen beside it.
    pub is_person: bool,
    /// What picking it changes, in this order: a person who was chosen is chosen no longer.
    permits: Vec<(Grantee, bool)>,
    scope: Scope,
}

impl AccessOption {
    /// What it asks for when it is picked.
    pub fn commands(&self) -> impl Iterator<Item = Command> {
        let scope = self.scope;
        self.permits.iter().map(move |(grantee, allowed)| Command::Permit {
            scope,
            grantee: *grantee,
            allowed: *allowed,
        })
    }
}

impl Access {
    /// Of `scope`, whose owner is who looks at it.
    pub(super) fn new(snapshot: &Snapshot, scope: Scope, view: &AccessView) -> Self {
        let option = |name: String, is_person, is_chosen, permits| AccessOption {
            name,
            is_chosen,
            is_person,
            permits,
            scope,
        };
        let has_everyone = view.everyone.then_some((Grantee::Everyone, false));
        let withdrawn = view.people.iter().map(|person| (Grantee::Participant(*person), false));
        let nobody: Vec<_> = has_everyone.into_iter().chain(withdrawn.clone()).collect();
        // Everyone first: who may is not locked out in between.
        let everyone = (!view.everyone).then_some((Grantee::Everyone, true));
        let everyone: Vec<_> = everyone.into_iter().chain(withdrawn).collect();
        let is_nobody = !view.everyone && view.people.is_empty();
        let mut options = vec![
            option("Nobody".to_owned(), false, is_nobody, nobody),
            option("Everyone".to_owned(), false, view.everyone, everyone),
        ];
        let is_let = |person: &PersonView| view.people.contains(&person.participant);
        let offered: Vec<&PersonView> =
            snapshot.people.iter().filter(|person| person.is_here || is_let(person)).collect();
        for (person, name) in offered.iter().zip(names(snapshot, &offered)) {
            let (is_let, grantee) = (is_let(person), Grantee::Participant(person.participant));
            let is_wanted = view.everyone || !is_let;
            let own = (is_wanted != is_let).then_some((grantee, is_wanted));
            let permits = own.into_iter().chain(has_everyone).collect();
            options.push(option(name, true, is_let && !view.everyone, permits));
        }
        let chosen: Vec<&AccessOption> = options.iter().filter(|option| option.is_chosen).collect();
        let shown = match chosen[..] {
            [one] if one.is_person => one.name.clone(),
            [one] => one.name.to_lowercase(),
            _ => format!("{} people", chosen.len()),
        };
        Self { shown, is_open: !is_nobody, options }
    }
}

/// What each of them is called in a list, no two alike.
fn names(snapshot: &Snapshot, people: &[&PersonView]) -> Vec<String> {
    let named: Vec<String> = people.iter().map(|person| name(snapshot, person)).collect();
    let is_alone = |name: &String| named.iter().filter(|other| *other == name).count() == 1;
    let own_name = |(person, name): (&&PersonView, &String)| {
        if is_alone(name) { name.clone() } else { format!("{name} ({})", id_digits(person.participant)) }
    };
    people.iter().zip(&named).map(own_name).collect()
}

fn name(snapshot: &Snapshot, person: &PersonView) -> String {
    let name = words::or(&person.name, "Participant");
    if !person.is_here {
        return format!("{name}, away");
    }
    let theirs = |source: &&SourceView| source.present && source.source.participant == person.participant;
    let sources = snapshot.sources.iter().filter(theirs);
    let sources: Vec<String> = sources.map(|source| words::or(&source.source_name, "Source")).collect();
    if sources.is_empty() { name } else { format!("{name} · {}", sources.join(", ")) }
}

fn id_digits(participant: ParticipantId) -> String {
    participant.to_string().chars().take(ID_DIGITS).collect()
}

#[cfg(test)]
mod tests;
