import { tenantMember } from './durability/ops';
import { callIdAt, correlationIdAt } from './ids';
import type { AnyEvent, AnyEventMetadata } from './events';
import type { MintedIds } from './ids';

/**
 * Events whose emits give them nothing but type, data and tenant: all that such an event has besides are a time and ids of its own, and
 * what its runtime gives every event. So it can be made late, and written down in few words.
 */
export class OwnEvents {
  readonly #tenantId: string | undefined;
  /** Whether `metadata.timestamp` is set. */
  readonly #stampsTime: boolean;
  #lastTs = NaN;
  #lastTenant: string | undefined;
  #lastMembers = '';

  constructor(tenantId: string | undefined, stampsTime: boolean) {
    this.#tenantId = tenantId;
    this.#stampsTime = stampsTime;
  }

  /** `tenantId`: undefined for the runtime's. */
  make(type: string, tenantId: string | undefined, data: unknown, ts: number, ids: MintedIds): AnyEvent {
    const { callBlock, callIndex } = ids;
    const correlationId = correlationIdAt(ids.correlationBlock, ids.correlationIndex);
    const metadata = this.metadata(correlationId, tenantId, ts);
    return {
      id: callIdAt(callBlock, callIndex),
      type,
      data,
      ts,
      threadId: callIdAt(callBlock, callIndex + 1),
      metadata,
    };
  }

  metadata(correlationId: string, tenantId = this.#tenantId, ts: number): AnyEventMetadata {
    const metadata: AnyEventMetadata = tenantId === undefined ? { correlationId } : { correlationId, tenantId };
    if (this.#stampsTime) metadata.timestamp = ts;
    return metadata;
  }

  /** JSON of the members of the metadata of such an event beside its correlation id; '' for none. */
  membersAt(ts: number, tenantId = this.#tenantId): string {
    if (!this.#stampsTime) return tenantId === undefined ? '' : tenantMember(tenantId);
    if (ts !== this.#lastTs || tenantId !== this.#lastTenant) {
      this.#lastTs = ts;
      this.#lastTenant = tenantId;
      const time = `"timestamp":${ts}`;
      this.#lastMembers = tenantId === undefined ? time : `${tenantMember(tenantId)},${time}`;
    }
    return this.#lastMembers;
  }
}
