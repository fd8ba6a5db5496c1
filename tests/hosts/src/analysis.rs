//! Judges what was heard against what was sent: how late, how loud, how clean, with which holes.
//!
//! Everything is measured from the audio itself. [`align`] finds the delay of each short window by cross-correlation and
//! refines it to a fraction of a sample; [`interpolate`] shifts the sent recording onto the heard one along that (perhaps
//! slowly moving) delay; what is then left over is noise. Before this: [`crate::session`]. After it: [`crate::figures`].

pub mod align;
pub mod interpolate;
pub mod spectrum;

use crate::audio_file::Recording;
use align::{DelayTrack, WindowDelay};

/// How strict to be about the noise that counts as a dropout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strictness {
    /// A window of [`DROPOUT_WINDOW_FRAMES`] with less signal-to-noise than this is a dropout.
    pub dropout_snr_db: f64,
}

impl Strictness {
    /// For PCM: everything but rounding and a resampler's rounding is a fault.
    pub const PCM: Self = Self { dropout_snr_db: 20.0 };
    /// For a lossy codec, whose error after a drum hit can be nearly as loud as what is left of the music. Digital silence in place
    /// of music has exactly 0 dB.
    pub const CODEC: Self = Self { dropout_snr_db: 1.0 };
}

/// Length of the windows that are searched for dropouts: 10 ms at 48 kHz.
pub const DROPOUT_WINDOW_FRAMES: usize = 480;

/// Music softer than this in a window is not judged.
const SILENCE_RMS: f64 = 0.000_5;

/// What came of a comparison. Delays are in sample frames of the recordings, before any difference of their clocks.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The delay of each window in which the sent music was found.
    pub delays: Vec<WindowDelay>,
    /// Windows with music in which what was heard resembles nothing that was sent.
    pub windows_lost: usize,
    /// Holes, clicks and other damage, neighbouring windows as one: where each begins, in sample frames of the heard recording.
    pub dropout_frames: Vec<usize>,
    /// Heard level against sent level, in dB.
    pub level_difference_db: f64,
    /// Signal against everything that is not the delayed and levelled signal, in dB.
    pub snr_db: f64,
    /// The same by windows of [`DROPOUT_WINDOW_FRAMES`].
    pub windows: Vec<NoiseWindow>,
}

/// What was wanted and what was not in a stretch of what was heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoiseWindow {
    /// The first sample frame of it.
    pub start_frame: usize,
    /// Energy of what was sent, levelled.
    pub signal: f64,
    /// Energy of the difference.
    pub noise: f64,
}

/// Compares what was heard with what was sent; `None` when the sent music is not in it.
pub fn judge(sent: &Recording, heard: &Recording, strictness: Strictness) -> Option<Judgement> {
    let search = align::search(&sent.mono(), &heard.mono())?;
    let track = DelayTrack::new(&search.delays, heard.frames());
    let left = interpolate::along(&sent.left, &track);
    let right = interpolate::along(&sent.right, &track);
    let span = track.covered(sent.frames());
    let pairs = [(&left, &heard.left), (&right, &heard.right)];
    let level_difference_db = level_difference_db(&pairs, &span);
    let gain = 10_f64.powf(level_difference_db / 20.0);
    let windows = noise_windows(&pairs, &span, gain);
    let dropout_frames = dropouts(&windows, gain, strictness);
    Some(Judgement {
        delays: search.delays,
        windows_lost: search.windows_lost,
        dropout_frames,
        level_difference_db,
        snr_db: snr_db(&windows),
        windows,
    })
}

type Pair<'a> = (&'a Vec<f32>, &'a Vec<f32>);

/// Heard against sent level: the median over windows of 85 ms, so that a dropout is no change of level.
fn level_difference_db(pairs: &[Pair; 2], span: &std::ops::Range<usize>) -> f64 {
    let mut levels = Vec::new();
    let mut start = span.start;
    while start + align::WINDOW_FRAMES <= span.end {
        let (mut wanted, mut heard) = (0.0, 0.0);
        for (wanted_side, heard_side) in pairs {
            for frame in start..start + align::WINDOW_FRAMES {
                wanted += f64::from(wanted_side[frame]).powi(2);
                heard += f64::from(heard_side[frame]).powi(2);
            }
        }
        if wanted > SILENCE_RMS * SILENCE_RMS * (2 * align::WINDOW_FRAMES) as f64 {
            levels.push(decibels(heard / wanted));
        }
        start += align::WINDOW_FRAMES;
    }
    percentile(&levels, 0.5)
}

