//! The store against a model, with crashes of the machine at every write: a layer between SQLite and the disk records what is
//! written and when it is synced; a crash keeps what was synced, and of the rest any subset, torn at sectors.
//!
//! `KODUS_FLOW_CRASH_RUNS=200 cargo test --features journal --test journal_crash` looks longer; seeds are printed.
#![cfg(all(feature = "journal", unix))]

use kodus_flow_runtime::journal::{
    Content, Frame, Group, Journal, Options, SqliteStore, Store, SyncMode,
};
use rusqlite::ffi;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once};

const SECTOR: usize = 512;
const CRASHES_A_RUN: usize = 12;

// ── What is written ─────────────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Clone)]
enum Disk {
    Write {
        file: String,
        at: usize,
        data: Vec<u8>,
    },
    Truncate {
        file: String,
        size: usize,
    },
    Sync {
        file: String,
    },
    Delete {
        file: String,
    },
}

static RECORD: Mutex<Option<Vec<Disk>>> = Mutex::new(None);

fn record(entry: Disk) {
    if let Some(entries) = RECORD.lock().unwrap().as_mut() {
        entries.push(entry);
    }
}

/// A file of ours: SQLite sees the first member, the real file lies behind the struct.
#[repr(C)]
struct Shim {
    base: ffi::sqlite3_file,
    /// Leaked: a test opens few files.
    name: *const String,
}

static mut REAL: *mut ffi::sqlite3_vfs = std::ptr::null_mut();

fn real_vfs() -> *mut ffi::sqlite3_vfs {
    // SAFETY: written once, before the shim is registered, and only read afterwards.
    unsafe { REAL }
}

/// SAFETY: `file` is a `Shim` that `open` has filled; the real file was given the memory behind it.
unsafe fn real(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: the caller's promise, above.
    unsafe { file.cast::<u8>().add(size_of::<Shim>()).cast() }
}

unsafe fn name_of(file: *mut ffi::sqlite3_file) -> String {
    // SAFETY: see `real`; the name lives as long as the process.
    unsafe { (*(*file.cast::<Shim>()).name).clone() }
}

/// Hands a call on to the real file.
macro_rules! forward {
    ($name:ident, $method:ident $(, $arg:ident: $ty:ty)*) => {
        unsafe extern "C" fn $name(file: *mut ffi::sqlite3_file $(, $arg: $ty)*) -> c_int {
            // SAFETY: SQLite calls methods of an open file only; the real one has all methods of version 2.
            unsafe {
                let file = real(file);
                ((*(*file).pMethods).$method.unwrap())(file $(, $arg)*)
            }
        }
    };
}

forward!(close, xClose);
forward!(read, xRead, buffer: *mut c_void, amount: c_int, at: i64);
forward!(real_write, xWrite, buffer: *const c_void, amount: c_int, at: i64);
forward!(real_truncate, xTruncate, size: i64);
forward!(file_size, xFileSize, size: *mut i64);
forward!(lock, xLock, level: c_int);
forward!(unlock, xUnlock, level: c_int);
forward!(check_reserved, xCheckReservedLock, out: *mut c_int);
forward!(control, xFileControl, op: c_int, argument: *mut c_void);
forward!(sector_size, xSectorSize);
forward!(shm_map, xShmMap, page: c_int, size: c_int, extend: c_int, out: *mut *mut c_void);
forward!(shm_lock, xShmLock, offset: c_int, count: c_int, flags: c_int);
forward!(shm_unmap, xShmUnmap, delete: c_int);

/// No promises about the device: SQLite must not count on whole sectors or on order.
unsafe extern "C" fn characteristics(_file: *mut ffi::sqlite3_file) -> c_int {
    0
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: as in `forward!`.
    unsafe {
        let file = real(file);
        ((*(*file).pMethods).xShmBarrier.unwrap())(file);
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    amount: c_int,
    at: i64,
) -> c_int {
    // SAFETY: SQLite gives `amount` readable bytes.
    let data = unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), amount as usize) }.to_vec();
    // SAFETY: an open file of ours.
    let file_name = unsafe { name_of(file) };
    record(Disk::Write {
        file: file_name,
        at: at as usize,
        data,
    });
    // SAFETY: handed on as it came.
    unsafe { real_write(file, buffer, amount, at) }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    // SAFETY: an open file of ours.
    let file_name = unsafe { name_of(file) };
    record(Disk::Truncate {
        file: file_name,
        size: size as usize,
    });
    // SAFETY: handed on as it came.
    unsafe { real_truncate(file, size) }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: an open file of ours.
    let file_name = unsafe { name_of(file) };
    // The machine never really crashes here, so nothing need be synced: the record says what would have been.
    record(Disk::Sync { file: file_name });
    ffi::SQLITE_OK
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

