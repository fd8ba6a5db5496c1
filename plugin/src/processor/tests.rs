//! Drives an instance as a host does, at every rate and block size, with the allocation guard on.
//! Real hosts are in `tests/hosts`.

use super::*;
use std::time::Duration;

use backline_bridge::Pace;
use backline_client::Connection;
use nice_assert_no_alloc::assert_no_alloc;
use nice_plug::midi::{Channel, Key, VoiceID};
use nice_plug::prelude::{BoolParam, Param};

const RATES_HZ: [f32; 6] = [44_100.0, 48_000.0, 88_200.0, 96_000.0, 176_400.0, 192_000.0];

/// A host with as many buses as it likes.
fn process(processor: &mut Processor, main: &mut [Vec<f32>], aux: &mut [Vec<Vec<f32>>]) {
    let mut main: Vec<&mut [f32]> = main.iter_mut().map(Vec::as_mut_slice).collect();
    let mut channels: Vec<Vec<&mut [f32]>> =
        aux.iter_mut().map(|bus| bus.iter_mut().map(Vec::as_mut_slice).collect()).collect();
    assert_no_alloc(|| {
        let mut buses: AuxBuses = [const { None }; AUX_BUSES];
        for (bus, channels) in buses.iter_mut().zip(&mut channels) {
            *bus = StereoBus::from_channels(channels);
        }
        processor.process(&mut main, buses, None);
    });
}

fn stereo(frames: usize, value: f32) -> Vec<Vec<f32>> {
    vec![vec![value; frames]; 2]
}

/// As a fader in an editor does.
fn monitor_at_unity(processor: &Processor) {
    let gain = &processor.params().monitor_gain;
    // SAFETY: the parameter lives in an `Arc` that `processor` holds.
    unsafe { gain.as_ptr()._internal_set_normalized_value(gain.preview_normalized(0.0)) };
}

#[test]
fn every_rate_and_block_size_processes_without_allocating() {
    for rate_hz in RATES_HZ {
        let mut processor = Processor::new(Kind::Track);
        processor.activate(2, rate_hz, 8192);
        processor.reset();
        monitor_at_unity(&processor);
        for frames in [1, 2, 17, 32, 63, 64, 480, 512, 1024, 4096, 8191, 8192, 1, 0, 20_000] {
            let mut main = stereo(frames, 0.25);
            process(&mut processor, &mut main, &mut []);
            assert!(main.iter().flatten().all(|sample| sample.is_finite() && sample.abs() <= 0.26));
        }
        assert_eq!(processor.client().snapshot().connection, Connection::Idle);
    }
}

fn switch(parameter: &BoolParam, on: bool) {
    // SAFETY: the parameter lives in an `Arc` that the caller's processor holds.
    unsafe { parameter.as_ptr()._internal_set_normalized_value(f32::from(u8::from(on))) };
}

