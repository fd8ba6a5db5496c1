//! What the plugin may ask of this host, and what it is told about it: callbacks, log, changed parameters, threads. Everything
//! is written down in one [`Record`], for tests to look at. Before this: [`super::ClapBundle::instance`].

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, ThreadId};

use clack_extensions::audio_ports::{AudioPortRescanFlags, HostAudioPorts, HostAudioPortsImpl};
use clack_extensions::log::{HostLog, HostLogImpl, LogSeverity};
use clack_extensions::params::{
    HostParams, HostParamsImplMainThread, HostParamsImplShared, ParamClearFlags, ParamRescanFlags,
};
use clack_extensions::state::{HostState, HostStateImpl};
use clack_extensions::thread_check::{HostThreadCheck, HostThreadCheckImpl};
use clack_host::prelude::*;

/// What a host does when the names of ports change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PortNames {
    /// It reads them again when it is told.
    #[default]
    Followed,
    /// It may be told of other changes of ports, but not of names.
    Refused,
    /// It cannot be told of ports at all.
    Unknown,
}

thread_local! {
    static IS_AUDIO_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Calls the plugin from what is the audio thread meanwhile.
pub(super) fn as_audio_thread<T>(call: impl FnOnce() -> T) -> T {
    IS_AUDIO_THREAD.set(true);
    let result = call();
    IS_AUDIO_THREAD.set(false);
    result
}

/// What an instance has asked for since it was made. [any-thread]
#[derive(Debug)]
pub struct Record {
    main_thread: ThreadId,
    port_names: PortNames,
    offers_extensions: bool,
    pub(super) is_active: AtomicBool,
    pub(super) callback: AtomicBool,
    complaints: AtomicU32,
    restarts: AtomicU32,
    rescanned: AtomicU32,
    ports_rescanned: AtomicU32,
    misplaced: AtomicBool,
}

impl Record {
    /// A record whose main thread is the calling one.
    pub(super) fn new(port_names: PortNames, offers_extensions: bool) -> Self {
        Self {
            main_thread: thread::current().id(),
            port_names,
            offers_extensions,
            is_active: AtomicBool::new(false),
            callback: AtomicBool::new(false),
            complaints: AtomicU32::new(0),
            restarts: AtomicU32::new(0),
            rescanned: AtomicU32::new(0),
            ports_rescanned: AtomicU32::new(0),
            misplaced: AtomicBool::new(false),
        }
    }

    /// Whether the plugin has logged misbehaviour of itself or of this host, or called on a thread or at a time where it must not.
    pub fn has_complaints(&self) -> bool {
        self.complaints.load(Ordering::Acquire) > 0 || self.misplaced.load(Ordering::Acquire)
    }

    /// How often the plugin asked to be deactivated and activated again.
    pub fn restarts(&self) -> u32 {
        self.restarts.load(Ordering::Acquire)
    }

    /// What of the parameters the plugin asked to have read again since the last call of this.
    pub fn take_rescanned(&self) -> ParamRescanFlags {
        ParamRescanFlags::from_bits_truncate(self.rescanned.swap(0, Ordering::AcqRel))
    }

    /// What of the audio ports the plugin asked to have read again since the last call of this.
    pub fn take_ports_rescanned(&self) -> AudioPortRescanFlags {
        AudioPortRescanFlags::from_bits_truncate(self.ports_rescanned.swap(0, Ordering::AcqRel))
    }

    /// Whether the plugin waits for a call on the main thread.
    pub fn is_callback_wanted(&self) -> bool {
        self.callback.load(Ordering::Acquire)
    }

    fn is_main_thread(&self) -> bool {
        thread::current().id() == self.main_thread
    }

    fn must_be_main_thread(&self) {
        self.must(self.is_main_thread());
    }

    fn must(&self, holds: bool) {
        if !holds {
            self.misplaced.store(true, Ordering::Release);
        }
    }

    fn is_active(&self) -> bool {
        self.is_active.load(Ordering::Acquire)
    }
}

/// What the plugin may ask of this host from any thread.
pub struct Requests(pub(super) Arc<Record>);

impl SharedHandler<'_> for Requests {
    fn request_restart(&self) {
        self.0.restarts.fetch_add(1, Ordering::AcqRel);
    }

    fn request_process(&self) {}

    fn request_callback(&self) {
        self.0.callback.store(true, Ordering::Release);
    }
}

impl HostLogImpl for Requests {
    fn log(&self, severity: LogSeverity, message: &str) {
        if matches!(
            severity,
            LogSeverity::PluginMisbehaving | LogSeverity::HostMisbehaving | LogSeverity::Fatal
        ) {
            self.0.complaints.fetch_add(1, Ordering::AcqRel);
        }
        eprintln!("plugin log, {severity}: {message}");
    }
}

impl HostParamsImplShared for Requests {
    fn request_flush(&self) {
        self.0.must(!IS_AUDIO_THREAD.get());
    }
}

impl HostThreadCheckImpl for Requests {
    fn is_main_thread(&self) -> bool {
        self.0.is_main_thread()
    }

    fn is_audio_thread(&self) -> bool {
        IS_AUDIO_THREAD.get()
    }
}

/// The main-thread side of this host: it has no project to mark and no controls to redraw.
pub struct Project(pub(super) Arc<Record>);

impl MainThreadHandler<'_> for Project {}

impl HostParamsImplMainThread for Project {
    fn rescan(&self, flags: ParamRescanFlags) {
        self.0.must_be_main_thread();
        self.0.must(!(self.0.is_active() && flags.contains(ParamRescanFlags::ALL)));
        self.0.rescanned.fetch_or(flags.bits(), Ordering::AcqRel);
    }

    fn clear(&self, _param_id: ClapId, _flags: ParamClearFlags) {
        self.0.must_be_main_thread();
    }
}

impl HostAudioPortsImpl for Project {
    fn is_rescan_flag_supported(&self, flag: AudioPortRescanFlags) -> bool {
        self.0.must_be_main_thread();
        (flag == AudioPortRescanFlags::NAMES) == (self.0.port_names == PortNames::Followed)
    }

    fn rescan(&self, flags: AudioPortRescanFlags) {
        if !self.is_rescan_flag_supported(flags) {
            self.0.complaints.fetch_add(1, Ordering::AcqRel);
        }
        self.0.must(!self.0.is_active() || flags == AudioPortRescanFlags::NAMES);
        self.0.ports_rescanned.fetch_or(flags.bits(), Ordering::AcqRel);
    }
}

impl HostStateImpl for Project {
    fn mark_dirty(&self) {
        self.0.must_be_main_thread();
    }
}

/// The types of this host, for clack.
pub struct TestHost;

impl HostHandlers for TestHost {
    type Shared<'a> = Requests;
    type MainThread<'a> = Project;
    type AudioProcessor<'a> = ();

    fn declare_extensions(builder: &mut HostExtensions<Self>, shared: &Requests) {
        if !shared.0.offers_extensions {
            return;
        }
        builder
            .register::<HostLog>()
            .register::<HostParams>()
            .register::<HostState>()
            .register::<HostThreadCheck>();
        if shared.0.port_names != PortNames::Unknown {
            builder.register::<HostAudioPorts>();
        }
    }
}
