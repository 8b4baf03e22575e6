//! Zstandard as the [`Codec`] of snapshots: a difference is a frame that was compressed with its base as prefix.

use zstd::zstd_safe::{CCtx, CParameter, DCtx, DParameter};

use crate::core::snapshots::Codec;

/// Fast; higher levels gain little on texts of a few kilobytes.
const LEVEL: i32 = 1;
/// A base longer than this is more than the tables of that level can hold.
const LONG_BASE_BYTES: usize = 64 * 1024;
/// Bounds of the format on this window (as powers of two), and what every reader takes.
const WINDOW_LOGS: (u32, u32) = (10, 27);

/// Compresses on the calling thread.
#[derive(Debug)]
pub struct Zstd;

/// The window must span base and content, or the base's beginning is out of sight.
fn window_log(bytes: usize) -> u32 {
    let (min, max) = WINDOW_LOGS;
    (usize::BITS - bytes.leading_zeros()).clamp(min, max)
}

impl Codec for Zstd {
    fn pack(&self, bytes: &[u8], base: Option<&[u8]>) -> Option<Vec<u8>> {
        let mut context = CCtx::try_create()?;
        context
            .set_parameter(CParameter::CompressionLevel(LEVEL))
            .ok()?;
        // The length is kept elsewhere.
        context
            .set_parameter(CParameter::ContentSizeFlag(false))
            .ok()?;
        if let Some(base) = base {
            context
                .set_parameter(CParameter::WindowLog(window_log(base.len() + bytes.len())))
                .ok()?;
            let is_long = base.len() > LONG_BASE_BYTES;
            context
                .set_parameter(CParameter::EnableLongDistanceMatching(is_long))
                .ok()?;
            context.ref_prefix(base).ok()?;
        }
        let mut packed = Vec::with_capacity(zstd::zstd_safe::compress_bound(bytes.len()));
        context.compress2(&mut packed, bytes).ok()?;
        packed.shrink_to_fit();
        Some(packed)
    }

    fn unpack(&self, packed: &[u8], len: usize, base: Option<&[u8]>) -> Option<Vec<u8>> {
        let mut context = DCtx::try_create()?;
        context
            .set_parameter(DParameter::WindowLogMax(WINDOW_LOGS.1))
            .ok()?;
        if let Some(base) = base {
            context.ref_prefix(base).ok()?;
        }
        let mut bytes = Vec::with_capacity(len);
        context.decompress(&mut bytes, packed).ok()?;
        (bytes.len() == len).then_some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(mut seed: u64, len: usize) -> Vec<u8> {
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 56) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn reads_what_it_has_written() {
        for len in [0, 1, 100, 10_000, 3_000_000] {
            let bytes = noise(7, len);
            let packed = Zstd.pack(&bytes, None).unwrap();
            assert_eq!(Zstd.unpack(&packed, len, None).unwrap(), bytes);
        }
    }

    #[test]
    fn a_difference_to_a_base_is_short_however_long_the_base() {
        for len in [1000, 100_000, 3_000_000] {
            let base = noise(1, len);
            let mut bytes = base.clone();
            bytes[len / 2] ^= 1;
            bytes.extend_from_slice(b"and more");
            let packed = Zstd.pack(&bytes, Some(&base)).unwrap();
            assert!(
                packed.len() < 100 + len / 1000,
                "{} bytes for {len}",
                packed.len()
            );
            assert_eq!(
                Zstd.unpack(&packed, bytes.len(), Some(&base)).unwrap(),
                bytes
            );
        }
    }

    #[test]
    fn what_was_changed_is_not_read() {
        let bytes = noise(3, 1000);
        let packed = Zstd.pack(&bytes, None).unwrap();
        assert_eq!(Zstd.unpack(&packed, 999, None), None);
        assert_eq!(Zstd.unpack(&packed[1..], 1000, None), None);
    }
}
