//! The deduplication window: which ids and idempotency keys have been seen.

use std::collections::VecDeque;
use std::rc::Rc;

use rustc_hash::FxHashMap;

/// So many names that have been removed may stay in the order, and as many again as there are names.
const SPARE: usize = 64;

/// Remembers the last `capacity` names. When it overflows, the oldest fifth goes at once.
#[derive(Debug)]
pub struct DedupeWindow {
    capacity: usize,
    /// Names as they came, each with a number of its own. One that was removed stays here until its turn comes, or until
    /// there are too many of that kind.
    order: VecDeque<(u64, Rc<str>)>,
    /// The number under which a name stands in the order.
    seen: FxHashMap<Rc<str>, u64>,
    last: u64,
}

impl DedupeWindow {
    /// A window of `capacity` names; 0 remembers nothing.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            order: VecDeque::new(),
            seen: FxHashMap::default(),
            last: 0,
        }
    }

    /// Whether `name` is in the window.
    pub fn contains(&self, name: &str) -> bool {
        self.seen.contains_key(name)
    }

    /// Remembers `name`; answers whether it is new.
    pub fn insert(&mut self, name: &str) -> bool {
        if self.capacity == 0 {
            return true;
        }
        if self.contains(name) {
            return false;
        }
        if self.len() >= self.capacity {
            self.shrink_to(self.capacity - self.capacity.div_ceil(5));
        }
        let name: Rc<str> = name.into();
        self.last += 1;
        self.order.push_back((self.last, Rc::clone(&name)));
        self.seen.insert(name, self.last);
        true
    }

    /// Forgets the oldest names.
    fn shrink_to(&mut self, len: usize) {
        while self.len() > len
            && let Some((number, name)) = self.order.pop_front()
        {
            if self.seen.get(&name) == Some(&number) {
                self.seen.remove(&name);
            }
        }
    }

    /// Forgets `name`, so that it may come again.
    pub fn remove(&mut self, name: &str) {
        self.seen.remove(name);
        if self.order.len() > 2 * self.len() + SPARE {
            let seen = &self.seen;
            self.order
                .retain(|(number, name)| seen.get(name) == Some(number));
        }
    }

    /// Names in the window.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
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
    fn a_name_that_comes_again_has_a_new_place_and_removed_ones_count_no_more() {
        let mut window = DedupeWindow::new(10);
        for i in 0..10 {
            window.insert(&i.to_string());
        }
        for name in ["0", "5", "6"] {
            window.remove(name);
        }
        assert!(window.insert("0"));
        for i in 10..12 {
            assert!(window.insert(&i.to_string()));
        }
        assert_eq!(window.len(), 10);
        assert!(window.insert("12"));
        assert!(!window.contains("1") && !window.contains("2") && window.contains("3"));
        assert!(window.contains("0") && window.contains("12"));
        assert_eq!(window.len(), 9);
    }

    #[test]
    fn names_that_come_and_go_leave_nothing_behind() {
        let mut window = DedupeWindow::new(1_000);
        for i in 0..10 {
            window.insert(&i.to_string());
        }
        for i in 0..100_000 {
            let name = format!("x{i}");
            assert!(window.insert(&name));
            window.remove(&name);
        }
        assert_eq!(window.len(), 10);
        assert!(window.order.len() <= 2 * 10 + SPARE + 1);
        assert!(window.contains("0"));
    }

    #[test]
    fn a_window_of_none_and_of_one() {
        let mut none = DedupeWindow::new(0);
        assert!(none.insert("a") && none.insert("a"));
        let mut one = DedupeWindow::new(1);
        assert!(one.insert("a") && one.insert("b") && !one.insert("b") && one.insert("a"));
    }
}
