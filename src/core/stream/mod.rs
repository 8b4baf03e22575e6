//! The decisions of the stream operators that depend on time, order or room: one state machine a file, all of one shape.
//!
//! An operator learns of an item (`item`), of its deadline (`due`) and of the end of its source (`end`), and answers
//! each time with a [`Verdict`]. The items themselves stay with the caller, in the order in which they came.
//! [`table::Table`] keeps the operators of one stream manager and their deadlines.

pub mod batch;
pub mod debounce;
pub mod delay;
pub mod idle;
pub mod retry;
pub mod room;
pub mod sliding;
pub mod table;
pub mod throttle;
pub mod turns;
pub mod window;

/// What the caller does with the item, or with those that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Nothing,
    /// Hand this item on.
    Pass,
    /// Forget this item.
    Drop,
    /// Keep this item.
    Hold,
    /// Hand on what is held.
    Release,
    /// Keep this item, then hand on what is held, this item included.
    HoldAndRelease,
    /// Forget the oldest item that is held and keep this one.
    Evict,
    /// No room: the stream is to fail.
    Overflow,
    /// No room: whoever brings the item waits with it and offers it again when one has left.
    Wait,
    /// The time is up.
    Expired,
    /// The operator's deadline is over and has not been served: let it be `due` first, then offer the item again.
    Late,
}

/// What the operators have in common; times are milliseconds.
pub trait Operator {
    /// An item has come, before the deadline.
    fn item(&mut self, now: f64) -> Verdict;

    /// When [`due`](Self::due) is to be called; infinite when nothing waits for time.
    fn deadline(&self) -> f64;

    /// The deadline is over.
    fn due(&mut self, now: f64) -> Verdict;

    /// The source has ended: `Release` while something is held that may go now, `Hold` if it has to wait for its time.
    fn end(&mut self) -> Verdict;
}
