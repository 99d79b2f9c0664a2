//! The only caller of `libm`: every transcendental function that a result depends on comes from here.
//!
//! `std`'s functions differ between platforms in the last place, `libm`'s don't. [`ln`] and [`exp`] have branch-free
//! kernels besides, which do libm's operations in libm's order and so give its very bits, several values at a time
//! ([`ln_block`], [`exp_block`]). `sqrt`, `floor` and the like are exact everywhere and need no wrapper.

mod special;

pub(crate) use special::{gamma_density_factor, gamma_inverse_guess, gamma_inverse_ln};
pub use special::{
    gamma_inverse, gamma_p, gamma_p_inverse, incomplete_beta, ln_gamma, normal_cdf, normal_quantile,
    normal_quantile_block, student_t_cdf, student_t_quantile,
};

/// Natural logarithm, with libm's bits.
#[inline]
#[must_use]
pub fn ln(x: f64) -> f64 {
    if (f64::MIN_POSITIVE..f64::INFINITY).contains(&x) { ln_kernel(x) } else { libm::log(x) }
}

/// e to the power `x`, with libm's bits.
#[inline]
#[must_use]
pub fn exp(x: f64) -> f64 {
    if (EXP_LOW..=EXP_HIGH).contains(&x) { exp_kernel(x) } else { libm::exp(x) }
}

/// `x` to the power `y`.
#[inline]
#[must_use]
pub fn pow(x: f64, y: f64) -> f64 {
    libm::pow(x, y)
}

/// Logarithm to base 2.
#[inline]
#[must_use]
pub fn log2(x: f64) -> f64 {
    libm::log2(x)
}

/// Logarithm to base 10.
#[inline]
#[must_use]
pub fn log10(x: f64) -> f64 {
    libm::log10(x)
}

/// ln(1 + `x`), exact also where `x` is small.
#[inline]
#[must_use]
pub fn ln_1p(x: f64) -> f64 {
    libm::log1p(x)
}

/// e^`x` − 1, exact also where `x` is small.
#[inline]
#[must_use]
pub fn exp_m1(x: f64) -> f64 {
    libm::expm1(x)
}

/// Sine of `x` radians.
#[inline]
#[must_use]
pub fn sin(x: f64) -> f64 {
    libm::sin(x)
}

/// Cosine of `x` radians.
#[inline]
#[must_use]
pub fn cos(x: f64) -> f64 {
    libm::cos(x)
}

/// `x` to a whole power, by repeated squaring.
#[must_use]
pub fn powi(x: f64, n: u32) -> f64 {
    let (mut result, mut base, mut left) = (1.0, x, n);
    while left > 0 {
        if left & 1 == 1 {
            result *= base;
        }
        base *= base;
        left >>= 1;
    }
    result
}

/// The gamma function.
#[must_use]
pub fn gamma(x: f64) -> f64 {
    libm::tgamma(x)
}

/// Replaces each value by its natural logarithm, with libm's bits.
#[inline]
pub fn ln_block(values: &mut [f64]) {
    let plain = values.iter().fold(true, |all, x| all & (*x >= f64::MIN_POSITIVE) & (*x < f64::INFINITY));
    if plain {
        for value in values {
            *value = ln_kernel(*value);
        }
    } else {
        for value in values {
            *value = ln(*value);
        }
    }
}

/// Replaces each value by e to its power, with libm's bits.
#[inline]
pub fn exp_block(values: &mut [f64]) {
    let plain = values.iter().fold(true, |all, x| all & (*x >= EXP_LOW) & (*x <= EXP_HIGH));
    if plain {
        for value in values {
            *value = exp_kernel(*value);
        }
    } else {
        for value in values {
            *value = exp(*value);
        }
    }
}

const LN2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
const LN2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);

/// FreeBSD's `e_log.c` (as in musl and in the crate `libm`) for positive normal numbers, without its branches.
#[inline(always)]
pub(crate) fn ln_kernel(x: f64) -> f64 {
    const LG1: f64 = f64::from_bits(0x3fe5_5555_5555_5593);
    const LG2: f64 = f64::from_bits(0x3fd9_9999_9997_fa04);
    const LG3: f64 = f64::from_bits(0x3fd2_4924_9422_9359);
    const LG4: f64 = f64::from_bits(0x3fcc_71c5_1d8e_78af);
    const LG5: f64 = f64::from_bits(0x3fc7_4664_96cb_03de);
    const LG6: f64 = f64::from_bits(0x3fc3_9a09_d078_c69f);
    const LG7: f64 = f64::from_bits(0x3fc2_f112_df3e_5244);
    // x = 2^k · (1 + f) with 1 + f from √2/2 to √2; the exponent becomes an f64 through the mantissa of 2^52.
    const OFFSET: u64 = 0x3fe6_a09e << 32;
    const TWO_52: u64 = 0x4330 << 48;
    let shifted = x.to_bits().wrapping_add((0x3ff0_0000 << 32) - OFFSET);
    let k = f64::from_bits((shifted >> 52) | TWO_52) - (4_503_599_627_370_496.0 + 1_023.0);
    let f = f64::from_bits((shifted & 0x000f_ffff_ffff_ffff).wrapping_add(OFFSET)) - 1.0;
    let half_square = 0.5 * f * f;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let t1 = w * (LG2 + w * (LG4 + w * LG6));
    let t2 = z * (LG1 + w * (LG3 + w * (LG5 + w * LG7)));
    let r = t2 + t1;
    s * (half_square + r) + k * LN2_LOW - half_square + f + k * LN2_HIGH
}

