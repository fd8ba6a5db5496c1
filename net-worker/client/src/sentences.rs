//! Errors of the core as a notice shows them: what happened, and what to do.
//!
//! The errors are written "what happened: what to do", without capital and full stop, to stand inside of others too.

/// What happened, and what to do, as two sentences; the second is empty where the error says nothing. [any-thread]
pub fn sentences(error: &str) -> (String, String) {
    let (what, advice) = error.split_once(": ").unwrap_or((error, ""));
    (sentence(what), sentence(advice))
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use backline_transport::ReachError;

    #[test]
    fn errors_become_two_sentences() {
        let error = ReachError::TurnUnauthorised(([203, 0, 113, 7], 3478).into());
        let (what, advice) = sentences(&error.to_string());
        assert_eq!(what, "The TURN server 203.0.113.7:3478 does not accept the user name and password.");
        assert_eq!(advice, "Check both.");
        assert_eq!(sentences("it broke"), ("It broke.".to_owned(), String::new()));
    }
}
