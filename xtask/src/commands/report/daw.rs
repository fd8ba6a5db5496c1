//! The plugin in its hosts: what each of them finds, behaviour by behaviour, with the bundles that musicians get. The matrix is kept in
//! `docs/HOSTS.md`, between two markers. Then what the editor costs, from its benchmark.
//!
//! Every cell is a test of `tests/hosts`, or the reason why there is none.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{bench, kept, lines};
use crate::bars::{Bar, Bars, Limit};
use crate::bundles::{self, Profile};
use crate::commands::test;
use crate::needs::{Install, Purpose};
use crate::{run, workspace};

const DOCUMENT: &str = "docs/HOSTS.md";
const NAME: &str = "cargo xtask report daw";
/// Where the newcomer's test leaves its figures, below the folder of what is built.
const NEWCOMER: &str = "newcomer.json";
/// Names of the columns.
const HOSTS: [&str; 5] =
    ["pedalboard (VST3)", "dawdreamer (VST3)", "Ardour (VST3)", "clack-host (CLAP)", "qtractor (CLAP)"];

/// Of a core, while 16 meters move: as the benchmark has it.
const EDITOR_SHARE_PERCENT_MAX: f64 = 5.0;

/// What a host is to find.
enum Cell {
    /// These tests, by their last name.
    Tests(&'static [&'static str]),
    /// Why there is none.
    None(&'static str),
}

use Cell::{None as No, Tests};

const OFFLINE: &str = "it renders only offline";
const FIRST_CLASS: &str = "it loads the first class of a bundle";
const BELOW: &str = "tested below the host: plugin/tests/vst3_interface.rs";
const LIVES: &str = "tested below the host: plugin/tests/lives_in_a_daw.rs";
const PEDALBOARD_STANDS: &str = "pedalboard stands for VST3";
const NO_WINDOW: &str = "it opens no window of a CLAP";
const CLACK_STANDS: &str = "clack-host stands for CLAP";
const AS_THE_CARD: &str = "it runs as its sound card does";
const OWN_PROCESS: &str = "it scans in a process of its own";
const NO_ARDOUR_WINDOW: &str = "it runs without its window";
const IN_DAWDREAMER: Cell = Tests(&["dawdreamer_renders_automates_and_keeps_the_state"]);
const IN_QTRACTOR: Cell =
    Tests(&["qtractor_automates_every_parameter_and_brings_them_back_with_the_session"]);
const PEDALBOARD_ALL: Cell = Tests(&["pedalboard_finds_nothing_that_pluginval_would"]);

