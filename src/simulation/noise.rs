//! Numbers that look random and are fixed by a seed.

/// Spreads two numbers over all 64 bits (the finalizer of splitmix64).
pub fn hash(seed: u64, value: u64) -> u64 {
    let mut mixed = seed ^ value.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A fixed number from 0 to 1.
pub fn unit(seed: u64, salt: u64, index: u64) -> f64 {
    (hash(hash(seed, salt), index) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A number from 0 to 1 that changes smoothly with `x`, about once for each step of 1.
pub fn noise(seed: u64, salt: u64, index: u64, x: f64) -> f64 {
    let key = hash(seed, index);
    let step = x.floor();
    let (from, to) = (
        unit(key, salt, step as u64),
        unit(key, salt, step as u64 + 1),
    );
    let part = x - step;
    from + (to - from) * part * part * (3.0 - 2.0 * part)
}

/// Decisions that look random and are the same in every run.
#[derive(Debug, Clone)]
pub struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, thrown: 0 }
    }

    fn next(&mut self) -> u64 {
        self.thrown += 1;
        hash(self.seed, self.thrown)
    }

    /// A number from 0 to one less than this.
    pub fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }

    /// From 0 to 1.
    pub fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// So many bytes of anything.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }
}
