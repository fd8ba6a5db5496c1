//! Recordings as stereo in memory, from FLAC or WAV and to WAV. Not a general audio library: 48 kHz stereo is all it is asked for.

use std::path::Path;

use crate::error::HostError;

/// A stereo recording, one vector for each side, of equal length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recording {
    /// Samples of each second.
    pub sample_rate_hz: u32,
    /// The left side, full scale is ±1.
    pub left: Vec<f32>,
    /// The right side.
    pub right: Vec<f32>,
}

impl Recording {
    /// Nothing yet, with room for `frames` sample frames.
    pub fn with_capacity(sample_rate_hz: u32, frames: usize) -> Self {
        Self { sample_rate_hz, left: Vec::with_capacity(frames), right: Vec::with_capacity(frames) }
    }

    /// Its length in sample frames.
    pub fn frames(&self) -> usize {
        self.left.len()
    }

    /// Reads a FLAC or WAV file, by its extension; a mono file gets two equal sides.
    pub fn read(path: &Path) -> Result<Self, HostError> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("flac") => read_flac(path),
            Some("wav") => read_wav(path),
            _ => Err(HostError::file(path, "not a .flac or .wav file")),
        }
    }

    /// Writes a WAV file of 32-bit floats, so that nothing is rounded.
    pub fn write_wav(&self, path: &Path) -> Result<(), HostError> {
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: self.sample_rate_hz,
            bits_per_sample: 32,
            sample_format: hound::SampleFormat::Float,
        };
        let failed = |error: hound::Error| HostError::file(path, error);
        let mut writer = hound::WavWriter::create(path, spec).map_err(failed)?;
        for (left, right) in self.left.iter().zip(&self.right) {
            writer.write_sample(*left).map_err(failed)?;
            writer.write_sample(*right).map_err(failed)?;
        }
        writer.finalize().map_err(failed)
    }

    /// The first `loop_frames` sample frames, again and again, until there are `frames`.
    pub fn looped(&self, loop_frames: usize, frames: usize) -> Self {
        let loop_frames = loop_frames.min(self.frames()).max(1);
        let turn = |side: &[f32]| side.iter().take(loop_frames).copied().cycle().take(frames).collect();
        Self { sample_rate_hz: self.sample_rate_hz, left: turn(&self.left), right: turn(&self.right) }
    }

    /// Both sides in one, at half level each.
    pub fn mono(&self) -> Vec<f32> {
        self.left.iter().zip(&self.right).map(|(left, right)| 0.5 * (left + right)).collect()
    }

    fn from_interleaved(sample_rate_hz: u32, channels: usize, samples: &[f32]) -> Self {
        let mut recording = Self::with_capacity(sample_rate_hz, samples.len() / channels.max(1));
        for frame in samples.chunks_exact(channels.max(1)) {
            recording.left.push(frame[0]);
            recording.right.push(frame[channels.min(2) - 1]);
        }
        recording
    }
}

fn read_flac(path: &Path) -> Result<Recording, HostError> {
    let failed = |error: claxon::Error| HostError::file(path, error);
    let mut reader = claxon::FlacReader::open(path).map_err(failed)?;
    let info = reader.streaminfo();
    let scale = 1.0 / (1_u64 << (info.bits_per_sample - 1)) as f32;
    let samples: Result<Vec<f32>, _> =
        reader.samples().map(|sample| sample.map(|value| value as f32 * scale)).collect();
    Ok(Recording::from_interleaved(info.sample_rate, info.channels as usize, &samples.map_err(failed)?))
}

fn read_wav(path: &Path) -> Result<Recording, HostError> {
    let failed = |error: hound::Error| HostError::file(path, error);
    let mut reader = hound::WavReader::open(path).map_err(failed)?;
    let spec = reader.spec();
    let samples: Result<Vec<f32>, _> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().collect(),
        hound::SampleFormat::Int => {
            let scale = 1.0 / (1_u64 << (spec.bits_per_sample - 1)) as f32;
            reader.samples::<i32>().map(|sample| sample.map(|value| value as f32 * scale)).collect()
        }
    };
    Ok(Recording::from_interleaved(spec.sample_rate, usize::from(spec.channels), &samples.map_err(failed)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_survives_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("take.wav");
        let take =
            Recording { sample_rate_hz: 48_000, left: vec![0.0, 0.5, -1.0], right: vec![0.25, 1e-9, 1.0] };
        take.write_wav(&path).unwrap();
        assert_eq!(Recording::read(&path).unwrap(), take);
    }

    #[test]
    fn both_parts_of_the_music_are_there_and_loud_enough() {
        for name in ["part-a.flac", "part-b.flac"] {
            let music =
                Recording::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("music").join(name)).unwrap();
            assert_eq!(music.sample_rate_hz, 48_000);
            assert!(music.frames() >= 21 * 48_000, "{name} is shorter than 21 s");
            let power =
                music.left.iter().take(20 * 48_000).map(|sample| sample * sample).sum::<f32>() / 960_000.0;
            assert!(power.sqrt() > 0.03, "{name} is too quiet to measure with");
        }
    }

    #[test]
    fn a_loop_begins_again_after_its_length() {
        let take =
            Recording { sample_rate_hz: 48_000, left: vec![1.0, 2.0, 3.0], right: vec![4.0, 5.0, 6.0] };
        assert_eq!(take.looped(2, 5).left, [1.0, 2.0, 1.0, 2.0, 1.0]);
    }
}
