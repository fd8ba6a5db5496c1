//! Bar 5: concealment alone, without copies and without retransmission, against what others do about a lost frame.
//!
//! The same packets with the same losses, aligned to the sample: Backline's playout, zeros, the last frame again, libopus. Each
//! is held against what is heard when nothing is lost, so that the noise of a codec is nobody's. [`stream`] makes what is
//! heard, [`losses`] says what is lost, [`ear`] how much of the error is heard. A figure is by how much Backline is better than
//! the best of the others.

mod ear;
mod losses;
mod stream;

use std::ops::Range;

use backline_codec::{Encoding, OpusFrame, PcmFrame};

use crate::figure::{Figure, Limit, Report};
use crate::signals;
use ear::Ear;
use losses::{Losses, SPARED_FRAMES};
use stream::{Coded, Rival};

const CHANNELS: usize = 2;
const PERCENTS: [u32; 3] = [1, 5, 20];
const RUNS: [usize; 4] = [1, 2, 3, 5];
const BEST: Option<Limit> = Some(Limit::AtLeast(0.0));
/// The melody of the piece that the demo plays.
const MELODY: &[u8] = include_bytes!("../../../hosts/music/part-b.flac");

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// A coding and what it is called.
#[derive(Clone, Copy)]
struct Coding {
    id: &'static str,
    name: &'static str,
    encoding: Encoding,
}

const OPUS: Encoding = Encoding::Opus { frame: OpusFrame::Ms2_5, bitrate_bps: 256_000 };
const CODINGS: [Coding; 3] = [
    Coding { id: "pcm60", name: "PCM 1.25 ms", encoding: Encoding::Pcm16 { frame: PcmFrame::F60 } },
    Coding { id: "pcm120", name: "PCM 2.5 ms", encoding: Encoding::Pcm16 { frame: PcmFrame::F120 } },
    Coding { id: "opus", name: "Opus 2.5 ms", encoding: OPUS },
];

/// A signal and what it is called.
struct Sound {
    name: &'static str,
    samples: Vec<f32>,
    /// The bar is set for music; speech is shown.
    limit: Option<Limit>,
}

/// Three signals, three codings, three shares of random loss, and runs of 1 to 5.
pub fn measure(report: &mut Report<'_>) {
    let seconds = report.seconds(20, 8) as usize;
    let sounds = match sounds(seconds) {
        Ok(sounds) => sounds,
        Err(error) => {
            let why = error.to_string();
            return report.print(&Figure::unmeasured("5", "concealment", "dB", BEST, why));
        }
    };
    let ear = Ear::new();
    for sound in &sounds {
        for coding in CODINGS {
            if let Err(error) = coding_of_sound(report, &ear, sound, coding) {
                let id = format!("5.{}.{}", sound.name, coding.id);
                report.print(&Figure::unmeasured(&id, "concealment", "dB", BEST, error.to_string()));
            }
        }
    }
}

fn sounds(seconds: usize) -> Result<[Sound; 3], Failed> {
    let samples = |sound: &signals::Loop| -> Vec<f32> {
        sound.frames().iter().copied().cycle().take(seconds * 48_000).flatten().collect()
    };
    let melody: Vec<f32> = claxon::FlacReader::new(MELODY)?
        .samples()
        .take(seconds * 48_000 * CHANNELS)
        .map(|sample| sample.map(|sample| sample as f32 / 32_768.0))
        .collect::<Result<_, _>>()?;
    Ok([
        Sound { name: "rhythm", samples: samples(&signals::music()?), limit: BEST },
        Sound { name: "melody", samples: melody, limit: BEST },
        Sound { name: "speech", samples: samples(&signals::speech()), limit: None },
    ])
}

