//! Special functions: the normal, gamma, beta and Student distributions and their inverses.
#![allow(clippy::excessive_precision, reason = "coefficients stand as published")]

use super::{exp, ln, ln_1p, ln_kernel};

/// Logarithm of the gamma function, for `x` > 0.
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// Distribution function of the standard normal, through the complementary error function.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Horner's rule, from the highest coefficient (last) down.
#[inline(always)]
fn polynomial<const N: usize>(x: f64, coefficients: &[f64; N]) -> f64 {
    let mut value = coefficients[N - 1];
    let mut at = N - 1;
    while at > 0 {
        at -= 1;
        value = value * x + coefficients[at];
    }
    value
}

const CENTRE_UP: [f64; 8] = [
    3.387_132_872_796_366_608_0,
    133.141_667_891_784_377_45,
    1_971.590_950_306_551_442_7,
    13_731.693_765_509_461_125,
    45_921.953_931_549_871_457,
    67_265.770_927_008_700_853,
    33_430.575_583_588_128_105,
    2_509.080_928_730_122_672_7,
];
const CENTRE_DOWN: [f64; 8] = [
    1.0,
    42.313_330_701_600_911_252,
    687.187_007_492_057_908_30,
    5_394.196_021_424_751_107_7,
    21_213.794_301_586_595_867,
    39_307.895_800_092_710_610,
    28_729.085_735_721_942_674,
    5_226.495_278_852_854_561_0,
];
const TAIL_UP: [f64; 8] = [
    1.423_437_110_749_683_577_34,
    4.630_337_846_156_545_295_90,
    5.769_497_221_460_691_405_50,
    3.647_848_324_763_204_605_04,
    1.270_458_252_452_368_382_58,
    2.417_807_251_774_506_117_70e-1,
    2.272_384_498_926_918_458_33e-2,
    7.745_450_142_783_414_076_40e-4,
];
const TAIL_DOWN: [f64; 8] = [
    1.0,
    2.053_191_626_637_758_821_87,
    1.676_384_830_183_803_849_40,
    6.897_673_349_851_000_045_50e-1,
    1.481_039_764_274_800_745_90e-1,
    1.519_866_656_361_645_719_66e-2,
    5.475_938_084_995_344_946_00e-4,
    1.050_750_071_644_416_843_24e-9,
];
const FAR_UP: [f64; 8] = [
    6.657_904_643_501_103_777_20,
    5.463_784_911_164_114_369_90,
    1.784_826_539_917_291_335_80,
    2.965_605_718_285_048_912_30e-1,
    2.653_218_952_657_612_309_30e-2,
    1.242_660_947_388_078_438_60e-3,
    2.711_555_568_743_487_578_15e-5,
    2.010_334_399_292_288_132_65e-7,
];
const FAR_DOWN: [f64; 8] = [
    1.0,
    5.998_322_065_558_879_376_90e-1,
    1.369_298_809_227_358_053_10e-1,
    1.487_536_129_085_061_485_25e-2,
    7.868_691_311_456_132_591_00e-4,
    1.846_318_317_510_054_681_80e-5,
    1.421_511_758_316_445_888_70e-7,
    2.044_263_103_389_939_785_64e-15,
];

#[inline(always)]
fn centre(q: f64) -> f64 {
    let r = 0.180_625 - q * q;
    q * polynomial(r, &CENTRE_UP) / polynomial(r, &CENTRE_DOWN)
}

/// The size of the quantile whose tail probability has −ln p = `minus_ln`.
#[inline(always)]
fn tail(minus_ln: f64) -> f64 {
    let r = minus_ln.sqrt() - 1.6;
    polynomial(r, &TAIL_UP) / polynomial(r, &TAIL_DOWN)
}

#[cold]
fn far_tail(minus_ln: f64) -> f64 {
    let r = minus_ln.sqrt() - 5.0;
    polynomial(r, &FAR_UP) / polynomial(r, &FAR_DOWN)
}

/// Quantile of the standard normal at `p` in (0, 1), to about 16 digits.
///
/// Source: M. J. Wichura, Algorithm AS 241 (PPND16), Applied Statistics 37 (1988).
#[inline]
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        return centre(q);
    }
    let minus_ln = -ln(if q < 0.0 { p } else { 1.0 - p });
    let size = if minus_ln <= 25.0 { tail(minus_ln) } else { far_tail(minus_ln) };
    size.copysign(q)
}

