//! Whose turn it is when several sources are joined.

use std::collections::VecDeque;

/// Sources that have an item ready, in the order in which it came.
///
/// A source has at most one item ready and gets in line again only after that was taken. So between two items of one
/// source every other source that was ready has had its turn: none starves, and the line is never longer than there
/// are sources.
#[derive(Debug, Clone, Default)]
pub struct Turns(VecDeque<u32>);

impl Turns {
    /// `source` has an item ready; it must not be in line already.
    pub fn arrive(&mut self, source: u32) {
        self.0.push_back(source);
    }

    /// Takes the source whose item is next.
    pub fn take(&mut self) -> Option<u32> {
        self.0.pop_front()
    }
}
