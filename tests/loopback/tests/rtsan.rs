//! A session with people who come and go, under RealtimeSanitizer: `cargo xtask sanitize`. Without it, a stress.

use std::time::Duration;

use backline_client::{Command, Connection, Quality};
use backline_loopback::Rig;

#[test]
fn callbacks_stay_real_time_while_people_come_and_go() {
    let mut host = Rig::new(1);
    host.play(440.0);
    let link = host.host().unwrap();
    let mut steady = Rig::new(2);
    steady.play(330.0);
    steady.join(&link).unwrap();
    for (number, quality) in (3..).zip(Quality::ALL) {
        let mut guest = Rig::new(number);
        guest.play(220.0);
        guest.client.send(Command::SetQuality(quality));
        guest.join(&link).unwrap();
        host.wait(|snapshot| snapshot.participants == 3).unwrap();
        std::thread::sleep(Duration::from_millis(400));
        guest.client.send(Command::Leave);
        guest.wait(|snapshot| snapshot.connection == Connection::Idle).unwrap();
        host.wait(|snapshot| snapshot.participants == 2).unwrap();
    }
    // A device that changes while the session goes on: new rings, the old ones full.
    steady.stop();
    steady.play(330.0);
    std::thread::sleep(Duration::from_millis(500));
    let frames = [&host, &steady].map(|rig| rig.client.meters().frames());
    assert!(frames.iter().all(|frames| *frames > 10_000), "{frames:?}");
}
