//! Sliding windows: a window begins every so often and they overlap.

use std::collections::VecDeque;

use super::{Operator, Verdict};

/// Windows `[origin + k·every, origin + k·every + size)`, `every` not above `size`; the first item gives the origin.
///
/// The caller holds the items from the oldest one that an open window still needs. A `Release` means: hand on the first
/// [`taken`](Self::taken) of them together, then forget the first [`outdated`](Self::outdated).
#[derive(Debug, Clone)]
pub struct Sliding {
    size_ms: f64,
    every_ms: f64,
    max_items: usize,
    /// Start of the next window to close.
    start: f64,
    times: VecDeque<f64>,
    taken: u32,
    outdated: u32,
}

impl Sliding {
    /// No item has come yet. At most `max_items` are held: then the oldest has to go.
    pub fn new(size_ms: f64, every_ms: f64, max_items: u32) -> Self {
        Self {
            size_ms,
            every_ms,
            max_items: max_items as usize,
            start: f64::NAN,
            times: VecDeque::new(),
            taken: 0,
            outdated: 0,
        }
    }

    /// How many of the held items belong to the window that has closed, from the oldest on.
    pub fn taken(&self) -> u32 {
        self.taken
    }

    /// How many of the held items no further window needs, from the oldest on.
    pub fn outdated(&self) -> u32 {
        self.outdated
    }

    fn count_before(&self, time: f64) -> u32 {
        self.times.partition_point(|&at| at < time) as u32
    }

    fn skip_empty_windows(&mut self) {
        if let Some(&oldest) = self.times.front()
            && oldest >= self.start + self.size_ms
        {
            let windows = ((oldest - self.start - self.size_ms) / self.every_ms).floor() + 1.0;
            self.start += windows * self.every_ms;
        }
    }
}

impl Operator for Sliding {
    fn item(&mut self, now: f64) -> Verdict {
        if self.start.is_nan() {
            self.start = now;
        }
        self.times.push_back(now);
        let verdict = if self.times.len() > self.max_items {
            self.times.pop_front();
            Verdict::Evict
        } else {
            Verdict::Hold
        };
        self.skip_empty_windows();
        verdict
    }

    fn deadline(&self) -> f64 {
        if self.times.is_empty() {
            f64::INFINITY
        } else {
            self.start + self.size_ms
        }
    }

    fn due(&mut self, _now: f64) -> Verdict {
        self.taken = self.count_before(self.start + self.size_ms);
        self.start += self.every_ms;
        self.outdated = self.count_before(self.start);
        self.times.drain(..self.outdated as usize);
        self.skip_empty_windows();
        if self.taken == 0 {
            Verdict::Nothing
        } else {
            Verdict::Release
        }
    }

    /// Each window that has begun is handed on; called until nothing is held.
    fn end(&mut self) -> Verdict {
        match self.times.back() {
            Some(&last) if last >= self.start => self.due(last),
            _ => {
                self.times.clear();
                Verdict::Nothing
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(times: &[f64], end: f64, max_items: u32) -> Vec<(f64, Vec<usize>)> {
        let mut sliding = Sliding::new(100.0, 50.0, max_items);
        let mut held: VecDeque<usize> = VecDeque::new();
        let mut out = Vec::new();
        let release = |sliding: &Sliding, held: &mut VecDeque<usize>, at: f64, out: &mut Vec<_>| {
            out.push((
                at,
                held.iter()
                    .copied()
                    .take(sliding.taken() as usize)
                    .collect(),
            ));
            held.drain(..sliding.outdated() as usize);
        };
        for (index, &now) in times.iter().chain([&end]).enumerate() {
            while sliding.deadline() <= now {
                let at = sliding.deadline();
                if sliding.due(at) == Verdict::Release {
                    release(&sliding, &mut held, at, &mut out);
                }
            }
            if index < times.len() {
                if sliding.item(now) == Verdict::Evict {
                    held.pop_front();
                }
                held.push_back(index);
            }
        }
        while sliding.end() == Verdict::Release {
            release(&sliding, &mut held, end, &mut out);
        }
        out
    }

    #[test]
    fn an_item_is_in_each_window_that_is_open_when_it_comes() {
        let out = windows(&[0.0, 40.0, 60.0, 120.0], 1_000.0, 100);
        assert_eq!(
            out,
            [
                (100.0, vec![0, 1, 2]),
                (150.0, vec![2, 3]),
                (200.0, vec![3])
            ]
        );
    }

    #[test]
    fn empty_windows_are_left_out_and_the_end_closes_the_open_ones() {
        let out = windows(&[0.0, 1_020.0, 1_060.0], 1_070.0, 100);
        assert_eq!(
            out,
            [
                (100.0, vec![0]),
                (1_050.0, vec![1]),
                (1_070.0, vec![1, 2]),
                (1_070.0, vec![2])
            ]
        );
    }

    #[test]
    fn a_full_window_loses_its_oldest_item() {
        let out = windows(&[0.0, 1.0, 2.0], 10.0, 2);
        assert_eq!(out, [(10.0, vec![1, 2])]);
    }
}