unsafe extern "C" fn open(
    _vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives memory of `szOsFile` bytes, which is what `register` has asked for; the name is a C string or null.
    unsafe {
        let shim = file.cast::<Shim>();
        let text = if name.is_null() {
            String::new()
        } else {
            CStr::from_ptr(name).to_string_lossy().into_owned()
        };
        let code = ((*real_vfs()).xOpen.unwrap())(real_vfs(), name, real(file), flags, out);
        (*shim).name = Box::into_raw(Box::new(text));
        (*shim).base.pMethods = if code == ffi::SQLITE_OK {
            &raw const METHODS
        } else {
            std::ptr::null()
        };
        code
    }
}

unsafe extern "C" fn delete(
    _vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_directory: c_int,
) -> c_int {
    // SAFETY: a C string of SQLite's, handed on as it came.
    unsafe {
        let file = CStr::from_ptr(name).to_string_lossy().into_owned();
        record(Disk::Delete { file });
        ((*real_vfs()).xDelete.unwrap())(real_vfs(), name, sync_directory)
    }
}

/// From now on every connection of this process goes through the shim. One test at a time: there is one record.
fn recording() -> MutexGuard<'static, ()> {
    static REGISTERED: Once = Once::new();
    static ONE: Mutex<()> = Mutex::new(());
    REGISTERED.call_once(register);
    ONE.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn register() {
    // SAFETY: called once, before any connection is opened; the copy lives as long as the process.
    unsafe {
        ffi::sqlite3_initialize();
        REAL = ffi::sqlite3_vfs_find(std::ptr::null());
        let mut vfs = *REAL;
        vfs.zName = c"recording".as_ptr();
        vfs.szOsFile += size_of::<Shim>() as c_int;
        vfs.pNext = std::ptr::null_mut();
        vfs.xOpen = Some(open);
        vfs.xDelete = Some(delete);
        assert_eq!(
            ffi::sqlite3_vfs_register(Box::into_raw(Box::new(vfs)), 1),
            ffi::SQLITE_OK
        );
    }
}

// ── What is there after a crash ─────────────────────────────────────────────────────────────────────────

/// A file, and what was written to it since it was last synced.
#[derive(Default, Clone)]
struct FileState {
    synced: Vec<u8>,
    unsynced: Vec<Disk>,
}

impl FileState {
    fn settle(&mut self) {
        for entry in std::mem::take(&mut self.unsynced) {
            apply(&mut self.synced, &entry, |_| true);
        }
    }

    /// Any subset of the sectors that were written since the last sync has reached the disk.
    fn crash(mut self, rng: &mut Rng) -> Vec<u8> {
        let keeps = rng.below(4);
        for entry in std::mem::take(&mut self.unsynced) {
            apply(&mut self.synced, &entry, |_| match keeps {
                0 => false,
                1 => true,
                _ => rng.below(2) == 0,
            });
        }
        self.synced
    }
}

fn apply(image: &mut Vec<u8>, entry: &Disk, mut reaches: impl FnMut(usize) -> bool) {
    match entry {
        Disk::Write { at, data, .. } => {
            let mut from = 0;
            while from < data.len() {
                let sector_end = (at + from) / SECTOR * SECTOR + SECTOR - at;
                let to = sector_end.min(data.len());
                if reaches(at + from) {
                    if image.len() < at + to {
                        image.resize(at + to, 0);
                    }
                    image[at + from..at + to].copy_from_slice(&data[from..to]);
                }
                from = to;
            }
        }
        Disk::Truncate { size, .. } if reaches(*size) => image.resize(*size, 0),
        _ => {}
    }
}

