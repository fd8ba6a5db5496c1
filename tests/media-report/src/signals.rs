//! What is played to measure with: music, speech, a train of clicks. All at 48 kHz and on the 16-bit grid, so that PCM carries
//! them exactly; each is a loop without a seam.

mod speech;

use std::sync::Arc;

use backline_sim::signal::Signal;

/// The rhythm section of the piece that the demo plays.
const MUSIC: &[u8] = include_bytes!("../../hosts/music/part-a.flac");
/// Its nine bars at 100 beats a minute; then it dies away.
const MUSIC_FRAMES: usize = 1_036_800;
/// Over so many sample frames the end of the music passes into its beginning.
const SEAM_FRAMES: usize = 4_800;
/// From one click of the train to the next, in sample frames.
const CLICK_EVERY_FRAMES: usize = 12_000;
/// Half of a click's width at 0.6 of its height, in sample frames.
const CLICK_DEVIATION_FRAMES: f64 = 3.0;
const CLICK_HEIGHT: f64 = 0.5;

/// A stretch of sound that is played again and again.
#[derive(Debug, Clone)]
pub struct Loop {
    /// What the table calls it.
    pub name: &'static str,
    frames: Arc<Vec<[f32; 2]>>,
}

impl Loop {
    /// Its sample frames, 48 kHz, full scale is ±1.
    pub fn frames(&self) -> &[[f32; 2]] {
        &self.frames
    }

    /// What a musician plays: the loop from its `offset_frames`th sample frame on.
    pub fn signal(&self, offset_frames: usize) -> Signal {
        let frames = Arc::clone(&self.frames);
        let mut next = offset_frames;
        let mut expected = 0;
        Box::new(move |at| {
            // Asked for in order but for the beginning.
            if at != expected {
                next = offset_frames + (at % frames.len() as u64) as usize;
            }
            next %= frames.len();
            let frame = frames[next];
            (next, expected) = (next + 1, at + 1);
            frame
        })
    }

    /// The same, `gain` as loud, on the same grid.
    pub fn scaled(&self, gain: f64) -> Self {
        let louder = |frame: &[f32; 2]| frame.map(|sample| f64::from(sample) * gain);
        Self::new(self.name, self.frames.iter().map(louder).collect())
    }
}

/// Music: drums, bass and electric piano, 21.6 s.
///
/// # Errors
/// When the recording cannot be decoded.
pub fn music() -> Result<Loop, claxon::Error> {
    let mut reader = claxon::FlacReader::new(MUSIC)?;
    let scale = 1.0 / f64::from(1_u32 << (reader.streaminfo().bits_per_sample - 1));
    let samples: Result<Vec<i32>, claxon::Error> = reader.samples().collect();
    let mut frames: Vec<[f64; 2]> = samples?
        .chunks_exact(2)
        .map(|frame| [f64::from(frame[0]) * scale, f64::from(frame[1]) * scale])
        .collect();
    frames.truncate(MUSIC_FRAMES + SEAM_FRAMES);
    Ok(Loop::new("music", without_seam(&frames)))
}

/// Speech: a sentence that a simple model of a voice says.
pub fn speech() -> Loop {
    Loop::new("speech", speech::sentence().into_iter().map(|sample| [sample; 2]).collect())
}

/// Four soft-edged clicks a second, nothing but a little hiss between.
pub fn clicks() -> Loop {
    let frame = |at: usize| {
        let middle = (CLICK_EVERY_FRAMES / 2) as f64;
        let away = ((at % CLICK_EVERY_FRAMES) as f64 - middle) / CLICK_DEVIATION_FRAMES;
        CLICK_HEIGHT * (-0.5 * away * away).exp()
    };
    let mut hiss = Hiss::new(9);
    // As long as music, so that no two clicks have the same hiss for a while.
    Loop::new("clicks", (0..480_000).map(|at| [frame(at) + hiss.next(), frame(at) + hiss.next()]).collect())
}

impl Loop {
    fn new(name: &'static str, frames: Vec<[f64; 2]>) -> Self {
        let frames = frames.into_iter().map(|frame| frame.map(on_grid)).collect();
        Self { name, frames: Arc::new(frames) }
    }
}

/// The nearest value that 16 bits can say.
fn on_grid(sample: f64) -> f32 {
    ((sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) / 32_768.0) as f32
}

/// The end passes into the beginning, each at the power of what it was.
fn without_seam(frames: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let length = frames.len().saturating_sub(SEAM_FRAMES);
    let mut looped = frames[..length].to_vec();
    for (at, ends) in frames[length..].iter().enumerate().take(length) {
        let angle = std::f64::consts::FRAC_PI_2 * (at as f64 + 0.5) / SEAM_FRAMES as f64;
        let begins = looped[at];
        looped[at] = std::array::from_fn(|side| angle.sin() * begins[side] + angle.cos() * ends[side]);
    }
    looped
}

/// Noise of a bit or two: the room. No place is digital silence, and no two look the same.
struct Hiss(u32);

impl Hiss {
    fn new(seed: u32) -> Self {
        Self(seed | 1)
    }

    /// Anything within ±2 steps of 16 bits.
    fn next(&mut self) -> f64 {
        self.white() * 2.0 / 32_768.0
    }

    /// Anything from -1 to 1.
    fn white(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        f64::from(self.0) / f64::from(u32::MAX) * 2.0 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_on_the_grid_loud_enough_and_without_a_seam() {
        for sound in [music().unwrap(), speech(), clicks()] {
            let frames = sound.frames();
            let loudest = frames.iter().map(|frame| frame[0].abs()).fold(0.0, f32::max);
            assert!((0.2..0.99).contains(&loudest), "{}: {loudest}", sound.name);
            assert!(frames.iter().flatten().all(|sample| (sample * 32_768.0).fract() == 0.0));
            let step = (frames[0][0] - frames[frames.len() - 1][0]).abs();
            assert!(step < 0.02, "{}: a step of {step} at the seam", sound.name);
        }
    }

    #[test]
    fn speech_has_syllables_and_pauses() {
        let speech = speech();
        let levels: Vec<f32> = speech
            .frames()
            .chunks(480)
            .map(|part| part.iter().map(|frame| frame[0] * frame[0]).sum::<f32>() / 480.0)
            .collect();
        let loud = levels.iter().filter(|level| **level > 1e-3).count();
        let quiet = levels.iter().filter(|level| **level < 1e-6).count();
        assert!(loud > levels.len() / 3 && quiet > 20, "{loud} and {quiet} of {}", levels.len());
    }
}