fn energies(pairs: &[Pair; 2], span: &std::ops::Range<usize>, gain: f64) -> (f64, f64) {
    let (mut signal, mut noise) = (0.0, 0.0);
    for (wanted, heard) in pairs {
        for frame in span.clone() {
            let wanted = gain * f64::from(wanted[frame]);
            signal += wanted.powi(2);
            noise += (f64::from(heard[frame]) - wanted).powi(2);
        }
    }
    (signal, noise)
}

fn noise_windows(pairs: &[Pair; 2], span: &std::ops::Range<usize>, gain: f64) -> Vec<NoiseWindow> {
    let starts = span.clone().step_by(DROPOUT_WINDOW_FRAMES);
    let inside = starts.take_while(|start| start + DROPOUT_WINDOW_FRAMES <= span.end);
    let window = |start_frame| {
        let (signal, noise) = energies(pairs, &(start_frame..start_frame + DROPOUT_WINDOW_FRAMES), gain);
        NoiseWindow { start_frame, signal, noise }
    };
    inside.map(window).collect()
}

/// Signal against noise over some windows, in dB.
pub fn snr_db<'a>(windows: impl IntoIterator<Item = &'a NoiseWindow>) -> f64 {
    let sum = |sum: (f64, f64), window: &NoiseWindow| (sum.0 + window.signal, sum.1 + window.noise);
    let (signal, noise) = windows.into_iter().fold((0.0, 0.0), sum);
    decibels(signal / noise.max(signal * 1e-15))
}

/// The first frame of each damaged stretch.
fn dropouts(windows: &[NoiseWindow], gain: f64, strictness: Strictness) -> Vec<usize> {
    let is_damaged = |window: &NoiseWindow| {
        let level = (window.signal / (2 * DROPOUT_WINDOW_FRAMES) as f64).sqrt();
        let snr_db = decibels(window.signal / window.noise.max(f64::MIN_POSITIVE));
        level > SILENCE_RMS * gain && snr_db < strictness.dropout_snr_db
    };
    let stretches = windows.chunk_by(|one, next| is_damaged(one) == is_damaged(next));
    stretches.filter(|stretch| is_damaged(&stretch[0])).map(|stretch| stretch[0].start_frame).collect()
}

/// Power ratio to dB.
pub fn decibels(power_ratio: f64) -> f64 {
    10.0 * power_ratio.max(1e-30).log10()
}

