//! The policies of the middleware, a decision each.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use kodus_flow_runtime::core::delivery::{Growth, Jitter, Redelivery};
use kodus_flow_runtime::core::policy::breaker::{Breaker, BreakerConfig, FailureRate, Span};
use kodus_flow_runtime::core::policy::cache::{Cache, CacheConfig};
use kodus_flow_runtime::core::policy::concurrency::{Permits, WhenFull};
use kodus_flow_runtime::core::policy::cron::Cron;
use kodus_flow_runtime::core::policy::deadlines::Deadlines;
use kodus_flow_runtime::core::policy::rate::{RateConfig, RateLimiter, WhenEmpty};
use kodus_flow_runtime::core::policy::retry::{Retry, RetryConfig};

fn deadlines(criterion: &mut Criterion) {
    for armed in [0, 10_000] {
        let mut table = Deadlines::default();
        for n in 0..armed {
            table.arm(f64::from(n), 30_000.0);
        }
        let mut now = f64::from(armed);
        criterion.bench_function(
            &format!("deadline armed and cancelled beside {armed}"),
            |b| {
                b.iter(|| {
                    now += 0.001;
                    let id = table.arm(black_box(now), 30_000.0);
                    table.cancel(id);
                });
            },
        );
    }
}

fn retry(criterion: &mut Criterion) {
    let attempts = Redelivery {
        max_attempts: 4,
        initial_delay_ms: 100.0,
        max_delay_ms: 5_000.0,
        growth: Growth::Exponential { factor: 2.0 },
        jitter: Jitter::Full,
    };
    let config = RetryConfig {
        attempts,
        max_total_ms: 60_000.0,
    };
    let mut retry = Retry::new(config, 1);
    criterion.bench_function("retry delay", |b| {
        b.iter(|| retry.next_delay(black_box(2), 150.0, None));
    });
}

fn permits(criterion: &mut Criterion) {
    let mut permits = Permits::new(10, WhenFull::Wait);
    let key = permits.open();
    criterion.bench_function("permit taken and given back", |b| {
        b.iter(|| {
            black_box(permits.enter(key));
            permits.leave(key)
        });
    });
    let mut full = Permits::new(1, WhenFull::Wait);
    let key = full.open();
    full.enter(key);
    criterion.bench_function("permit waited for and handed over", |b| {
        b.iter(|| {
            black_box(full.enter(key));
            full.leave(key)
        });
    });
}

fn breaker(criterion: &mut Criterion) {
    let config = BreakerConfig {
        failure_threshold: Some(5),
        failure_rate: Some(FailureRate {
            threshold: 0.5,
            minimum_calls: 10,
            span: Span::Calls(100),
        }),
        recovery_ms: 1_000.0,
        success_threshold: 2,
    };
    let mut breaker = Breaker::new(config, 0.0);
    criterion.bench_function("breaker admits and hears of a success", |b| {
        b.iter(|| {
            let ticket = breaker.admit(black_box(1.0)).expect("closed");
            breaker.succeed(ticket, 1.0);
        });
    });
}

fn rate(criterion: &mut Criterion) {
    let mut limiter = RateLimiter::new(RateConfig {
        limit: 1_000.0,
        interval_ms: 1_000.0,
        burst: 100.0,
        when_empty: WhenEmpty::Reject,
    });
    let key = limiter.open(0.0);
    let mut now = 0.0;
    criterion.bench_function("token taken", |b| {
        b.iter(|| {
            now += 0.5;
            limiter.take(key, black_box(now))
        });
    });
}

fn cache(criterion: &mut Criterion) {
    let mut cache = Cache::new(CacheConfig {
        ttl_ms: 1e9,
        max_size: 1_000,
    });
    let mut now = 0.0;
    criterion.bench_function("result stored and the oldest evicted", |b| {
        b.iter(|| {
            now += 1.0;
            let id = cache.open();
            cache.store(id, black_box(now));
            cache.evict(now)
        });
    });
}

fn cron(criterion: &mut Criterion) {
    let cron = Cron::parse("30 2 * * 1-5", "America/New_York").expect("valid");
    criterion.bench_function("next occurrence of a cron expression", |b| {
        b.iter(|| cron.next_after(black_box(1_767_225_600_000.0)));
    });
}

criterion_group!(
    policies, deadlines, retry, permits, breaker, rate, cache, cron
);
criterion_main!(policies);
