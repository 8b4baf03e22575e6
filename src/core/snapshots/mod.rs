//! Snapshots in memory: each one once by owner and hash, bounded in number and bytes.
//!
//! A snapshot is stored whole, or as the difference to an earlier one of its owner, its *base*. The forms themselves are made
//! by a [`Codec`]; what is stored in which form, and what leaves when room is short, is decided here. A base whose own
//! snapshot has left stays until the last difference to it has left, and counts as long.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

/// Place of a snapshot: grows with each one that is stored.
pub type Seq = u64;

/// Bytes that a snapshot counts beyond its stored form: names, indexes, allocations.
const OVERHEAD_BYTES: usize = 256;
/// Below this many bytes compression is not worth its frame.
const MIN_PACKED_BYTES: usize = 128;
/// A difference must be shorter than its base's stored form by this factor; else the snapshot becomes the next base.
const DELTA_GAIN: usize = 2;

/// A base that is longer than a snapshot by more than this factor is not worth reading for it: the cost of storing something
/// short must not be that of something long.
const MAX_BASE_FACTOR: usize = 16;

/// Makes stored forms and reads them.
pub trait Codec {
    /// A form of `bytes`; with `base`, one that is read with the same base. None: it knows none.
    fn pack(&self, bytes: &[u8], base: Option<&[u8]>) -> Option<Vec<u8>>;
    /// The `len` bytes that `packed` was made of.
    fn unpack(&self, packed: &[u8], len: usize, base: Option<&[u8]>) -> Option<Vec<u8>>;
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Snapshots, at least 1.
    pub snapshots: usize,
    /// Bytes, as stored, with a fixed amount for each snapshot.
    pub bytes: usize,
}

/// How a snapshot is to be stored.
#[derive(Debug, Clone, Copy)]
pub struct Wishes {
    /// Compress it if that makes it shorter.
    pub compress: bool,
    /// Store it as a difference if that is much shorter.
    pub delta: bool,
    /// It stands for work that is not done: it leaves after all that are finished.
    pub unfinished: bool,
    /// So many of its owner stay at most; 0: no such limit.
    pub of_owner: usize,
}

/// What storing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is there now, unless it was the only one that could leave to make room.
    New,
    /// It was there already.
    Known,
    /// It alone is larger than all room.
    TooLarge,
}

/// What there is, and what has happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Snapshots.
    pub count: usize,
    /// Of these, unfinished ones.
    pub unfinished: usize,
    /// Of these, stored as differences.
    pub deltas: usize,
    /// Bytes of all stored forms.
    pub stored_bytes: usize,
    /// Bytes of what they were made of.
    pub original_bytes: usize,
    /// Bytes of the differences.
    pub delta_stored_bytes: usize,
    /// Bytes of what the differences were made of.
    pub delta_original_bytes: usize,
    /// Snapshots that have left to make room.
    pub evicted: u64,
    /// Of these, unfinished ones.
    pub evicted_unfinished: u64,
}

#[derive(Debug)]
enum Body {
    /// The base of the same place.
    Whole,
    Delta {
        packed: Box<[u8]>,
        base: Seq,
    },
}

/// A body that has no place yet.
enum Form {
    Whole { bytes: Box<[u8]>, packed: bool },
    Delta { packed: Box<[u8]>, base: Seq },
}

impl Form {
    fn len(&self) -> usize {
        match self {
            Form::Whole { bytes, .. } => bytes.len(),
            Form::Delta { packed, .. } => packed.len(),
        }
    }
}

#[derive(Debug)]
struct Entry {
    owner: Box<str>,
    hash: Box<str>,
    body: Body,
    len: usize,
    unfinished: bool,
}

/// Bytes that a whole snapshot, and the differences to it, are read from.
#[derive(Debug)]
struct Base {
    bytes: Box<[u8]>,
    packed: bool,
    len: usize,
    /// The snapshot itself and the differences to it.
    users: usize,
}

#[derive(Debug, Default)]
struct Owner {
    seqs: BTreeSet<Seq>,
    base: Option<Seq>,
}

/// The store. See the module.
#[derive(Debug)]
pub struct Snapshots<C> {
    codec: C,
    limits: Limits,
    entries: BTreeMap<Seq, Entry>,
    bases: FxHashMap<Seq, Base>,
    owners: FxHashMap<Box<str>, Owner>,
    by_hash: FxHashMap<Box<str>, Vec<Seq>>,
    finished: BTreeSet<Seq>,
    unfinished: BTreeSet<Seq>,
    last: Seq,
    stats: Stats,
    /// The base that was read last, as it is when unpacked: many differences in a row need the same.
    unpacked: Option<(Seq, Vec<u8>)>,
}

impl<C: Codec> Snapshots<C> {
    /// An empty store.
    pub fn new(codec: C, limits: Limits) -> Self {
        Self {
            codec,
            limits,
            entries: BTreeMap::new(),
            bases: FxHashMap::default(),
            owners: FxHashMap::default(),
            by_hash: FxHashMap::default(),
            finished: BTreeSet::new(),
            unfinished: BTreeSet::new(),
            last: 0,
            stats: Stats::default(),
            unpacked: None,
        }
    }

