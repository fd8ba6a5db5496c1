//! The lines of the chat: the last that were written while we were in the session, by others and by us.
//!
//! Ours are here at once, and wait until the host passes them on to us like to everybody. The step before is `session/chat.rs`; the step
//! after is a snapshot.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backline_wire::limits::CHAT_LINES_MAX;
use backline_wire::{ChatLine, Name};

use crate::view::{ChatLineState, ChatLineView};

/// A line of ours that the host has not passed on for so long may have been lost, with the path that it was sent over.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// Who writes, as they are shown.
pub(crate) struct Writer {
    pub name: Name,
    pub colour: [u8; 3],
    pub is_own: bool,
}

/// All lines. A snapshot shares them: they are copied only when something changes.
#[derive(Default)]
pub(crate) struct Chat {
    lines: Arc<Vec<ChatLineView>>,
    written: u64,
    /// Of our lines that the host has not passed on, number and time, oldest first.
    on_the_way: Vec<(u64, Instant)>,
}

impl Chat {
    pub fn lines(&self) -> Arc<Vec<ChatLineView>> {
        Arc::clone(&self.lines)
    }

    /// A line of ours was sent.
    pub fn sent(&mut self, now: Instant, writer: Writer, line: ChatLine) {
        self.add(writer, line, ChatLineState::OnTheWay);
        self.on_the_way.push((self.written, now));
    }

    /// The host passes a line on: somebody's, or one of ours.
    pub fn arrived(&mut self, writer: Writer, line: ChatLine) {
        if !writer.is_own {
            return self.add(writer, line, ChatLineState::Arrived);
        }
        // What was lost stays behind, so ours come in the order in which they were written, but maybe not all.
        let is_it = |shown: &&mut ChatLineView| {
            shown.is_own && shown.state != ChatLineState::Arrived && shown.line == line
        };
        if let Some(shown) = Arc::make_mut(&mut self.lines).iter_mut().find(is_it) {
            shown.state = ChatLineState::Arrived;
            let number = shown.number;
            self.on_the_way.retain(|(waiting, _)| *waiting != number);
        }
    }

    /// Time passed.
    pub fn doubt_old(&mut self, now: Instant) {
        while let Some((number, sent_at)) = self.on_the_way.first().copied()
            && now.saturating_duration_since(sent_at) >= ANSWERED_WITHIN
        {
            self.on_the_way.remove(0);
            let lines = Arc::make_mut(&mut self.lines);
            if let Some(shown) = lines.iter_mut().find(|shown| shown.number == number) {
                shown.state = ChatLineState::Unanswered;
            }
        }
    }

    fn add(&mut self, writer: Writer, line: ChatLine, state: ChatLineState) {
        self.written += 1;
        let lines = Arc::make_mut(&mut self.lines);
        if lines.len() == CHAT_LINES_MAX {
            let gone = lines.remove(0).number;
            self.on_the_way.retain(|(number, _)| *number != gone);
        }
        let Writer { name, colour, is_own } = writer;
        lines.push(ChatLineView {
            number: self.written,
            name: name.to_string(),
            colour,
            is_own,
            line,
            state,
        });
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests may look at the clock")]
mod tests {
    use super::*;

    fn ada() -> Writer {
        Writer { name: Name::new("Ada"), colour: [1, 2, 3], is_own: false }
    }

    fn me() -> Writer {
        Writer { is_own: true, ..ada() }
    }

    fn line(text: &str) -> ChatLine {
        ChatLine::new(text).unwrap()
    }

    fn states(chat: &Chat) -> Vec<ChatLineState> {
        chat.lines.iter().map(|line| line.state).collect()
    }

    #[test]
    fn the_last_lines_stay_under_the_numbers_that_they_had() {
        let mut chat = Chat::default();
        for number in 1..=CHAT_LINES_MAX + 7 {
            chat.arrived(ada(), line(&number.to_string()));
        }
        let lines = chat.lines();
        assert_eq!((lines.len(), lines[0].number), (CHAT_LINES_MAX, 8));
        assert!(lines.iter().all(|line| line.line.as_str() == line.number.to_string()));
    }

    #[test]
    fn a_line_of_ours_is_shown_once_and_told_to_have_arrived_or_not() {
        use ChatLineState::{Arrived, OnTheWay, Unanswered};
        let (mut chat, start) = (Chat::default(), Instant::now());
        for text in ["one", "two", "two"] {
            chat.sent(start, me(), line(text));
        }
        assert_eq!(states(&chat), [OnTheWay; 3]);
        chat.arrived(me(), line("two"));
        assert_eq!(states(&chat), [OnTheWay, Arrived, OnTheWay], "the first was lost");
        chat.doubt_old(start + ANSWERED_WITHIN);
        assert_eq!(states(&chat), [Unanswered, Arrived, Unanswered]);
        chat.arrived(me(), line("two"));
        assert_eq!(states(&chat), [Unanswered, Arrived, Arrived], "late");
        chat.arrived(me(), line("unknown"));
        assert_eq!(chat.lines.len(), 3);
        assert!(chat.on_the_way.is_empty());
    }

    #[test]
    fn who_writes_more_than_is_kept_leaves_nothing_behind() {
        let (mut chat, now) = (Chat::default(), Instant::now());
        (0..1_000).for_each(|_| chat.sent(now, me(), line("x")));
        assert_eq!((chat.lines.len(), chat.on_the_way.len()), (CHAT_LINES_MAX, CHAT_LINES_MAX));
    }
}