/// The files as they may be after a crash behind the first `count` entries.
fn crashed(entries: &[Disk], count: usize, rng: &mut Rng) -> BTreeMap<String, Vec<u8>> {
    let mut files: BTreeMap<String, FileState> = BTreeMap::new();
    for entry in &entries[..count] {
        match entry {
            Disk::Write { file, .. } | Disk::Truncate { file, .. } => {
                files
                    .entry(file.clone())
                    .or_default()
                    .unsynced
                    .push(entry.clone());
            }
            Disk::Sync { file } => files.entry(file.clone()).or_default().settle(),
            Disk::Delete { file } => {
                files.remove(file);
            }
        }
    }
    files
        .into_iter()
        .map(|(name, state)| (name, state.crash(rng)))
        .collect()
}

// ── The model ───────────────────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    /// Attempts by number.
    pending: BTreeMap<i64, i64>,
    letters: BTreeSet<String>,
    keys: BTreeMap<String, &'static str>,
    state: BTreeMap<String, String>,
    /// Events that have ended and are kept: whether they have been processed, and how often they were delivered.
    kept: BTreeMap<i64, (bool, i64)>,
    /// Pending ones that have been marked as processed.
    marked: BTreeSet<i64>,
    /// Kept events that retention has taken, and that were forgotten on demand.
    dropped: u64,
    forgotten: u64,
    plan: Plan,
}

/// What the model needs to go on, and a store does not tell.
#[derive(Debug, Clone, Default, PartialEq)]
struct Plan {
    next: i64,
    keeps_events: bool,
}

/// Kept events that stay, in the runs where that is bounded.
const RETAINED: usize = 12;

struct Rng(u64);

