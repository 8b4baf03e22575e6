import { callIdAt, correlationIdAt } from './ids';
import type { AnyEvent, AnyEventMetadata } from './events';
import type { MintedIds } from './ids';

/**
 * Events of emits that bring nothing but type, data and priority: all that such an event has besides are a time and ids of its own, and
 * what its runtime gives every event. So it can be made late, and written down in few words.
 */
export class OwnEvents {
  readonly #tenantId: string | undefined;
  /** Whether `metadata.timestamp` is set. */
  readonly #stampsTime: boolean;
  readonly #tenantMember: string;
  #lastTs = NaN;
  #lastMembers = '';

  constructor(tenantId: string | undefined, stampsTime: boolean) {
    this.#tenantId = tenantId;
    this.#stampsTime = stampsTime;
    this.#tenantMember = tenantId === undefined ? '' : `"tenantId":${JSON.stringify(tenantId)}`;
  }

  make(type: string, data: unknown, ts: number, ids: MintedIds): AnyEvent {
    const { callBlock, callIndex } = ids;
    const correlationId = correlationIdAt(ids.correlationBlock, ids.correlationIndex);
    const metadata = this.metadata(correlationId, this.#tenantId, ts);
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
  membersAt(ts: number): string {
    if (!this.#stampsTime) return this.#tenantMember;
    if (ts !== this.#lastTs) {
      this.#lastTs = ts;
      const time = `"timestamp":${ts}`;
      this.#lastMembers = this.#tenantMember === '' ? time : `${this.#tenantMember},${time}`;
    }
    return this.#lastMembers;
  }
}
