/** Milliseconds of a clock that never runs backwards. Read at call time, so that users' fake timers apply. */
export function monotonicNow(): number {
  return performance.now();
}

/** Milliseconds since the epoch. */
export function wallNow(): number {
  return Date.now();
}
