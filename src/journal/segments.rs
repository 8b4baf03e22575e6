//! Which events stand in segments, and which of these have not ended. An event of a burst is not worth a row of its own: the
//! plain ones of a frame are stored as one segment, and what has ended of it is a bit each. No I/O: the rows are in
//! [`super::sqlite`].
//!
//! Changes count from `commit` on; `roll_back` undoes those since the last one.

use std::collections::{BTreeMap, BTreeSet};

/// Events of a segment, each by its place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Their numbers, rising, less the first one.
    offsets: Vec<u32>,
    /// A bit each, set when it has ended.
    ended: Vec<u8>,
    live: u32,
    /// Of its body.
    bytes: u64,
}

impl Segment {
    /// Numbers must rise. `ended`: a bit for each; missing ones are not set.
    pub fn new(offsets: Vec<u32>, mut ended: Vec<u8>, bytes: u64) -> Self {
        ended.resize(offsets.len().div_ceil(8), 0);
        let gone = (0..offsets.len()).filter(|place| ended[place / 8] & (1 << (place % 8)) != 0);
        let live = (offsets.len() - gone.count()) as u32;
        Self {
            offsets,
            ended,
            live,
            bytes,
        }
    }

    /// Events that have not ended.
    pub fn live(&self) -> u32 {
        self.live
    }

    /// The bits of those that have.
    pub fn ended(&self) -> &[u8] {
        &self.ended
    }

    /// Whether the event at a place has not ended.
    pub fn is_live(&self, place: usize) -> bool {
        self.ended[place / 8] & (1 << (place % 8)) == 0
    }

    fn flip(&mut self, place: usize) {
        self.ended[place / 8] ^= 1 << (place % 8);
    }

    /// Bytes that belong to events that have ended.
    fn wasted(&self) -> u64 {
        let count = self.offsets.len().max(1) as u64;
        self.bytes * (count - u64::from(self.live)) / count
    }

    fn place_of(&self, offset: u32) -> Option<usize> {
        // Numbers are without gaps, most of the time.
        match self.offsets.get(offset as usize) {
            Some(found) if *found == offset => Some(offset as usize),
            _ => self.offsets.binary_search(&offset).ok(),
        }
    }
}

/// Where an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The number of the segment's first event, which is its name.
    pub first: i64,
    /// Counted from 0.
    pub place: usize,
}

enum Change {
    Inserted(i64),
    Ended(Place),
    Removed(i64, Segment),
}

/// All segments.
#[derive(Default)]
pub struct Segments {
    by_first: BTreeMap<i64, Segment>,
    /// Bytes of segments that belong to events that have ended.
    wasted: u64,
    /// What `roll_back` undoes.
    changes: Vec<Change>,
    /// Segments of which something has ended since the last commit.
    touched: BTreeSet<i64>,
}

impl Segments {
    /// Adds a segment. Its numbers lie between those of no other one.
    pub fn insert(&mut self, first: i64, segment: Segment) {
        self.changes.push(Change::Inserted(first));
        self.put(first, segment);
    }

    fn put(&mut self, first: i64, segment: Segment) {
        self.wasted += segment.wasted();
        self.by_first.insert(first, segment);
    }

    fn take(&mut self, first: i64) -> Option<Segment> {
        let segment = self.by_first.remove(&first)?;
        self.wasted -= segment.wasted();
        Some(segment)
    }

    /// Where a live event stands.
    pub fn find(&self, seq: i64) -> Option<Place> {
        let (&first, segment) = self.by_first.range(..=seq).next_back()?;
        let place = segment.place_of(u32::try_from(seq - first).ok()?)?;
        segment.is_live(place).then_some(Place { first, place })
    }

    /// A live event has ended.
    pub fn end(&mut self, place: Place) {
        self.change_live(place, -1);
        self.changes.push(Change::Ended(place));
        self.touched.insert(place.first);
    }

    fn change_live(&mut self, Place { first, place }: Place, by: i32) {
        if let Some(segment) = self.by_first.get_mut(&first) {
            let before = segment.wasted();
            segment.flip(place);
            segment.live = segment.live.saturating_add_signed(by);
            self.wasted = self.wasted + segment.wasted() - before;
        }
    }

    /// Removes a segment.
    pub fn remove(&mut self, first: i64) {
        if let Some(segment) = self.take(first) {
            self.changes.push(Change::Removed(first, segment));
        }
        self.touched.remove(&first);
    }

