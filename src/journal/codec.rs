//! Bodies as they are stored: bytes, compressed from a size on, with a checksum.

use super::frame::flags::{BINARY, COMPRESSED};
use crate::compression::Zstd;
use crate::core::snapshots::Codec;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// More than a string of JavaScript can hold.
const MAX_BYTES: usize = 1 << 30;

/// One of the fast levels of Zstandard.
const SEGMENT_LEVEL: i32 = -1;

/// A body as it is stored, and the flags that say how.
pub struct Packed<'a> {
    /// The bytes.
    pub bytes: Cow<'a, [u8]>,
    /// With [`COMPRESSED`] if they are.
    pub flags: u32,
    /// Bytes before compression.
    pub original: usize,
}

/// Makes bytes of the text of a frame.
pub fn pack(body: &str, flags: u32, compress_above: f64) -> Option<Packed<'_>> {
    let bytes: Cow<'_, [u8]> = if flags & BINARY != 0 {
        Cow::Owned(STANDARD.decode(body).ok()?)
    } else {
        Cow::Borrowed(body.as_bytes())
    };
    let original = bytes.len();
    if original as f64 >= compress_above
        && let Some(smaller) = compress(&bytes).filter(|smaller| smaller.len() < original)
    {
        return Some(Packed {
            bytes: Cow::Owned(smaller),
            flags: flags | COMPRESSED,
            original,
        });
    }
    Some(Packed {
        bytes,
        flags,
        original,
    })
}

/// The JSON of a stored body: itself, or a string of base64. `None` if it is damaged.
pub fn unpack(bytes: &[u8], flags: u32) -> Option<String> {
    let plain = if flags & COMPRESSED != 0 {
        Cow::Owned(decompress(bytes)?)
    } else {
        Cow::Borrowed(bytes)
    };
    if flags & BINARY != 0 {
        return Some(format!("\"{}\"", STANDARD.encode(&plain)));
    }
    String::from_utf8(plain.into_owned()).ok()
}

/// Compresses the bodies of segments: fast, since every event goes through it, and well, since events are like each other.
#[derive(Default)]
pub struct SegmentPacker(Option<zstd::bulk::Compressor<'static>>);

impl SegmentPacker {
    /// A packer; one that does nothing where events are not to be compressed.
    pub fn new(compresses: bool) -> Self {
        Self(
            compresses
                .then(|| zstd::bulk::Compressor::new(SEGMENT_LEVEL).ok())
                .flatten(),
        )
    }

    /// A frame of Zstandard, if that is smaller.
    pub fn pack(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        let packed = self.0.as_mut()?.compress(body).ok()?;
        (packed.len() < body.len()).then_some(packed)
    }
}

/// The body of a segment of so many bytes. `None` if it is damaged.
pub fn unpack_segment(stored: Vec<u8>, size: usize) -> Option<Vec<u8>> {
    if stored.len() == size {
        return Some(stored);
    }
    let body = zstd::bulk::decompress(&stored, size.min(MAX_BYTES)).ok()?;
    (body.len() == size).then_some(body)
}

/// The size, then a frame of Zstandard.
fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    let size = u32::try_from(bytes.len()).ok()?;
    let mut packed = size.to_le_bytes().to_vec();
    packed.extend(Zstd.pack(bytes, None)?);
    Some(packed)
}

/// A size that no event has is damage, and nothing to allocate.
fn decompress(packed: &[u8]) -> Option<Vec<u8>> {
    let (size, frame) = packed.split_first_chunk::<4>()?;
    let size = u32::from_le_bytes(*size) as usize;
    (size <= MAX_BYTES).then(|| Zstd.unpack(frame, size, None))?
}

/// A checksum (CRC-32) over fields, each with its length.
#[derive(Default)]
pub struct Checksum(crc32fast::Hasher);

impl Checksum {
    /// Adds a field.
    pub fn field(mut self, bytes: &[u8]) -> Self {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds a whole number.
    pub fn integer(mut self, value: i64) -> Self {
        self.0.update(&value.to_le_bytes());
        self
    }

    /// Adds a number. SQLite gives 0 back for -0.
    pub fn number(mut self, value: f64) -> Self {
        self.0.update(&(value + 0.0).to_bits().to_le_bytes());
        self
    }

    /// The checksum.
    pub fn finish(self) -> i64 {
        i64::from(self.0.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_come_back_as_they_were() {
        let long = format!("{{\"x\":\"{}\"}}", "y".repeat(5_000));
        let packed = pack(&long, 1, 1_000.0).unwrap();
        assert!(packed.bytes.len() < 200 && packed.original == long.len());
        assert_eq!(unpack(&packed.bytes, packed.flags).unwrap(), long);
        let bytes = pack("AQID", BINARY, f64::INFINITY).unwrap();
        assert_eq!(bytes.bytes.as_ref(), [1, 2, 3]);
        assert_eq!(unpack(&bytes.bytes, bytes.flags).unwrap(), "\"AQID\"");
        assert!(pack("no base64!", BINARY, f64::INFINITY).is_none());
        let body = b"a line\nand another line\nand another line\n".repeat(20);
        let segment = SegmentPacker::new(true).pack(&body).unwrap();
        assert!(segment.len() < body.len() / 4);
        assert_eq!(
            unpack_segment(segment.clone(), body.len()),
            Some(body.clone())
        );
        assert_eq!(unpack_segment(segment[1..].to_vec(), body.len()), None);
        assert_eq!(unpack_segment(body.clone(), body.len()), Some(body.clone()));
        assert_eq!(SegmentPacker::new(false).pack(&body), None);
        assert!(unpack(&[255, 255, 255, 255, 0], COMPRESSED).is_none());
    }
}
