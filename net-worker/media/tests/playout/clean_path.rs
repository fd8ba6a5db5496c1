//! Without loss and without drift, PCM arrives bit for bit at a constant delay, whatever the block sizes.

use backline_codec::{Encoding, PcmFrame};
use backline_media::{Operation, SenderConfig};

use super::signal::{find, noise, render};
use super::world::{Outcome, Scenario, run};

const BLOCKS: [usize; 6] = [1, 17, 64, 480, 512, 8192];
const SECONDS: f64 = 6.0;

/// The delay in sample frames, after every sample from the end of the fade-in on was compared.
fn assert_bit_identical(outcome: &Outcome, sent: &[f32], what: &str) -> usize {
    let begins = outcome.first_sound() + 300;
    let heard = &outcome.heard[begins * 2..];
    let place = find(&heard[..128], sent).unwrap_or_else(|| panic!("{what}: what is heard was never sent"));
    let differs = heard.iter().zip(&sent[place * 2..]).position(|(heard, sent)| heard != sent);
    assert_eq!(differs, None, "{what}: differs {} s after the start", differs.unwrap_or(0) as f64 / 96_000.0);
    assert!(heard.len() / 2 > 3 * 48_000, "{what}: plays late");
    begins - place
}

fn all_block_sizes(encoding: Encoding) {
    let sent = render(noise, (SECONDS * 48_000.0) as usize + 8192);
    for sender_block in BLOCKS {
        for listener_block in BLOCKS {
            let config = SenderConfig::plain(encoding);
            let what = format!("{encoding}, blocks {sender_block} and {listener_block}");
            let outcome = run(Scenario {
                signal: noise,
                config,
                sender_block,
                listener_block,
                seconds: SECONDS,
                ..Scenario::default()
            });
            let delay = assert_bit_identical(&outcome, &sent, &what);
            let tally = outcome.stats.tally;
            assert_eq!(tally.frames(Operation::Conceal) + tally.frames(Operation::Merge), 0, "{what}");
            let expected = sender_block + listener_block + encoding.frame_frames() + 120 + 96 + 16;
            println!("{what}: {delay} sample frames (bound {expected})");
            // A host that begins with its first pull at 0.3 ms hears the sender's index 0 at the same time.
            assert!(delay <= expected + encoding.frame_frames(), "{what}: {delay} > {expected}");
        }
    }
}

#[test]
fn pcm_16_is_bit_identical_for_all_block_sizes() {
    all_block_sizes(Encoding::Pcm16 { frame: PcmFrame::F60 });
}

#[test]
fn pcm_24_is_bit_identical_for_all_block_sizes() {
    all_block_sizes(Encoding::Pcm24 { frame: PcmFrame::F120 });
}
