//! What musicians play here: signals that can be told apart and checked sample by sample.

/// One sample frame for each index since the card started.
pub type Signal = Box<dyn FnMut(u64) -> [f32; 2]>;

/// Nothing.
pub fn silence() -> Signal {
    Box::new(|_| [0.0; 2])
}

/// Noise on the 16-bit grid, different on both sides: PCM carries it exactly, and no two places look the same.
pub fn grid_noise(seed: u32) -> Signal {
    let mut state = seed | 1;
    Box::new(move |_| {
        std::array::from_fn(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            // Half scale, so that no clipping is near; never zero, so that silence can be told from it.
            let value = (state >> 17) as i32 - 16_384;
            (if value == 0 { 1 } else { value }) as f32 / 32_768.0
        })
    })
}

/// One sample frame of full scale at `at`, silence elsewhere.
pub fn click(at: u64) -> Signal {
    Box::new(move |frame| if frame == at { [0.5; 2] } else { [0.0; 2] })
}

/// A sine on both sides, `amplitude` high.
pub fn sine(frequency_hz: f64, rate_hz: f64, amplitude: f64) -> Signal {
    Box::new(move |frame| {
        let phase = std::f64::consts::TAU * frequency_hz * frame as f64 / rate_hz;
        [(amplitude * phase.sin()) as f32; 2]
    })
}

/// Three sines that share no period: a click anywhere stands out of its second difference.
pub fn chord(rate_hz: f64) -> Signal {
    Box::new(move |frame| {
        let at = std::f64::consts::TAU * frame as f64 / rate_hz;
        let value = 0.2 * (at * 220.0).sin() + 0.15 * (at * 331.7).sin() + 0.1 * (at * 997.3).sin();
        [value as f32; 2]
    })
}
