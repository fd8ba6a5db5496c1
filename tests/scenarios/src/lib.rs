//! Scenarios in the simulated world; each file in `tests/` is one kind of story.