/// Replaces each p in (0, 1), at most 128 of them, by its [`normal_quantile`], with the same bits.
///
/// The centre is computed for all, the tails (15% of uniforms) are collected and computed among themselves.
///
/// # Panics
/// Where there are more than 128 values.
#[inline]
pub fn normal_quantile_block(values: &mut [f64]) {
    assert!(values.len() <= 128, "a block holds at most 128 values");
    let mut places = [0u8; 129];
    let mut tails = [1.0f64; 129];
    let mut count = 0usize;
    for (at, p) in values.iter().enumerate() {
        let q = *p - 0.5;
        places[count] = at as u8;
        tails[count] = *p;
        count += usize::from(q.abs() > 0.425);
    }
    let (places, tails) = (&places[..count], &mut tails[..count]);
    for value in values.iter_mut() {
        *value = centre(*value - 0.5);
    }
    let plain = tails.iter().fold(true, |all, p| all & (*p >= 1.5e-11) & (*p <= 1.0 - 1.5e-11));
    if plain {
        for p in tails.iter_mut() {
            let q = *p - 0.5;
            let size = tail(-ln_kernel(if q < 0.0 { *p } else { 1.0 - *p }));
            *p = size.copysign(q);
        }
    } else {
        for p in tails.iter_mut() {
            *p = normal_quantile(*p);
        }
    }
    for (place, z) in places.iter().zip(tails.iter()) {
        values[usize::from(*place)] = *z;
    }
}

/// x^a · e^−x / Γ(a), without the cancellation that large `a` would bring.
pub(crate) fn gamma_density_factor(a: f64, x: f64) -> f64 {
    if a < 20.0 {
        return exp(a * ln(x) - x - ln_gamma(a));
    }
    // With x = a(1 + e): x^a e^−x / Γ(a) = √(a/2π) · exp(−a(e − ln(1 + e)) − δ(a)), δ from Stirling's series.
    let e = (x - a) / a;
    let deviance = if e.abs() < 1e-2 { deviance_series(e) } else { e - ln_1p(e) };
    let inverse_square = 1.0 / (a * a);
    let stirling = (1.0 / 12.0
        - inverse_square
            * (1.0 / 360.0
                - inverse_square * (1.0 / 1_260.0 - inverse_square * (1.0 / 1_680.0 - inverse_square / 1_188.0))))
        / a;
    (a / (2.0 * std::f64::consts::PI)).sqrt() * exp(-a * deviance - stirling)
}

/// e − ln(1 + e) for small e, as a series.
fn deviance_series(e: f64) -> f64 {
    let (mut power, mut sum) = (e * e, 0.0);
    for n in 2..16 {
        sum += power / f64::from(n);
        power *= -e;
    }
    sum
}

/// Regularised lower incomplete gamma function P(a, x) and its complement Q = 1 − P, each exact where it is small.
///
/// Series below a + 1, Lentz's continued fraction above (Abramowitz & Stegun 6.5.29, 6.5.31).
#[must_use]
pub fn gamma_p(a: f64, x: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    let factor = gamma_density_factor(a, x);
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        while term > sum * 1e-17 {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        let p = (factor * sum).min(1.0);
        return (p, 1.0 - p);
    }
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1.0 / 1e-300, 1.0 / b);
    let mut h = d;
    for n in 1..1_000_000 {
        let n = f64::from(n);
        let an = -n * (n - a);
        b += 2.0;
        d = 1.0 / not_zero(an * d + b);
        c = not_zero(b + an / c);
        let delta = d * c;
        h *= delta;
        if (delta - 1.0).abs() < 1e-16 {
            break;
        }
    }
    let q = (factor * h).min(1.0);
    (1.0 - q, q)
}

fn not_zero(x: f64) -> f64 {
    if x.abs() < 1e-300 { 1e-300 } else { x }
}

/// The x at which the regularised lower incomplete gamma function P(a, x) is `p`, in (0, 1).
///
/// Starts from Wilson and Hilferty's cube (or the power law near 0) and takes Newton's steps in ln x, whose curve is
/// gentle for every shape, kept between bounds that only close in.
#[must_use]
pub fn gamma_p_inverse(a: f64, p: f64) -> f64 {
    gamma_inverse(a, p, 1.0 - p)
}

/// [`gamma_p_inverse`] from both tails, p and 1 − p, each exact where it is small.
#[must_use]
pub fn gamma_inverse(a: f64, p: f64, q: f64) -> f64 {
    exp(gamma_inverse_ln(a, p, q, gamma_inverse_guess(a, p, q)))
}