/// Between these [`exp_kernel`] holds; beyond them the result is 0 or infinite.
const EXP_LOW: f64 = -745.0;
const EXP_HIGH: f64 = 709.0;

/// FreeBSD's `e_exp.c` (as in musl and in the crate `libm`) from [`EXP_LOW`] to [`EXP_HIGH`], without its branches.
#[inline(always)]
pub(crate) fn exp_kernel(x: f64) -> f64 {
    const P1: f64 = f64::from_bits(0x3fc5_5555_5555_553e);
    const P2: f64 = f64::from_bits(0xbf66_c16c_16be_bd93);
    const P3: f64 = f64::from_bits(0x3f11_566a_af25_de2c);
    const P4: f64 = f64::from_bits(0xbebb_bd41_c5d2_6bf1);
    const P5: f64 = f64::from_bits(0x3e66_3769_72be_a4d0);
    const INVERSE_LN2: f64 = f64::from_bits(0x3ff7_1547_652b_82fe);
    // Adding 1.5 · 2^52 rounds to a whole number, whose low bits are then those of the sum.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    // Up to half of ln 2 (to the bits that libm looks at) there is nothing to reduce; up to 2^-28, 1 + x is exact.
    const SMALL: f64 = f64::from_bits(0x3fd6_2e42_ffff_ffff);
    const TINY: f64 = f64::from_bits(0x3e30_0000_ffff_ffff);
    let size = x.abs();
    let target = INVERSE_LN2 * x + 0.5f64.copysign(x);
    let nearest = (target + ROUND) - ROUND;
    let beyond = if nearest.abs() > target.abs() { 1.0f64.copysign(x) } else { 0.0 };
    let k = if size <= SMALL { 0.0 } else { nearest - beyond };
    let high = x - k * LN2_HIGH;
    let low = k * LN2_LOW;
    let r = high - low;
    let square = r * r;
    let c = r - square * (P1 + square * (P2 + square * (P3 + square * (P4 + square * P5))));
    let y = 1.0 + (r * c / (2.0 - c) - low + high);
    let y = if size <= TINY { 1.0 + x } else { y };
    // 2^k in two factors: the first product is exact, so that a subnormal result is rounded once.
    let biased = (k + (ROUND + 2_048.0)).to_bits() & 0xffff;
    let first = biased >> 1;
    let second = biased - first;
    y * f64::from_bits((first - 1) << 52) * f64::from_bits((second - 1) << 52)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A stream of random bits for tests: splitmix64.
    pub(crate) fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    #[test]
    fn ln_has_the_bits_of_libm() {
        let mut state = 1;
        let same = |x: f64| assert_eq!(ln(x).to_bits(), libm::log(x).to_bits(), "{x:e}");
        for edge in [1.0, 0.5, 2.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, 0.0, f64::INFINITY, -1.0] {
            same(edge);
        }
        let mut block = [0.0; 128];
        for _ in 0..40_000 {
            for (at, value) in block.iter_mut().enumerate() {
                let bits = random(&mut state);
                *value = match at % 4 {
                    0 => ((bits >> 12) as f64 + 0.5) / 4_503_599_627_370_496.0,
                    1 => f64::from_bits(1.0f64.to_bits().wrapping_add(bits >> 20).wrapping_sub(1 << 43)),
                    2 => f64::from_bits(0x3fe6_a09e_0000_0000u64.wrapping_add(bits >> 28).wrapping_sub(1 << 35)),
                    _ => f64::from_bits(bits >> 1).clamp(f64::MIN_POSITIVE, f64::MAX),
                };
            }
            let before = block;
            ln_block(&mut block);
            for (x, y) in before.iter().zip(&block) {
                assert_eq!(y.to_bits(), libm::log(*x).to_bits(), "{x:e}");
            }
        }
    }

    #[test]
    fn exp_has_the_bits_of_libm() {
        let mut state = 2;
        for edge in
            [0.0, -0.0, 1.0, 709.0, 709.78, 710.0, -745.0, -745.2, -708.4, 1e-9, 3.7e-9, f64::NEG_INFINITY, 0.3465]
        {
            assert_eq!(exp(edge).to_bits(), libm::exp(edge).to_bits(), "{edge:e}");
        }
        let mut block = [0.0; 128];
        for _ in 0..40_000 {
            for (at, value) in block.iter_mut().enumerate() {
                let bits = random(&mut state);
                let unit = (bits >> 12) as f64 / 4_503_599_627_370_496.0;
                *value = match at % 8 {
                    0 => 4.0 * unit - 2.0,
                    1 => 1_454.0 * unit - 745.0,
                    2 => -745.0 + 40.0 * unit,
                    3 => f64::from_bits(0x3fd6_2e42_f000_0000 + (bits >> 35)),
                    4 => -f64::from_bits(0x3fd6_2e42_f000_0000 + (bits >> 35)),
                    5 => f64::from_bits(0x3ff0_a2b2_0000_0000 + (bits >> 33)),
                    6 => f64::from_bits(0x3e30_0000_0000_0000 - (1 << 50) + (bits >> 13)),
                    _ => -f64::from_bits(0x3e30_0000_0000_0000 - (1 << 50) + (bits >> 13)),
                };
            }
            let before = block;
            exp_block(&mut block);
            for (x, y) in before.iter().zip(&block) {
                assert_eq!(y.to_bits(), libm::exp(*x).to_bits(), "{x:e}");
            }
        }
    }

    #[test]
    fn whole_powers() {
        for (x, n, expected) in [(2.0, 10, 1024.0), (0.5, 3, 0.125), (3.0, 0, 1.0), (1.5, 1, 1.5)] {
            assert_eq!(powi(x, n), expected);
        }
    }
}
