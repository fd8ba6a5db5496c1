//! A sentence from a simple model of a voice: pulses of the vocal folds or noise, through three resonances that move from sound to
//! sound (D. H. Klatt, 1980, much reduced). It has what matters here: pitch that moves, onsets, hiss, pauses.

use super::Hiss;

const RATE_HZ: f64 = 48_000.0;
/// The resonances are set anew so often, in sample frames.
const CONTROL_FRAMES: usize = 48;
/// One sound passes into the next within this, in seconds.
const GLIDE_S: f64 = 0.03;

/// One sound of the sentence.
struct Phone {
    seconds: f64,
    /// Of the vocal folds at its end, in Hz.
    pitch_hz: f64,
    /// How much of the folds, and how much hiss, 0 to 1.
    voiced: f64,
    hissed: f64,
    /// Middles of the three resonances, in Hz.
    formants_hz: [f64; 3],
}

const fn phone(seconds: f64, pitch_hz: f64, voiced: f64, hissed: f64, formants_hz: [f64; 3]) -> Phone {
    Phone { seconds, pitch_hz, voiced, hissed, formants_hz }
}

/// "She was far away", and a breath.
const SENTENCE: [Phone; 13] = [
    phone(0.12, 120.0, 0.0, 0.5, [2_000.0, 3_200.0, 4_800.0]),
    phone(0.16, 135.0, 1.0, 0.0, [290.0, 2_250.0, 2_900.0]),
    phone(0.07, 130.0, 0.7, 0.0, [300.0, 700.0, 2_200.0]),
    phone(0.12, 125.0, 1.0, 0.0, [600.0, 1_200.0, 2_400.0]),
    phone(0.08, 120.0, 0.5, 0.3, [300.0, 1_600.0, 4_500.0]),
    phone(0.10, 120.0, 0.0, 0.35, [1_000.0, 3_500.0, 6_500.0]),
    phone(0.24, 130.0, 1.0, 0.0, [730.0, 1_090.0, 2_440.0]),
    phone(0.10, 122.0, 0.9, 0.0, [480.0, 1_350.0, 1_700.0]),
    phone(0.10, 118.0, 1.0, 0.0, [520.0, 1_200.0, 2_400.0]),
    phone(0.08, 120.0, 0.7, 0.0, [300.0, 650.0, 2_200.0]),
    phone(0.18, 115.0, 1.0, 0.0, [530.0, 1_850.0, 2_500.0]),
    phone(0.20, 90.0, 0.8, 0.0, [330.0, 2_150.0, 2_800.0]),
    phone(0.45, 90.0, 0.0, 0.0, [330.0, 2_150.0, 2_800.0]),
];
const BANDWIDTHS_HZ: [f64; 3] = [70.0, 110.0, 170.0];

/// The sentence at 48 kHz, full scale is ±1.
pub(super) fn sentence() -> Vec<f64> {
    let mut voice = Voice { hiss: Hiss::new(5), pulse: 0.0, before: 0.0, resonators: Default::default() };
    let mut samples = Vec::new();
    let mut from = &SENTENCE[SENTENCE.len() - 1];
    for to in &SENTENCE {
        let frames = (to.seconds * RATE_HZ) as usize;
        for at in 0..frames {
            if at % CONTROL_FRAMES == 0 {
                let share = (at as f64 / RATE_HZ / GLIDE_S).min(1.0);
                voice.tune(from, to, share);
            }
            let share = (at as f64 / RATE_HZ / GLIDE_S).min(1.0);
            let along = at as f64 / frames as f64;
            let pitch_hz = mixed(from.pitch_hz, to.pitch_hz, along);
            samples.push(voice.next(
                pitch_hz,
                mixed(from.voiced, to.voiced, share),
                mixed(from.hissed, to.hissed, share),
            ));
        }
        from = to;
    }
    let loudest = samples.iter().fold(1e-9_f64, |most, sample| most.max(sample.abs()));
    let mut room = Hiss::new(6);
    samples.into_iter().map(|sample| 0.6 * sample / loudest + room.next()).collect()
}

fn mixed(from: f64, to: f64, share: f64) -> f64 {
    from + share * (to - from)
}

struct Voice {
    hiss: Hiss,
    /// Where in the period of the folds, 0 to 1.
    pulse: f64,
    before: f64,
    resonators: [Resonator; 3],
}

impl Voice {
    fn tune(&mut self, from: &Phone, to: &Phone, share: f64) {
        for (index, resonator) in self.resonators.iter_mut().enumerate() {
            let middle_hz = mixed(from.formants_hz[index], to.formants_hz[index], share);
            resonator.tune(middle_hz, BANDWIDTHS_HZ[index]);
        }
    }

    fn next(&mut self, pitch_hz: f64, voiced: f64, hissed: f64) -> f64 {
        self.pulse = (self.pulse + pitch_hz / RATE_HZ).fract();
        // The folds open for 40 % of the period and close within 16 % of it (A. E. Rosenberg, 1971).
        let flow = match self.pulse {
            open if open < 0.4 => 0.5 - 0.5 * (std::f64::consts::PI * open / 0.4).cos(),
            closing if closing < 0.56 => (0.5 * std::f64::consts::PI * (closing - 0.4) / 0.16).cos(),
            _ => 0.0,
        };
        // The lips let through how the flow changes.
        let folds = (flow - self.before) * 12.0;
        self.before = flow;
        let source = voiced * folds + 0.25 * hissed * self.hiss.white();
        self.resonators
            .iter_mut()
            .enumerate()
            .map(|(index, one)| one.next(source) / (1.0 + index as f64))
            .sum()
    }
}

/// Two poles: a band around its middle, at unity there.
#[derive(Default)]
struct Resonator {
    gain: f64,
    feedback: [f64; 2],
    past: [f64; 2],
}

impl Resonator {
    fn tune(&mut self, middle_hz: f64, bandwidth_hz: f64) {
        let radius = (-std::f64::consts::PI * bandwidth_hz / RATE_HZ).exp();
        let angle = std::f64::consts::TAU * middle_hz / RATE_HZ;
        self.feedback = [2.0 * radius * angle.cos(), -radius * radius];
        self.gain = (1.0 - radius) * 2.0 * angle.sin();
    }

    fn next(&mut self, input: f64) -> f64 {
        let output = self.gain * input + self.feedback[0] * self.past[0] + self.feedback[1] * self.past[1];
        self.past = [output, self.past[0]];
        output
    }
}
