//! Keeps a flood of equal messages from flooding the log: the first is told, the rest are counted.

/// One key speaks at most once in this time.
const REPEAT_AFTER_MS: f64 = 1_000.0;
/// A count that no message has told for this long is told by itself. Later than a message of the same flood would be, because that
/// says more.
const OVERDUE_AFTER_MS: f64 = 2.0 * REPEAT_AFTER_MS;
/// Keys with a count of their own; later ones share the last.
const MAX_KEYS: usize = 256;

#[derive(Debug, Clone, Copy)]
enum Key {
    /// Nothing was told yet.
    Fresh,
    Told {
        at: f64,
        suppressed: u32,
    },
}

/// Counts of each key, in the order in which the keys were added.
#[derive(Debug, Default)]
pub struct FloodGate {
    keys: Vec<Key>,
}

impl FloodGate {
    /// A gate without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key and gives its number. When there are too many, it is that of the last one, shared by all that follow.
    pub fn add(&mut self) -> u32 {
        if self.keys.len() < MAX_KEYS {
            self.keys.push(Key::Fresh);
        }
        (self.keys.len() - 1) as u32
    }

    /// Whether a message may be told now: how many were suppressed since the last one, or `None` if this one is, too.
    pub fn pass(&mut self, key: u32, now: f64) -> Option<u32> {
        let key = self.keys.get_mut(key as usize)?;
        match key {
            Key::Told { at, suppressed } if now - *at < REPEAT_AFTER_MS => {
                *suppressed = suppressed.saturating_add(1);
                None
            }
            _ => Some(key.tell(now)),
        }
    }

    /// The count of suppressed messages, if no message has told it in time; `None` if there is nothing to tell, or not yet.
    pub fn overdue(&mut self, key: u32, now: f64) -> Option<u32> {
        match self.keys.get_mut(key as usize)? {
            Key::Told { at, suppressed } if *suppressed > 0 && now - *at >= OVERDUE_AFTER_MS => {
                *at = now;
                Some(std::mem::take(suppressed))
            }
            _ => None,
        }
    }

    /// Takes the count of suppressed messages that nothing has told yet.
    pub fn take(&mut self, key: u32) -> u32 {
        match self.keys.get_mut(key as usize) {
            Some(Key::Told { suppressed, .. }) => std::mem::take(suppressed),
            Some(Key::Fresh) | None => 0,
        }
    }
}

impl Key {
    fn tell(&mut self, now: f64) -> u32 {
        let told = Self::Told {
            at: now,
            suppressed: 0,
        };
        match std::mem::replace(self, told) {
            Self::Fresh => 0,
            Self::Told { suppressed, .. } => suppressed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_and_the_rest_are_counted_once_a_second() {
        let mut gate = FloodGate::new();
        let key = gate.add();
        assert_eq!(gate.pass(key, 0.0), Some(0));
        for n in 1..=10 {
            assert_eq!(gate.pass(key, f64::from(n) * 99.0), None);
        }
        assert_eq!(gate.pass(key, 1_000.0), Some(10));
        assert_eq!(gate.pass(key, 1_001.0), None);
        assert_eq!(gate.pass(key, 9_000.0), Some(1));
        assert_eq!(gate.pass(key, 10_000.0), Some(0));
    }

    #[test]
    fn keys_do_not_silence_each_other() {
        let mut gate = FloodGate::new();
        let (a, b) = (gate.add(), gate.add());
        assert_eq!(gate.pass(a, 0.0), Some(0));
        assert_eq!(gate.pass(b, 0.0), Some(0));
        assert_eq!(gate.pass(a, 1.0), None);
    }

    #[test]
    fn what_was_suppressed_can_be_taken_once() {
        let mut gate = FloodGate::new();
        let key = gate.add();
        assert_eq!(gate.take(key), 0);
        gate.pass(key, 0.0);
        gate.pass(key, 1.0);
        gate.pass(key, 2.0);
        assert_eq!(gate.take(key), 2);
        assert_eq!(gate.take(key), 0);
        assert_eq!(gate.pass(key, 1_000.0), Some(0));
    }

    #[test]
    fn a_count_that_no_message_tells_is_told_by_itself_and_counts_as_a_message() {
        let mut gate = FloodGate::new();
        let key = gate.add();
        gate.pass(key, 0.0);
        assert_eq!(gate.overdue(key, 5_000.0), None, "nothing is suppressed");
        gate.pass(key, 10.0);
        gate.pass(key, 20.0);
        assert_eq!(gate.overdue(key, 1_999.0), None, "too early");
        assert_eq!(gate.overdue(key, 2_000.0), Some(2));
        assert_eq!(gate.overdue(key, 9_000.0), None, "told once");
        assert_eq!(gate.pass(key, 2_999.0), None);
        assert_eq!(gate.pass(key, 3_000.0), Some(1));
        assert_eq!(gate.overdue(key + 1, 0.0), None);
    }

    #[test]
    fn keys_are_bounded_and_the_overflow_shares_the_last() {
        let mut gate = FloodGate::new();
        let numbers: Vec<u32> = (0..300).map(|_| gate.add()).collect();
        assert_eq!(numbers[254], 254);
        assert!(numbers[255..].iter().all(|number| *number == 255));
    }

    #[test]
    fn an_unknown_key_is_silent() {
        assert_eq!(FloodGate::new().pass(3, 0.0), None);
    }
}
