//! Chains of events as a class: asked only about events that others have caused, so clear code first.

use napi_derive::napi;

use crate::core::chain::{ChainLimits, ChainRefusal, Chains};

/// See `Chains` in the core.
#[napi(js_name = "Chains")]
pub struct NodeChains(Chains);

#[napi]
impl NodeChains {
    #[napi(constructor)]
    pub fn new(max_depth: u32, max_length: u32) -> Self {
        Self(Chains::new(ChainLimits {
            max_depth,
            max_length,
        }))
    }

    #[napi]
    pub fn open(&mut self, kind: String) -> u32 {
        self.0.open(&kind)
    }

    /// A node, or -1 loop, -2 too deep, -3 too long.
    #[napi]
    pub fn enter(&mut self, parent: u32, kind: String, returned: bool) -> i32 {
        let entered = if returned {
            self.0.enter_returned(parent, &kind)
        } else {
            self.0.enter(parent, &kind)
        };
        match entered {
            Ok(node) => node as i32,
            Err(ChainRefusal::Loop) => -1,
            Err(ChainRefusal::Depth) => -2,
            Err(ChainRefusal::Length) => -3,
        }
    }

    #[napi]
    pub fn leave(&mut self, node: u32) {
        self.0.leave(node);
    }

    #[napi]
    pub fn depth(&self, node: u32) -> u32 {
        self.0.depth(node)
    }

    /// Records in use.
    #[napi]
    pub fn size(&self) -> u32 {
        self.0.len() as u32
    }
}
