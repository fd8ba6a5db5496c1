//! What this track returns, in words, and which track of the project returns the mix.

use backline_client::{ReturnChoice, Snapshot, SourceId};

use super::in_session;

/// What this track returns.
#[derive(Debug, Clone, PartialEq)]
pub struct Returns {
    /// What may be chosen.
    pub choices: Vec<ReturnOption>,
    /// Which of them are: one, or several sources.
    pub chosen: Vec<usize>,
    /// The same in a word or two.
    pub shown: String,
    /// "Mix returned by “Drums”"; empty where there is only this track.
    pub mix: String,
}

/// One thing that a track may return.
#[derive(Debug, Clone, PartialEq)]
pub struct ReturnOption {
    /// For the worker, when it is picked: a source that was chosen already is chosen no longer.
    pub choice: ReturnChoice,
    /// "Mix", "Ada · Guitar".
    pub name: String,
    /// What that means.
    pub sentence: String,
}

impl Returns {
    /// Where nothing is sent, to return nothing is no choice.
    pub(super) fn new(snapshot: &Snapshot, returns_only: bool) -> Self {
        let own = [
            (
                ReturnChoice::Automatic,
                "Automatic",
                "Everybody, unless another track of this project returns them already",
            ),
            (ReturnChoice::Mix, "Mix", "Everybody, but for those who have a track of their own"),
            (ReturnChoice::Nothing, "Nothing", "This track only sends"),
        ];
        let chosen_sources = chosen_sources(&snapshot.returns);
        let own = &own[..if returns_only { 2 } else { 3 }];
        let mut chosen: Vec<usize> =
            own.iter().position(|own| own.0 == snapshot.returns).into_iter().collect();
        let mut choices: Vec<ReturnOption> =
            own.iter().map(|(choice, name, sentence)| option(choice.clone(), name, sentence)).collect();
        for source in offered(snapshot) {
            chosen.extend(chosen_sources.contains(&source).then_some(choices.len()));
            let choice = toggled(chosen_sources, source);
            choices.push(option(choice, &name(snapshot, source), "Heard here, and in no other track's mix"));
        }
        let shown = match chosen[..] {
            [one] => choices[one].name.clone(),
            _ => format!("{} sources", chosen.len()),
        };
        Self { choices, chosen, shown, mix: mix(snapshot) }
    }
}

/// What a track of the project is called in a sentence.
pub(super) fn track_name(source_name: &str) -> String {
    if source_name.trim().is_empty() {
        "a track without a name".to_owned()
    } else {
        format!("“{source_name}”")
    }
}

fn chosen_sources(choice: &ReturnChoice) -> &[SourceId] {
    match choice {
        ReturnChoice::Sources(sources) => sources,
        ReturnChoice::Automatic | ReturnChoice::Mix | ReturnChoice::Nothing => &[],
    }
}

/// Whoever is here, and whoever was chosen and is away.
fn offered(snapshot: &Snapshot) -> Vec<SourceId> {
    let mut offered: Vec<SourceId> =
        snapshot.sources.iter().filter(|source| source.present).map(|source| source.source).collect();
    let away = chosen_sources(&snapshot.returns).iter().filter(|source| !offered.contains(source));
    let away: Vec<SourceId> = away.copied().collect();
    offered.extend(away);
    offered
}

fn toggled(chosen: &[SourceId], source: SourceId) -> ReturnChoice {
    let mut sources: Vec<SourceId> = chosen.iter().copied().filter(|other| *other != source).collect();
    if sources.len() == chosen.len() {
        sources.push(source);
    }
    if sources.is_empty() { ReturnChoice::Automatic } else { ReturnChoice::Sources(sources) }
}

fn name(snapshot: &Snapshot, source: SourceId) -> String {
    let view = snapshot.sources.iter().find(|view| view.source == source);
    view.map_or_else(
        || "Somebody who is away".to_owned(),
        |view| format!("{} · {}", view.participant_name, view.source_name),
    )
}

fn option(choice: ReturnChoice, name: &str, sentence: &str) -> ReturnOption {
    ReturnOption { choice, name: name.to_owned(), sentence: sentence.to_owned() }
}

fn mix(snapshot: &Snapshot) -> String {
    if !in_session(&snapshot.connection) || snapshot.instances.len() < 2 {
        return String::new();
    }
    match snapshot.instances.iter().find(|instance| instance.returns_mix) {
        Some(instance) if instance.instance == snapshot.you.instance => {
            "This track returns the mix".to_owned()
        }
        Some(instance) => format!("Mix returned by {}", track_name(&instance.source_name)),
        None => "No track returns the mix".to_owned(),
    }
}
