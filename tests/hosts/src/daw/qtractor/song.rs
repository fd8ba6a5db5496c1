//! qtractor's session file, as much of it as the tests need: written with tracks of Backline, read for what qtractor has saved.
//!
//! The format is qtractor's XML (`.qtr`); what is left out has qtractor's defaults.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::bundles;
use crate::daw::Class;
use crate::error::HostError;

/// The bus that all tracks play from and to. It has another name than the one of an empty session, so that its ports in JACK are
/// those of this file.
pub const BUS: &str = "Stage";
const RATE_HZ: u32 = 48_000;
const TICKS_PER_BEAT: u16 = 960;
/// Of MIDI, in the files of curves.
const CONTROLLER: u8 = 1;

/// A track with Backline on it that is heard while it plays its input.
#[derive(Debug, Clone)]
pub struct Track {
    /// The class on it.
    pub class: Class,
    /// Whether the plugin is switched on.
    pub is_active: bool,
    /// The automation of parameters.
    pub automation: Option<Automation>,
    /// A recording that is on the track.
    pub clip: Option<Clip>,
}

/// Parameters that are at their least for a second, and at their most from then on.
#[derive(Debug, Clone)]
pub struct Automation {
    /// Where their curves are written, for qtractor has them beside its session, as a MIDI file with a track for each.
    pub file: PathBuf,
    /// Parameters, by their number in the plugin's list.
    pub parameters: Vec<usize>,
}

impl Automation {
    fn write(&self) -> Result<(), HostError> {
        // A second at 120 beats a minute is 1920 ticks, in two bytes of seven bits.
        let curve = [0, 0xB0, CONTROLLER, 0, 0x8F, 0x00, 0xB0, CONTROLLER, 127, 0, 0xFF, 0x2F, 0];
        let mut file = b"MThd\0\0\0\x06\0\x01".to_vec();
        file.extend((self.parameters.len() as u16).to_be_bytes());
        file.extend(TICKS_PER_BEAT.to_be_bytes());
        for _ in &self.parameters {
            file.extend(b"MTrk");
            file.extend((curve.len() as u32).to_be_bytes());
            file.extend(curve);
        }
        std::fs::write(&self.file, file).map_err(|error| HostError::file(&self.file, error))
    }
}

/// A recording.
#[derive(Debug, Clone)]
pub struct Clip {
    /// A WAV or FLAC file.
    pub file: PathBuf,
    /// Where in the session it begins.
    pub at_frame: usize,
    /// How much of it is played.
    pub frames: usize,
}

impl Track {
    /// A track with the defaults of this class.
    pub fn new(class: Class) -> Self {
        Self { class, is_active: true, automation: None, clip: None }
    }
}

/// Writes a file with these tracks, and their curves.
pub fn write(path: &Path, tracks: &[Track]) -> Result<(), HostError> {
    tracks.iter().filter_map(|track| track.automation.as_ref()).try_for_each(Automation::write)?;
    let bundle = bundles::clap()?;
    let bundle = bundle.canonicalize().map_err(|error| HostError::file(&bundle, error))?;
    let folder = path.parent().unwrap_or(Path::new(".")).display();
    let tracks: String = tracks.iter().map(|track| element_of(track, &bundle)).collect();
    let text = format!(
        r#"<!DOCTYPE qtractorSession>
<session version="Qtractor 0.9.31" name="song">
 <properties>
  <directory>{folder}</directory>
  <sample-rate>{RATE_HZ}</sample-rate>
  <tempo>120</tempo>
  <ticks-per-beat>{TICKS_PER_BEAT}</ticks-per-beat>
  <beats-per-bar>4</beats-per-bar>
  <beat-divisor>2</beat-divisor>
 </properties>
 <devices>
  <audio-engine>
   <audio-control><transport-mode>duplex</transport-mode></audio-control>
   <audio-bus mode="duplex" name="{BUS}">
    <channels>2</channels>
    <auto-connect>false</auto-connect>
   </audio-bus>
  </audio-engine>
 </devices>
 <tracks>
{tracks} </tracks>
</session>
"#
    );
    std::fs::write(path, text).map_err(|error| HostError::file(path, error))
}

fn element_of(track: &Track, bundle: &Path) -> String {
    let Track { class, is_active, automation, clip } = track;
    let clip = clip.as_ref().map_or_else(String::new, |Clip { file, at_frame, frames }| {
        let properties = format!("<start>{at_frame}</start><offset>0</offset><length>{frames}</length><gain>1</gain>");
        let file = file.display();
        format!(
            "<clip name=\"music\"><properties>{properties}</properties><audio-clip><filename>{file}</filename></audio-clip></clip>"
        )
    });
    format!(
        r#"  <track type="audio" name="{name}">
   <properties><input-bus>{BUS}</input-bus><output-bus>{BUS}</output-bus></properties>
   <state><monitor>true</monitor><gain>1</gain><panning>0</panning></state>
   <clips>{clip}</clips>
   <plugins>
    <plugin type="CLAP">
     <filename>{bundle}</filename>
     <index>{number}</index>
     <label>{label}</label>
     <activated>{is_active}</activated>
{curves}
    </plugin>
   </plugins>
  </track>
"#,
        name = class.name(),
        bundle = bundle.display(),
        number = *class as usize,
        label = class.name().replace(' ', "_"),
        curves = automation.as_ref().map_or_else(String::new, curves_of),
    )
}

fn curves_of(automation: &Automation) -> String {
    let items = automation.parameters.iter().fold(String::new(), |mut text, index| {
        let _ = write!(
            text,
            "<curve-item index=\"{index}\" mode=\"Hold\"><type>CONTROLLER</type><channel>0</channel><param>{}</param><process>true</process></curve-item>",
            CONTROLLER
        );
        text
    });
    let file = automation.file.display();
    format!("<curve-file><filename>{file}</filename><curve-items>{items}</curve-items></curve-file>")
}

/// The value of a parameter as qtractor has saved it, with its number in the plugin's list.
pub type Value = (usize, f64);

/// All values of the plugins in a saved file, track by track.
pub fn values(text: &str) -> Vec<Vec<Value>> {
    let value = |line: &str| {
        let rest = line.trim().strip_prefix("<param ")?.strip_suffix("</param>")?;
        let (attributes, value) = rest.split_once('>')?;
        let (_, index) = attributes.split_once("index=\"")?;
        let (index, _) = index.split_once('"')?;
        Some((index.parse().ok()?, value.parse().ok()?))
    };
    let of_plugin = |plugin: &str| {
        let mut values: Vec<Value> = plugin.lines().filter_map(value).collect();
        values.sort_by_key(|(index, _)| *index);
        values
    };
    text.split("<plugin ").skip(1).map(of_plugin).collect()
}

/// The file without automation, and without the values that qtractor itself keeps: they come from the state that the plugin has saved.
pub fn with_state_alone(text: &str) -> String {
    let mut is_curve = false;
    let mut is_kept = |line: &str| {
        is_curve |= line.trim() == "<curve-file>";
        let is_kept = !is_curve && !line.trim().starts_with("<param ");
        is_curve &= line.trim() != "</curve-file>";
        is_kept
    };
    text.lines().filter(|line| is_kept(line)).flat_map(|line| [line, "\n"]).collect()
}
