//! Random numbers from a seed that is handed in: SplitMix64, enough for jitter.

#[derive(Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in `low..=high`; `low` if the range is empty.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        let span = u128::from(high.saturating_sub(low)) + 1;
        let scaled = (u128::from(self.next()) * span) >> 64;
        low.saturating_add(scaled as u64)
    }

    /// 64 random bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::{any, prop_assert, proptest};

    #[test]
    fn every_tenth_of_a_range_is_drawn_about_as_often() {
        let mut rng = Rng::new(42);
        let mut tenths = [0_u32; 10];
        for _ in 0..100_000 {
            let drawn = rng.between(100, 1_099);
            tenths[(drawn as usize - 100) / 100] += 1;
        }
        // 10,000 each; six standard deviations are 570.
        assert!(
            tenths.iter().all(|count| count.abs_diff(10_000) < 570),
            "{tenths:?}"
        );
    }

    #[test]
    fn neighbouring_seeds_draw_apart() {
        let mut firsts: Vec<u64> = (0..1_000)
            .map(|seed| Rng::new(seed).between(0, 9_999))
            .collect();
        firsts.sort_unstable();
        firsts.dedup();
        // A thousand of ten thousand: 952 differ on average.
        assert!(firsts.len() > 900, "{}", firsts.len());
    }

    #[test]
    fn both_ends_are_drawn_and_an_empty_range_gives_its_low_end() {
        let mut rng = Rng::new(7);
        let drawn: Vec<u64> = (0..200).map(|_| rng.between(3, 5)).collect();
        assert!((3..=5).all(|number| drawn.contains(&number)));
        assert_eq!(rng.between(9, 9), 9);
        assert_eq!(rng.between(9, 2), 9);
    }

    proptest! {
        #[test]
        fn what_is_drawn_lies_in_its_range(seed in any::<u64>(), a in any::<u64>(), b in any::<u64>()) {
            let (low, high) = (a.min(b), a.max(b));
            let drawn = Rng::new(seed).between(low, high);
            prop_assert!((low..=high).contains(&drawn));
        }
    }
}
