//! One project in both formats: what VST3 (pedalboard) has saved loads in CLAP, and back, for every class.
//!
//! The formats wrap the same text: a `.vstpreset` has it as the chunk of the component, a CLAP stream has its length before it. A DAW
//! that moves a project from one format to the other does as is done here.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test that is the way to fail")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use backline_hosts::bundles::{self, CLAP_ID, CLAP_MULTI_ID, CLAP_RETURN_ID};
use backline_hosts::clap_plugin::{ClapBundle, ClapPlugin};

const CLASSES: [(&str, &str); 3] =
    [("Backline", CLAP_ID), ("Backline Multi", CLAP_MULTI_ID), ("Backline Return", CLAP_RETURN_ID)];
/// Bytes before the list's offset in a preset: its mark, version and class.
const PRESET_HEAD: usize = 40;

type Texts = BTreeMap<String, String>;

fn pedalboard(command: &str, class: &str, folder: &Path) -> Texts {
    let (state, values) = (folder.join("state.vstpreset"), folder.join(format!("{command}.json")));
    let output = Command::new(bundles::python().unwrap_or_else(|error| panic!("{error}")))
        .arg(bundles::vst3_host_script())
        .args([command, "--name", class])
        .args([Path::new("--state"), &state, Path::new("--values"), &values, Path::new("--bundle")])
        .arg(bundles::vst3().unwrap_or_else(|error| panic!("{error}")))
        .env("BACKLINE_CONFIG_DIR", folder)
        .env("BACKLINE_LOCAL_NETWORK", "off")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(values).unwrap()).unwrap()
}

/// The values of all parameters that can be automated, as the plugin shows them.
fn texts(plugin: &mut ClapPlugin) -> Texts {
    let mut texts = Texts::new();
    for parameter in plugin.parameters().into_iter().filter(|parameter| parameter.name != "Project Touched") {
        let value = plugin.value(parameter.id).unwrap();
        let text = plugin.value_text(parameter.id, value).unwrap();
        // In VST3 the unit is the host's to show.
        texts.insert(parameter.name, text.trim_end_matches(" dB").to_owned());
    }
    texts
}

fn number(bytes: &[u8], at: usize) -> usize {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize
}

/// Where the chunk of the component is in a preset.
fn component(preset: &[u8]) -> std::ops::Range<usize> {
    let list = number(preset, PRESET_HEAD);
    let mut entries = preset[list + 8..].chunks_exact(20);
    let entry = entries.find(|entry| entry.starts_with(b"Comp")).unwrap();
    let (offset, size) = (number(entry, 4), number(entry, 12));
    offset..offset + size
}

/// A preset of this class with another text in it; its only chunk is the component's.
fn preset_with(preset: &[u8], text: &[u8]) -> Vec<u8> {
    let chunk = component(preset);
    let mut other = preset[..chunk.start].to_vec();
    other.extend_from_slice(text);
    let list = other.len() as u64;
    other[PRESET_HEAD..PRESET_HEAD + 8].copy_from_slice(&list.to_le_bytes());
    other.extend_from_slice(b"List\x01\0\0\0Comp");
    other.extend_from_slice(&(chunk.start as u64).to_le_bytes());
    other.extend_from_slice(&(text.len() as u64).to_le_bytes());
    other
}

fn clap(class: &str) -> ClapPlugin {
    let path: PathBuf = bundles::clap().unwrap_or_else(|error| panic!("{error}"));
    ClapBundle::open(&path).unwrap().instance(class).unwrap()
}

#[test]
fn what_vst3_has_saved_loads_in_clap_and_back() {
    for (name, id) in CLASSES {
        let folder = tempfile::tempdir().unwrap();
        let saved = pedalboard("save", name, folder.path());
        let path = folder.path().join("state.vstpreset");
        let preset = std::fs::read(&path).unwrap();
        let chunk = component(&preset);
        let text = &preset[chunk];

        let mut plugin = clap(id);
        let before = texts(&mut plugin);
        plugin.load_state(&[&(text.len() as u64).to_le_bytes(), text].concat()).unwrap();
        let loaded = texts(&mut plugin);
        assert_eq!(loaded, saved, "{name}: from VST3 to CLAP");
        assert_ne!(loaded, before, "{name}: nothing was loaded");

        // Another state, so that what comes back is not what was there.
        let gain = plugin.parameter_id("Slot 3 Gain").unwrap();
        let value = plugin.value_of_text(gain, "-7.3 dB").unwrap();
        plugin.flush(&[(gain, value)]);
        plugin.run_callbacks();
        let expected = texts(&mut plugin);
        let state = plugin.save_state().unwrap();
        std::fs::write(&path, preset_with(&preset, &state[8..])).unwrap();
        assert_eq!(pedalboard("load_state", name, folder.path()), expected, "{name}: from CLAP to VST3");
    }
}
