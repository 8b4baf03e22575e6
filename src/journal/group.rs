//! Which frames are committed together, when, and what becomes of them when that fails. No clock, no I/O: times are
//! milliseconds that are passed in.

use super::compact::Content;
use super::frame::Survey;
use super::options::SyncMode;

/// First pause after a failed commit; it doubles up to [`MAX_PAUSE_MS`].
const FIRST_PAUSE_MS: f64 = 100.0;
const MAX_PAUSE_MS: f64 = 5_000.0;
/// How long a group waits where nothing is ever synced.
const OFF_GROUP_MS: f64 = 50.0;

/// A frame on its way to the disk.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Its number, as its owner counts.
    pub number: u64,
    /// What it says.
    pub content: Content,
    /// Whether the events that somebody waited for have been given up.
    pub given_up: bool,
    survey: Survey,
}

impl Frame {
    /// Whether it ends events.
    pub fn has_ends(&self) -> bool {
        self.survey.has_ends
    }
}

/// The frames that wait to be committed.
#[derive(Debug)]
pub struct Group {
    sync: SyncMode,
    group_ms: f64,
    group_events: usize,
    frames: Vec<Frame>,
    ops: usize,
    /// When the group is to be committed.
    due: f64,
    /// When the last commit was due.
    last_due: f64,
    /// Whether somebody waits for it.
    has_awaited: bool,
    /// The pause after the next failure.
    pause_ms: f64,
    /// Whether the last commit has failed.
    failing: bool,
}

impl Group {
    /// An empty group.
    pub fn new(sync: SyncMode, group_ms: f64, group_events: usize) -> Self {
        Self {
            sync,
            group_ms,
            group_events,
            frames: Vec::new(),
            ops: 0,
            due: f64::INFINITY,
            last_due: f64::NEG_INFINITY,
            has_awaited: false,
            pause_ms: FIRST_PAUSE_MS,
            failing: false,
        }
    }

    /// Takes a frame in.
    pub fn push(&mut self, number: u64, content: impl Into<Content>, now: f64) {
        let content = content.into();
        let survey = Survey::of(&content);
        self.ops += survey.count;
        self.frames.push(Frame {
            number,
            content,
            given_up: false,
            survey,
        });
        if self.failing {
            return;
        }
        let longest = match self.sync {
            SyncMode::Always => 0.0,
            SyncMode::Group | SyncMode::Os => self.group_ms,
            SyncMode::Off => self.group_ms.max(OFF_GROUP_MS),
        };
        self.has_awaited |= survey.has_awaited;
        self.due = self.due.min(now + longest);
        if self.ops >= self.group_events {
            self.due = now;
        }
    }

    /// The turn of the event loop that has brought the last frame is over. If somebody waits, the group need not: what comes
    /// within its time after this commit makes up the next group.
    pub fn turn_over(&mut self, now: f64) {
        if self.has_awaited && !self.failing {
            self.due = self.due.min(now.max(self.last_due + self.group_ms));
        }
    }

    /// Waits for no further company. A failing journal is not tried more often for it.
    pub fn hurry(&mut self, now: f64) {
        if !self.failing && !self.frames.is_empty() {
            self.due = now;
        }
    }

    /// When the group is to be committed; infinity: there is none.
    pub fn due(&self) -> f64 {
        self.due
    }

    /// Whether somebody waits for one of the frames, so that they are better carried out at once.
    pub fn is_awaited(&self) -> bool {
        self.has_awaited
    }

    /// Whether the last commit has failed.
    pub fn is_failing(&self) -> bool {
        self.failing
    }

    /// The frames of the next commit: all of them, or one where each is synced alone.
    pub fn next(&self) -> &[Frame] {
        match self.sync {
            SyncMode::Always if !self.failing => &self.frames[..self.frames.len().min(1)],
            _ => &self.frames,
        }
    }

    /// `next` has been committed. Answers the number of its last frame.
    pub fn committed(&mut self, now: f64) -> u64 {
        self.last_due = self.due.min(now);
        let count = self.next().len();
        let last = self
            .frames
            .get(count.wrapping_sub(1))
            .map_or(0, |frame| frame.number);
        self.frames.drain(..count);
        self.ops = self.frames.iter().map(|frame| frame.survey.count).sum();
        self.failing = false;
        self.pause_ms = FIRST_PAUSE_MS;
        self.has_awaited = self.frames.iter().any(|frame| frame.survey.has_awaited);
        self.due = if self.frames.is_empty() {
            f64::INFINITY
        } else {
            now
        };
        last
    }

