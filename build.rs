//! Links the addon as a Node-API module; does nothing for the core alone.

fn main() {
    #[cfg(feature = "node")]
    napi_build::setup();
}
