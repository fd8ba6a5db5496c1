//! A cable between a joiner and a host on loopback that can be pulled and plugged in again.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often its threads look whether they should end.
const LOOK: Duration = Duration::from_millis(20);

/// Passes datagrams on between one joiner at a time and a host.
pub struct Cable {
    near: SocketAddr,
    is_plugged: Arc<AtomicBool>,
    is_there: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Cable {
    /// To the host at this address; plugged in.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn new(host: SocketAddr) -> io::Result<Self> {
        let near = UdpSocket::bind("127.0.0.1:0")?;
        let far = UdpSocket::bind("127.0.0.1:0")?;
        far.connect(host)?;
        near.set_read_timeout(Some(LOOK))?;
        far.set_read_timeout(Some(LOOK))?;
        let address = near.local_addr()?;
        let (is_plugged, is_there) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(true)));
        let joiner = Arc::new(Mutex::new(None));
        let (near, far) = (Arc::new(near), Arc::new(far));
        let flags = || (Arc::clone(&is_plugged), Arc::clone(&is_there));
        let threads = vec![
            spawn_to_host(Arc::clone(&near), Arc::clone(&far), Arc::clone(&joiner), flags()),
            spawn_to_joiner(near, far, joiner, flags()),
        ];
        Ok(Self { near: address, is_plugged, is_there, threads })
    }

    /// Where the joiner finds the host.
    pub fn address(&self) -> SocketAddr {
        self.near
    }

    /// Pulls it, or plugs it in.
    pub fn plug(&self, is_plugged: bool) {
        self.is_plugged.store(is_plugged, Ordering::Relaxed);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.is_there.store(false, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A thread that panicked has failed the test already.
            let _ = thread.join();
        }
    }
}

/// Plugged in, and still there.
type Flags = (Arc<AtomicBool>, Arc<AtomicBool>);

fn spawn_to_host(
    near: Arc<UdpSocket>,
    far: Arc<UdpSocket>,
    joiner: Arc<Mutex<Option<SocketAddr>>>,
    (is_plugged, is_there): Flags,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 2_048];
        while is_there.load(Ordering::Relaxed) {
            let Ok((length, from)) = near.recv_from(&mut buffer) else { continue };
            *joiner.lock().unwrap_or_else(PoisonError::into_inner) = Some(from);
            if is_plugged.load(Ordering::Relaxed) {
                // What cannot be sent is lost, as on any network.
                let _ = far.send(&buffer[..length]);
            }
        }
    })
}

fn spawn_to_joiner(
    near: Arc<UdpSocket>,
    far: Arc<UdpSocket>,
    joiner: Arc<Mutex<Option<SocketAddr>>>,
    (is_plugged, is_there): Flags,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 2_048];
        while is_there.load(Ordering::Relaxed) {
            let Ok(length) = far.recv(&mut buffer) else { continue };
            let to = *joiner.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(to) = to.filter(|_| is_plugged.load(Ordering::Relaxed)) {
                let _ = near.send_to(&buffer[..length], to);
            }
        }
    })
}
