//! Counters of transitions. Because every event is in exactly one state, they add up:
//! `emitted = done + dead + expired + cancelled + dropped + waiting + ready + running`.

/// Transitions since creation; none ever falls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events accepted.
    pub emitted: u64,
    /// Events handled successfully (and acknowledged, where that is asked for).
    pub done: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Redeliveries scheduled.
    pub retried: u64,
    /// Redeliveries after which the event was done.
    pub recovered: u64,
    /// Events given up: they went to the dead letters.
    pub dead: u64,
    /// Events whose time to live passed before they started.
    pub expired: u64,
    /// Events taken out by their owner.
    pub cancelled: u64,
    /// Events given up for room, or at the end of the runtime.
    pub dropped: u64,
    /// Deliveries whose acknowledgement did not come in time.
    pub ack_timeouts: u64,
    /// Sum of the scheduled redelivery delays, in whole milliseconds.
    pub retry_delay_ms: u64,
}

/// How many events are in which state now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Delayed, waiting for redelivery, or behind their ordering key.
    pub waiting: u32,
    /// Of these: waiting for redelivery.
    pub retrying: u32,
    /// Could start now, limits permitting.
    pub ready: u32,
    /// Delivered and not ended: handlers running, parked, or acknowledgement outstanding.
    pub running: u32,
    /// Of these: holding a permit.
    pub executing: u32,
    /// Of these: waiting inside a middleware without a permit.
    pub parked: u32,
    /// Of these: handled, acknowledgement outstanding.
    pub unacked: u32,
}
