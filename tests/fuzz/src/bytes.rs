//! Bytes as a source of choices. It never ends: after the last byte every choice is the first.

use arbitrary::Unstructured;
use everwire::proto::frames::NUMBER_MAX;

/// Numbers around which programs go wrong.
const EDGES: [u64; 10] = [
    0,
    1,
    2,
    3,
    255,
    256,
    257,
    u32::MAX as u64,
    NUMBER_MAX - 1,
    NUMBER_MAX,
];

/// A source of choices.
pub(crate) struct Bytes<'a>(Unstructured<'a>);

impl<'a> Bytes<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(Unstructured::new(data))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.int_in_range(0..=bound - 1).unwrap_or(0)
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.below(2) == 1
    }

    pub(crate) fn one<T: Clone>(&mut self, among: &[T]) -> T {
        self.0
            .choose(among)
            .cloned()
            .unwrap_or_else(|_| among.first().cloned().expect("there is a choice"))
    }

    /// Any number that codecs let through, mostly a telling one.
    pub(crate) fn number(&mut self) -> u64 {
        match self.below(4) {
            0 => self.below(8),
            1 | 2 => self.one(&EDGES),
            _ => self.below(NUMBER_MAX + 1),
        }
    }

    /// A number at or near `expected`, or any.
    pub(crate) fn near(&mut self, expected: u64) -> u64 {
        match self.below(8) {
            0..=4 => expected.min(NUMBER_MAX),
            5 => (expected + 1).min(NUMBER_MAX),
            6 => expected.saturating_sub(1),
            _ => self.number(),
        }
    }

    pub(crate) fn perhaps<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| value(self))
    }

    /// A short name out of few, so that names meet again.
    pub(crate) fn name(&mut self) -> String {
        self.one(&["a", "b", "c", "", "__proto__", "é\u{1F980}\"\\\n"])
            .to_owned()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or_default()
    }

    /// A text of a few characters.
    pub(crate) fn text(&mut self) -> String {
        let length = usize::try_from(self.below(140)).unwrap_or_default();
        let bytes: Vec<u8> = (0..length).map(|_| self.byte()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Fewer than `words` times eight bytes from a generator that is no better than it has to be (SplitMix64).
pub fn random(seed: u64, words: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    };
    let length = next() % words;
    (0..length).flat_map(|_| next().to_le_bytes()).collect()
}
