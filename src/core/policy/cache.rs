//! Which cached results may still be used and which go: a bound on number and age. The results themselves, and what the
//! entries' keys are, is the caller's.

/// "No entry".
const NONE: u32 = u32::MAX;

/// Bounds of a cache.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CacheConfig {
    /// Milliseconds that a result is good for after it was stored; zero keeps nothing.
    pub ttl_ms: f64,
    /// Results kept; at least 1.
    pub max_size: u32,
}

/// What is known of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Its result is being made: who asks now shares that run.
    InFlight,
    /// Its result may be used.
    Fresh,
    /// Its result is too old; the entry is closed.
    Expired,
}

#[derive(Debug, Clone, Copy)]
enum Entry {
    InFlight,
    /// Neighbours in the order of storing.
    Stored {
        at: f64,
        prev: u32,
        next: u32,
    },
    Free,
}

/// The entries of one cache, oldest result first.
#[derive(Debug, Clone)]
pub struct Cache {
    config: CacheConfig,
    entries: Vec<Entry>,
    free: Vec<u32>,
    oldest: u32,
    newest: u32,
    stored: u32,
}

impl Cache {
    /// An empty cache.
    pub fn new(config: CacheConfig) -> Self {
        Self {
            config,
            entries: Vec::new(),
            free: Vec::new(),
            oldest: NONE,
            newest: NONE,
            stored: 0,
        }
    }

    /// Names an entry whose result is about to be made.
    pub fn open(&mut self) -> u32 {
        let id = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry::Free);
            self.entries.len() as u32 - 1
        });
        self.entries[id as usize] = Entry::InFlight;
        id
    }

    /// What is known of `id`, an open entry; an expired one is closed by this call.
    pub fn look(&mut self, id: u32, now: f64) -> Freshness {
        match self.entries[id as usize] {
            Entry::Stored { at, .. } if now - at < self.config.ttl_ms => Freshness::Fresh,
            Entry::InFlight => Freshness::InFlight,
            Entry::Stored { .. } | Entry::Free => {
                self.close(id);
                Freshness::Expired
            }
        }
    }

    /// The result of `id`, in flight until now, is there.
    pub fn store(&mut self, id: u32, now: f64) {
        self.entries[id as usize] = Entry::Stored {
            at: now,
            prev: self.newest,
            next: NONE,
        };
        match self.newest {
            NONE => self.oldest = id,
            newest => {
                if let Entry::Stored { next, .. } = &mut self.entries[newest as usize] {
                    *next = id;
                }
            }
        }
        self.newest = id;
        self.stored += 1;
    }

    /// Closes `id`: its run failed, or its result is not wanted any more.
    pub fn close(&mut self, id: u32) {
        match self.entries[id as usize] {
            Entry::Free => return,
            Entry::InFlight => {}
            Entry::Stored { prev, next, .. } => self.unlink(prev, next),
        }
        self.entries[id as usize] = Entry::Free;
        self.free.push(id);
    }

    /// Closes and names one entry that must go (too old, or the oldest of too many); call it until it gives `None`.
    pub fn evict(&mut self, now: f64) -> Option<u32> {
        let id = self.oldest;
        match *self.entries.get(id as usize)? {
            Entry::Stored { at, .. }
                if self.stored > self.config.max_size || now - at >= self.config.ttl_ms =>
            {
                self.close(id);
                Some(id)
            }
            _ => None,
        }
    }

    /// Results kept.
    pub fn len(&self) -> u32 {
        self.stored
    }

    /// Whether no result is kept.
    pub fn is_empty(&self) -> bool {
        self.stored == 0
    }

    fn unlink(&mut self, before: u32, after: u32) {
        match self.entries.get_mut(before as usize) {
            Some(Entry::Stored { next, .. }) => *next = after,
            _ => self.oldest = after,
        }
        match self.entries.get_mut(after as usize) {
            Some(Entry::Stored { prev, .. }) => *prev = before,
            _ => self.newest = before,
        }
        self.stored -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(ttl_ms: f64, max_size: u32) -> Cache {
        Cache::new(CacheConfig { ttl_ms, max_size })
    }

    #[test]
    fn a_result_is_fresh_for_its_time_and_not_longer() {
        let mut cache = cache(10.0, 5);
        let id = cache.open();
        assert_eq!(cache.look(id, 100.0), Freshness::InFlight);
        cache.store(id, 100.0);
        assert_eq!(cache.look(id, 109.9), Freshness::Fresh);
        assert_eq!(cache.look(id, 110.0), Freshness::Expired);
        assert_eq!(cache.len(), 0);
        assert_eq!(cache.open(), id);
    }

    #[test]
    fn the_oldest_results_go_first_and_runs_in_flight_never() {
        let mut cache = cache(1e9, 2);
        let in_flight = cache.open();
        let ids: Vec<u32> = (0..4)
            .map(|n| {
                let id = cache.open();
                cache.store(id, f64::from(n));
                id
            })
            .collect();
        cache.close(ids[1]);
        assert_eq!(cache.evict(10.0), Some(ids[0]));
        assert_eq!(cache.evict(10.0), None);
        assert_eq!(cache.len(), 2);
        assert_eq!(cache.look(in_flight, 10.0), Freshness::InFlight);
        assert_eq!(cache.look(ids[3], 10.0), Freshness::Fresh);
    }

    #[test]
    fn results_too_old_are_swept() {
        let mut cache = cache(10.0, 100);
        let ids: Vec<u32> = (0..3).map(|_| cache.open()).collect();
        for (n, &id) in ids.iter().enumerate() {
            cache.store(id, n as f64 * 5.0);
        }
        assert_eq!(cache.evict(15.0), Some(ids[0]));
        assert_eq!(cache.evict(15.0), Some(ids[1]));
        assert_eq!(cache.evict(15.0), None);
    }
}
