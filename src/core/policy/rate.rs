//! Token buckets, one a key: `limit` tokens an interval flow in steadily up to `burst`. Fractions of a token are never
//! lost, so the long-run rate is the stated one; in any window of `t` ms at most `burst + t × limit / interval` pass.

use super::waiters::{Line, NONE, Waiters};

/// A bucket counts a token as there when this much is missing: rounding must not cost a waiter another timer.
const ROUNDING: f64 = 1e-9;

/// What happens to who finds no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenEmpty {
    /// It is refused.
    Reject,
    /// It waits in line for its token.
    Wait,
}

/// Limits of one limiter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateConfig {
    /// Tokens that flow in during one interval; above zero.
    pub limit: f64,
    /// The interval in milliseconds; above zero.
    pub interval_ms: f64,
    /// The most that a bucket holds, and what a new one holds; at least 1.
    pub burst: f64,
    /// What happens without a token.
    pub when_empty: WhenEmpty,
}

/// Answer of [`RateLimiter::take`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Taken {
    /// A token was there and is taken.
    Granted,
    /// No token; the next is there after so many milliseconds.
    Refused {
        /// Milliseconds until a token is there, if nobody else takes it.
        retry_after_ms: f64,
    },
    /// In line under this id, until [`RateLimiter::grant`] names it or it is abandoned.
    Waiting(u32),
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    /// Time at which `tokens` was right.
    at: f64,
    line: Line,
    /// Neighbours in the order of last use; `next` is also the next free place.
    prev: u32,
    next: u32,
}

/// The buckets of one limited wrapper.
#[derive(Debug, Clone)]
pub struct RateLimiter {
    config: RateConfig,
    tokens_per_ms: f64,
    buckets: Vec<Bucket>,
    free: u32,
    /// Least and most recently used bucket.
    oldest: u32,
    newest: u32,
    waiters: Waiters,
}

impl RateLimiter {
    /// A limiter without keys.
    pub fn new(config: RateConfig) -> Self {
        Self {
            config,
            tokens_per_ms: config.limit / config.interval_ms,
            buckets: Vec::new(),
            free: NONE,
            oldest: NONE,
            newest: NONE,
            waiters: Waiters::default(),
        }
    }

    /// Names a new key, its bucket full.
    pub fn open(&mut self, now: f64) -> u32 {
        let bucket = Bucket {
            tokens: self.config.burst,
            at: now,
            line: Line::default(),
            prev: NONE,
            next: NONE,
        };
        let key = match self.free {
            NONE => {
                self.buckets.push(bucket);
                self.buckets.len() as u32 - 1
            }
            key => {
                self.free = self.buckets[key as usize].next;
                self.buckets[key as usize] = bucket;
                key
            }
        };
        self.link_newest(key);
        key
    }

    /// Asks for a token of an open key.
    pub fn take(&mut self, key: u32, now: f64) -> Taken {
        self.touch(key);
        self.refill(key, now);
        let bucket = &mut self.buckets[key as usize];
        if bucket.line.is_empty() && bucket.tokens >= 1.0 - ROUNDING {
            bucket.tokens -= 1.0;
            return Taken::Granted;
        }
        match self.config.when_empty {
            WhenEmpty::Reject => Taken::Refused {
                retry_after_ms: (1.0 - bucket.tokens) / self.tokens_per_ms,
            },
            WhenEmpty::Wait => Taken::Waiting(self.waiters.push(&mut bucket.line, key)),
        }
    }

    /// Gives a token to the longest waiter of `key`, if there are both; call it until it gives `None`.
    pub fn grant(&mut self, key: u32, now: f64) -> Option<u32> {
        self.refill(key, now);
        let bucket = &mut self.buckets[key as usize];
        if bucket.tokens < 1.0 - ROUNDING {
            return None;
        }
        let waiter = self.waiters.pop(&mut bucket.line)?;
        bucket.tokens -= 1.0;
        Some(waiter)
    }

    /// When the longest waiter of `key` gets its token; `None` if nobody waits.
    pub fn next_grant(&self, key: u32) -> Option<f64> {
        let bucket = &self.buckets[key as usize];
        (!bucket.line.is_empty())
            .then(|| bucket.at + (1.0 - bucket.tokens).max(0.0) / self.tokens_per_ms)
    }

    /// A waiter does not want to wait any longer.
    pub fn abandon(&mut self, waiter: u32) {
        let key = self.waiters.key_of(waiter);
        self.waiters
            .remove(&mut self.buckets[key as usize].line, waiter);
    }

