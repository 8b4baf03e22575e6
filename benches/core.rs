//! The core alone: submit, schedule, complete, at two depths of the queue.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kodus_flow_runtime::core::delivery::Redelivery;
use kodus_flow_runtime::core::latency::Groups;
use kodus_flow_runtime::core::runtime::{Admission, Config, Outcome, Runtime, Submission};
use kodus_flow_runtime::core::sizes::SizeLimits;
use kodus_flow_runtime::core::slots::NONE;

/// Events of one measured round.
const ROUND: u32 = 1_000;

fn runtime() -> Runtime {
    Runtime::new(Config {
        max_concurrent: 64,
        max_concurrent_per_tenant: None,
        max_concurrent_per_kind: None,
        ack_timeout_ms: None,
        redelivery: Redelivery::NEVER,
        sizes: SizeLimits::OFF,
        records_latency: true,
        seed: 1,
    })
}

fn submit(core: &mut Runtime, slot: u32) {
    let event = Submission {
        slot,
        kind: 0,
        tenant: 0,
        key: NONE,
        priority: f64::from(slot % 3),
        delay_ms: 0.0,
        at: 0.0,
        groups: Groups::default(),
    };
    core.submit(0.0, event);
}

/// One event in, one out: the queue keeps its depth.
fn round(core: &mut Runtime) {
    for _ in 0..ROUND {
        let slot = core.next(0.0).expect("the queue is deep enough");
        core.complete(0.0, slot, Outcome::Done);
        submit(core, slot);
    }
}

fn life_of_an_event(c: &mut Criterion) {
    let mut group = c.benchmark_group("submit, schedule, complete");
    group.throughput(Throughput::Elements(u64::from(ROUND)));
    for depth in [1_000, 1_000_000] {
        let mut core = runtime();
        (0..depth).for_each(|slot| submit(&mut core, slot));
        group.bench_function(BenchmarkId::from_parameter(depth), |bench| {
            bench.iter(|| round(&mut core));
        });
    }
    group.finish();
}

/// Starts what may start with one of the permits; answers what has been started.
fn start(core: &mut Runtime, limiter: u32, key: u32) -> Vec<u32> {
    let mut started = Vec::new();
    while let Some(slot) = core.next(0.0) {
        if core.admit(0.0, slot, limiter, key, f64::INFINITY) == Admission::Started {
            started.push(slot);
        }
    }
    started
}

/// As above, with five permits for all of them: the others wait in the queue.
fn life_of_an_event_that_waits_for_a_permit(c: &mut Criterion) {
    let mut group = c.benchmark_group("submit, hold, rouse, complete");
    group.throughput(Throughput::Elements(u64::from(ROUND)));
    for depth in [1_000, 1_000_000] {
        let mut core = runtime();
        let limiter = core.add_limiter(5);
        (0..depth).for_each(|slot| submit(&mut core, slot));
        // The key is made for the first event, which has its first permit.
        let mut running = vec![core.next(0.0).expect("there are events")];
        let key = core.permits(limiter).open();
        core.begin(0.0, running[0]);
        running.append(&mut start(&mut core, limiter, key));
        group.bench_function(BenchmarkId::from_parameter(depth), |bench| {
            bench.iter(|| {
                for _ in 0..ROUND {
                    let slot = running.pop().expect("a permit is out");
                    core.complete(0.0, slot, Outcome::Done);
                    core.leave(limiter, key);
                    submit(&mut core, slot);
                    running.append(&mut start(&mut core, limiter, key));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(
    benches,
    life_of_an_event,
    life_of_an_event_that_waits_for_a_permit
);
criterion_main!(benches);
