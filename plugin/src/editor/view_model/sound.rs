//! Which audio the standalone plays on, as lists to choose from. In a DAW there is none of this.

use crate::editor::widgets::field::Choice;
use crate::sound::{DeviceName, SoundChoice, SoundSystem, SoundView};

/// Rates and blocks that people use where a device does not say what it has.
const BLOCKS: [u32; 7] = [32, 64, 128, 256, 512, 1024, 2048];

/// What is shown of the audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoundPanel {
    /// What plays now.
    pub running: String,
    /// Why there is no sound, or not what was chosen, and what to do; empty where all is well.
    pub problem: String,
    /// What can be chosen, in the order shown.
    pub lists: Vec<SoundList>,
}

/// One thing that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoundList {
    /// “Plays on”.
    pub name: &'static str,
    /// What is chosen.
    pub chosen: usize,
    options: Vec<(String, SoundChoice)>,
}

impl SoundPanel {
    /// What `view` looks like.
    pub fn new(view: &SoundView) -> Self {
        let choice = &view.choice;
        let mut lists = vec![systems(choice)];
        if matches!(choice.system, SoundSystem::Best | SoundSystem::Device) {
            let with_output = |output| SoundChoice { output, ..device(choice) };
            let with_input = |input| SoundChoice { input, ..device(choice) };
            lists.push(devices("Plays on", &view.outputs, &choice.output, with_output));
            lists.push(devices("Records from", &view.inputs, &choice.input, with_input));
            let rate = |rate_hz: u32| format!("{} kHz", f64::from(rate_hz) / 1e3);
            let with_rate = |rate_hz| SoundChoice { rate_hz, ..device(choice) };
            lists.push(numbers("Rate", &view.rates_hz, choice.rate_hz, rate, with_rate));
            let block = |frames: u32| format!("{frames} samples");
            let with_block = |block_frames| SoundChoice { block_frames, ..device(choice) };
            lists.push(numbers("Block", &BLOCKS, choice.block_frames, block, with_block));
        }
        let problem = view.problem.as_ref().map(|(what, advice)| format!("{what} {advice}"));
        Self { running: view.running.clone(), problem: problem.unwrap_or_default(), lists }
    }
}

impl SoundList {
    /// What is written on it.
    pub fn shown(&self) -> &str {
        self.options.get(self.chosen).map_or("", |(name, _)| name)
    }

    /// What can be chosen.
    pub fn choices(&self) -> Vec<Choice> {
        let choice =
            |(name, _): &(String, SoundChoice)| Choice { name: name.clone(), sentence: String::new() };
        self.options.iter().map(choice).collect()
    }

    /// What choosing one of them asks for.
    pub fn choose(&self, index: usize) -> Option<SoundChoice> {
        self.options.get(index).map(|(_, choice)| choice.clone())
    }
}

/// Who chooses a device means one, also where JACK runs.
fn device(choice: &SoundChoice) -> SoundChoice {
    SoundChoice { system: SoundSystem::Device, ..choice.clone() }
}

fn systems(choice: &SoundChoice) -> SoundList {
    let systems = [
        (SoundSystem::Best, "JACK, else a device"),
        (SoundSystem::Jack, "JACK"),
        (SoundSystem::Device, "Audio device"),
        (SoundSystem::None, "No sound"),
    ];
    let chosen = systems.iter().position(|(system, _)| *system == choice.system).unwrap_or(0);
    let option =
        |(system, name): (SoundSystem, &str)| (name.to_owned(), SoundChoice { system, ..choice.clone() });
    SoundList { name: "Audio through", chosen, options: systems.map(option).into() }
}

fn devices(
    name: &'static str,
    there: &[DeviceName],
    chosen: &Option<String>,
    with: impl Fn(Option<String>) -> SoundChoice,
) -> SoundList {
    let mut options = vec![("System's default".to_owned(), with(None))];
    options.extend(there.iter().map(|device| (device.name.clone(), with(Some(device.id.clone())))));
    let is_it =
        |device: &DeviceName| chosen.as_ref().is_some_and(|id| [&device.id, &device.name].contains(&id));
    let chosen = there.iter().position(is_it).map_or(0, |index| index + 1);
    SoundList { name, chosen, options }
}

fn numbers(
    name: &'static str,
    there: &[u32],
    chosen: Option<u32>,
    words: impl Fn(u32) -> String,
    with: impl Fn(Option<u32>) -> SoundChoice,
) -> SoundList {
    let mut options = vec![("As the device is".to_owned(), with(None))];
    options.extend(there.iter().map(|number| (words(*number), with(Some(*number)))));
    let chosen = there.iter().position(|number| Some(*number) == chosen).map_or(0, |index| index + 1);
    SoundList { name, chosen, options }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> SoundView {
        let device = |id: &str, name: &str| DeviceName { id: id.into(), name: name.into() };
        SoundView {
            running: "Scarlett at 48 kHz".into(),
            outputs: vec![device("a:1", "Speakers"), device("a:2", "Scarlett")],
            rates_hz: vec![44_100, 48_000],
            choice: SoundChoice {
                output: Some("a:2".into()),
                rate_hz: Some(48_000),
                block_frames: Some(64),
                ..SoundChoice::default()
            },
            ..SoundView::default()
        }
    }

    #[test]
    fn what_is_chosen_is_shown_and_another_choice_keeps_the_rest() {
        let panel = SoundPanel::new(&view());
        let shown: Vec<&str> = panel.lists.iter().map(SoundList::shown).collect();
        let expected = ["JACK, else a device", "Scarlett", "System's default", "48 kHz", "64 samples"];
        assert_eq!(shown, expected);
        let speakers = panel.lists[1].choose(1).unwrap();
        let expected =
            SoundChoice { system: SoundSystem::Device, output: Some("a:1".into()), ..view().choice };
        assert_eq!(speakers, expected);
    }

    #[test]
    fn jack_has_its_own_rate_block_and_patch_bay() {
        let mut view = view();
        view.choice.system = SoundSystem::Jack;
        assert_eq!(SoundPanel::new(&view).lists.len(), 1);
    }

    #[test]
    fn a_device_that_is_away_is_the_default_and_the_reason_is_told() {
        let mut view = view();
        view.outputs.pop();
        view.problem = Some(("“a:2” is not there.".into(), "Connect it.".into()));
        let panel = SoundPanel::new(&view);
        assert_eq!(
            (panel.lists[1].shown(), panel.problem.as_str()),
            ("System's default", "“a:2” is not there. Connect it.")
        );
    }
}
