import { RuntimeError } from './errors';
import { logFields } from './observability/fields';
import type { DeliverySettings } from './delivery-queue';
import type { AnyEvent } from './events';
import type { ObservabilityPort } from './observability/port';

/** Why an event was not taken. */
type Refusal = PlainRefusal | 'duplicate' | 'not-durable';

type PlainRefusal = 'rate-limited' | 'full' | 'memory' | 'too-large' | 'shutting-down' | 'invalid' | 'aborted';

/** Counts the events that are not taken, tells of each, and says why. */
export class Refusals {
  readonly #settings: DeliverySettings;
  readonly #port: ObservabilityPort;
  readonly #depth: () => number;
  /** By reason; they never fall. */
  readonly counts: Record<Refusal, number> = {
    'not-durable': 0,
    'rate-limited': 0,
    full: 0,
    memory: 0,
    'too-large': 0,
    duplicate: 0,
    'shutting-down': 0,
    invalid: 0,
    aborted: 0,
  };

  constructor(settings: DeliverySettings, port: ObservabilityPort, depth: () => number) {
    this.#settings = settings;
    this.#port = port;
    this.#depth = depth;
  }

  /** `amount`: the bytes of an event that is too large, the milliseconds to the next token of a limited one. */
  refuse(refusal: PlainRefusal, event: AnyEvent, amount = 0): RuntimeError {
    return this.#refused(refusal, event, this.#errorOf(refusal, event, amount));
  }

  /** `state`: what has become of the first one. */
  duplicate(event: AnyEvent, state: string): RuntimeError {
    const message = `an event with this id or idempotency key is known already; the first one is ${state}`;
    const context = { reason: 'duplicate', eventId: event.id, eventType: event.type, state };
    return this.#refused('duplicate', event, new RuntimeError('DUPLICATE', message, { context }));
  }

  notWritten(event: AnyEvent, error: RuntimeError): RuntimeError {
    return this.#refused('not-durable', event, error);
  }

  #refused(refusal: Refusal, event: AnyEvent, error: RuntimeError): RuntimeError {
    this.counts[refusal]++;
    this.#port.flood(`refused.${refusal}`, 'warn', `Event refused: ${error.message}`, () => ({
      ...logFields(event),
      code: error.code,
      queueSize: this.#depth(),
      error,
    }));
    return error;
  }

  #errorOf(refusal: PlainRefusal, event: AnyEvent, amount: number): RuntimeError {
    const { maxQueueDepth, maxEventSize, hugeEventThreshold, dropHugeEvents } = this.#settings;
    const context = { reason: refusal, eventId: event.id, eventType: event.type };
    switch (refusal) {
      case 'full':
        return new RuntimeError(
          'RUNTIME_EVENT_QUEUE_FULL',
          `the queue is full (${maxQueueDepth} events); process events, raise queueSize, or set overflow to 'wait' or 'drop-oldest'`,
          { context: { ...context, maxQueueDepth } },
        );
      case 'memory':
        return new RuntimeError(
          'RUNTIME_EVENT_QUEUE_FULL',
          'the memory of the machine or container is nearly used up: nothing is taken in while another event waits; process events, or give more memory',
          { context },
        );
      case 'rate-limited':
        return new RuntimeError(
          'RATE_LIMITED',
          `the tenant emits more than its rate; the next token comes in ${amount}ms`,
          {
            context: { ...context, retryAfterMs: amount },
          },
        );
      case 'too-large': {
        const limit = dropHugeEvents ? Math.min(maxEventSize, hugeEventThreshold) : maxEventSize;
        return new RuntimeError('EVENT_TOO_LARGE', `the event has ${amount} bytes; allowed: ${limit}`, {
          context: { ...context, bytes: amount, limit },
        });
      }
      case 'shutting-down':
        return new RuntimeError('RUNTIME_SHUTTING_DOWN', 'the runtime has been cleaned up; create a new one', {
          context,
        });
      case 'aborted':
        return new RuntimeError('EVENT_CANCELLED', 'the signal of the event aborted before it could be queued', {
          context,
        });
      case 'invalid':
        return new RuntimeError('INVALID_ARGUMENT', 'the event or its options are invalid', { context });
    }
  }
}