    /// Stores a snapshot, unless its owner has one with this hash already, and makes room for it.
    pub fn insert(&mut self, owner: &str, hash: &str, bytes: &[u8], wishes: Wishes) -> Stored {
        if self.find(owner, hash).is_some() {
            return Stored::Known;
        }
        let form = self.form_of(owner, bytes, wishes);
        if form.len() + OVERHEAD_BYTES > self.limits.bytes {
            return Stored::TooLarge;
        }
        self.last += 1;
        self.add(self.last, owner, hash, form, bytes.len(), wishes.unfinished);
        self.make_room(owner, wishes.of_owner);
        Stored::New
    }

    fn form_of(&mut self, owner: &str, bytes: &[u8], wishes: Wishes) -> Form {
        let delta = wishes.delta.then(|| self.delta_of(owner, bytes)).flatten();
        delta.unwrap_or_else(|| {
            let worthwhile = wishes.compress && bytes.len() >= MIN_PACKED_BYTES;
            let packed = worthwhile.then(|| self.codec.pack(bytes, None)).flatten();
            match packed.filter(|packed| packed.len() < bytes.len()) {
                Some(packed) => Form::Whole {
                    bytes: packed.into(),
                    packed: true,
                },
                None => Form::Whole {
                    bytes: bytes.into(),
                    packed: false,
                },
            }
        })
    }

    fn delta_of(&mut self, owner: &str, bytes: &[u8]) -> Option<Form> {
        let base = self.owners.get(owner)?.base?;
        let Base {
            bytes: stored, len, ..
        } = &self.bases[&base];
        if *len > MAX_BASE_FACTOR * bytes.len() {
            return None;
        }
        let limit = stored.len() / DELTA_GAIN;
        self.unpack_base(base)?;
        let (_, unpacked) = self.unpacked.as_ref()?;
        let packed = self.codec.pack(bytes, Some(unpacked))?;
        (packed.len() < limit.min(bytes.len())).then(|| Form::Delta {
            packed: packed.into(),
            base,
        })
    }

    /// Sees to it that `unpacked` holds this base.
    fn unpack_base(&mut self, seq: Seq) -> Option<()> {
        if self.unpacked.as_ref().is_some_and(|(held, _)| *held == seq) {
            return Some(());
        }
        let base = self.bases.get(&seq)?;
        let bytes = match base.packed {
            true => self.codec.unpack(&base.bytes, base.len, None)?,
            false => base.bytes.to_vec(),
        };
        self.unpacked = Some((seq, bytes));
        Some(())
    }

    fn add(&mut self, seq: Seq, owner: &str, hash: &str, form: Form, len: usize, unfinished: bool) {
        let stats = &mut self.stats;
        stats.count += 1;
        stats.original_bytes += len;
        stats.stored_bytes += form.len();
        let of_owner = self.owners.entry(owner.into()).or_default();
        of_owner.seqs.insert(seq);
        let body = match form {
            Form::Delta { packed, base } => {
                stats.deltas += 1;
                stats.delta_original_bytes += len;
                stats.delta_stored_bytes += packed.len();
                self.bases
                    .get_mut(&base)
                    .expect("a difference has its base")
                    .users += 1;
                Body::Delta { packed, base }
            }
            Form::Whole { bytes, packed } => {
                of_owner.base = Some(seq);
                self.bases.insert(
                    seq,
                    Base {
                        bytes,
                        packed,
                        len,
                        users: 1,
                    },
                );
                Body::Whole
            }
        };
        if unfinished {
            stats.unfinished += 1;
            self.unfinished.insert(seq);
        } else {
            self.finished.insert(seq);
        }
        self.by_hash.entry(hash.into()).or_default().push(seq);
        let entry = Entry {
            owner: owner.into(),
            hash: hash.into(),
            body,
            len,
            unfinished,
        };
        self.entries.insert(seq, entry);
    }

    // ── Leaving ──────────────────────────────────────────────────────────────────────────────────────

    /// What an owner has too many of leaves first: it may be room enough, and spares the others.
    fn make_room(&mut self, owner: &str, of_owner: usize) {
        if of_owner > 0 {
            while let Some(seq) = self.excess_of(owner, of_owner) {
                self.evict(seq);
            }
        }
        while self.entries.len() > self.limits.snapshots || self.occupied() > self.limits.bytes {
            let first = self.finished.first().or(self.unfinished.first());
            let Some(&seq) = first else { return };
            self.evict(seq);
        }
    }

    /// What leaves first of an owner that has too many.
    fn excess_of(&self, owner: &str, limit: usize) -> Option<Seq> {
        let seqs = &self
            .owners
            .get(owner)
            .filter(|known| known.seqs.len() > limit)?
            .seqs;
        seqs.iter()
            .find(|seq| self.finished.contains(seq))
            .or(seqs.first())
            .copied()
    }