    /// Segments of which something has ended since this was last asked.
    pub fn take_touched(&mut self) -> BTreeSet<i64> {
        std::mem::take(&mut self.touched)
    }

    /// A segment by its name.
    pub fn get(&self, first: i64) -> Option<&Segment> {
        self.by_first.get(&first)
    }

    /// Names of all of them.
    pub fn firsts(&self) -> Vec<i64> {
        self.by_first.keys().copied().collect()
    }

    /// Events that have not ended.
    pub fn live(&self) -> u64 {
        self.by_first
            .values()
            .map(|segment| u64::from(segment.live))
            .sum()
    }

    /// The segment whose events are best stored alone, because it holds more of what has ended than anything else: there is
    /// one when more than `allowed` bytes are wasted, and at least half of a segment is.
    pub fn sparsest(&self, allowed: u64) -> Option<i64> {
        if self.wasted <= allowed {
            return None;
        }
        let (&first, segment) = self
            .by_first
            .iter()
            .max_by_key(|(_, segment)| segment.wasted())?;
        (segment.wasted() * 2 >= segment.bytes).then_some(first)
    }

    /// What has changed counts.
    pub fn commit(&mut self) {
        self.changes.clear();
    }

    /// What has changed since the last commit has not happened.
    pub fn roll_back(&mut self) {
        self.touched.clear();
        while let Some(change) = self.changes.pop() {
            match change {
                Change::Inserted(first) => drop(self.take(first)),
                Change::Ended(place) => self.change_live(place, 1),
                Change::Removed(first, segment) => self.put(first, segment),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segments() -> Segments {
        let mut segments = Segments::default();
        segments.insert(10, Segment::new(vec![0, 1, 2, 3], Vec::new(), 400));
        segments.insert(20, Segment::new(vec![0, 2, 5], vec![0b010], 300));
        segments.commit();
        segments
    }

    #[test]
    fn events_are_found_by_their_number_until_they_have_ended() {
        let mut segments = segments();
        assert_eq!(
            segments.find(13),
            Some(Place {
                first: 10,
                place: 3
            })
        );
        assert_eq!(
            segments.find(25),
            Some(Place {
                first: 20,
                place: 2
            })
        );
        for absent in [9, 14, 21, 22, 26] {
            assert_eq!(segments.find(absent), None, "{absent}");
        }
        segments.end(segments.find(13).unwrap());
        assert_eq!(segments.find(13), None);
        assert_eq!(
            (segments.live(), segments.get(10).unwrap().ended()),
            (5, &[0b1000][..])
        );
        assert_eq!(
            segments.take_touched().into_iter().collect::<Vec<_>>(),
            [10]
        );
    }

    #[test]
    fn more_than_is_allowed_must_be_wasted_and_half_of_a_segment() {
        let mut segments = segments();
        assert_eq!(segments.wasted, 100);
        assert_eq!(segments.sparsest(100), None);
        assert_eq!(segments.sparsest(50), None, "a third of it only");
        segments.end(segments.find(20).unwrap());
        assert_eq!(segments.sparsest(50), Some(20));
        segments.remove(20);
        assert_eq!(segments.sparsest(0), None);
    }

    proptest! {
        #[test]
        fn rolling_back_leaves_what_was_committed(steps in prop::collection::vec((0..3, 0..40_i64), 1..80), cut in 0..80_usize) {
            let mut segments = segments();
            let mut next = 40;
            let mut committed = None;
            for (index, (kind, seq)) in steps.into_iter().enumerate() {
                if index == cut {
                    segments.commit();
                    committed = Some((segments.by_first.clone(), segments.wasted));
                }
                match kind {
                    0 => {
                        segments.insert(next, Segment::new(vec![0, 1, 2], Vec::new(), 90));
                        next += 3;
                    }
                    1 => if let Some(place) = segments.find(seq) { segments.end(place) },
                    _ => if let Some(place) = segments.find(seq) { segments.remove(place.first) },
                }
                let wasted: u64 = segments.by_first.values().map(Segment::wasted).sum();
                prop_assert_eq!(segments.wasted, wasted);
            }
            if let Some((by_first, wasted)) = committed {
                segments.roll_back();
                prop_assert_eq!(&segments.by_first, &by_first);
                prop_assert_eq!(segments.wasted, wasted);
            }
        }
    }
}
