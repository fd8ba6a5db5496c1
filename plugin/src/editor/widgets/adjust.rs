//! How every continuous control behaves: drag, fine drag, wheel, double-click, arrow keys, screen reader.
//!
//! It does not draw. The step before is the widget's response; the step after is intents, and the value to show.
//! While a hand is on the control, and for a moment after, the hand's value is shown and not the parameter's:
//! a host may report the old value for a block or two, and the control must not snap back.

use egui::{Event, EventFilter, Id, Key, MouseWheelUnit, Response, Ui, accesskit};

use crate::editor::intent::{Control, Intent, set_once};

/// How long the hand's value is shown after the hand let go, in seconds.
const SETTLE_S: f64 = 0.25;
/// A fine drag (Shift or Ctrl) moves this much of a plain one.
const FINE: f32 = 0.1;
/// Points of a touch-pad's scroll that make one step.
const POINTS_PER_STEP: f32 = 40.0;

/// The scale of a continuous control.
pub struct Scale<'a> {
    /// Value to place, 0 to 1.
    pub to_place: &'a dyn Fn(f32) -> f32,
    /// Place to value.
    pub from_place: &'a dyn Fn(f32) -> f32,
    /// The value of a double-click.
    pub default: f32,
    /// Lowest and highest finite value.
    pub range: (f32, f32),
    /// One step of the wheel or an arrow key, in the value's unit; fine is a tenth.
    pub step: f32,
    /// Points of drag from one end to the other.
    pub travel_points: f32,
    /// A value as it is read.
    pub words: &'a dyn Fn(f32) -> String,
    /// What was typed as a value, or nothing where it is none.
    pub parse: &'a dyn Fn(&str) -> Option<f32>,
}

/// The hand's value, remembered between frames.
#[derive(Debug, Clone, Copy)]
struct Held {
    place: f32,
    value: f32,
    until: Option<f64>,
}

/// Turns what was done to `response` into intents. Returns the value to show.
pub fn adjust(
    ui: &Ui,
    response: &Response,
    control: Control,
    value: f32,
    scale: &Scale<'_>,
    intents: &mut Vec<Intent>,
) -> f32 {
    let mut held = remembered(ui, response.id, value);
    let value = held.map_or(value, |held| held.value);
    drag(ui, response, control, value, scale, &mut held, intents);
    let jump =
        if response.double_clicked() { Some(scale.default) } else { stepped(ui, response, value, scale) };
    if let Some(jump) = jump.or_else(|| asked_by_screen_reader(ui, response.id, value, scale)) {
        set_once(intents, control, jump);
        held = Some(Held {
            place: (scale.to_place)(jump),
            value: jump,
            until: Some(ui.input(|i| i.time) + SETTLE_S),
        });
    }
    remember(ui, response.id, held);
    describe(ui, response.id, held.map_or(value, |held| held.value), scale);
    held.map_or(value, |held| held.value)
}

fn drag(
    ui: &Ui,
    response: &Response,
    control: Control,
    value: f32,
    scale: &Scale<'_>,
    held: &mut Option<Held>,
    intents: &mut Vec<Intent>,
) {
    if response.drag_started() {
        intents.push(Intent::Begin(control));
        *held = Some(Held { place: (scale.to_place)(value), value, until: None });
    }
    if response.dragged()
        && let Some(held) = held
    {
        let delta = response.drag_delta();
        let speed = if is_fine(ui) { FINE } else { 1.0 };
        held.place = (held.place + (delta.x - delta.y) * speed / scale.travel_points).clamp(0.0, 1.0);
        let moved = (scale.from_place)(held.place);
        if moved != held.value {
            held.value = moved;
            intents.push(Intent::Set(control, moved));
        }
    }
    if response.drag_stopped() {
        intents.push(Intent::End(control));
        if let Some(held) = held {
            held.until = Some(ui.input(|i| i.time) + SETTLE_S);
        }
    }
}

