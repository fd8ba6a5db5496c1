//! *Test my path*: a button at the end of the bottom line, and the answer above it.
//!
//! It is in nobody's way, and follows the network as long as it is open. What it says is the view model's.

use egui::{
    Align, Grid, Id, Layout, Popup, PopupCloseBehavior, Rect, RectAlign, RichText, Role, ScrollArea, Sense,
    Ui, WidgetInfo, vec2,
};

use crate::editor::theme::{self, colour};
use crate::editor::view_model::PathTest;
use crate::editor::widgets::button::{Button, Weight};
use crate::editor::widgets::chip;

/// Width of the button with the space around it, in points.
pub const WIDTH: f32 = 108.0;
/// Width of the answer, in points.
const ANSWER_WIDTH: f32 = 480.0;
/// The most that the list of people takes, in points: with sixteen of them the answer fits into the smallest window.
const PEOPLE_HEIGHT: f32 = 180.0;
/// Where the figures come from.
const MEASURED: &str = "Each way is measured where it is heard, by the music itself.";

/// Draws the button into its place in the bottom line.
pub fn show(ui: &Ui, place: Rect, test: &PathTest) {
    let centre = place.center();
    let button =
        Button { id: "test my path", text: "Test my path", icon: None, weight: Weight::Plain, enabled: true };
    let response = button.show(ui, Rect::from_center_size(centre, vec2(WIDTH - 12.0, 26.0)));
    let menu = Popup::menu(&response)
        .align(RectAlign::TOP_END)
        .layout(Layout::top_down(Align::Min))
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    menu.frame(theme::page_frame(ui.style())).gap(10.0).show(|ui| answer(ui, test));
    response.on_hover_text("Is it good enough to play together?");
}

fn answer(ui: &mut Ui, test: &PathTest) {
    ui.set_width(ANSWER_WIDTH);
    let (row, _) = ui.allocate_exact_size(vec2(ANSWER_WIDTH, 20.0), Sense::hover());
    chip::lamp(ui, row, "path", test.tone, "Your path", theme::semibold(13.0), colour(ui).text);
    let verdict = ui.label(RichText::new(&test.verdict).color(colour(ui).text));
    // An alert is read out when it comes up and when it changes.
    verdict.widget_info(|| WidgetInfo::labeled(Role::Alert, true, &test.verdict));
    if !test.advice.is_empty() {
        ui.label(RichText::new(&test.advice).color(colour(ui).text_soft));
    }
    if test.people.is_empty() {
        return;
    }
    ScrollArea::vertical().max_height(PEOPLE_HEIGHT).show(ui, |ui| {
        Grid::new(Id::unique("path by person")).num_columns(5).spacing([22.0, 3.0]).show(ui, |ui| {
            for heading in ["", "To you", "To them", "Apart", "Network, both ways"] {
                ui.label(RichText::new(heading).color(colour(ui).text_faint).size(12.0));
            }
            ui.end_row();
            for person in &test.people {
                ui.label(RichText::new(&person.name).color(colour(ui).text_soft).size(12.0));
                for figure in [&person.to_you, &person.to_them, &person.apart, &person.network] {
                    ui.label(RichText::new(figure).color(colour(ui).text).size(12.0));
                }
                ui.end_row();
            }
        });
    });
    ui.label(RichText::new(MEASURED).color(colour(ui).text_faint).size(12.0));
}
