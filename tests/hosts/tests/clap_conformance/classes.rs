//! The bundle before any block: how it opens, what it lists, what it makes and what it does not make.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use backline_hosts::bundles;

use crate::{BLOCK_FRAMES, CLASSES, Random, active, automate_all, bundle, fill, values};

/// Those that validators look into, and that no test of ours does: the framework must not begin to offer them unseen.
const EXTENSIONS_WITHOUT_TESTS: [&CStr; 15] = [
    c"clap.ambisonic/3",
    c"clap.audio-ports-activation/2",
    c"clap.audio-ports-activation/draft-2",
    c"clap.audio-ports-config-info/1",
    c"clap.audio-ports-config-info/draft-0",
    c"clap.configurable-audio-ports/1",
    c"clap.configurable-audio-ports.draft1",
    c"clap.note-name",
    c"clap.preset-load/2",
    c"clap.state-context/2",
    c"clap.surround/4",
    c"clap.thread-pool",
    c"clap.no-such-extension/7",
    c"clap",
    c"",
];
const MAIN_CATEGORIES: [&str; 5] = ["instrument", "audio-effect", "note-effect", "note-detector", "analyzer"];

#[test]
fn every_symbol_is_found_when_the_bundle_opens() {
    let path = bundles::clap().unwrap_or_else(|error| panic!("{error}"));
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: our own bundle, whose initialisers every DAW runs; it is closed by the handle it was opened with.
    unsafe {
        let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
        assert!(!handle.is_null(), "{:?}", std::ffi::CStr::from_ptr(libc::dlerror()));
        libc::dlclose(handle);
    }
}

/// In a process of its own: other tests' threads would be counted too.
#[test]
fn a_scan_is_short_and_begins_no_thread_and_opens_no_socket() {
    let output = Command::new(env!("CARGO_BIN_EXE_clap_host"))
        .args(["scan", "--bundle"])
        .arg(bundles::clap().unwrap_or_else(|error| panic!("{error}")))
        .env_remove("BACKLINE_JOIN")
        .env_remove("BACKLINE_HOST_LINK_FILE")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("ok: "), "{said}");
    println!("{said}");
}

#[test]
fn a_factory_that_nobody_knows_is_not_there() {
    let bundle = bundle();
    assert!(bundle.has_factory("clap.plugin-factory"));
    for name in [
        "foo-factory-1465398712",
        "clap.plugin-factory.x",
        "clap.preset-discovery-factory/2",
        "clap.plugin-factor",
        "",
    ] {
        assert!(!bundle.has_factory(name), "{name:?}");
    }
}

#[test]
fn an_id_with_more_behind_it_makes_nothing() {
    let bundle = bundle();
    for class in CLASSES {
        assert!(bundle.makes_instance_of(class));
        for id in [format!("{class}x1"), format!("{class} "), class.to_uppercase(), class[1..].to_owned()] {
            assert!(!bundle.makes_instance_of(&id), "{id:?} made an instance");
        }
    }
    assert!(!bundle.makes_instance_of(""));
}

#[test]
fn classes_have_a_category_and_name_nothing_twice() {
    for class in bundle().classes() {
        let features: BTreeSet<&str> = class.features.iter().map(String::as_str).collect();
        assert_eq!(features.len(), class.features.len(), "{class:?}");
        assert!(MAIN_CATEGORIES.iter().any(|category| features.contains(category)), "{class:?}");
        for text in [&class.name, &class.vendor, &class.version, &class.description] {
            assert!(!text.is_empty(), "{class:?}");
        }
    }
}

#[test]
fn an_instance_describes_itself_as_the_bundle_does() {
    let bundle = bundle();
    let classes = bundle.classes();
    assert_eq!(classes.iter().map(|class| class.id.as_str()).collect::<Vec<_>>(), CLASSES);
    for class in classes {
        assert_eq!(bundle.instance(&class.id).unwrap().class(), Some(class));
    }
}

#[test]
fn no_extension_is_offered_that_nobody_has_looked_into() {
    for class in CLASSES {
        let plugin = bundle().instance(class).unwrap();
        assert!(plugin.has_extension(c"clap.params") && plugin.has_extension(c"clap.audio-ports"), "{class}");
        for name in EXTENSIONS_WITHOUT_TESTS {
            assert!(!plugin.has_extension(name), "{class} has {name:?}");
        }
    }
}

#[test]
fn a_host_that_offers_no_extension_is_host_enough() {
    for class in CLASSES {
        let bundle = bundle();
        let mut plugin = bundle.instance_in_bare_host(class).unwrap();
        let parameters = plugin.parameters();
        plugin.flush(&Random(5).values(&parameters));
        plugin.run_callbacks();
        active(&mut plugin, |processor| {
            let mut random = Random(6);
            for _ in 0..10 {
                automate_all(processor, &random.values(&parameters), 0);
                fill(processor, &mut random);
                processor.process_checked(BLOCK_FRAMES).unwrap();
            }
        });
        let (state, expected) = (plugin.save_state().unwrap(), values(&mut plugin, &parameters));
        let mut other = bundle.instance_in_bare_host(class).unwrap();
        other.load_state(&state).unwrap();
        other.run_callbacks();
        assert_eq!(values(&mut other, &parameters), expected, "{class}");
    }
}
