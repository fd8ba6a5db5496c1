//! Tables that a report keeps in a document, between two markers.

use anyhow::{Context, Result};

use crate::workspace;

/// Writes `table` between the markers of the command `name` in a document of the repository.
pub fn keep(document: &str, name: &str, table: &str) -> Result<()> {
    let path = workspace::root().join(document);
    let text = std::fs::read_to_string(&path).with_context(|| format!("{document} cannot be read"))?;
    let text = between(&text, name, table).with_context(|| format!("{document} has lost its markers"))?;
    std::fs::write(&path, text).with_context(|| format!("{document} cannot be written"))
}

/// The text with something else between the markers.
fn between(text: &str, name: &str, table: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name}: from here -->"), format!("<!-- {name}: to here -->"));
    let begin = text.find(&begin)? + begin.len();
    let end = begin + text.get(begin..)?.find(&end)?;
    Some(format!("{}\n\n{}\n\n{}", text.get(..begin)?, table.trim(), text.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let with = |table: &str| format!("before\n<!-- x: from here -->{table}<!-- x: to here -->\nafter\n");
        let expected = with("\n\nnew\n\n");
        assert_eq!(between(&with("\nold\n"), "x", "new\n"), Some(expected.clone()));
        assert_eq!(between(&expected, "x", "new\n"), Some(expected), "twice is the same as once");
        assert_eq!(between("no markers", "x", "new"), None);
    }

    #[test]
    fn the_documents_have_their_markers() {
        for (document, name) in
            [("docs/MEDIA.md", "cargo xtask report media"), ("docs/HOSTS.md", "cargo xtask report daw")]
        {
            let text = std::fs::read_to_string(workspace::root().join(document)).expect(document);
            assert!(between(&text, name, "table").is_some(), "{document}");
        }
    }
}