    /// Bytes that count against the limit.
    fn occupied(&self) -> usize {
        self.stats.stored_bytes + OVERHEAD_BYTES * self.entries.len()
    }

    fn evict(&mut self, seq: Seq) {
        self.stats.evicted += 1;
        self.stats.evicted_unfinished += u64::from(self.unfinished.contains(&seq));
        self.take_out(seq);
    }

    /// Takes a snapshot out. False: there is none.
    pub fn remove(&mut self, owner: &str, hash: &str) -> bool {
        let found = self.find(owner, hash);
        found.map(|seq| self.take_out(seq)).is_some()
    }

    fn take_out(&mut self, seq: Seq) {
        let Some(Entry {
            owner,
            hash,
            body,
            len,
            unfinished,
        }) = self.entries.remove(&seq)
        else {
            return;
        };
        self.stats.count -= 1;
        self.stats.original_bytes -= len;
        if unfinished {
            self.stats.unfinished -= 1;
            self.unfinished.remove(&seq);
        } else {
            self.finished.remove(&seq);
        }
        if let Some(seqs) = self.by_hash.get_mut(&hash) {
            seqs.retain(|other| *other != seq);
            if seqs.is_empty() {
                self.by_hash.remove(&hash);
            }
        }
        let base = match body {
            Body::Whole => seq,
            Body::Delta { packed, base } => {
                self.stats.deltas -= 1;
                self.stats.delta_original_bytes -= len;
                self.stats.delta_stored_bytes -= packed.len();
                self.stats.stored_bytes -= packed.len();
                base
            }
        };
        self.release(base);
        self.forget(&owner, seq);
    }

    fn release(&mut self, seq: Seq) {
        let Some(base) = self.bases.get_mut(&seq) else {
            return;
        };
        base.users -= 1;
        if base.users > 0 {
            return;
        }
        self.stats.stored_bytes -= base.bytes.len();
        self.bases.remove(&seq);
        self.unpacked.take_if(|(held, _)| *held == seq);
    }

    fn forget(&mut self, owner: &str, seq: Seq) {
        let Some(known) = self.owners.get_mut(owner) else {
            return;
        };
        known.seqs.remove(&seq);
        // A base that only old differences hold should go with them: the next snapshot is the next base.
        known
            .base
            .take_if(|base| *base == seq || !self.bases.contains_key(base));
        if known.seqs.is_empty() {
            self.owners.remove(owner);
        }
    }

    // ── Reading ──────────────────────────────────────────────────────────────────────────────────────

    fn find(&self, owner: &str, hash: &str) -> Option<Seq> {
        let seqs = self.by_hash.get(hash)?;
        seqs.iter()
            .copied()
            .find(|seq| *self.entries[seq].owner == *owner)
    }

    /// Whether anybody has a snapshot with this hash.
    pub fn has(&self, hash: &str) -> bool {
        self.by_hash.contains_key(hash)
    }

    /// The first snapshot with this hash.
    pub fn get(&mut self, hash: &str) -> Option<Vec<u8>> {
        let seq = *self.by_hash.get(hash)?.first()?;
        self.read(seq)
    }

    /// The first snapshot of `owner` after a place (0: from the beginning), and its own place.
    pub fn next(&mut self, owner: &str, after: Seq) -> Option<(Seq, Vec<u8>)> {
        let seq = *self.owners.get(owner)?.seqs.range(after + 1..).next()?;
        Some((seq, self.read(seq)?))
    }

    fn read(&mut self, seq: Seq) -> Option<Vec<u8>> {
        let base = match self.entries.get(&seq)?.body {
            Body::Whole => seq,
            Body::Delta { base, .. } => base,
        };
        self.unpack_base(base)?;
        let (_, unpacked) = self.unpacked.as_ref()?;
        match &self.entries[&seq] {
            Entry {
                body: Body::Whole, ..
            } => Some(unpacked.clone()),
            Entry {
                body: Body::Delta { packed, .. },
                len,
                ..
            } => self.codec.unpack(packed, *len, Some(unpacked)),
        }
    }

    /// The place of the snapshot that was stored last; 0: none has been.
    pub fn last(&self) -> Seq {
        self.last
    }

    /// Hashes of an owner's snapshots, in the order in which they were stored.
    pub fn hashes(&self, owner: &str) -> Vec<String> {
        let seqs = self
            .owners
            .get(owner)
            .into_iter()
            .flat_map(|known| &known.seqs);
        seqs.map(|seq| self.entries[seq].hash.to_string()).collect()
    }

    /// The figures.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.bases.clear();
        self.owners.clear();
        self.by_hash.clear();
        self.finished.clear();
        self.unfinished.clear();
        self.unpacked = None;
        let Stats {
            evicted,
            evicted_unfinished,
            ..
        } = self.stats;
        self.stats = Stats {
            evicted,
            evicted_unfinished,
            ..Stats::default()
        };
    }
}