/// Behaviours, and who finds them.
const MATRIX: &[(&str, [Cell; 5])] = &[
    (
        "every class loads and describes itself",
        [
            Tests(&["pedalboard_loads_every_class_and_processes_with_auxiliary_outputs_inactive"]),
            No(FIRST_CLASS),
            Tests(&["ardour_scans_every_class_and_puts_it_on_a_track"]),
            Tests(&[
                "the_bundle_holds_all_classes",
                "ports_are_as_the_classes_say",
                "classes_have_a_category_and_name_nothing_twice",
                "an_instance_describes_itself_as_the_bundle_does",
                "every_symbol_is_found_when_the_bundle_opens",
            ]),
            Tests(&["qtractor_scans_every_class"]),
        ],
    ),
    (
        "a scan is short, begins no thread and opens no socket",
        [
            No("it cannot scan without making instances"),
            No("it cannot scan without making instances"),
            No(OWN_PROCESS),
            Tests(&["a_scan_is_short_and_begins_no_thread_and_opens_no_socket"]),
            No(OWN_PROCESS),
        ],
    ),
    (
        "every sample rate and block size, changing at run time",
        [
            Tests(&["pedalboard_processes_every_rate_and_block_size"]),
            IN_DAWDREAMER,
            No(AS_THE_CARD),
            Tests(&[
                "every_rate_and_block_size_works_and_they_may_change",
                "any_rate_is_refused_or_processed",
                "lengths_may_change_from_block_to_block",
                "blocks_longer_than_announced_are_processed",
            ]),
            No(AS_THE_CARD),
        ],
    ),
    (
        "blocks of nothing, instances that never process, a thread for each block",
        [
            No(BELOW),
            No(BELOW),
            No(BELOW),
            Tests(&[
                "a_block_of_nothing_changes_nothing",
                "an_instance_that_never_processes_is_as_good_as_another",
                "each_block_may_be_processed_on_another_thread",
                "processing_starts_over_in_every_way",
            ]),
            No(CLACK_STANDS),
        ],
    ),
    (
        "any subset of auxiliary outputs is active",
        [
            Tests(&[
                "pedalboard_loads_every_class_and_processes_with_auxiliary_outputs_inactive",
                "multi_in_vst3_hears_the_others_with_its_auxiliary_outputs_inactive",
            ]),
            No(FIRST_CLASS),
            Tests(&["multi_in_ardour_and_clap_hear_each_other"]),
            Tests(&[
                "multi_plays_a_musician_on_an_auxiliary_output",
                "multi_keeps_the_main_output_free_of_who_is_on_an_auxiliary_one",
            ]),
            Tests(&["multi_in_qtractor_and_clap_hear_each_other_while_the_transport_moves"]),
        ],
    ),
    (
        "value texts both ways",
        [
            Tests(&["pedalboard_loads_every_class_and_processes_with_auxiliary_outputs_inactive"]),
            No("it shows none"),
            No("its Lua reads none of a VST3"),
            Tests(&[
                "gains_are_shown_and_read_in_decibels",
                "every_value_has_a_text_that_is_read_back_as_that_value",
                "texts_that_are_no_values_are_refused_and_hurt_nobody",
            ]),
            No("it shows them in its window only"),
        ],
    ),
    (
        "automation of every parameter",
        [
            PEDALBOARD_ALL,
            IN_DAWDREAMER,
            Tests(&["ardour_automates_every_parameter"]),
            Tests(&[
                "every_way_to_set_parameters_gives_the_same_values",
                "a_change_begins_at_its_sample_frame_and_lasts_a_ramp",
                "a_host_that_automates_every_sample_is_heard_early_by_less_than_a_step",
                "automation_within_blocks_lets_nothing_but_audio_out",
            ]),
            IN_QTRACTOR,
        ],
    ),
    (
        "damaged states do no harm",
        [
            PEDALBOARD_ALL,
            No(PEDALBOARD_STANDS),
            No(PEDALBOARD_STANDS),
            Tests(&["damaged_states_do_no_harm", "a_state_that_is_no_state_leaves_the_plugin_alive"]),
            No(CLACK_STANDS),
        ],
    ),
    (
        "the state comes back",
        [
            Tests(&["pedalboard_keeps_the_state"]),
            IN_DAWDREAMER,
            Tests(&[
                "ardour_brings_every_parameter_back_with_the_project",
                "ardour_plays_its_own_track_as_the_saved_project_says",
            ]),
            Tests(&[
                "the_state_brings_every_parameter_back",
                "a_loaded_state_is_saved_again_to_the_byte",
                "a_state_that_was_loaded_while_active_is_what_is_heard",
            ]),
            Tests(&[
                "qtractor_automates_every_parameter_and_brings_them_back_with_the_session",
                "qtractor_plays_its_own_track_as_the_saved_session_says",
            ]),
        ],
    ),
    (
        "a state of one format loads in the other",
        [
            Tests(&["what_vst3_has_saved_loads_in_clap_and_back"]),
            No(PEDALBOARD_STANDS),
            No(PEDALBOARD_STANDS),
            Tests(&["what_vst3_has_saved_loads_in_clap_and_back"]),
            No(CLACK_STANDS),
        ],
    ),
    (
        "a copied track is another one, a deleted one that comes back is the same, a frozen one is as it was",
        [
            No(LIVES),
            No(LIVES),
            No(LIVES),
            Tests(&[
                "a_copied_track_has_an_id_of_its_own_and_one_that_is_brought_back_has_its_old_one",
                "a_frozen_track_comes_back_as_it_was",
            ]),
            No(LIVES),
        ],
    ),
    (
        "no latency of its own",
        [
            Tests(&["pedalboard_loads_every_class_and_processes_with_auxiliary_outputs_inactive"]),
            IN_DAWDREAMER,
            Tests(&["ardour_scans_every_class_and_puts_it_on_a_track"]),
            Tests(&["the_plugin_delays_nothing"]),
            No("it shows none"),
        ],
    ),
    (
        "bypass passes the input through",
        [
            PEDALBOARD_ALL,
            No(PEDALBOARD_STANDS),
            Tests(&["ardour_plays_the_input_of_a_bypassed_plugin"]),
            Tests(&["bypass_passes_the_input_through"]),
            No("its own button leaves the plugin out"),
        ],
    ),
    (
        "any transport",
        [
            No("it has none"),
            IN_DAWDREAMER,
            Tests(&["ardour_and_clap_hear_each_other_while_the_transport_moves"]),
            Tests(&[
                "any_transport_between_blocks_is_processed",
                "any_transport_within_blocks_is_processed_and_changes_no_sound",
            ]),
            Tests(&["multi_in_qtractor_and_clap_hear_each_other_while_the_transport_moves"]),
        ],
    ),
    (
        "faster than real time: silence, and nothing is sent",
        [
            Tests(&["pedalboard_gets_silence_faster_than_real_time"]),
            IN_DAWDREAMER,
            Tests(&["ardour_exports_silence_faster_than_real_time"]),
            Tests(&["faster_than_real_time_returns_silence", "an_offline_render_and_back_is_processed"]),
            Tests(&["qtractor_exports_silence_faster_than_real_time"]),
        ],
    ),
    (
        "a thousand lives in one process",
        [
            Tests(&["pedalboard_survives_a_thousand_lives"]),
            No(PEDALBOARD_STANDS),
            No(PEDALBOARD_STANDS),
            Tests(&[
                "a_thousand_lives_of_backline",
                "a_thousand_lives_of_backline_multi",
                "a_thousand_lives_of_backline_return",
                "fifty_lives_that_open_a_session",
            ]),
            No(CLACK_STANDS),
        ],
    ),
    (
        "a session with another host is heard",
        [
            Tests(&[
                "vst3_and_clap_hear_each_other_in_pcm",
                "clap_and_vst3_hear_each_other_at_44100",
                "a_return_in_vst3_hears_the_others",
            ]),
            No(OFFLINE),
            Tests(&[
                "ardour_and_clap_hear_each_other_while_the_transport_moves",
                "multi_in_ardour_and_clap_hear_each_other",
                "a_return_in_ardour_hears_the_others",
            ]),
            Tests(&[
                "clap_and_clap_hear_each_other_in_opus",
                "a_return_hears_the_others_and_is_heard_by_nobody",
            ]),
            Tests(&["multi_in_qtractor_and_clap_hear_each_other_while_the_transport_moves"]),
        ],
    ),
    (
        "many instances in one session, each way heard once",
        [
            Tests(&["eight_tracks_and_four_in_one_session_are_heard_once_each"]),
            No(OFFLINE),
            No(PEDALBOARD_STANDS),
            Tests(&[
                "a_fader_that_a_daw_drags_changes_one_source_in_one_pair_of_ears_and_a_send_level_in_all",
            ]),
            No(CLACK_STANDS),
        ],
    ),
    (
        "the editor opens in the host's window: a click joins, another hosts",
        [
            Tests(&[
                "a_newcomer_hears_a_peer_after_a_few_clicks_and_one_paste",
                "hosting_from_the_editor_puts_the_invite_link_into_the_clipboard",
            ]),
            No("its window is not driven by a test yet"),
            No(NO_ARDOUR_WINDOW),
            No(NO_WINDOW),
            No("its windows are driven for its export only"),
        ],
    ),
];

