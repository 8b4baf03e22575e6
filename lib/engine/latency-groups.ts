import type { EngineHandle, LatencyTimings } from '../native/engine';

/** The group of all types, or tenants, that are not told apart, and what it is called. */
const OTHER = 0;
export const OTHER_NAME = '(other)';

/** Times of a queue's events. */
export interface LatencyStats extends LatencyTimings {
  /** By event type: the first 100 types, the rest as `(other)`. Returned events count as part of the event that caused them. */
  byType: Record<string, LatencyTimings>;
  /** By tenant, for events of others than the runtime's own: the first 100, the rest as `(other)`. */
  byTenant: Record<string, LatencyTimings>;
}

/** Names of the core's latency groups; how many there are is decided there. */
export class LatencyGroups {
  readonly #core: EngineHandle;
  readonly #types = new Map<string, number>();
  readonly #tenants = new Map<string, number>();
  lastType: string | undefined;
  lastGroup = OTHER;

  constructor(core: EngineHandle) {
    this.#core = core;
  }

  /** The group of a type; the last one is remembered, so that a run of equal types costs a comparison each. */
  groupOf(type: string): number {
    this.lastType = type;
    this.lastGroup = named(this.#types, type, this.#core.addTypeGroup);
    return this.lastGroup;
  }

  /** One more than the group of a tenant. */
  tenantGroupOf(name: unknown): number {
    return typeof name === 'string' ? 1 + named(this.#tenants, name, this.#core.addTenantGroup) : 0;
  }

  stats(): LatencyStats | null {
    const report = this.#core.latency();
    if (report === null) return null;
    return {
      ...report.total,
      byType: byName(this.#types, report.byType),
      byTenant: byName(this.#tenants, report.byTenant),
    };
  }
}

/** Names that share the group of the others are not kept: there may be any number. */
function named(groups: Map<string, number>, name: string, add: () => number): number {
  const known = groups.get(name);
  if (known !== undefined) return known;
  const group = add();
  if (group !== OTHER) groups.set(name, group);
  return group;
}

function byName(groups: Map<string, number>, list: LatencyTimings[]): Record<string, LatencyTimings> {
  const entries = [...groups].map(([name, group]) => [name, list[group]!] as const);
  const others = list[OTHER]!;
  const isUsed = [others.queueWait, others.handler, others.endToEnd].some(({ count }) => count > 0);
  return Object.fromEntries(isUsed ? [...entries, [OTHER_NAME, others] as const] : entries);
}
