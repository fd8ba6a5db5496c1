//! The chat: who wrote what, what is unread, and what keeps a line from being sent.

use backline_client::{
    ChatLine, ChatLineError, ChatLineState, ChatLineView, Connection, LogLine, Snapshot, sentences,
};

use super::{in_session, words};

/// The chat of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// Oldest first.
    pub lines: Vec<ChatRow>,
    /// What was changed in the session: what, and how long ago; the last change first.
    pub changes: Vec<(String, String)>,
    /// Why nothing can be sent now.
    obstacle: Option<&'static str>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatRow {
    /// Rises from line to line.
    pub number: u64,
    /// It is one's own.
    pub is_own: bool,
    /// Who wrote it: a name, or "You".
    pub name: String,
    /// Their colour, sRGB.
    pub colour: [u8; 3],
    /// What they wrote, as it is: what looks like a link is text.
    pub text: String,
    /// "on its way", "may not have arrived"; none of others, and once it has arrived.
    pub note: Option<&'static str>,
}

impl Chat {
    /// What the snapshot holds; none without a session.
    pub fn new(snapshot: &Snapshot) -> Option<Self> {
        let obstacle = (snapshot.connection == Connection::Reconnecting)
            .then_some("The host does not answer: nobody would see it. Send it when the session is back.");
        let lines = snapshot.chat.iter().map(row).collect();
        let change = |line: &LogLine| (line.text.clone(), words::ago(line.age));
        let changes = snapshot.log.iter().map(change).collect();
        in_session(&snapshot.connection).then_some(Self { lines, changes, obstacle })
    }

    /// Lines of others behind the one that was read last.
    pub fn unread(&self, read: u64) -> usize {
        self.lines.iter().filter(|line| line.number > read && !line.is_own).count()
    }

    /// The number of the last line.
    pub fn last(&self) -> u64 {
        self.lines.last().map_or(0, |line| line.number)
    }

    /// The line to send; none where nothing is written.
    ///
    /// # Errors
    /// In words for the person, when it cannot be sent.
    pub fn line(&self, text: &str) -> Result<Option<ChatLine>, String> {
        match (ChatLine::new(text), self.obstacle) {
            (Err(ChatLineError::Empty), _) => Ok(None),
            (Err(error), _) => {
                let (what, advice) = sentences(&error.to_string());
                Err(format!("{what} {advice}"))
            }
            (Ok(_), Some(obstacle)) => Err(obstacle.to_owned()),
            (Ok(line), None) => Ok(Some(line)),
        }
    }
}

fn row(view: &ChatLineView) -> ChatRow {
    let name = if view.is_own { "You".to_owned() } else { words::or(&view.name, "Participant") };
    ChatRow {
        number: view.number,
        is_own: view.is_own,
        name,
        colour: view.colour,
        text: view.line.as_str().to_owned(),
        note: match view.state {
            ChatLineState::Arrived => None,
            ChatLineState::OnTheWay => Some("on its way"),
            ChatLineState::Unanswered => Some("may not have arrived"),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::snapshot;
    use super::*;

    fn view(number: u64, is_own: bool, state: ChatLineState) -> ChatLineView {
        let line = ChatLine::new("see https://example.org").unwrap();
        ChatLineView { number, name: "Ada".into(), colour: [1, 2, 3], is_own, line, state }
    }

    fn chat(connection: Connection) -> Option<Chat> {
        use ChatLineState::{Arrived, OnTheWay, Unanswered};
        let lines = vec![
            view(7, false, Arrived),
            view(8, true, Unanswered),
            view(9, true, OnTheWay),
            view(10, false, Arrived),
        ];
        Chat::new(&Snapshot { chat: Arc::new(lines), ..snapshot(connection) })
    }

    #[test]
    fn lines_are_as_they_were_written_and_ones_own_tell_where_they_are() {
        let chat = chat(Connection::Joined).unwrap();
        let shown: Vec<(&str, Option<&str>)> =
            chat.lines.iter().map(|line| (line.name.as_str(), line.note)).collect();
        let lost = Some("may not have arrived");
        assert_eq!(shown, [("Ada", None), ("You", lost), ("You", Some("on its way")), ("Ada", None)]);
        assert_eq!(
            (chat.lines[0].text.as_str(), chat.lines[0].colour),
            ("see https://example.org", [1, 2, 3])
        );
    }

    #[test]
    fn only_what_others_wrote_is_unread() {
        let chat = chat(Connection::Hosting).unwrap();
        assert_eq!((chat.unread(0), chat.unread(7), chat.unread(chat.last())), (2, 1, 0));
    }

    #[test]
    fn what_keeps_a_line_back_is_said_in_words() {
        assert_eq!(chat(Connection::Idle), None, "nobody is there");
        let joined = chat(Connection::Joined).unwrap();
        assert_eq!(joined.line(" \n "), Ok(None));
        assert_eq!(joined.line(" da capo ").unwrap().unwrap().as_str(), "da capo");
        let too_long = "A line has at most 500 characters, this one has 501. Send it as several lines.";
        assert_eq!(joined.line(&"x".repeat(501)), Err(too_long.to_owned()));
        let alone = chat(Connection::Reconnecting).unwrap().line("anybody?").unwrap_err();
        assert!(alone.starts_with("The host does not answer"), "{alone}");
    }
}
