//! The deduplication window: which ids and idempotency keys have been seen.

use std::collections::VecDeque;
use std::rc::Rc;

use rustc_hash::FxHashSet;

/// Remembers the last `capacity` names. When it overflows, the oldest fifth goes at once.
#[derive(Debug)]
pub struct DedupeWindow {
    capacity: usize,
    order: VecDeque<Rc<str>>,
    seen: FxHashSet<Rc<str>>,
}

impl DedupeWindow {
    /// A window of `capacity` names; 0 remembers nothing.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            order: VecDeque::new(),
            seen: FxHashSet::default(),
        }
    }

    /// Whether `name` is in the window.
    pub fn contains(&self, name: &str) -> bool {
        self.seen.contains(name)
    }

    /// Remembers `name`; answers whether it is new.
    pub fn insert(&mut self, name: &str) -> bool {
        if self.capacity == 0 {
            return true;
        }
        if self.contains(name) {
            return false;
        }
        if self.order.len() >= self.capacity {
            for old in self.order.drain(..self.capacity.div_ceil(5)) {
                self.seen.remove(&old);
            }
        }
        let name: Rc<str> = name.into();
        self.order.push_back(Rc::clone(&name));
        self.seen.insert(name);
        true
    }

    /// Forgets `name`, so that it may come again.
    pub fn remove(&mut self, name: &str) {
        if self.seen.remove(name) {
            self.order.retain(|other| &**other != name);
        }
    }

    /// Names in the window.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.order.clear();
        self.seen.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_fifth_leaves_a_full_window() {
        let mut window = DedupeWindow::new(10);
        for i in 0..10 {
            assert!(window.insert(&i.to_string()));
        }
        assert!(!window.insert("3"));
        assert!(window.insert("10"));
        assert_eq!(window.len(), 9);
        assert!(!window.contains("0") && !window.contains("1") && window.contains("2"));
        window.remove("2");
        assert!(window.insert("2"));
        window.clear();
        assert!(window.is_empty() && window.insert("10"));
    }

    #[test]
    fn a_window_of_none_and_of_one() {
        let mut none = DedupeWindow::new(0);
        assert!(none.insert("a") && none.insert("a"));
        let mut one = DedupeWindow::new(1);
        assert!(one.insert("a") && one.insert("b") && !one.insert("b") && one.insert("a"));
    }
}