fn coding_of_sound(report: &mut Report<'_>, ear: &Ear, sound: &Sound, coding: Coding) -> Result<(), Failed> {
    let coded = Coded::new(coding.encoding, &sound.samples)?;
    check_alignment(&coded)?;
    let opus = Coded::new(OPUS, &sound.samples)?;
    for percent in PERCENTS {
        let all = Compared::new(ear, &coded, &opus, Losses::Random(percent))?;
        let id = |what| format!("5.{}.{}.loss{percent}.{what}", sound.name, coding.id);
        let what = |what| {
            format!(
                "{}, {}, {percent} % lost: {what} against the best of the others",
                sound.name, coding.name
            )
        };
        let snr = all.margin(|quality| quality.snr_db).ok_or("nothing to compare with")?;
        print(report, sound, &id("snr"), what("signal to noise"), snr, all.text(|quality| quality.snr_db));
        let heard = |quality: &Quality| -quality.noise_to_mask_db;
        let nmr = all.margin(heard).ok_or("nothing to compare with")?;
        print(report, sound, &id("nmr"), what("mask to noise"), nmr, all.text(heard));
    }
    runs(report, ear, sound, coding, &coded, &opus)
}

/// One line for all lengths of runs: the least by which Backline is better from the second lost frame on.
fn runs(
    report: &mut Report<'_>,
    ear: &Ear,
    sound: &Sound,
    coding: Coding,
    coded: &Coded,
    opus: &Coded,
) -> Result<(), Failed> {
    let (mut least, mut texts) = (f64::INFINITY, Vec::new());
    for length in RUNS {
        let mut all = Compared::new(ear, coded, opus, Losses::Runs(length))?;
        texts.push(format!("runs of {length}: {}", all.text(|quality| quality.snr_lost_db)));
        all.opus_own = None;
        least = all.margin(|quality| quality.snr_later_db).map_or(least, |margin| margin.min(least));
    }
    let what = format!(
        "{}, {}, runs of lost frames: signal to noise from the second on, against zeros and repeat",
        sound.name, coding.name
    );
    let id = format!("5.{}.{}.runs", sound.name, coding.id);
    let why = format!("over all lost frames: {}", texts.join("; "));
    print(report, sound, &id, what, least, why);
    Ok(())
}

fn print(report: &mut Report<'_>, sound: &Sound, id: &str, what: String, margin: f64, why: String) {
    let figure = match sound.limit {
        Some(limit) => Figure::judged(id, what, margin, "dB", limit),
        None => Figure::shown(id, what, margin, "dB"),
    };
    report.print(&figure.because(why));
}

/// Without losses what Backline plays must be what is decoded, or nothing that follows means anything.
fn check_alignment(coded: &Coded) -> Result<(), Failed> {
    let (wanted, heard) = (coded.whole()?, coded.heard_by_backline(&vec![false; coded.count()])?);
    let from = SPARED_FRAMES / 2 * CHANNELS;
    let is_equal = wanted[from..].iter().zip(&heard[from..]).all(|(wanted, heard)| wanted == heard);
    if is_equal { Ok(()) } else { Err(Failed::from("without losses it is not what was decoded")) }
}

/// What one way of concealing comes to, in dB.
#[derive(Debug, Clone, Copy)]
struct Quality {
    /// Over everything.
    snr_db: f64,
    /// Over the lost frames.
    snr_lost_db: f64,
    /// Over those whose predecessor is lost too.
    snr_later_db: f64,
    /// Lower is better.
    noise_to_mask_db: f64,
}

/// All ways of concealing the same losses.
struct Compared {
    backline: Quality,
    zeros: Quality,
    repeat: Quality,
    /// Of the same losses in the same signal, sent by Opus; where its frames have the same length.
    opus_own: Option<Quality>,
}

impl Compared {
    fn new(ear: &Ear, coded: &Coded, opus: &Coded, losses: Losses) -> Result<Self, Failed> {
        let lost = losses.pattern(coded.count(), coded.frame_frames);
        let whole = coded.whole()?;
        let judged = |heard: &[f32]| Quality::new(ear, &whole, heard, &lost, coded.frame_frames);
        let opus_own = if opus.frame_frames == coded.frame_frames {
            let heard = opus.heard_by(Rival::OpusOwn, &lost)?;
            Some(Quality::new(ear, &opus.whole()?, &heard, &lost, opus.frame_frames))
        } else {
            None
        };
        Ok(Self {
            backline: judged(&coded.heard_by_backline(&lost)?),
            zeros: judged(&coded.heard_by(Rival::Zeros, &lost)?),
            repeat: judged(&coded.heard_by(Rival::Repeat, &lost)?),
            opus_own,
        })
    }