/// The value below which a share `p` (0 to 1) of the values lies; nearest rank. 0 of nothing.
pub fn percentile(values: &[f64], p: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (p * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: usize = 4 * 48_000;

    fn music() -> Recording {
        let part = Recording::read(&crate::bundles::music('a')).unwrap();
        part.looped(LENGTH, LENGTH)
    }

    fn delayed(sent: &Recording, position: impl Fn(usize) -> f64, gain: f32) -> Recording {
        let sinc = interpolate::Interpolator::new();
        let side =
            |side: &[f32]| (0..LENGTH).map(|frame| gain * sinc.at(side, position(frame)) as f32).collect();
        Recording { sample_rate_hz: 48_000, left: side(&sent.left), right: side(&sent.right) }
    }

    fn median_delay(judgement: &Judgement) -> f64 {
        percentile(&judgement.delays.iter().map(|window| window.delay_frames).collect::<Vec<_>>(), 0.5)
    }

    #[test]
    fn an_exact_copy_is_found_at_its_exact_place() {
        let sent = music();
        let judgement =
            judge(&sent, &delayed(&sent, |frame| frame as f64 - 213.0, 1.0), Strictness::PCM).unwrap();
        assert_eq!(median_delay(&judgement), 213.0);
        assert!(judgement.snr_db > 120.0, "{}", judgement.snr_db);
        assert_eq!((judgement.dropout_frames.len(), judgement.windows_lost), (0, 0));
        assert!(judgement.level_difference_db.abs() < 0.001);
    }

    #[test]
    fn a_fraction_of_a_sample_and_a_level_are_measured() {
        let sent = music();
        let judgement =
            judge(&sent, &delayed(&sent, |frame| frame as f64 - 100.37, 0.5), Strictness::PCM).unwrap();
        assert!((median_delay(&judgement) - 100.37).abs() < 0.01, "{}", median_delay(&judgement));
        assert!((judgement.level_difference_db + 6.02).abs() < 0.01);
        assert!(judgement.snr_db > 55.0, "{}", judgement.snr_db);
        assert_eq!(judgement.dropout_frames.len(), 0);
    }

    #[test]
    fn slow_drift_is_followed_and_is_no_noise() {
        let sent = music();
        let judgement =
            judge(&sent, &delayed(&sent, |frame| frame as f64 * 1.0002 - 300.0, 1.0), Strictness::PCM)
                .unwrap();
        assert!(judgement.snr_db > 40.0, "{}", judgement.snr_db);
        assert_eq!(judgement.dropout_frames.len(), 0);
    }

    #[test]
    fn a_delay_that_jumps_is_followed() {
        let sent = music();
        let delay = |frame: usize| [200.0, 330.0, 240.0, 500.0][frame * 4 / LENGTH];
        let judgement =
            judge(&sent, &delayed(&sent, |frame| frame as f64 - delay(frame), 1.0), Strictness::PCM).unwrap();
        assert_eq!(judgement.delays.first().unwrap().delay_frames, 200.0);
        assert_eq!(judgement.delays.last().unwrap().delay_frames, 500.0);
        assert!((3..=6).contains(&judgement.dropout_frames.len()), "{:?}", judgement.dropout_frames);
    }

    #[test]
    fn a_hole_is_one_dropout_and_its_noise_counts() {
        let sent = music();
        let mut heard = delayed(&sent, |frame| frame as f64 - 200.0, 1.0);
        heard.left[96_000..96_120].fill(0.0);
        heard.right[96_000..96_120].fill(0.0);
        let judgement = judge(&sent, &heard, Strictness::PCM).unwrap();
        assert_eq!(judgement.dropout_frames.len(), 1);
        assert!(judgement.snr_db < 60.0, "{}", judgement.snr_db);
    }

    #[test]
    fn silence_in_place_of_music_is_a_dropout_of_a_codec_too() {
        let sent = music();
        let mut heard = delayed(&sent, |frame| frame as f64 - 200.0, 1.0);
        heard.left[96_000..97_200].fill(0.0);
        heard.right[96_000..97_200].fill(0.0);
        assert_eq!(judge(&sent, &heard, Strictness::CODEC).unwrap().dropout_frames.len(), 1);
    }

    #[test]
    fn noise_is_measured_as_noise() {
        let sent = music();
        let mut heard = delayed(&sent, |frame| frame as f64 - 200.0, 1.0);
        let power = heard.left.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / LENGTH as f64;
        let level = (power.sqrt() * 0.1) as f32;
        for (index, sample) in heard.left.iter_mut().chain(&mut heard.right).enumerate() {
            *sample += if (index * 7919) % 1009 < 504 { level } else { -level };
        }
        let judgement = judge(&sent, &heard, Strictness::CODEC).unwrap();
        assert!((judgement.snr_db - 20.0).abs() < 1.0, "{}", judgement.snr_db);
    }

    #[test]
    fn other_music_is_not_taken_for_ours() {
        let other = Recording::read(&crate::bundles::music('b')).unwrap().looped(LENGTH, LENGTH);
        assert_eq!(judge(&music(), &other, Strictness::CODEC), None);
    }

    #[test]
    fn silence_is_not_taken_for_music() {
        let silence = Recording { sample_rate_hz: 48_000, left: vec![0.0; LENGTH], right: vec![0.0; LENGTH] };
        assert_eq!(judge(&music(), &silence, Strictness::CODEC), None);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        assert_eq!(percentile(&[3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(percentile(&[3.0, 1.0, 2.0], 0.99), 3.0);
        assert_eq!(percentile(&[], 0.5), 0.0);
    }
}