    /// Closes the least recently used key if it is idle (its bucket is full, nobody waits: a new one would be the
    /// same) and names it. Two calls for each new key keep idle keys from piling up.
    pub fn close_idle(&mut self, now: f64) -> Option<u32> {
        let key = self.oldest;
        if key == NONE {
            return None;
        }
        self.refill(key, now);
        let bucket = &self.buckets[key as usize];
        if bucket.tokens < self.config.burst || !bucket.line.is_empty() {
            return None;
        }
        self.unlink(key);
        self.buckets[key as usize].next = self.free;
        self.free = key;
        Some(key)
    }

    fn refill(&mut self, key: u32, now: f64) {
        let bucket = &mut self.buckets[key as usize];
        if now > bucket.at {
            let flowed = (now - bucket.at) * self.tokens_per_ms;
            bucket.tokens = (bucket.tokens + flowed).min(self.config.burst);
            bucket.at = now;
        }
    }

    fn touch(&mut self, key: u32) {
        if self.newest != key {
            self.unlink(key);
            self.link_newest(key);
        }
    }

    fn link_newest(&mut self, key: u32) {
        let last = self.newest;
        self.buckets[key as usize].prev = last;
        self.buckets[key as usize].next = NONE;
        match last {
            NONE => self.oldest = key,
            last => self.buckets[last as usize].next = key,
        }
        self.newest = key;
    }

    fn unlink(&mut self, key: u32) {
        let Bucket { prev, next, .. } = self.buckets[key as usize];
        match prev {
            NONE => self.oldest = next,
            prev => self.buckets[prev as usize].next = next,
        }
        match next {
            NONE => self.newest = prev,
            next => self.buckets[next as usize].prev = prev,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(when_empty: WhenEmpty) -> RateLimiter {
        RateLimiter::new(RateConfig {
            limit: 10.0,
            interval_ms: 1_000.0,
            burst: 2.0,
            when_empty,
        })
    }

    #[test]
    fn a_bucket_starts_full_and_tells_when_to_come_again() {
        let mut limiter = limiter(WhenEmpty::Reject);
        let key = limiter.open(0.0);
        assert_eq!(limiter.take(key, 0.0), Taken::Granted);
        assert_eq!(limiter.take(key, 0.0), Taken::Granted);
        assert_eq!(
            limiter.take(key, 40.0),
            Taken::Refused {
                retry_after_ms: 60.0
            }
        );
        assert_eq!(limiter.take(key, 100.0), Taken::Granted);
    }

    #[test]
    fn fractions_of_a_token_are_kept() {
        let mut limiter = limiter(WhenEmpty::Reject);
        let key = limiter.open(0.0);
        // Asked every 30 ms for 30 s: 2 at the start and 10 a second.
        let granted = (0..1_000)
            .filter(|n| limiter.take(key, f64::from(*n) * 30.0) == Taken::Granted)
            .count();
        assert_eq!(granted, 2 + 299);
    }

    #[test]
    fn waiters_get_their_tokens_in_order_at_the_rate() {
        let mut limiter = limiter(WhenEmpty::Wait);
        let key = limiter.open(0.0);
        limiter.take(key, 0.0);
        limiter.take(key, 0.0);
        let ids: Vec<u32> = (0..3)
            .map(|_| match limiter.take(key, 0.0) {
                Taken::Waiting(id) => id,
                other => panic!("{other:?}"),
            })
            .collect();
        limiter.abandon(ids[1]);
        assert_eq!(limiter.next_grant(key), Some(100.0));
        assert_eq!(limiter.grant(key, 99.0), None);
        assert_eq!(limiter.grant(key, 100.0), Some(ids[0]));
        assert_eq!(limiter.grant(key, 100.0), None);
        assert_eq!(limiter.next_grant(key), Some(200.0));
        assert_eq!(limiter.grant(key, 200.0), Some(ids[2]));
        assert_eq!(limiter.next_grant(key), None);
    }

    #[test]
    fn full_buckets_are_closed_and_their_ids_used_again() {
        let mut limiter = limiter(WhenEmpty::Reject);
        for n in 0..100_000_u32 {
            let now = f64::from(n);
            let key = limiter.open(now);
            limiter.take(key, now);
            limiter.close_idle(now);
            limiter.close_idle(now);
        }
        // A bucket is full again 100 ms after its one token was taken.
        assert!(limiter.buckets.len() <= 102, "{}", limiter.buckets.len());
    }
}