/// A first guess of the logarithm of [`gamma_inverse`].
pub(crate) fn gamma_inverse_guess(a: f64, p: f64, q: f64) -> f64 {
    let z = if p < 0.5 { normal_quantile(p) } else { -normal_quantile(q) };
    let cube = 1.0 - 1.0 / (9.0 * a) + z / (3.0 * a.sqrt());
    let near_zero = (ln(p) + ln_gamma(a + 1.0)) / a;
    if cube > 0.2 && near_zero > -1.0 { ln(a * cube * cube * cube) } else { near_zero }
}

/// Logarithm of [`gamma_inverse`], from a first guess of it.
pub(crate) fn gamma_inverse_ln(a: f64, p: f64, q: f64, start: f64) -> f64 {
    let mut log_x = start;
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    for _ in 0..200 {
        let x = exp(log_x);
        if x < 1e-290 {
            // Here P(a, x) = x^a / Γ(a + 1) to the last bit.
            return (ln(p) + ln_gamma(a + 1.0)) / a;
        }
        let (lower, upper) = gamma_p(a, x);
        if if p < q { lower > p } else { upper < q } {
            high = log_x;
        } else {
            low = log_x;
        }
        // Newton on the logarithm of the smaller tail, which carries the digits.
        let factor = gamma_density_factor(a, x);
        let step = match p < q {
            true => ln(lower / p) * lower / factor,
            false => ln(q / upper) * upper / factor,
        };
        if step.abs() <= 4e-16 * log_x.abs().max(1.0) {
            break;
        }
        let mut next = log_x - step;
        if !(next > low && next < high) {
            next = match (low.is_finite(), high.is_finite()) {
                (true, true) => 0.5 * (low + high),
                (true, false) => low + 1.0,
                (false, _) => high - 1.0,
            };
        }
        if next == log_x {
            break;
        }
        log_x = next;
    }
    log_x
}

/// Regularised incomplete beta function I_x(a, b), by Lentz's continued fraction (Abramowitz & Stegun 26.5.8).
#[must_use]
pub fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = exp(ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * ln(x) + b * ln_1p(-x));
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(a, b, x) / a
    } else {
        1.0 - front * beta_fraction(b, a, 1.0 - x) / b
    }
}

fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let (mut c, mut d) = (1.0, 1.0 / not_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut h = d;
    for m in 1..100_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / not_zero(1.0 + even * d);
        c = not_zero(1.0 + even / c);
        h *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / not_zero(1.0 + odd * d);
        c = not_zero(1.0 + odd / c);
        let delta = d * c;
        h *= delta;
        if (delta - 1.0).abs() < 1e-16 {
            break;
        }
    }
    h
}

/// P(T > t) for t ≥ 0 and Student's T with `freedom` degrees of freedom.
fn student_t_upper(t: f64, freedom: f64) -> f64 {
    0.5 * incomplete_beta(0.5 * freedom, 0.5, freedom / (freedom + t * t))
}

/// Distribution function of Student's t with `freedom` degrees of freedom.
#[must_use]
pub fn student_t_cdf(t: f64, freedom: f64) -> f64 {
    let upper = student_t_upper(t.abs(), freedom);
    if t < 0.0 { upper } else { 1.0 - upper }
}