/// What a test said; none where it did not run.
type Outcomes = BTreeMap<String, bool>;

/// Runs every test in real hosts and judges each row; writes the matrix into the document.
pub fn measure(quick: bool, install: &Install) -> Result<Bars> {
    install.ensure(&[Purpose::Build, Purpose::Hosts, Purpose::Daws, Purpose::Jack, Purpose::Editor])?;
    bundles::build(Profile::Release)?;
    // What an earlier run has left says nothing of this one; that there is none is as good.
    let _ = std::fs::remove_file(workspace::target().join(NEWCOMER));
    let mut command = test::host_tests(Profile::Release, if quick { "50" } else { "1000" });
    // One that fails is a cell of the matrix, not the end.
    command.arg("--no-fail-fast").args(test::ONE_AFTER_THE_OTHER);
    let outcomes = outcomes(&run::everything_printed(&mut command)?);
    let mut bars = Bars::new();
    for (number, (behaviour, cells)) in (1..).zip(MATRIX) {
        let id = format!("host.{number}");
        bars.push(bar(&id, behaviour, cells, &outcomes));
    }
    newcomer(&mut bars);
    let length = if quick {
        "`cargo xtask report daw --quick` (50 lives in VST3)"
    } else {
        "`cargo xtask report daw`"
    };
    kept::keep(DOCUMENT, NAME, &format!("Last run: {length}.\n\n{}", matrix(&outcomes)))?;
    editor(&mut bars);
    Ok(bars)
}

/// What a new user needs from an empty project to hearing a peer, as the test in the editor's real window counts it.
#[derive(serde::Deserialize)]
struct Newcomer {
    clicks: f64,
    pastes: f64,
    /// How much of what is heard is the peer's music, 0 to 1.
    likeness: f64,
}

