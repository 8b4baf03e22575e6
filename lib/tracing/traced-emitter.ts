import type { Emitter } from '../emitter';
import type { AnyEvent } from '../events';
import type { EmitOptions, EmitResult } from '../runtime-types';
import type { Publication } from './spans';
import type { Telemetry } from './telemetry';

/** What of an emitter a runtime calls for each emit. */
export type EmitCalls = Pick<Emitter, 'emit' | 'emitAsync' | 'emitEvent'>;

/** Emits with a span around each emit that happens inside one, whose context the event carries. */
export class TracedEmitter implements EmitCalls {
  readonly #emitter: Emitter;
  readonly #telemetry: Telemetry;

  constructor(emitter: Emitter, telemetry: Telemetry) {
    this.#emitter = emitter;
    this.#telemetry = telemetry;
  }

  emit(type: string, data: unknown, options: EmitOptions | undefined): EmitResult {
    const publication = this.#telemetry.publish(type);
    if (publication === undefined) return this.#emitter.emit(type, data, options);
    const result = this.#carrying(publication, () => this.#emitter.emit(type, data, options));
    this.#end(publication, type, options, result);
    return result;
  }

  emitAsync(type: string, data: unknown, options: EmitOptions | undefined): Promise<EmitResult> {
    const publication = this.#telemetry.publish(type);
    if (publication === undefined) return this.#emitter.emitAsync(type, data, options);
    const emitted = this.#carrying(publication, () => this.#emitter.emitAsync(type, data, options));
    return emitted.then((result) => {
      this.#end(publication, type, options, result);
      return result;
    });
  }

  /** An event that carries a context already keeps it: it was sent before. */
  emitEvent(event: AnyEvent, options: EmitOptions | undefined): EmitResult {
    const type = unsentType(event);
    const publication = type === undefined ? undefined : this.#telemetry.publish(type);
    if (publication === undefined) return this.#emitter.emitEvent(event, options);
    const result = this.#carrying(publication, () => this.#emitter.emitEvent(event, options));
    this.#telemetry.published(publication, event, result.error);
    return result;
  }

  /** Every emit makes its event before it first waits, so the carrier cannot get into another's. */
  #carrying<T>({ carrier }: Publication, emit: () => T): T {
    this.#emitter.carrier = carrier;
    try {
      return emit();
    } finally {
      this.#emitter.carrier = undefined;
    }
  }

  #end(publication: Publication, type: string, options: EmitOptions | undefined, result: EmitResult): void {
    const { eventId: id, correlationId, error } = result;
    const tenantId = options?.tenantId;
    const metadata = { correlationId, ...(tenantId !== undefined && { tenantId }) };
    const event = id === '' ? undefined : ({ id, type, metadata } as AnyEvent);
    this.#telemetry.published(publication, event, error);
  }
}

/** The type of an event that carries no context yet; undefined: it does, or it is no event that could be taken. */
function unsentType(event: AnyEvent): string | undefined {
  try {
    return typeof event.metadata?.traceparent === 'string' ? undefined : event.type;
  } catch {
    return undefined;
  }
}
