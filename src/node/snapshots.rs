//! Snapshots in memory as a class. A snapshot is thousands of bytes and more, so a call for each is cheap.

use napi::bindgen_prelude::{Buffer, Uint8Array};
use napi_derive::napi;

use crate::compression::Zstd;
use crate::core::snapshots::{Limits, Snapshots, Stored, Wishes};

#[napi(object)]
pub struct SnapshotWishes {
    pub compress: bool,
    pub delta: bool,
    pub unfinished: bool,
    pub of_owner: f64,
}

#[napi(object)]
pub struct SnapshotAt {
    pub place: f64,
    pub bytes: Buffer,
}

#[napi(object)]
pub struct SnapshotStats {
    pub count: f64,
    pub unfinished: f64,
    pub deltas: f64,
    pub stored_bytes: f64,
    pub original_bytes: f64,
    pub delta_stored_bytes: f64,
    pub delta_original_bytes: f64,
    pub evicted: f64,
    pub evicted_unfinished: f64,
}

/// See `Snapshots` in the core.
#[napi(js_name = "SnapshotStore")]
pub struct NodeSnapshots(Snapshots<Zstd>);

#[napi]
impl NodeSnapshots {
    #[napi(constructor)]
    pub fn new(max_snapshots: f64, max_bytes: f64) -> Self {
        let limits = Limits {
            snapshots: max_snapshots as usize,
            bytes: max_bytes as usize,
        };
        Self(Snapshots::new(Zstd, limits))
    }

    #[napi]
    pub fn insert(
        &mut self,
        owner: String,
        hash: String,
        bytes: Uint8Array,
        wishes: SnapshotWishes,
    ) -> u32 {
        let wishes = Wishes {
            compress: wishes.compress,
            delta: wishes.delta,
            unfinished: wishes.unfinished,
            of_owner: wishes.of_owner as usize,
        };
        match self.0.insert(&owner, &hash, &bytes, wishes) {
            Stored::New => 0,
            Stored::Known => 1,
            Stored::TooLarge => 2,
        }
    }

    #[napi]
    pub fn remove(&mut self, owner: String, hash: String) -> bool {
        self.0.remove(&owner, &hash)
    }

    #[napi]
    pub fn has(&self, hash: String) -> bool {
        self.0.has(&hash)
    }

    #[napi]
    pub fn get(&mut self, hash: String) -> Option<Buffer> {
        self.0.get(&hash).map(Buffer::from)
    }

    #[napi]
    pub fn next(&mut self, owner: String, after: f64) -> Option<SnapshotAt> {
        let (seq, bytes) = self.0.next(&owner, after as u64)?;
        Some(SnapshotAt {
            place: seq as f64,
            bytes: bytes.into(),
        })
    }

    #[napi]
    pub fn last(&self) -> f64 {
        self.0.last() as f64
    }

    #[napi]
    pub fn hashes(&self, owner: String) -> Vec<String> {
        self.0.hashes(&owner)
    }

    #[napi]
    pub fn stats(&self) -> SnapshotStats {
        let stats = self.0.stats();
        SnapshotStats {
            count: stats.count as f64,
            unfinished: stats.unfinished as f64,
            deltas: stats.deltas as f64,
            stored_bytes: stats.stored_bytes as f64,
            original_bytes: stats.original_bytes as f64,
            delta_stored_bytes: stats.delta_stored_bytes as f64,
            delta_original_bytes: stats.delta_original_bytes as f64,
            evicted: stats.evicted as f64,
            evicted_unfinished: stats.evicted_unfinished as f64,
        }
    }

    #[napi]
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