    /// The commit has failed: what somebody waits for is given up, everything else is tried again after a pause. Answers
    /// the numbers of the frames that have lost something.
    pub fn failed(&mut self, now: f64) -> Vec<u64> {
        self.failing = true;
        self.due = now + self.pause_ms;
        self.pause_ms = (self.pause_ms * 2.0).min(MAX_PAUSE_MS);
        self.give_up(0)
    }

    /// Gives up what somebody waits for in the frames after the first `settled`. Answers their numbers.
    pub fn give_up(&mut self, settled: usize) -> Vec<u64> {
        let mut lost = Vec::new();
        for frame in self
            .frames
            .iter_mut()
            .skip(settled)
            .filter(|frame| frame.survey.has_awaited && !frame.given_up)
        {
            frame.given_up = true;
            lost.push(frame.number);
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWAITED: &str = "A\u{1f}1\u{1f}1\u{1f}0\u{1f}0\u{1f}i\u{1f}t\u{1f}\u{1f}\u{1f}1\n";
    const PLAIN: &str = "D\u{1f}1\u{1f}0\u{1f}0\n";

    fn numbers(group: &Group) -> Vec<u64> {
        group.next().iter().map(|frame| frame.number).collect()
    }

    #[test]
    fn a_group_waits_for_company_but_not_for_ever() {
        let mut group = Group::new(SyncMode::Group, 2.0, 3);
        assert_eq!(group.due(), f64::INFINITY);
        group.push(1, PLAIN, 10.0);
        group.push(2, PLAIN, 11.5);
        assert_eq!(group.due(), 12.0);
        group.push(3, PLAIN, 11.6);
        assert_eq!(group.due(), 11.6, "three operations are enough");
        assert_eq!(numbers(&group), [1, 2, 3]);
        assert_eq!(group.committed(12.0), 3);
        assert_eq!(group.due(), f64::INFINITY);
    }

    #[test]
    fn a_turn_that_is_over_is_committed_at_once_but_not_more_often_than_groups_are() {
        let mut group = Group::new(SyncMode::Group, 2.0, 1000);
        group.push(1, AWAITED, 10.0);
        group.turn_over(10.1);
        assert_eq!(group.due(), 10.1);
        group.committed(10.5);
        group.push(2, AWAITED, 10.6);
        group.turn_over(10.6);
        assert_eq!(group.due(), 12.1, "two milliseconds after the last one");
        group.committed(12.4);
        group.push(3, PLAIN, 20.0);
        group.turn_over(20.0);
        assert_eq!(group.due(), 22.0, "nobody waits");
    }

    #[test]
    fn each_frame_alone_where_every_one_is_synced() {
        let mut group = Group::new(SyncMode::Always, 2.0, 1000);
        group.push(1, PLAIN, 10.0);
        group.push(2, PLAIN, 10.0);
        assert_eq!((group.due(), numbers(&group)), (10.0, vec![1]));
        assert_eq!(group.committed(10.0), 1);
        assert_eq!((group.due(), numbers(&group)), (10.0, vec![2]));
    }

    #[test]
    fn a_failure_gives_up_what_is_awaited_and_keeps_the_rest() {
        let mut group = Group::new(SyncMode::Group, 2.0, 1000);
        group.push(1, PLAIN, 0.0);
        group.push(2, AWAITED, 0.0);
        assert_eq!(group.failed(2.0), [2]);
        assert_eq!(group.due(), 102.0);
        group.push(3, AWAITED, 50.0);
        group.hurry(50.0);
        assert_eq!(group.due(), 102.0, "nobody hurries a full disk");
        assert_eq!(group.failed(102.0), [3]);
        assert_eq!(group.due(), 302.0);
        assert_eq!(numbers(&group), [1, 2, 3]);
        assert!(group.next()[1].given_up && !group.next()[0].given_up);
        assert_eq!(group.committed(302.0), 3);
        assert!(!group.is_failing());
    }
}
