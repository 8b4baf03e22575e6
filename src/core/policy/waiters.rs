//! First-come-first-served lines of waiters that may leave at any place: what permits and tokens are waited for in.

/// "Nobody", end of a line.
pub const NONE: u32 = u32::MAX;

/// One line; its waiters live in a [`Waiters`].
#[derive(Debug, Clone, Copy)]
pub struct Line {
    head: u32,
    tail: u32,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            head: NONE,
            tail: NONE,
        }
    }
}

impl Line {
    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.head == NONE
    }
}

#[derive(Debug, Clone, Copy)]
struct Waiter {
    /// Who owns the line: the key that is waited for.
    key: u32,
    prev: u32,
    /// The next in line, or the next free place.
    next: u32,
}

/// All waiters of a policy. An id is used again once its waiter has left.
#[derive(Debug, Clone)]
pub struct Waiters {
    places: Vec<Waiter>,
    free: u32,
    len: usize,
}

impl Default for Waiters {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: NONE,
            len: 0,
        }
    }
}

impl Waiters {
    /// Puts a new waiter for `key` at the end of `line`.
    pub fn push(&mut self, line: &mut Line, key: u32) -> u32 {
        let waiter = Waiter {
            key,
            prev: line.tail,
            next: NONE,
        };
        let id = match self.free {
            NONE => {
                self.places.push(waiter);
                self.places.len() as u32 - 1
            }
            id => {
                self.free = self.places[id as usize].next;
                self.places[id as usize] = waiter;
                id
            }
        };
        match line.tail {
            NONE => line.head = id,
            tail => self.places[tail as usize].next = id,
        }
        line.tail = id;
        self.len += 1;
        id
    }

    /// Takes the first of `line`.
    pub fn pop(&mut self, line: &mut Line) -> Option<u32> {
        let id = line.head;
        (id != NONE).then(|| {
            self.remove(line, id);
            id
        })
    }

    /// Takes `id` out of `line`, where it waits.
    pub fn remove(&mut self, line: &mut Line, id: u32) {
        let Waiter { prev, next, .. } = self.places[id as usize];
        match prev {
            NONE => line.head = next,
            prev => self.places[prev as usize].next = next,
        }
        match next {
            NONE => line.tail = prev,
            next => self.places[next as usize].prev = prev,
        }
        self.places[id as usize].next = self.free;
        self.free = id;
        self.len -= 1;
    }

    /// The key that `id` waits for.
    pub fn key_of(&self, id: u32) -> u32 {
        self.places[id as usize].key
    }

    /// How many wait in all lines.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_first_come_first_served_and_anybody_may_leave() {
        let mut waiters = Waiters::default();
        let (mut a, mut b) = (Line::default(), Line::default());
        let first = waiters.push(&mut a, 1);
        let other = waiters.push(&mut b, 2);
        let second = waiters.push(&mut a, 1);
        let third = waiters.push(&mut a, 1);
        waiters.remove(&mut a, second);
        assert_eq!(waiters.key_of(other), 2);
        assert_eq!(waiters.pop(&mut a), Some(first));
        assert_eq!(waiters.pop(&mut a), Some(third));
        assert_eq!(waiters.pop(&mut a), None);
        assert!(a.is_empty() && !b.is_empty());
        assert_eq!(waiters.pop(&mut b), Some(other));
        assert!(waiters.is_empty());
        assert_eq!(waiters.places.len(), 4);
    }

    #[test]
    fn the_last_may_leave_and_another_may_come() {
        let mut waiters = Waiters::default();
        let mut line = Line::default();
        let first = waiters.push(&mut line, 0);
        let last = waiters.push(&mut line, 0);
        waiters.remove(&mut line, last);
        let next = waiters.push(&mut line, 0);
        assert_eq!(waiters.pop(&mut line), Some(first));
        assert_eq!(waiters.pop(&mut line), Some(next));
    }
}
