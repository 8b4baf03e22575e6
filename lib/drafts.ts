import { tenantMember } from './durability/ops';
import { callIdAt, correlationIdAt, mint } from './ids';
import type { AnyEvent, AnyEventMetadata } from './events';
import type { MintedIds } from './ids';
import type { Submission } from './submission';

/**
 * An event that has not been made: what its emit has given it, and a time and ids of its own. Emitters and tables hold one such object, and
 * fill it for each event.
 */
export class Draft implements MintedIds {
  type = '';
  /** Undefined: the runtime's. */
  tenantId: string | undefined = undefined;
  data: unknown = undefined;
  ts = 0;
  callBlock = '';
  callIndex = 0;
  correlationBlock = '';
  correlationIndex = 0;
  priority = 0;
  /** What it brings along; undefined: nothing but its priority. No ids, keys or signals: those want an event. */
  brings: Submission | undefined = undefined;

  /** Begins the next one: it gets ids and a time. */
  fill(type: string, data: unknown, priority: number, brings: Submission | undefined): void {
    this.type = type;
    this.tenantId = brings?.tenantId;
    this.data = data;
    this.ts = Date.now();
    this.priority = priority;
    this.brings = brings;
    mint(this);
  }

  /** What it held is not its own. */
  forget(): void {
    this.data = undefined;
    this.brings = undefined;
  }
}

/** Makes the events of drafts, with what a runtime gives every event. */
export class EventMaker {
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

  make({ type, tenantId, data, ts, callBlock, callIndex, correlationBlock, correlationIndex }: Draft): AnyEvent {
    const metadata = this.metadata(correlationIdAt(correlationBlock, correlationIndex), tenantId, ts);
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

  /** JSON of the members of such metadata beside the correlation id; '' for none. */
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
