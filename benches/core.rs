//! The core alone: submit, schedule, complete, at two depths of the queue.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kodus_flow_runtime::core::delivery::Redelivery;
use kodus_flow_runtime::core::latency::Groups;
use kodus_flow_runtime::core::runtime::{Config, Outcome, Runtime, Submission};
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

criterion_group!(benches, life_of_an_event);
criterion_main!(benches);
