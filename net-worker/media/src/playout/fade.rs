//! A gain that moves between silence and exactly 1 along a smooth curve, for beginnings and ends.

use backline_audio::CHANNELS;

/// Fades in and out; at rest it leaves samples untouched, or makes them exactly 0.
#[derive(Debug, Clone)]
pub struct Fade {
    level: f32,
    step: f32,
}

impl Fade {
    /// At silence.
    pub fn silent() -> Self {
        Self { level: 0.0, step: 0.0 }
    }

    /// Heads for 1; from silence it takes `frames`.
    pub fn open(&mut self, frames: u32) {
        self.step = 1.0 / frames as f32;
    }

    /// Heads for silence; from 1 it takes `frames`.
    pub fn close(&mut self, frames: u32) {
        self.step = -1.0 / frames as f32;
    }

    /// Whether it rests at silence.
    pub fn is_silent(&self) -> bool {
        self.level <= 0.0 && self.step <= 0.0
    }

    /// Applies the gain to interleaved samples.
    pub fn apply(&mut self, samples: &mut [f32]) {
        if self.level >= 1.0 && self.step >= 0.0 {
            return;
        }
        for frame in samples.chunks_exact_mut(CHANNELS) {
            self.level = at_rest(self.level + self.step);
            let gain = smooth(self.level);
            frame.iter_mut().for_each(|sample| *sample *= gain);
        }
    }
}

/// Within the limits, and exactly on them in spite of rounding.
fn at_rest(level: f32) -> f32 {
    match level {
        low if low < 1e-4 => 0.0,
        high if high > 1.0 - 1e-4 => 1.0,
        between => between,
    }
}

/// 0 at 0, 1 at 1, level at both ends: a bend in the gain would be heard as a click.
pub fn smooth(level: f32) -> f32 {
    level * level * (3.0 - 2.0 * level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_exact() {
        let mut fade = Fade::silent();
        let mut samples = vec![0.7; 480];
        fade.open(240);
        fade.apply(&mut samples);
        fade.apply(&mut samples[..2]);
        assert_eq!(samples[478], 0.7);
        fade.close(240);
        fade.apply(&mut samples);
        assert!(fade.is_silent());
        assert_eq!(samples[479], 0.0);
    }
}
