//! Binding of [`Cache`].

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::core::policy::cache::{Cache, CacheConfig, Freshness};
use crate::node::raw::{raw, shared};

/// Makes an empty cache.
#[napi(ts_return_type = "object")]
pub fn create_cache(env: &Env, ttl_ms: f64, max_size: u32) -> Result<Object<'_>> {
    let cache = shared(Cache::new(CacheConfig { ttl_ms, max_size }));
    let mut handle = Object::new(env)?;
    handle.set(
        "open",
        raw(env, "open", &cache, |cache, []: [f64; 0]| cache.open())?,
    )?;
    handle.set(
        "look",
        raw(
            env,
            "look",
            &cache,
            |cache, [id, now]: [f64; 2]| match cache.look(id as u32, now) {
                Freshness::InFlight => 0_u32,
                Freshness::Fresh => 1,
                Freshness::Expired => 2,
            },
        )?,
    )?;
    handle.set(
        "store",
        raw(env, "store", &cache, |cache, [id, now]: [f64; 2]| {
            cache.store(id as u32, now)
        })?,
    )?;
    handle.set(
        "close",
        raw(env, "close", &cache, |cache, [id]: [f64; 1]| {
            cache.close(id as u32)
        })?,
    )?;
    handle.set(
        "evict",
        raw(env, "evict", &cache, |cache, [now]: [f64; 1]| {
            cache.evict(now).map_or(-1.0, f64::from)
        })?,
    )?;
    handle.set(
        "size",
        raw(env, "size", &cache, |cache, []: [f64; 0]| cache.len())?,
    )?;
    Ok(handle)
}