/// Quantile of Student's t with `freedom` ≥ 1 degrees of freedom at `p` in (0, 1), to about 1e-12.
///
/// Newton's steps on the logarithm of the tail, within bounds that only close in, from the normal quantile.
#[must_use]
pub fn student_t_quantile(p: f64, freedom: f64) -> f64 {
    if p == 0.5 {
        return 0.0;
    }
    let tail_share = p.min(1.0 - p);
    let normalisation = ln_gamma(0.5 * (freedom + 1.0)) - ln_gamma(0.5 * freedom);
    let normalisation = exp(normalisation) / (freedom * std::f64::consts::PI).sqrt();
    let density = |t: f64| normalisation * exp(-0.5 * (freedom + 1.0) * ln_1p(t * t / freedom));
    let z = -normal_quantile(tail_share);
    let mut t = z + (z * z * z + z) / (4.0 * freedom);
    let (mut low, mut high) = (0.0, f64::INFINITY);
    for _ in 0..200 {
        let upper = student_t_upper(t, freedom);
        if upper > tail_share {
            low = t;
        } else {
            high = t;
        }
        let step = ln(upper / tail_share) * upper / density(t);
        if step.abs() <= 1e-15 * t {
            break;
        }
        let mut next = t + step;
        if !(next > low && next < high) {
            next = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * low + 1.0 };
        }
        if next == t {
            break;
        }
        t = next;
    }
    t.copysign(p - 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{ContinuousCDF, Gamma, Normal, StudentsT};

    const SHARES: [f64; 15] =
        [1e-12, 1e-6, 1e-3, 0.01, 0.05, 0.075, 0.0751, 0.3, 0.5, 0.7, 0.9249, 0.95, 0.99, 0.999, 0.999_999];

    fn close(found: f64, expected: f64, tolerance: f64, what: &str) {
        let error = (found - expected).abs() / expected.abs().max(1e-300);
        assert!(error <= tolerance || found == expected, "{what}: {found:e}, expected {expected:e}, off by {error:e}");
    }

    #[test]
    fn normal_quantile_inverts_and_agrees_with_statrs() {
        let normal = Normal::new(0.0, 1.0).expect("standard");
        for p in SHARES {
            let z = normal_quantile(p);
            close(normal_cdf(z), p, 2e-14, "cdf of quantile");
            if p != 0.5 {
                close(z, normal.inverse_cdf(p), 1e-9, "statrs");
            }
        }
        // Wichura's own check values.
        close(normal_quantile(0.25), -0.674_489_750_196_081_7, 1e-15, "0.25");
        close(normal_quantile(0.001), -3.090_232_306_167_814, 1e-15, "0.001");
        close(normal_quantile(1e-20), -9.262_340_089_798_408, 1e-15, "1e-20");
    }

    #[test]
    fn normal_quantile_block_has_the_same_bits() {
        let mut state = 3;
        for round in 0..20_000 {
            let mut block = [0.0; 128];
            for value in &mut block {
                let bits = crate::math::tests::random(&mut state);
                *value = ((bits >> 12) as f64 + 0.5) / 4_503_599_627_370_496.0;
            }
            if round % 16 == 0 {
                block[round % 128] = 1.0f64 / 4_503_599_627_370_496.0;
                block[(round + 5) % 128] = 0.075;
                block[(round + 6) % 128] = 0.925;
            }
            let before = block;
            normal_quantile_block(&mut block);
            for (p, z) in before.iter().zip(&block) {
                assert_eq!(z.to_bits(), normal_quantile(*p).to_bits(), "{p:e}");
            }
        }
    }

    #[test]
    fn gamma_p_agrees_with_statrs_and_inverts() {
        for a in [0.01, 0.1, 0.5, 1.0, 1.5, 3.0, 10.0, 25.0, 100.0, 1_000.0, 1e5] {
            let gamma = Gamma::new(a, 1.0).expect("shape");
            for p in SHARES {
                let x = gamma_p_inverse(a, p);
                let (lower, upper) = gamma_p(a, x);
                if x > 1e-280 {
                    let tolerance = if a < 2_000.0 { 2e-12 } else { 1e-10 };
                    close(lower, p, tolerance, &format!("P of inverse {a} {p} {x:e}"));
                    close(upper, 1.0 - p, 2.0 * tolerance / (1.0 - p).min(1.0).sqrt(), "Q of inverse");
                    if a < 2_000.0 {
                        close(lower, gamma.cdf(x), 1e-9, "statrs");
                    }
                }
            }
        }
        for p in SHARES {
            close(gamma_p_inverse(1.0, p), -ln_1p(-p), 1e-12, "exponential");
        }
    }

    #[test]
    fn student_t_agrees_with_statrs_and_inverts() {
        for freedom in [1.0, 2.0, 3.0, 5.0, 9.0, 19.0, 30.0, 100.0, 1_000.0] {
            let student = StudentsT::new(0.0, 1.0, freedom).expect("freedom");
            for p in SHARES {
                let t = student_t_quantile(p, freedom);
                close(student_t_cdf(t, freedom), p, 1e-11, "cdf of quantile");
                close(student.cdf(t), p, 1e-9, "statrs");
            }
        }
        // Tables: two-sided 95% and 99% intervals.
        close(student_t_quantile(0.975, 19.0), 2.093_024_054_408_263, 1e-12, "19");
        close(student_t_quantile(0.995, 9.0), 3.249_835_541_592_142, 1e-12, "9");
        close(student_t_quantile(0.975, 1.0), 12.706_204_736_174_71, 1e-12, "1");
    }

    #[test]
    fn incomplete_beta_known_values() {
        for (a, b, x, expected) in
            [(1.0, 1.0, 0.3, 0.3), (2.0, 2.0, 0.5, 0.5), (2.0, 3.0, 0.4, 0.5248), (5.0, 1.0, 0.9, 0.590_49)]
        {
            close(incomplete_beta(a, b, x), expected, 1e-13, "beta");
        }
    }
}
