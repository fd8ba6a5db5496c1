//! What the editor looks like in every state: pictures, sharpness, keyboard, screen reader. No window, no graphics card.

mod kept;
mod keyboard;
#[path = "../made_up_session/mod.rs"]
mod made_up_session;
mod pictures;
mod raster;
mod sharp;
mod states;
