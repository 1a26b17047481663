//! Names and keys that nobody can guess, from a seed: ChaCha20 (RFC 8439) as a stream of random bytes.

use alloc::string::String;
use alloc::vec::Vec;

use super::super::auth::Token;

const SID_BYTES: usize = 16;
const KEY_BYTES: usize = 32;
const ROUNDS: u32 = 10;
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

/// A generator whose outputs tell nothing about each other: a session's name is public, its key is not.
pub(super) struct Secrets {
    seed: [[u32; 4]; 2],
    blocks: u64,
}

impl Secrets {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        let (low, high) = seed.split_at(16);
        Self {
            seed: [words(low), words(high)],
            blocks: 0,
        }
    }

    /// 128 random bits as 32 hexadecimal digits.
    pub(super) fn name(&mut self) -> String {
        hex(&self.bytes(SID_BYTES))
    }

    /// 256 random bits as 64 hexadecimal digits.
    pub(super) fn key(&mut self) -> Token {
        Token::new(hex(&self.bytes(KEY_BYTES)))
    }

    /// One block for each draw: what is left of it is thrown away.
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let block = block(self.seed, self.blocks);
        self.blocks = self.blocks.wrapping_add(1);
        block.into_iter().take(count).collect()
    }
}

impl core::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// Compares without telling by its duration where two keys differ.
pub(super) fn same(a: &Token, b: &Token) -> bool {
    let (a, b) = (a.secret().as_bytes(), b.secret().as_bytes());
    let differences = a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b));
    a.len() == b.len() && core::hint::black_box(differences) == 0
}

fn words(bytes: &[u8]) -> [u32; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks(4)) {
        *word = bytes
            .iter()
            .rev()
            .fold(0, |sum, byte| (sum << 8) | u32::from(*byte));
    }
    words
}

fn block(seed: [[u32; 4]; 2], counter: u64) -> Vec<u8> {
    let [low, high] = seed;
    let start = [
        CONSTANTS,
        low,
        high,
        [counter as u32, (counter >> 32) as u32, 0, 0],
    ];
    let mut rows = start;
    for _ in 0..ROUNDS {
        rows = quarter_rounds(rows);
        rows = diagonal(rows);
        rows = quarter_rounds(rows);
        rows = straight(rows);
    }
    let sums = rows.into_iter().flatten().zip(start.into_iter().flatten());
    sums.flat_map(|(word, start)| word.wrapping_add(start).to_le_bytes())
        .collect()
}

/// Four quarter rounds at once, one a column.
fn quarter_rounds([a, b, c, d]: [[u32; 4]; 4]) -> [[u32; 4]; 4] {
    let (a, d) = half_step(a, b, d, 16);
    let (c, b) = half_step(c, d, b, 12);
    let (a, d) = half_step(a, b, d, 8);
    let (c, b) = half_step(c, d, b, 7);
    [a, b, c, d]
}

/// `sum += term`, then `mixed ^= sum`, rotated.
fn half_step(sum: [u32; 4], term: [u32; 4], mixed: [u32; 4], by: u32) -> ([u32; 4], [u32; 4]) {
    let mut sum = sum;
    for (sum, term) in sum.iter_mut().zip(term) {
        *sum = sum.wrapping_add(term);
    }
    let mut mixed = mixed;
    for (mixed, sum) in mixed.iter_mut().zip(sum) {
        *mixed = (*mixed ^ sum).rotate_left(by);
    }
    (sum, mixed)
}

fn diagonal([a, mut b, mut c, mut d]: [[u32; 4]; 4]) -> [[u32; 4]; 4] {
    b.rotate_left(1);
    c.rotate_left(2);
    d.rotate_left(3);
    [a, b, c, d]
}

fn straight([a, mut b, mut c, mut d]: [[u32; 4]; 4]) -> [[u32; 4]; 4] {
    b.rotate_right(1);
    c.rotate_right(2);
    d.rotate_right(3);
    [a, b, c, d]
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_that_of_the_standard() {
        // RFC 8439, appendix A.1, test vectors 1 and 2: key and nonce of zeros, counters 0 and 1.
        let first = block([[0; 4]; 2], 0);
        assert!(
            hex(&first)
                .starts_with("76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7")
        );
        assert_eq!(first.len(), 64);
        let second = block([[0; 4]; 2], 1);
        assert!(
            hex(&second)
                .starts_with("9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed")
        );
    }

    #[test]
    fn a_seed_is_read_as_the_standard_asks() {
        // RFC 8439, appendix A.1, test vector 3: the last byte of the key is 1.
        let mut seed = [0; 32];
        seed[31] = 1;
        let Secrets { seed, .. } = Secrets::new(seed);
        assert!(
            hex(&block(seed, 1))
                .starts_with("3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a")
        );
    }

    #[test]
    fn keys_are_the_same_only_if_all_of_them_is() {
        let key = Token::new("abcd");
        assert!(same(&key, &Token::new("abcd")));
        for other in ["abce", "bbcd", "abc", "abcde", ""] {
            assert!(!same(&key, &Token::new(other)), "{other}");
        }
    }

    #[test]
    fn nothing_is_drawn_twice() {
        let mut secrets = Secrets::new([7; 32]);
        let (a, b) = (secrets.name(), secrets.name());
        assert_eq!(a.len(), 32);
        assert_eq!(secrets.key().secret().len(), 64);
        assert_ne!(a, b);
    }
}
