//! Which node of a cluster a key is on: Redis Cluster's hash slots.
//!
//! A key's slot is the CRC16 (XMODEM: polynomial 0x1021, from 0) of its text, modulo 16384; here the text is the key's
//! number in decimal digits. Nodes own slots as `redis-cli --cluster create` deals them out: 16384 / nodes each, in a
//! row, ends rounded to the nearest.
//!
//! Sources: Redis Cluster specification, "Key distribution model"; redis/redis `src/crc16.c`, `src/redis-cli.c`.

const SLOTS: u16 = 16_384;

/// The slot of a key.
pub fn slot(key: u64) -> u16 {
    let mut digits = [0u8; 20];
    let (mut at, mut rest) = (digits.len(), key);
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    crc16(&digits[at..]) % SLOTS
}

/// The last slot of each node.
pub fn ends(nodes: u32) -> Vec<u16> {
    let each = f64::from(SLOTS) / f64::from(nodes);
    (1..=nodes)
        .map(|node| if node == nodes { SLOTS - 1 } else { (each * f64::from(node) - 1.0).round() as u16 })
        .collect()
}

/// The node that has a slot.
pub fn node(ends: &[u16], slot: u16) -> u32 {
    ends.partition_point(|&end| end < slot) as u32
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, &byte| {
        (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::draws::Draws;

    /// The specification's own example, and `CLUSTER KEYSLOT` of two numbers.
    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(slot(123_456_789), 0x31c3 % SLOTS);
        assert_eq!(slot(0), 13_907);
    }

    #[test]
    fn nodes_own_all_slots() {
        assert_eq!(ends(3), [5_460, 10_922, 16_383]);
        for nodes in [1, 2, 3, 6, 7, 100, 1_000] {
            let ends = ends(nodes);
            let mut counts = vec![0u32; nodes as usize];
            (0..SLOTS).for_each(|slot| counts[node(&ends, slot) as usize] += 1);
            let (least, most) = (counts.iter().min(), counts.iter().max());
            assert!(most.zip(least).is_some_and(|(most, least)| most - least <= 1), "{counts:?}");
        }
    }

    /// The rest of the text, as one long polynomial with 16 zeros behind it, after division by x¹⁶ + x¹² + x⁵ + 1.
    fn long_division(text: &str) -> u16 {
        let bits = text.bytes().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1));
        let mut bits: Vec<bool> = bits.chain([false; 16]).collect();
        for at in 0..bits.len() - 16 {
            if bits[at] {
                [0, 4, 11, 16].into_iter().for_each(|below| bits[at + below] ^= true);
            }
        }
        bits[bits.len() - 16..].iter().fold(0, |rest, &bit| rest << 1 | u16::from(bit))
    }

    fn against_the_twin(keys: u64) {
        let mut draws = Draws::new(7);
        for _ in 0..keys / 100 {
            let nodes = 1 + draws.below(200) as u32;
            let ends = ends(nodes);
            for _ in 0..100 {
                let bits = draws.below(64);
                let key = draws.below(u64::MAX) >> bits;
                let slot = slot(key);
                assert_eq!(slot, long_division(&key.to_string()) % SLOTS, "{key}");
                assert_eq!(Some(node(&ends, slot) as usize), ends.iter().position(|&end| slot <= end), "{key}");
            }
        }
    }

    #[test]
    fn slots_are_those_of_a_long_division() {
        against_the_twin(5_000);
    }

    #[test]
    #[ignore = "a million events"]
    fn slots_are_those_of_a_long_division_a_million_times() {
        against_the_twin(1_000_000);
    }
}