impl Rng {
    fn below(&mut self, bound: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

impl Model {
    /// A random operation and its effect.
    fn step(&mut self, rng: &mut Rng, content: &mut Content) {
        if rng.below(6) == 0 {
            return self.burst(rng, content);
        }
        content.numbers.push(LINE);
        let line = self.line(rng);
        content.text.push_str(&line);
    }

    /// Events of the emitter, most often enough of them for a segment.
    fn burst(&mut self, rng: &mut Rng, content: &mut Content) {
        for _ in 0..4 + rng.below(30) {
            self.plan.next += 1;
            let seq = self.plan.next;
            self.pending.insert(seq, 0);
            content.numbers.push(CALLS);
            content.text.push_str(&format!("id-{}\n", seq / 100));
            if is_remembered(seq) || rng.below(3) == 0 {
                let flags = if is_remembered(seq) { 4.0 } else { 0.0 };
                let numbers = [
                    EVENT,
                    seq as f64,
                    flags,
                    seq as f64,
                    0.0,
                    place(seq),
                    0.0,
                    0.0,
                ];
                content.numbers.extend(numbers);
                content
                    .numbers
                    .extend([rng.below(2) as f64, rng.below(2) as f64]);
            } else {
                let numbers = [OWN, seq as f64, 0.0, seq as f64, place(seq), 0.0, 0.0];
                content.numbers.extend(numbers);
            }
            let pad = "p".repeat(rng.below(600) as usize);
            content
                .text
                .push_str(&format!("\"{pad}{}\"\n", rng.below(1000)));
            content
                .text
                .push_str(if is_remembered(seq) { "\n" } else { "" });
        }
    }

    /// A random operation as a line, and its effect.
    fn line(&mut self, rng: &mut Rng) -> String {
        let pick = (self.pending.len() as u64).max(1);
        let known = self.pending.keys().nth(rng.below(pick) as usize).copied();
        if self.plan.keeps_events && rng.below(3) == 0 {
            return self.kept_line(rng);
        }
        match (rng.below(10), known) {
            (0..=2, Some(seq)) => {
                let processed = rng.below(2) == 1;
                self.end(seq, Some("done"), processed);
                format!("D\u{1f}{seq}\u{1f}{}\u{1f}1\n", u8::from(processed))
            }
            (3, Some(seq)) => {
                let attempts = self.pending[&seq] + 1;
                self.pending.insert(seq, attempts);
                format!("R\u{1f}{seq}\u{1f}{attempts}\u{1f}5\u{1f}\n")
            }
            (4, Some(seq)) => {
                self.end(seq, Some("dead"), false);
                let id = id_of(seq);
                let line =
                    format!("L\u{1f}{id}\u{1f}{seq}\u{1f}1\u{1f}\u{1f}{{\"id\":\"{id}\"}}\n");
                self.letters.insert(id);
                line
            }
            (5, _) => {
                let value = rng.below(100).to_string();
                let line = format!("V\u{1f}name\u{1f}{value}\n");
                self.state.insert("name".into(), value);
                line
            }
            (6, Some(seq)) => {
                self.end(seq, None, false);
                format!("G\u{1f}{seq}\u{1f}1\n")
            }
            _ => {
                let flags = if is_remembered(self.plan.next + 1) {
                    4
                } else {
                    0
                };
                let (seq, line) = self.accept(flags, rng);
                self.pending.insert(seq, 0);
                line
            }
        }
    }

    fn accept(&mut self, flags: u32, rng: &mut Rng) -> (i64, String) {
        self.plan.next += 1;
        let seq = self.plan.next;
        let id = id_of(seq);
        let pad = "p".repeat(rng.below(1500) as usize);
        let line = format!(
            "A\u{1f}{seq}\u{1f}{flags}\u{1f}{seq}\u{1f}0\u{1f}{id}\u{1f}t\u{1f}\u{1f}\u{1f}\"{pad}\"\n"
        );
        (seq, line)
    }

    /// What is done with events that are kept.
    fn kept_line(&mut self, rng: &mut Rng) -> String {
        match rng.below(8) {
            0..=1 => {
                let (seq, line) = self.accept(8, rng);
                self.kept.insert(seq, (false, 0));
                line
            }
            2..=4 => {
                let seq = self.any(rng);
                if self.pending.contains_key(&seq) {
                    self.marked.insert(seq);
                } else if let Some(kept) = self.kept.get_mut(&seq) {
                    kept.0 = true;
                }
                format!("M\u{1f}{}\u{1f}1\n", id_of(seq))
            }
            5..=6 => {
                let seq = self.any(rng);
                if let Some(kept) = self.kept.get_mut(&seq) {
                    kept.1 += 1;
                }
                format!("N\u{1f}{}\n", id_of(seq))
            }
            _ => {
                let before = rng.below(self.plan.next as u64 / 4 + 1) as i64;
                let count = self.kept.len();
                self.kept
                    .retain(|seq, (processed, _)| !*processed || *seq >= before);
                self.forgotten += (count - self.kept.len()) as u64;
                format!("F\u{1f}{before}\n")
            }
        }
    }

    /// The number of an event, known or not.
    fn any(&self, rng: &mut Rng) -> i64 {
        1 + rng.below(self.plan.next as u64 + 1) as i64
    }

    /// `how`: as what it is remembered; nothing: it has left, and was not delivered.
    fn end(&mut self, seq: i64, how: Option<&'static str>, processed: bool) {
        let attempts = self.pending.remove(&seq).unwrap();
        let is_marked = self.marked.remove(&seq);
        if self.plan.keeps_events {
            let deliveries = attempts + i64::from(how.is_some());
            self.kept.insert(seq, (processed || is_marked, deliveries));
        }
        if let Some(how) = how
            && is_remembered(seq)
        {
            self.keys.insert(format!("id:{}", id_of(seq)), how);
        }
    }

    /// Retention takes the oldest of what is too many.
    fn retain(&mut self) {
        while self.kept.len() > RETAINED {
            self.kept.pop_first();
            self.dropped += 1;
        }
    }
}

/// Every fourth event is remembered when it has ended.
fn is_remembered(seq: i64) -> bool {
    seq % 4 == 0
}

fn id_of(seq: i64) -> String {
    format!("id-{}{:02}", seq / 100, seq % 100)
}

/// Of an id in the block of its hundred: two digits of base 36.
fn place(seq: i64) -> f64 {
    (seq % 100 / 10 * 36 + seq % 10) as f64
}

/// Codes of `docs/journal-format.md`.
const LINE: f64 = 0.0;
const OWN: f64 = 1.0;
const CALLS: f64 = 4.0;
const EVENT: f64 = 9.0;
/// Ids of the correlation, a type, what an event brings, metadata.
const DEFINITIONS: [f64; 4] = [5.0, 6.0, 7.0, 8.0];

fn frame_of(model: &mut Model, rng: &mut Rng) -> Vec<Frame> {
    let mut content = Content {
        text: "corr_\nt\n{\"priority\":1}\n\"tenantId\":\"a\"\n".into(),
        numbers: DEFINITIONS.into(),
    };
    for _ in 0..1 + rng.below(8) {
        model.step(rng, &mut content);
    }
    let mut group = Group::new(SyncMode::Group, 1.0, 1000);
    group.push(1, content, 0.0);
    group.next().to_vec()
}

/// What a store has, in the model's terms.
fn read_back(directory: &Path, keep_events: bool) -> Model {
    let options = Options {
        keep_events,
        ..Options::new(directory)
    };
    let mut store = SqliteStore::open(&options).unwrap();
    let check: String = store
        .connection()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
    let mut found = Model::default();
    let mut page = store.page(0).unwrap();
    while !page.json.is_empty() {
        for row in serde_json::from_str::<Vec<serde_json::Value>>(&page.json).unwrap() {
            found
                .pending
                .insert(row[0].as_i64().unwrap(), row[1].as_i64().unwrap());
        }
        page = store.page(page.last).unwrap();
    }
    for letter in serde_json::from_str::<Vec<serde_json::Value>>(&store.letters().unwrap()).unwrap()
    {
        found.letters.insert(letter["id"].as_str().unwrap().into());
    }
    for key in serde_json::from_str::<Vec<(String, String)>>(&store.keys().unwrap()).unwrap() {
        found
            .keys
            .insert(key.0, if key.1 == "done" { "done" } else { "dead" });
    }
    if let Some(value) = store.state("name").unwrap() {
        found.state.insert("name".into(), value);
    }
    read_kept(&mut store, &mut found);
    found
}

fn read_kept(store: &mut SqliteStore, found: &mut Model) {
    let sql = "SELECT seq, state, attempts FROM events WHERE state > 0";
    let mut statement = store.connection().prepare(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (seq, state, attempts): (i64, i64, i64) = row.try_into().unwrap();
        match state {
            3 => assert!(found.marked.insert(seq)),
            _ => assert!(found.kept.insert(seq, (state == 2, attempts)).is_none()),
        }
    }
    drop(rows);
    drop(statement);
    let stats = store.stats();
    assert_eq!(stats.kept, found.kept.len() as u64);
    (found.dropped, found.forgotten) = (stats.dropped, stats.forgotten);
}

/// A run: random groups; answers what was written, and the model after each commit with the number of entries by then.
fn run(seed: u64) -> (PathBuf, Vec<Disk>, Vec<(usize, Model)>) {
    let mut rng = Rng(seed);
    let directory = tempfile::tempdir().unwrap();
    *RECORD.lock().unwrap() = Some(Vec::new());
    let entries = || RECORD.lock().unwrap().as_ref().map_or(0, Vec::len);
    // Half of the runs have an event store, half of these a small one.
    let keeps_events = seed / 2 % 2 == 1;
    let is_bounded = seed / 4 % 2 == 1;
    let options = Options {
        // Every other run compresses.
        compress_above: if seed.is_multiple_of(2) {
            1000.0
        } else {
            f64::INFINITY
        },
        // So little that segments with holes in them are dissolved soon. Kept events would give way to it.
        max_bytes: if keeps_events { 0 } else { 20_000 },
        keep_events: keeps_events,
        retention_events: if is_bounded {
            RETAINED as f64
        } else {
            f64::INFINITY
        },
        ..Options::new(directory.path())
    };
    let mut store = SqliteStore::open(&options).unwrap();
    let mut model = Model::default();
    model.plan.keeps_events = keeps_events;
    let mut marks = vec![(entries(), model.clone())];
    for _ in 0..4 + rng.below(12) {
        for _ in 0..1 + rng.below(3) {
            store.stage(&frame_of(&mut model, &mut rng)).unwrap();
        }
        store.commit().unwrap();
        marks.push((entries(), model.clone()));
        match rng.below(4) {
            0 => store.checkpoint(),
            1 => {
                while store.tidy().unwrap() {}
                if is_bounded {
                    model.retain();
                }
                marks.push((entries(), model.clone()));
            }
            _ => {}
        }
    }
    drop(store);
    let written = RECORD.lock().unwrap().take().unwrap();
    (directory.path().to_path_buf(), written, marks)
}

#[test]
fn after_a_crash_at_any_write_every_committed_group_is_there_and_no_half_of_another() {
    let _one = recording();
    let runs: u64 = std::env::var("KODUS_FLOW_CRASH_RUNS").map_or(25, |runs| runs.parse().unwrap());
    let first: u64 =
        std::env::var("KODUS_FLOW_SEED").map_or_else(|_| rand_seed(), |seed| seed.parse().unwrap());
    println!("seeds {first} to {}", first + runs - 1);
    for seed in first..first + runs {
        let (origin, entries, marks) = run(seed);
        let mut rng = Rng(!seed);
        let opened = marks[0].0;
        for _ in 0..CRASHES_A_RUN {
            let count = opened + rng.below((entries.len() - opened) as u64 + 1) as usize;
            check(&origin, &entries, &marks, count, &mut rng, seed);
        }
    }
}

#[test]
fn after_a_crash_at_each_single_write_of_a_run_from_the_making_of_the_files_on() {
    let _one = recording();
    let seed = rand_seed();
    println!("seed {seed}");
    let (origin, entries, marks) = run(seed);
    let mut rng = Rng(!seed);
    for count in 0..=entries.len() {
        check(&origin, &entries, &marks, count, &mut rng, seed);
    }
}

/// Frames handed over at once: how often the log is synced until they are durable.
fn syncs_of_five_frames(sync: SyncMode) -> usize {
    let directory = tempfile::tempdir().unwrap();
    let (told, reports) = std::sync::mpsc::channel();
    let options = Options {
        sync,
        group_ms: 100.0,
        ..Options::new(directory.path())
    };
    let mut journal = Journal::open(&options, move |report| {
        let _ = told.send(report.durable);
    })
    .unwrap();
    let write = |journal: &mut Journal, seq: u32| {
        let event =
            format!("A\u{1f}{seq}\u{1f}0\u{1f}1\u{1f}0\u{1f}id-{seq}\u{1f}t\u{1f}\u{1f}\u{1f}1\n");
        journal.write(event, true)
    };
    let wait = |frame: u64| while reports.recv().unwrap() < frame {};
    // The first commit makes the log.
    wait(write(&mut journal, 1));
    *RECORD.lock().unwrap() = Some(Vec::new());
    let last = (2..7).map(|seq| write(&mut journal, seq)).last().unwrap();
    wait(last);
    let written = RECORD.lock().unwrap().take().unwrap();
    assert!(
        written
            .iter()
            .any(|entry| matches!(entry, Disk::Write { .. }))
    );
    written
        .iter()
        .filter(|entry| matches!(entry, Disk::Sync { .. }))
        .count()
}

#[test]
fn each_frame_is_synced_or_each_group_or_nothing_as_the_mode_says() {
    let _one = recording();
    assert_eq!(syncs_of_five_frames(SyncMode::Always), 5);
    assert_eq!(syncs_of_five_frames(SyncMode::Group), 1);
    assert_eq!(syncs_of_five_frames(SyncMode::Os), 0);
    assert_eq!(syncs_of_five_frames(SyncMode::Off), 0);
}

fn rand_seed() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .subsec_nanos()
        .into()
}

fn check(
    origin: &Path,
    entries: &[Disk],
    marks: &[(usize, Model)],
    count: usize,
    rng: &mut Rng,
    seed: u64,
) {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in crashed(entries, count, rng) {
        let name = Path::new(&name).strip_prefix(origin).unwrap();
        std::fs::write(directory.path().join(name), bytes).unwrap();
    }
    let found = read_back(directory.path(), marks[0].1.plan.keeps_events);
    // Before the files are whole there is nothing yet.
    let durable = marks.iter().rposition(|(by, _)| *by <= count).unwrap_or(0);
    let matches = |mark: usize| {
        marks.get(mark).is_some_and(|(_, model)| {
            Model {
                plan: Plan::default(),
                ..model.clone()
            } == found
        })
    };
    // The group that was being committed may be there, all of it.
    assert!(
        matches(durable) || matches(durable + 1),
        "seed {seed}, crash behind entry {count} of {}: found {found:?}, durable {:?}",
        entries.len(),
        marks[durable].1
    );
}