fn newcomer(bars: &mut Bars) {
    let text = std::fs::read_to_string(workspace::target().join(NEWCOMER)).unwrap_or_default();
    match serde_json::from_str::<Newcomer>(&text) {
        Ok(Newcomer { clicks, pastes, likeness }) => {
            let bar = |id, what, figure, limit| Bar::new(id, what, figure, "", limit);
            bars.push(bar(
                "newcomer.clicks",
                "a new user: clicks until a peer is heard",
                clicks,
                Limit::AtMost(4.0),
            ));
            bars.push(bar("newcomer.pastes", "a new user: pastes until then", pastes, Limit::AtMost(1.0)));
            let what = "a new user: likeness of what is heard to what the peer plays";
            bars.push(bar("newcomer.likeness", what, likeness, Limit::AtLeast(0.9)));
        }
        Err(error) => bars.push(Bar::unmeasured(
            "newcomer.clicks",
            NEWCOMER,
            "clicks",
            Limit::AtMost(4.0),
            error.to_string(),
        )),
    }
}

/// The benchmark of the editor.
fn editor(bars: &mut Bars) {
    eprintln!("benchmark of the editor");
    match bench::output("backline", "editor", "--json") {
        Ok(output) => output.lines().filter_map(lines::read).for_each(|bar| bars.push(bar)),
        Err(error) => {
            let why = format!("{error:#}");
            let limit = Limit::AtMost(EDITOR_SHARE_PERCENT_MAX);
            bars.push(lines::unmeasured("editor.moving", "editor: share of a core", "% core", limit, &why));
        }
    }
}

fn bar(id: &str, behaviour: &str, cells: &[Cell; 5], outcomes: &Outcomes) -> Bar {
    let found = HOSTS.iter().zip(cells).filter_map(|(host, cell)| Some((host, passes(cell, outcomes)?)));
    let failed: Vec<&str> = found.filter(|(_, passes)| !passes).map(|(host, _)| *host).collect();
    let what = match failed.is_empty() {
        true => behaviour.to_owned(),
        false => format!("{behaviour}: not in {}", failed.join(", ")),
    };
    Bar::new(id, what, failed.len() as f64, "hosts", Limit::AtMost(0.0))
}

/// Whether a host finds it; none where there is no test. One that did not run has not passed.
fn passes(cell: &Cell, outcomes: &Outcomes) -> Option<bool> {
    match cell {
        Tests(names) => Some(names.iter().all(|name| outcomes.get(*name) == Some(&true))),
        No(_) => None,
    }
}

fn matrix(outcomes: &Outcomes) -> String {
    let mut text = format!("| | {} |\n| --- | --- | --- | --- | --- | --- |\n", HOSTS.join(" | "));
    for (behaviour, cells) in MATRIX {
        let shown = cells.each_ref().map(|cell| match cell {
            No(why) => format!("– ({why})"),
            Tests(_) => if passes(cell, outcomes) == Some(true) { "pass" } else { "**FAIL**" }.to_owned(),
        });
        text += &format!("| {behaviour} | {} |\n", shown.join(" | "));
    }
    text
}

/// From the lines of cargo's own test runner: `test module::name ... ok`.
fn outcomes(printed: &str) -> Outcomes {
    let line = |line: &str| {
        let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
        let name = name.rsplit("::").next().unwrap_or(name);
        Some((name.to_owned(), outcome.trim_end().ends_with("ok")))
    };
    printed.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ran_and_what_did_not_are_told_apart() {
        let printed =
            "running 2 tests\ntest a::loads ... ok\ntest plays ... FAILED\n\ntest result: FAILED. 1 passed";
        let outcomes = outcomes(printed);
        assert_eq!(outcomes, BTreeMap::from([("loads".to_owned(), true), ("plays".to_owned(), false)]));
        assert_eq!(passes(&Tests(&["loads"]), &outcomes), Some(true));
        assert_eq!(passes(&Tests(&["loads", "plays"]), &outcomes), Some(false));
        assert_eq!(passes(&Tests(&["elsewhere"]), &outcomes), Some(false));
        assert_eq!(passes(&No("why"), &outcomes), None);
    }

    #[test]
    fn every_cell_names_a_test_that_there_is() {
        let mut there = String::new();
        let tests = crate::workspace::root().join("tests/hosts/tests");
        for folder in [tests.clone(), tests.join("clap_conformance")] {
            for file in std::fs::read_dir(folder).expect("it is there").flatten() {
                there += &std::fs::read_to_string(file.path()).unwrap_or_default();
            }
        }
        let cells = MATRIX.iter().flat_map(|(_, cells)| cells);
        let names = cells.flat_map(|cell| match cell {
            Tests(names) => *names,
            No(_) => &[],
        });
        let missing: Vec<&&str> = names.filter(|name| !there.contains(&format!("fn {name}("))).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