    /// By how much Backline is better than the best of the others, where higher is better; none where nothing was measured.
    fn margin(&self, of: impl Fn(&Quality) -> f64) -> Option<f64> {
        let others = [Some(&self.zeros), Some(&self.repeat), self.opus_own.as_ref()];
        let best = others.into_iter().flatten().map(&of).reduce(f64::max)?;
        let margin = of(&self.backline) - best;
        margin.is_finite().then_some(margin)
    }

    fn text(&self, of: impl Fn(&Quality) -> f64) -> String {
        let own =
            self.opus_own.as_ref().map_or_else(String::new, |own| format!(", Opus' own {:.1}", of(own)));
        let [backline, zeros, repeat] = [&self.backline, &self.zeros, &self.repeat].map(of);
        format!("Backline {backline:.1}, zeros {zeros:.1}, repeat {repeat:.1}{own}")
    }
}

impl Quality {
    fn new(ear: &Ear, wanted: &[f32], heard: &[f32], lost: &[bool], frame_frames: usize) -> Self {
        let frames = wanted.len().min(heard.len()) / CHANNELS;
        let all = SPARED_FRAMES / 2 * CHANNELS..frames * CHANNELS;
        let frame_samples = frame_frames * CHANNELS;
        let is_inside = |index: &usize| (index + 1) * frame_frames <= frames && lost[*index];
        let places = |is_wanted: &dyn Fn(usize) -> bool| -> Vec<Range<usize>> {
            let indices = (1..lost.len()).filter(is_inside).filter(|index| is_wanted(*index));
            indices.map(|index| index * frame_samples..(index + 1) * frame_samples).collect()
        };
        Self {
            snr_db: snr_db(wanted, heard, std::slice::from_ref(&all)),
            snr_lost_db: snr_db(wanted, heard, &places(&|_| true)),
            snr_later_db: snr_db(wanted, heard, &places(&|index| lost[index - 1])),
            noise_to_mask_db: ear.noise_to_mask_db(&wanted[all.clone()], &heard[all]),
        }
    }
}

/// NaN where there is nothing.
fn snr_db(wanted: &[f32], heard: &[f32], places: &[Range<usize>]) -> f64 {
    let (mut signal, mut noise) = (0.0, 0.0);
    for place in places {
        for (wanted, heard) in wanted[place.clone()].iter().zip(&heard[place.clone()]) {
            signal += f64::from(*wanted).powi(2);
            noise += f64::from(heard - wanted).powi(2);
        }
    }
    10.0 * (signal / f64::max(noise, signal * 1e-15)).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tones(frames: usize) -> Vec<f32> {
        let tone = |frame: usize, hz: f64| (std::f64::consts::TAU * hz * frame as f64 / 48_000.0).sin();
        (0..frames)
            .flat_map(|frame| [(0.3 * tone(frame, 440.0) + 0.2 * tone(frame, 1_234.5)) as f32; CHANNELS])
            .collect()
    }

    #[test]
    fn without_losses_backline_plays_what_is_decoded() {
        for coding in CODINGS {
            check_alignment(&Coded::new(coding.encoding, &tones(96_000)).unwrap()).unwrap();
        }
    }

    #[test]
    fn zeros_leave_the_share_that_was_lost_and_tones_are_easily_made_up() {
        let samples = tones(192_000);
        let coded = Coded::new(CODINGS[0].encoding, &samples).unwrap();
        let opus = Coded::new(OPUS, &samples).unwrap();
        let all = Compared::new(&Ear::new(), &coded, &opus, Losses::Random(5)).unwrap();
        // Losses spare the first second and the last quarter of 4; the first half is not judged.
        let expected_db = -10.0 * (0.05_f64 * 2.75 / 3.5).log10();
        assert!((all.zeros.snr_db - expected_db).abs() < 1.0, "{} and {expected_db}", all.zeros.snr_db);
        assert!(all.zeros.snr_lost_db.abs() < 1e-9);
        assert!(all.margin(|quality| quality.snr_db).unwrap() > 10.0, "{:?}", all.backline);
        assert!(all.margin(|quality| -quality.noise_to_mask_db).unwrap() > 10.0, "{:?}", all.backline);
    }
}
