use super::*;
use crate::engine::rng::mix64;

const MS: i64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

fn limit(algorithm: Algorithm, count: u64, per_ns: u64, burst: u64) -> Limit {
    Limit { algorithm, quota: Quota { count, per_ns }, burst }
}

/// The delays in ms of those that pass; -1: refused.
fn verdicts(limit: Limit, times_ms: impl IntoIterator<Item = i64>) -> Vec<i64> {
    let mut bucket = limit.fresh();
    let verdict = |at: i64| match limit.decide(&mut bucket, at * MS) {
        Verdict::Pass(delay_ns) => delay_ns as i64 / MS,
        Verdict::Refuse => -1,
    };
    times_ms.into_iter().map(verdict).collect()
}

fn nginx(burst: u64, undelayed: Option<u64>) -> Limit {
    limit(Algorithm::LeakyBucket { undelayed }, 10, SECOND, burst)
}

#[test]
fn nginx_limit_req_golden_traces() {
    let at_once = || std::iter::repeat_n(0, 30);
    let delays: Vec<i64> = (0..=20).map(|n| n * 100).chain([-1; 9]).collect();
    assert_eq!(verdicts(nginx(20, Some(0)), at_once()), delays);
    let delays: Vec<i64> = [0; 9].into_iter().chain((1..=12).map(|n| n * 100)).chain([-1; 9]).collect();
    assert_eq!(verdicts(nginx(20, Some(8)), at_once()), delays);
    let delays: Vec<i64> = [0; 21].into_iter().chain([-1; 9]).collect();
    assert_eq!(verdicts(nginx(20, None), at_once()), delays);
    // 20 a second into 10 a second with a burst of 5: the first eleven, then every other one.
    let delays: Vec<i64> = (0..40).map(|n| if n < 11 || n % 2 == 0 { 0 } else { -1 }).collect();
    assert_eq!(verdicts(nginx(5, None), (0..40).map(|n| n * 50)), delays);
    // Rates are thousandths of a request in a second, rounded down: 5 a minute are 0.083, so 12 s are not enough.
    let five = limit(Algorithm::LeakyBucket { undelayed: None }, 5, 60 * SECOND, 0);
    assert_eq!(verdicts(five, [0, 12_000, 12_048, 12_049]), [0, -1, -1, 0]);
}

#[test]
fn golden_sequences() {
    let bucket = limit(Algorithm::TokenBucket, 10, SECOND, 3);
    assert_eq!(verdicts(bucket, [0, 0, 0, 0, 99, 100, 100, 250, 300, 300]), [0, 0, 0, -1, -1, 0, -1, 0, 0, -1]);
    let whole = limit(Algorithm::WholeTokens, 10, SECOND, 2);
    // A token comes at each multiple of 100 ms, whenever the last was taken.
    assert_eq!(verdicts(whole, [50, 50, 50, 100, 150, 199, 200]), [0, 0, -1, 0, -1, -1, 0]);
    let fixed = limit(Algorithm::FixedWindow, 2, SECOND, 0);
    // Twice the limit around the edge of a window.
    assert_eq!(verdicts(fixed, [900, 950, 990, 1000, 1010, 1020]), [0, 0, -1, 0, 0, -1]);
    let log = limit(Algorithm::SlidingLog, 2, SECOND, 0);
    assert_eq!(verdicts(log, [900, 950, 1000, 1899, 1900, 1949, 1950]), [0, 0, -1, -1, 0, -1, 0]);
    let gcra = limit(Algorithm::Gcra, 10, SECOND, 2);
    assert_eq!(verdicts(gcra, [0, 0, 0, 0, 99, 100, 100, 300, 300]), [0, 0, 0, -1, -1, 0, -1, 0, 0]);
}

