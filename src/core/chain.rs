//! Chains of events that cause each other: their depth, their length, and loops of returned events.

use std::rc::Rc;

use super::slots::NONE;

/// Limits of one chain.
#[derive(Debug, Clone, Copy)]
pub struct ChainLimits {
    /// Events on the path from the root, the root included.
    pub max_depth: u32,
    /// Events in the whole chain, the root included.
    pub max_length: u32,
}

/// Why an event may not join a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainRefusal {
    /// Its type is already on the path from the root.
    Loop,
    /// The path would be longer than `max_depth`.
    Depth,
    /// The chain would have more than `max_length` events.
    Length,
}

#[derive(Debug, Clone)]
struct Node {
    parent: u32,
    /// The chain's root; of the root itself: how many events the chain has had.
    root_or_length: u32,
    depth: u32,
    kind: Rc<str>,
    /// Children that live, plus one while the event itself does.
    holders: u32,
}

/// The events of the chains that are going on, as trees.
#[derive(Debug)]
pub struct Chains {
    limits: ChainLimits,
    nodes: Vec<Node>,
    free: Vec<u32>,
}

impl Chains {
    /// No chain yet.
    pub fn new(limits: ChainLimits) -> Self {
        Self {
            limits,
            nodes: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Begins a chain with an event of type `kind`.
    pub fn open(&mut self, kind: &str) -> u32 {
        self.insert(Node {
            parent: NONE,
            root_or_length: 1,
            depth: 1,
            kind: kind.into(),
            holders: 1,
        })
    }

    /// Adds an event that `parent` has *returned*: its type must not be on the path already.
    pub fn enter_returned(&mut self, parent: u32, kind: &str) -> Result<u32, ChainRefusal> {
        let mut at = parent;
        while at != NONE {
            let node = &self.nodes[at as usize];
            if &*node.kind == kind {
                return Err(ChainRefusal::Loop);
            }
            at = node.parent;
        }
        self.enter(parent, kind)
    }

    /// Adds an event that was caused by `parent`.
    pub fn enter(&mut self, parent: u32, kind: &str) -> Result<u32, ChainRefusal> {
        let above = &self.nodes[parent as usize];
        let depth = above.depth;
        let root = if above.parent == NONE {
            parent
        } else {
            above.root_or_length
        };
        if depth >= self.limits.max_depth {
            return Err(ChainRefusal::Depth);
        }
        if self.nodes[root as usize].root_or_length >= self.limits.max_length {
            return Err(ChainRefusal::Length);
        }
        self.nodes[root as usize].root_or_length += 1;
        self.nodes[parent as usize].holders += 1;
        Ok(self.insert(Node {
            parent,
            root_or_length: root,
            depth: depth + 1,
            kind: kind.into(),
            holders: 1,
        }))
    }

    /// The event of `node` has ended; its record goes once everything that it caused has ended too.
    pub fn leave(&mut self, mut node: u32) {
        while node != NONE {
            let record = &mut self.nodes[node as usize];
            record.holders -= 1;
            if record.holders > 0 {
                return;
            }
            self.free.push(node);
            node = record.parent;
        }
    }

    /// Events on the path from the root to `node`.
    pub fn depth(&self, node: u32) -> u32 {
        self.nodes[node as usize].depth
    }

    /// Records in use.
    pub fn len(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    /// Whether no chain is going on.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn insert(&mut self, node: Node) -> u32 {
        if let Some(id) = self.free.pop() {
            self.nodes[id as usize] = node;
            id
        } else {
            self.nodes.push(node);
            self.nodes.len() as u32 - 1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chains(max_depth: u32, max_length: u32) -> Chains {
        Chains::new(ChainLimits {
            max_depth,
            max_length,
        })
    }

    #[test]
    fn a_type_may_not_return_to_its_own_path_but_may_appear_beside_it() {
        let mut chains = chains(10, 10);
        let root = chains.open("1");
        let a = chains.enter_returned(root, "2").unwrap();
        assert_eq!(chains.enter_returned(root, "1"), Err(ChainRefusal::Loop));
        assert_eq!(chains.enter_returned(a, "1"), Err(ChainRefusal::Loop));
        let b = chains.enter_returned(root, "2").unwrap();
        assert!(chains.enter(b, "1").is_ok());
    }

    #[test]
    fn depth_is_of_one_path_and_length_of_one_chain() {
        let mut chains = chains(3, 5);
        let root = chains.open("0");
        let a = chains.enter(root, "1").unwrap();
        let b = chains.enter(a, "2").unwrap();
        assert_eq!(chains.depth(b), 3);
        assert_eq!(chains.enter(b, "3"), Err(ChainRefusal::Depth));
        chains.enter(root, "4").unwrap();
        chains.enter(root, "5").unwrap();
        assert_eq!(chains.enter(root, "6"), Err(ChainRefusal::Length));
        let other = chains.open("0");
        assert!(chains.enter(other, "1").is_ok());
    }

    #[test]
    fn records_go_when_the_whole_branch_has_ended() {
        let mut chains = chains(10, 10);
        let root = chains.open("0");
        let child = chains.enter(root, "1").unwrap();
        chains.leave(root);
        assert_eq!(chains.len(), 2);
        chains.leave(child);
        assert!(chains.is_empty());
    }
}
