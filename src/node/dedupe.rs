//! The deduplication window: asked only about events that bring an id or a key of their own.

use napi_derive::napi;

use crate::core::dedupe::DedupeWindow;

/// See `DedupeWindow` in the core.
#[napi(js_name = "DedupeWindow")]
pub struct NodeDedupeWindow(DedupeWindow);

#[napi]
impl NodeDedupeWindow {
    #[napi(constructor)]
    pub fn new(capacity: u32) -> Self {
        Self(DedupeWindow::new(capacity as usize))
    }

    #[napi]
    pub fn has(&self, name: String) -> bool {
        self.0.contains(&name)
    }

    #[napi]
    pub fn insert(&mut self, name: String) -> bool {
        self.0.insert(&name)
    }

    #[napi]
    pub fn insert_all(&mut self, names: Vec<String>) {
        for name in names {
            self.0.insert(&name);
        }
    }

    #[napi]
    pub fn remove(&mut self, name: String) {
        self.0.remove(&name);
    }

    #[napi]
    pub fn size(&self) -> u32 {
        self.0.len() as u32
    }

    #[napi]
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