/// Cloudflare's example: 42 in the last minute, 18 in this one, which began 15 seconds ago, make 49.5 of 50.
#[test]
fn the_sliding_counter_weighs_the_last_window() {
    let counter = limit(Algorithm::SlidingCounter, 50, 60 * SECOND, 0);
    let times = (0..42).map(|n| n * 10).chain((0..18).map(|_| 60_000)).chain([75_000, 75_000]);
    let verdicts = verdicts(counter, times);
    assert_eq!(verdicts[..60].iter().filter(|&&verdict| verdict == 0).count(), 50, "the window before still weighs");
    let mut bucket = Bucket::Window { number: 1, count: 18, before: 42 };
    assert_eq!(counter.decide(&mut bucket, 75_000 * MS), Verdict::Pass(0));
    assert_eq!(counter.decide(&mut bucket, 75_000 * MS), Verdict::Refuse);
}

/// Whether a call may pass by the meaning of each algorithm, from all that passed before: slow and obvious.
fn twin(limit: Limit, passed: &[i64], now: i64) -> bool {
    let Quota { count, per_ns } = limit.quota;
    let (count, per, burst) = (count as i128, per_ns as i128, limit.burst as i128);
    let since = |from: i64| passed.iter().filter(|&&at| at >= from).count() as i128;
    // Over no stretch of time may more pass than the burst and what the rate gives in it.
    let arrivals = |burst: i128| {
        let stretch = |from: i64| (since(from) + 1 - burst) * per <= (now - from) as i128 * count;
        passed.iter().copied().chain([now]).all(stretch)
    };
    match limit.algorithm {
        Algorithm::TokenBucket => arrivals(burst),
        Algorithm::Gcra => arrivals(burst + 1),
        Algorithm::WholeTokens => {
            let refill = |at: i64| (at as i128 * count).div_euclid(per);
            let stretch = |from: i64| since(from) < burst + refill(now) - refill(from);
            passed.iter().copied().chain([now]).all(stretch)
        }
        Algorithm::FixedWindow => {
            let window = |at: i64| (at as i128).div_euclid(per);
            (passed.iter().filter(|&&at| window(at) == window(now)).count() as i128) < count
        }
        Algorithm::SlidingLog => (passed.iter().filter(|&&at| at as i128 + per > now as i128).count() as i128) < count,
        Algorithm::SlidingCounter => {
            let window = |at: i64| (at as i128).div_euclid(per);
            let of = |wanted: i128| passed.iter().filter(|&&at| window(at) == wanted).count() as i128;
            let elapsed = (now as i128).rem_euclid(per);
            of(window(now)) * per + of(window(now) - 1) * (per - elapsed) < count * per
        }
        Algorithm::LeakyBucket { .. } => {
            let rate = count * 1_000_000_000_000 / per;
            let (mut excess, mut last) = (0_i128, None::<i128>);
            for at in passed.iter().chain([&now]).map(|at| at.div_euclid(MS) as i128) {
                excess = last.map_or(0, |last| (excess - rate * (at - last) / 1000 + 1000).max(0));
                last = Some(at);
            }
            excess <= burst * 1000
        }
    }
}

const ALGORITHMS: [Algorithm; 8] = [
    Algorithm::TokenBucket,
    Algorithm::WholeTokens,
    Algorithm::LeakyBucket { undelayed: Some(0) },
    Algorithm::LeakyBucket { undelayed: None },
    Algorithm::FixedWindow,
    Algorithm::SlidingLog,
    Algorithm::SlidingCounter,
    Algorithm::Gcra,
];

/// Random calls at random limits, from before the clock's zero on; each decision is the twin's.
fn against_twins(rounds: u64, calls: u64) {
    for round in 0..rounds {
        let bits = |n: u64| mix64(round << 32 | n);
        let count = 1 + bits(0) % 7;
        let per_ns = [1, 7, 1000, 1_000_000, SECOND, 60 * SECOND][bits(1) as usize % 6];
        for algorithm in ALGORITHMS {
            let limit = limit(algorithm, count, per_ns, 1 + bits(2) % 6);
            let mut bucket = limit.fresh();
            let mut passed = Vec::new();
            let mut now = -((per_ns * 3) as i64);
            for call in 0..calls {
                // Calls come at about one and a half times the rate, many at one instant.
                let gap = bits(3 + call) % (per_ns * 2 / (3 * count) * 2 + 2);
                now += if bits(call) % 3 == 0 { 0 } else { gap as i64 };
                let verdict = limit.decide(&mut bucket, now);
                let expected = twin(limit, &passed, now);
                assert_eq!(verdict != Verdict::Refuse, expected, "{limit:?}, call {call} at {now}, round {round}");
                if expected {
                    passed.push(now);
                }
                if limit.is_idle(&bucket, now) {
                    let mut fresh = limit.fresh();
                    assert_eq!(limit.decide(&mut bucket.clone(), now), limit.decide(&mut fresh, now), "{limit:?}");
                }
            }
            assert!(!passed.is_empty());
        }
    }
}

