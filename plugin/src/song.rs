//! Where the host's song is, as hosts say it: made whole, or left out where it is no music.
//!
//! The step before is the framework's transport; the step after is `BlockControls`.

use backline_bridge::Transport;

/// What a host says at the beginning of a block; none where it tells no tempo or no place. Does not allocate. [audio-thread]
pub fn transport(of: &nice_plug::prelude::Transport) -> Option<Transport> {
    let (position, bpm) = (of.pos_beats()?, of.tempo?);
    let part = |number: Option<i32>| u8::try_from(number.unwrap_or(4)).ok();
    let meter = (part(of.time_sig_numerator)?, part(of.time_sig_denominator)?);
    let transport = Transport::new(position, of.bar_start_pos_beats().unwrap_or(0.0), bpm, meter)?;
    Some(if of.playing { transport.rolling(of.recording) } else { transport.standing() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> nice_plug::prelude::Transport {
        let mut host = nice_plug::prelude::Transport::new(48_000.0);
        (host.tempo, host.pos_beats) = (Some(90.0), Some(7.5));
        host
    }

    #[test]
    fn a_host_that_says_little_is_taken_at_its_word() {
        let transport = transport(&host()).unwrap();
        assert_eq!((transport.position_quarters(), transport.bpm(), transport.meter()), (7.5, 90.0, (4, 4)));
        assert!(!transport.is_rolling() && !transport.is_recording());
    }

    #[test]
    fn bars_begin_where_the_host_says() {
        let mut host = host();
        (host.time_sig_numerator, host.time_sig_denominator) = (Some(6), Some(8));
        (host.bar_start_pos_beats, host.playing, host.recording) = (Some(6.5), true, true);
        let transport = transport(&host).unwrap();
        assert_eq!((transport.bar_start_quarters(), transport.meter()), (6.5, (6, 8)));
        assert!(transport.is_rolling() && transport.is_recording());
    }

    #[test]
    fn what_is_no_music_is_left_out() {
        for (tempo, position, beats) in [
            (None, Some(0.0), 4),
            (Some(0.0), Some(0.0), 4),
            (Some(90.0), Some(f64::NAN), 4),
            (Some(90.0), Some(0.0), -3),
        ] {
            let mut host = host();
            (host.tempo, host.pos_beats, host.time_sig_numerator) = (tempo, position, Some(beats));
            assert_eq!(super::transport(&host), None);
        }
    }
}
