//! Samples that come from outside made harmless: what is not a number or absurdly loud never reaches a speaker or a codec.

/// Louder than this (+24 dBFS) is a fault of whoever made it.
pub(crate) const LOUDEST: f32 = 16.0;

/// Copies samples; not-a-number and infinity become 0, what is beyond ±[`LOUDEST`] is cut there, everything else passes bit for bit.
/// `from` and `to` have the same length. Returns how many samples were changed.
pub(crate) fn copy_harmless(from: &[f32], to: &mut [f32]) -> usize {
    let mut bad = 0_u32;
    for (out, sample) in to.iter_mut().zip(from) {
        let is_good = sample.abs() <= LOUDEST;
        bad += u32::from(!is_good);
        *out = if is_good { *sample } else { 0.0 };
    }
    if bad > 0 {
        cut_loud(from, to);
    }
    bad as usize
}

/// The rare second pass: finite samples that are too loud keep their sign.
#[cold]
fn cut_loud(from: &[f32], to: &mut [f32]) {
    for (out, sample) in to.iter_mut().zip(from) {
        if sample.is_finite() {
            *out = sample.clamp(-LOUDEST, LOUDEST);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn bad_samples_are_replaced_and_counted() {
        let from = [0.5, f32::NAN, f32::INFINITY, -1e30, f32::NEG_INFINITY, -0.25, 16.0, 1e-42];
        let mut to = [9.0; 8];
        assert_eq!(copy_harmless(&from, &mut to), 4);
        assert_eq!(to, [0.5, 0.0, 0.0, -16.0, 0.0, -0.25, 16.0, 1e-42]);
    }
}