#[test]
fn decisions_are_those_of_the_twins() {
    against_twins(40, 60);
}

#[test]
#[ignore = "long: a million decisions"]
fn decisions_are_those_of_the_twins_a_million_times() {
    against_twins(1_300, 100);
}

#[test]
fn what_is_given_back_was_never_counted() {
    for algorithm in ALGORITHMS {
        let limit = limit(algorithm, 3, SECOND, 3);
        let (mut bucket, mut twin) = (limit.fresh(), limit.fresh());
        let passes = (0..200_i64).filter(|n| {
            let now = n * 20 * MS;
            if n % 2 == 0 {
                // One that passes and is given back leaves no trace.
                if limit.decide(&mut bucket, now) != Verdict::Refuse {
                    limit.give_back(&mut bucket, now);
                }
                return false;
            }
            let verdict = limit.decide(&mut bucket, now);
            let plain = limit.decide(&mut twin, now);
            // nginx's bucket rounds in each step, so that a step more may be a thousandth less.
            let exact = !matches!(algorithm, Algorithm::LeakyBucket { .. });
            assert!(!exact || verdict == plain, "{algorithm:?} at {n}");
            verdict != Verdict::Refuse
        });
        assert!((12..=18).contains(&passes.count()), "{algorithm:?}");
    }
}

#[test]
fn another_rate_keeps_what_is_owed() {
    let slow = limit(Algorithm::TokenBucket, 1, SECOND, 4);
    let mut bucket = slow.fresh();
    assert!((0..4).all(|_| slow.decide(&mut bucket, 0) == Verdict::Pass(0)));
    let to = Quota { count: 60, per_ns: 60 * SECOND };
    slow.change(&mut bucket, to, 500 * MS);
    let same = Limit { quota: to, ..slow };
    assert_eq!(same.decide(&mut bucket, 999 * MS), Verdict::Refuse);
    assert_eq!(same.decide(&mut bucket, 1000 * MS), Verdict::Pass(0));
    let gcra = limit(Algorithm::Gcra, 1, SECOND, 3);
    let mut bucket = gcra.fresh();
    assert!((0..4).all(|_| gcra.decide(&mut bucket, 0) == Verdict::Pass(0)));
    // Ten times as fast, the interval that is owed takes a tenth.
    let to = Quota { count: 10, per_ns: SECOND };
    gcra.change(&mut bucket, to, 0);
    let fast = Limit { quota: to, ..gcra };
    assert_eq!(fast.decide(&mut bucket, 99 * MS), Verdict::Refuse);
    assert_eq!(fast.decide(&mut bucket, 100 * MS), Verdict::Pass(0));
}

#[test]
fn an_adaptive_limit_follows_success() {
    let rule = Adaptive { min: 10.0, max: 1000.0, raise_above: 0.95, raise_by: 1.1, lower_below: 0.8, lower_by: 0.9 };
    for (limit, ok, all, expected) in [
        (100.0, 96, 100, 110.0),
        (100.0, 95, 100, 100.0),
        (100.0, 80, 100, 100.0),
        (100.0, 79, 100, 90.0),
        (100.0, 0, 0, 100.0),
        (999.0, 10, 10, 1000.0),
        (10.0, 0, 10, 10.0),
    ] {
        assert!((rule.next(limit, ok, all) - expected).abs() < 1e-9, "{limit} {ok}/{all}");
    }
}
