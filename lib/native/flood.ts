/** Lets the first of a flood of equal messages pass and counts the rest. Owned by one observability port. */
export interface FloodGate {
  /** Adds a key and gives its number; beyond 256 keys, that of the last one, which the rest share. */
  add(): number;
  /** Messages suppressed since the last one that passed, or -1 if this one is suppressed, too. */
  pass(key: number, now: number): number;
  /** Takes the count of suppressed messages if no message has told it within two seconds; 0: nothing to tell, or not yet. */
  overdue(key: number, now: number): number;
  /** Takes the count of suppressed messages that nothing has told yet. */
  take(key: number): number;
}

export interface FloodNative {
  createFloodGate(): FloodGate;
}
