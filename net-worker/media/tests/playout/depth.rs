//! x
use super::world::*;
use backline_codec::*;
use backline_media::*;
#[test]
fn dbg() {
    let o = run(Scenario { sender_block: 8192, listener_block: 1, seconds: 4.0, config: SenderConfig{encoding: Encoding::Pcm24{frame: PcmFrame::F120}, redundancy: 0}, ..Scenario::default() });
    for p in o.pulls.iter().step_by(4000) { println!("{:.3} {:?} slack {:?} drift {} corr {} q {:?}", p.1, p.2.state, p.2.slack_ms, p.2.drift_ppm, p.2.correction_ppm, p.2.queued); }
}
