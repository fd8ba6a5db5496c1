//! The pictures in `docs/images` show what the editor shows. `BACKLINE_RENEW_PICTURES=1` before the test's command writes them anew.

use std::collections::BTreeSet;

use crate::kept;
use crate::states::PICTURED;

/// So much may a colour differ, of 255: a kept picture has a palette.
const TOLERANCE: u8 = 40;
/// So many pixels may differ by more, as a share: another processor rounds otherwise at edges.
const DIFFERENT_MAX: f64 = 0.002;
/// All pictures together, in bytes.
const BYTES_MAX: u64 = 3_000_000;

#[test]
fn every_picture_in_the_documents_is_what_the_editor_shows() {
    let renews = std::env::var_os("BACKLINE_RENEW_PICTURES").is_some();
    let mut outdated = Vec::new();
    for state in PICTURED {
        let (path, shown) = (kept::folder().join(format!("{}.png", state.name)), state.picture());
        let difference = kept::read(&path).map_or(1.0, |kept| kept::difference(&kept, &shown, TOLERANCE));
        if renews && difference > 0.0 {
            kept::write(&path, &shown).unwrap();
        } else if !renews && difference > DIFFERENT_MAX {
            outdated.push(format!("{} ({:.1} % differ)", state.name, difference * 100.0));
        }
    }
    let command = "BACKLINE_RENEW_PICTURES=1 cargo nextest run -p backline --test editor_looks";
    assert!(outdated.is_empty(), "outdated: {outdated:?}; look at them after `{command}`");
}

#[test]
fn there_are_no_other_pictures_and_all_are_small() {
    let entries = std::fs::read_dir(kept::folder()).unwrap().map(Result::unwrap);
    let files: Vec<_> =
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("editor")).collect();
    let bytes: u64 = files.iter().map(|file| file.metadata().unwrap().len()).sum();
    assert!(bytes <= BYTES_MAX, "{bytes} bytes");
    let there: BTreeSet<String> =
        files.iter().map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    let wanted = PICTURED.iter().map(|state| format!("{}.png", state.name)).collect();
    assert_eq!(there, wanted);
}

#[test]
fn the_documents_show_no_picture_that_is_not_there() {
    let root = kept::folder().join("../..");
    let mut texts = vec![(root.clone(), root.join("README.md"))];
    let documents = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    texts.extend(
        documents
            .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
            .map(|path| (root.join("docs"), path)),
    );
    let mut count = 0;
    for (folder, text) in texts {
        for shown in std::fs::read_to_string(&text).unwrap().split("](").skip(1) {
            let Some((target, _)) = shown.split_once(')') else { continue };
            if target.ends_with(".png") {
                assert!(folder.join(target).is_file(), "{target} of {}", text.display());
                count += 1;
            }
        }
    }
    assert!(count > 5, "{count} pictures");
}
