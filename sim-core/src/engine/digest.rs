//! A running digest of results: equal digests mean equal results.

use super::rng::mix64;

/// A 64-bit digest that depends on every word and on their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Digest(0x6b6e_6565_706f_696e)
    }
}

impl Digest {
    /// Takes in one word.
    #[inline(always)]
    pub fn word(&mut self, word: u64) {
        self.0 = mix64(self.0.rotate_left(23) ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
    }

    /// Takes in bytes, and their number.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
    }

    /// The digest so far.
    pub fn value(self) -> u64 {
        self.0
    }

    /// As it is written in reports: 16 hexadecimal digits.
    pub fn text(self) -> String {
        format!("{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depends_on_words_order_and_length() {
        let of = |words: &[u64]| {
            let mut digest = Digest::default();
            words.iter().for_each(|&word| digest.word(word));
            digest.value()
        };
        assert_ne!(of(&[1, 2]), of(&[2, 1]));
        assert_ne!(of(&[0]), of(&[0, 0]));
        assert_eq!(of(&[7, 8]), of(&[7, 8]));
        let bytes = |text: &str| {
            let mut digest = Digest::default();
            digest.bytes(text.as_bytes());
            digest.text()
        };
        assert_ne!(bytes("a"), bytes("a\0"));
        assert_eq!(bytes("kneepoint").len(), 16);
    }
}