/// Calls at the pace of real time, with a constant input, until what leaves for the network is as `wanted`.
fn send_until(processor: &mut Processor, wanted: impl Fn(f32) -> bool, why: &str) {
    let mut next = Instant::now();
    for _ in 0..1_000 {
        process(processor, &mut stereo(480, 0.5), &mut []);
        let meters = processor.client().meters();
        if meters.pace() == Pace::RealTime && wanted(meters.send().left) {
            return;
        }
        next = (next + Duration::from_millis(10)).max(Instant::now());
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    panic!("{why}: {:?}", processor.client().meters().send());
}

#[test]
fn with_talkback_nothing_is_sent_but_while_one_talks() {
    let mut processor = Processor::new(Kind::Track);
    processor.activate(2, 48_000.0, 480);
    let params = Arc::clone(processor.params());
    let (silent, full) = (|peak: f32| peak == 0.0, |peak: f32| peak > 0.49);
    send_until(&mut processor, full, "talkback is off at first");
    switch(&params.talkback, true);
    send_until(&mut processor, silent, "nobody talks");
    switch(&params.talk, true);
    send_until(&mut processor, full, "one talks");
    switch(&params.send_mute, true);
    send_until(&mut processor, silent, "mute holds also then");
    switch(&params.send_mute, false);
    switch(&params.talk, false);
    send_until(&mut processor, silent, "one has talked");
    let (timing, voice_id, channel, key) = (0, VoiceID::Wildcard, Channel::Number(9), Key::Number(0));
    let velocity = 0.5;
    assert_no_alloc(|| {
        processor.note(&NoteEvent::<()>::NoteOn { timing, voice_id, channel, key, velocity });
    });
    send_until(&mut processor, full, "a key is held");
    processor.note(&NoteEvent::<()>::NoteOff { timing, voice_id, channel, key, velocity });
    send_until(&mut processor, silent, "and let go");
    processor.note(&NoteEvent::<()>::NoteOn { timing, voice_id, channel, key, velocity });
    processor.reset();
    send_until(&mut processor, silent, "a key that was forgotten by the host");
    switch(&params.talkback, false);
    send_until(&mut processor, full, "and Talk has no meaning any more");
}

#[test]
fn the_monitor_passes_at_unity_once_the_ramps_have_settled() {
    let mut processor = Processor::new(Kind::Track);
    monitor_at_unity(&processor);
    processor.activate(2, 48_000.0, 512);
    for _ in 0..100 {
        process(&mut processor, &mut stereo(512, 0.5), &mut []);
    }
    let mut main = stereo(512, 0.123_456_79);
    process(&mut processor, &mut main, &mut []);
    assert_eq!(main, stereo(512, 0.123_456_79), "bit for bit");
}

#[test]
fn mono_in_reaches_both_sides() {
    let mut processor = Processor::new(Kind::Track);
    monitor_at_unity(&processor);
    processor.activate(1, 48_000.0, 512);
    let mut main = Vec::new();
    for _ in 0..100 {
        main = vec![vec![0.5; 512], vec![0.0; 512]];
        process(&mut processor, &mut main, &mut []);
    }
    assert_eq!(main[0], main[1]);
    assert_eq!(main[0][511], 0.5);
    processor.activate(1, 48_000.0, 512);
    let mut mono = vec![vec![0.5; 512]];
    process(&mut processor, &mut mono, &mut []);
    assert!(mono[0][511] > 0.49);
}

#[test]
fn auxiliary_outputs_are_overwritten_whatever_their_shape() {
    let mut processor = Processor::new(Kind::Multi);
    processor.activate(2, 48_000.0, 64);
    let mut aux = vec![stereo(64, 9.0), vec![], stereo(64, 9.0), stereo(64, 9.0)];
    process(&mut processor, &mut stereo(64, 0.1), &mut aux);
    assert!(aux.iter().flatten().flatten().all(|sample| *sample == 0.0));
}

#[test]
fn calls_in_any_order_are_harmless() {
    let mut processor = Processor::new(Kind::Track);
    processor.reset();
    processor.deactivate();
    process(&mut processor, &mut stereo(64, 0.5), &mut []);
    for (rate_hz, block) in
        [(48_000.0, 64), (48_000.0, 64), (44_100.0, 64), (44_100.0, 1), (192_000.0, 8192_usize)]
    {
        processor.activate(2, rate_hz, block);
        processor.activate(2, rate_hz, block);
        assert_no_alloc(|| processor.reset());
        process(&mut processor, &mut stereo(block, 0.5), &mut []);
    }
    processor.deactivate();
    processor.deactivate();
    process(&mut processor, &mut stereo(64, 0.5), &mut []);
}

#[test]
fn a_rate_beyond_reach_passes_the_track_and_says_so() {
    let mut processor = Processor::new(Kind::Multi);
    processor.activate(2, 8_000.0, 64);
    let (mut main, mut aux) = (stereo(64, 0.5), vec![stereo(64, 9.0)]);
    process(&mut processor, &mut main, &mut aux);
    assert_eq!(main, stereo(64, 0.5));
    assert_eq!(aux[0], stereo(64, 0.0));
    let snapshot = processor.client().snapshot();
    assert!(snapshot.notices.iter().any(|notice| notice.text.contains("8000 Hz")));
    processor.activate(2, 48_000.0, 64);
    process(&mut processor, &mut stereo(64, 0.5), &mut []);
}

#[test]
fn fifty_instances_live_and_die_together() {
    let mut processors: Vec<Processor> = (0..50).map(|_| Processor::new(Kind::Track)).collect();
    for processor in &mut processors {
        processor.activate(2, 48_000.0, 64);
        process(processor, &mut stereo(64, 0.5), &mut []);
    }
    processors.truncate(10);
    processors.iter_mut().for_each(|processor| process(processor, &mut stereo(64, 0.5), &mut []));
}

/// What the host left in the buffers of an instrument is no input; bypassed or not.
#[test]
fn a_return_overwrites_what_is_in_the_buffers() {
    let mut processor = Processor::new(Kind::Return);
    processor.activate(0, 8_000.0, 64);
    let mut main = stereo(64, 0.7);
    process(&mut processor, &mut main, &mut []);
    assert_eq!(main, stereo(64, 0.0), "also at a rate that is none");
    processor.activate(0, 48_000.0, 64);
    for turn in 0..100 {
        // SAFETY: the parameter lives as long as the processor.
        unsafe { processor.params().bypass.as_ptr()._internal_set_normalized_value(f32::from(turn > 50)) };
        let mut main = stereo(64, 0.7);
        process(&mut processor, &mut main, &mut []);
        assert_eq!(main, stereo(64, 0.0));
    }
}
