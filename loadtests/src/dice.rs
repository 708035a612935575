//! Everything random comes from one seed.

use rand::{SeedableRng, rngs::ChaCha8Rng};

/// A generator that gives the same numbers for the same seed and purpose, on every machine.
pub type Dice = ChaCha8Rng;

/// The dice for one purpose. Purposes do not disturb each other: a further draw for one leaves the others as
/// they were.
pub fn dice(seed: u64, purpose: &str) -> Dice {
    // FNV-1a: any fixed mix of the purpose into the seed would do.
    let start = seed ^ 0xcbf2_9ce4_8422_2325;
    let mixed =
        purpose.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    Dice::seed_from_u64(mixed)
}