/// The value after wheel or arrow keys, where there were any.
fn stepped(ui: &Ui, response: &Response, value: f32, scale: &Scale<'_>) -> Option<f32> {
    let mut steps = 0.0;
    if response.hovered() && !response.dragged() {
        steps += wheel_steps(ui);
    }
    if response.has_focus() {
        let filter = EventFilter { vertical_arrows: true, horizontal_arrows: true, ..Default::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        steps += key_steps(ui);
    }
    if steps == 0.0 {
        return None;
    }
    let step = if is_fine(ui) { scale.step * FINE } else { scale.step };
    Some(moved_by(value, steps * step, scale)).filter(|moved| *moved != value)
}

/// `value` moved by `delta`; the lowest value stands in for silence, and silence for less than that.
fn moved_by(value: f32, delta: f32, scale: &Scale<'_>) -> f32 {
    let (low, high) = scale.range;
    let moved = (value.max(low) + delta).min(high);
    if moved <= low { (scale.from_place)(0.0) } else { moved }
}

fn wheel_steps(ui: &Ui) -> f32 {
    ui.input_mut(|input| {
        // The strip area must not scroll away under a hand that turns a fader.
        input.smooth_scroll_delta = egui::Vec2::ZERO;
        input
            .events
            .iter()
            .filter_map(|event| match event {
                Event::MouseWheel { unit: MouseWheelUnit::Point, delta, .. } => {
                    Some((delta.x + delta.y) / POINTS_PER_STEP)
                }
                Event::MouseWheel { delta, .. } => Some(delta.x + delta.y),
                _ => None,
            })
            .sum()
    })
}

fn key_steps(ui: &Ui) -> f32 {
    ui.input(|input| {
        let count = |key| input.num_presses(key) as f32;
        count(Key::ArrowUp) + count(Key::ArrowRight) - count(Key::ArrowDown) - count(Key::ArrowLeft)
    })
}

fn is_fine(ui: &Ui) -> bool {
    ui.input(|input| input.modifiers.shift || input.modifiers.ctrl || input.modifiers.command)
}

fn asked_by_screen_reader(ui: &Ui, id: Id, value: f32, scale: &Scale<'_>) -> Option<f32> {
    use accesskit::{Action, ActionData};
    ui.input(|input| {
        let set =
            input.accesskit_action_requests(id, Action::SetValue).filter_map(|request| match request.data {
                Some(ActionData::NumericValue(value)) => {
                    Some((value as f32).clamp(scale.range.0, scale.range.1))
                }
                _ => None,
            });
        let steps = input.num_accesskit_action_requests(id, Action::Increment) as f32
            - input.num_accesskit_action_requests(id, Action::Decrement) as f32;
        set.last().or_else(|| (steps != 0.0).then(|| moved_by(value, steps * scale.step, scale)))
    })
}

fn describe(ui: &Ui, id: Id, value: f32, scale: &Scale<'_>) {
    use accesskit::Action;
    ui.ctx().accesskit_node_builder(id, |node| {
        node.set_min_numeric_value(f64::from(scale.range.0));
        node.set_max_numeric_value(f64::from(scale.range.1));
        node.set_numeric_value(f64::from(value.max(scale.range.0)));
        node.set_numeric_value_step(f64::from(scale.step));
        node.add_action(Action::SetValue);
        node.add_action(Action::Increment);
        node.add_action(Action::Decrement);
    });
}

/// The hand's value, unless it has settled: the parameter agrees, or has had time to.
fn remembered(ui: &Ui, id: Id, value: f32) -> Option<Held> {
    let held: Held = ui.data(|data| data.get_temp(id))?;
    let now = ui.input(|input| input.time);
    let settled = held.until.is_some_and(|until| now >= until || held.value == value);
    (!settled).then_some(held)
}

fn remember(ui: &Ui, id: Id, held: Option<Held>) {
    ui.data_mut(|data| match held {
        Some(held) => {
            data.insert_temp(id, held);
        }
        None => data.remove::<Held>(id),
    });
    if held.is_some_and(|held| held.until.is_some()) {
        ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(SETTLE_S));
    }
}
