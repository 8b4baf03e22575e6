//! What the crate tells through `tracing`, on its way to a JavaScript logger. Off until somebody subscribes; then each record goes
//! through a bounded queue into a threadsafe function that keeps nobody alive. Nothing here waits: records that find the queue
//! full are dropped and counted.

use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Once, RwLock};

use crossbeam_channel::{Receiver, Sender, bounded};
use napi::bindgen_prelude::*;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, set_global_default};
use tracing::{Event, Level, Metadata, Subscriber};

/// Records that wait for the JavaScript thread.
const CAPACITY: usize = 1024;

/// One record: level (0 debug, 1 info, 2 warn, 3 error), where it comes from, what it says, and its fields as text.
#[napi(object, object_from_js = false)]
pub struct NativeLogRecord {
    pub level: u32,
    pub target: String,
    pub message: String,
    pub fields: Vec<Vec<String>>,
}

/// What has gathered since the last call.
#[napi(object, object_from_js = false)]
pub struct NativeLogs {
    pub records: Vec<NativeLogRecord>,
    /// Records that found the queue full.
    pub dropped: f64,
}

type Wake = ThreadsafeFunction<Arc<Pipe>, (), NativeLogs, Status, false, true>;

/// The way from any thread to one JavaScript thread.
struct Pipe {
    level: LevelFilter,
    sender: Sender<NativeLogRecord>,
    receiver: Receiver<NativeLogRecord>,
    dropped: AtomicU64,
    /// Whether a call is under way that will take what is in the queue.
    is_waking: AtomicBool,
}

impl Pipe {
    fn new(level: LevelFilter) -> Self {
        let (sender, receiver) = bounded(CAPACITY);
        Self {
            level,
            sender,
            receiver,
            dropped: AtomicU64::new(0),
            is_waking: AtomicBool::new(false),
        }
    }

    /// Puts a record into the queue; true if the JavaScript thread has to be woken.
    fn put(&self, record: NativeLogRecord) -> bool {
        if self.sender.try_send(record).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        !self.is_waking.swap(true, Ordering::AcqRel)
    }

    fn take(&self) -> NativeLogs {
        // First the flag: what comes from here on wakes again.
        self.is_waking.store(false, Ordering::Release);
        NativeLogs {
            records: self.receiver.try_iter().take(CAPACITY).collect(),
            dropped: self.dropped.swap(0, Ordering::Relaxed) as f64,
        }
    }
}

struct Listener {
    pipe: Arc<Pipe>,
    wake: Wake,
}

static LISTENERS: RwLock<Vec<Arc<Listener>>> = RwLock::new(Vec::new());

/// Hands events to all listeners. Spans are not used in this crate.
struct Forwarder;

impl Subscriber for Forwarder {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match LevelFilter::from(*metadata.level()) <= max_level() {
            true => Interest::always(),
            false => Interest::never(),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(max_level())
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        LevelFilter::from(*metadata.level()) <= max_level()
    }

    fn event(&self, event: &Event<'_>) {
        // Who changes the listeners waits for nobody either, so a log is lost at most while somebody comes or goes.
        let Ok(listeners) = LISTENERS.try_read() else {
            return;
        };
        for listener in listeners.iter() {
            if LevelFilter::from(*event.metadata().level()) > listener.pipe.level {
                continue;
            }
            if listener.pipe.put(record_of(event)) {
                let pipe = Arc::clone(&listener.pipe);
                listener
                    .wake
                    .call(pipe, ThreadsafeFunctionCallMode::NonBlocking);
            }
        }
    }

    fn new_span(&self, _attributes: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

fn max_level() -> LevelFilter {
    LISTENERS.read().map_or(LevelFilter::OFF, |listeners| {
        let levels = listeners.iter().map(|listener| listener.pipe.level);
        levels.max().unwrap_or(LevelFilter::OFF)
    })
}

#[derive(Default)]
struct Fields {
    message: String,
    fields: Vec<Vec<String>>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = String::new();
        // Writing into a string fails only if the value's own `Debug` does.
        let _ = write!(text, "{value:?}");
        self.put(field, text);
    }
}

impl Fields {
    fn put(&mut self, field: &Field, text: String) {
        match field.name() {
            "message" => self.message = text,
            name => self.fields.push(vec![name.to_owned(), text]),
        }
    }
}

fn record_of(event: &Event<'_>) -> NativeLogRecord {
    let mut fields = Fields::default();
    event.record(&mut fields);
    NativeLogRecord {
        level: match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 2,
            Level::INFO => 1,
            Level::DEBUG | Level::TRACE => 0,
        },
        target: event.metadata().target().to_owned(),
        message: fields.message,
        fields: fields.fields,
    }
}

fn filter_of(level: u32) -> LevelFilter {
    match level {
        0 => LevelFilter::DEBUG,
        1 => LevelFilter::INFO,
        2 => LevelFilter::WARN,
        _ => LevelFilter::ERROR,
    }
}

fn change_listeners(change: impl FnOnce(&mut Vec<Arc<Listener>>)) {
    if let Ok(mut listeners) = LISTENERS.write() {
        change(&mut listeners);
    }
    // Call sites remember whether anybody listens.
    tracing::callsite::rebuild_interest_cache();
}

/// A subscription to the crate's logs.
#[napi]
pub struct LogSubscription {
    listener: Option<Arc<Listener>>,
}

#[napi]
impl LogSubscription {
    /// Ends it. May be called again.
    #[napi]
    pub fn close(&mut self) {
        if let Some(own) = self.listener.take() {
            change_listeners(|listeners| listeners.retain(|other| !Arc::ptr_eq(other, &own)));
        }
    }
}

/// Calls `on_logs` with what the crate tells from `level` on, in batches, until the subscription is closed or its JavaScript
/// environment ends. Keeps no process alive.
#[napi]
pub fn subscribe_logs(
    env: Env,
    level: u32,
    on_logs: Function<'_, NativeLogs, ()>,
) -> Result<LogSubscription> {
    static INSTALL: Once = Once::new();
    // A host that has its own subscriber in this library does not exist; if it did, ours would hear nothing.
    INSTALL.call_once(|| drop(set_global_default(Forwarder)));
    let wake = on_logs
        .build_threadsafe_function::<Arc<Pipe>>()
        .weak::<true>()
        .build_callback(|context| Ok(context.value.take()))?;
    let pipe = Arc::new(Pipe::new(filter_of(level)));
    let listener = Arc::new(Listener { pipe, wake });
    let held = Arc::downgrade(&listener);
    env.add_env_cleanup_hook(held, |held| {
        if let Some(gone) = held.upgrade() {
            change_listeners(|listeners| listeners.retain(|other| !Arc::ptr_eq(other, &gone)));
        }
    })?;
    change_listeners(|listeners| listeners.push(Arc::clone(&listener)));
    Ok(LogSubscription {
        listener: Some(listener),
    })
}
