//! Random streams and keyed draws: every draw is a pure function of a key, so that no draw can shift another.

use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

/// 2^64 ÷ the golden ratio, odd: steps by it visit keys far apart.
pub const PHI: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of splitmix64: a bijection that scatters nearby keys.
///
/// Source: S. Vigna, `splitmix64.c`, after D. Stafford's variant 13.
#[inline(always)]
#[must_use]
pub const fn mix64(key: u64) -> u64 {
    let z = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A uniform in (0, 1) from 64 random bits: an odd multiple of 2^−53, so that neither it nor its complement is ever 0
/// or 1, and 1 − u is exact.
#[inline(always)]
#[must_use]
pub const fn uniform(bits: u64) -> f64 {
    // 1 + m·2^−52, less 1 − 2^−53: no rounding anywhere, and no conversion from an integer.
    f64::from_bits((bits >> 12) | (0x3ff << 52)) - (1.0 - f64::EPSILON / 2.0)
}

/// The uniform number `n` of a stream.
#[inline(always)]
#[must_use]
pub const fn uniform_at(stream: u64, n: i64) -> f64 {
    uniform(mix64(stream.wrapping_add((n as u64).wrapping_mul(PHI))))
}

/// FNV-1a of some bytes: the stable hash of names and text keys.
#[must_use]
pub const fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

/// The named streams of a run: each depends on the seed and its own name alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streams {
    seed: u64,
}

impl Streams {
    /// The streams of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The key of the stream with this name, from ChaCha20 keyed by the seed and the name's hash.
    #[must_use]
    pub fn stream(self, name: &str) -> u64 {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..16].copy_from_slice(&fnv1a(name.as_bytes()).to_le_bytes());
        key[16..24].copy_from_slice(&(name.len() as u64).to_le_bytes());
        ChaCha20Rng::from_seed(key).next_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_stable() {
        for (key, mixed) in [(0, 0), (1, 0x5692_161d_100b_05e5), (PHI, 0xe220_a839_7b1d_cdaf)] {
            assert_eq!(mix64(key), mixed, "{key:x}: {:x}", mix64(key));
        }
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn uniforms_stay_inside() {
        assert_eq!(uniform(0), f64::EPSILON / 2.0);
        assert_eq!(uniform(u64::MAX), 1.0 - f64::EPSILON / 2.0);
        for n in -1_000..1_000 {
            let u = uniform_at(7, n);
            assert!(u > 0.0 && u < 1.0 && 1.0 - (1.0 - u) == u);
        }
        let mean = (0..1_000_000).map(|n| uniform_at(3, n)).sum::<f64>() / 1e6;
        assert!((mean - 0.5).abs() < 1.5e-3, "{mean}");
    }

    #[test]
    fn streams_depend_on_seed_and_name() {
        let names = ["", "a", "b", "arrivals", "arrivals/web"];
        let mut all: Vec<u64> = Vec::new();
        for seed in [0, 1, 2, u64::MAX] {
            all.extend(names.map(|name| Streams::new(seed).stream(name)));
        }
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert_eq!(Streams::new(1).stream("arrivals"), 0x4df6_803c_1663_f706);
    }
}
