import { deserialize, serialize } from 'node:v8';
import { RuntimeError } from '../errors';
import { isJson, whatIsNotJson } from './json-check';
import type { AnyEvent } from '../events';

/** How events become bytes. */
export type JournalCodec = 'json' | 'v8';

/** Turns events into text and back. Throws NOT_SERIALIZABLE for what it cannot carry. */
export interface Codec {
  /** Whether a body is base64. */
  readonly isBinary: boolean;
  encode(event: AnyEvent): string;
  decode(body: unknown): AnyEvent;
}

function notSerializable(event: AnyEvent, problem: string, hint: string, cause?: unknown): RuntimeError {
  const message = `the event cannot be written to the journal: ${problem}; ${hint}`;
  const context = { reason: 'not-serializable', eventId: event.id, eventType: event.type, problem };
  return new RuntimeError('NOT_SERIALIZABLE', message, { cause, context });
}

const JSON_HINT = "use plain data, or set journal.codec to 'v8' for what a structured clone can carry";

const json: Codec = {
  isBinary: false,
  encode(event) {
    try {
      if (isJson(event)) return JSON.stringify(event);
    } catch (error) {
      throw notSerializable(event, 'reading it has thrown', JSON_HINT, error);
    }
    throw notSerializable(event, whatIsNotJson(event, 'event') ?? 'it is not JSON', JSON_HINT);
  },
  decode: (body) => body as AnyEvent,
};

/** JSON of an event's data; '' if it has none. */
export function dataJson(event: AnyEvent): string {
  const { data } = event;
  if (data === undefined) return '';
  try {
    if (isJson(data)) return JSON.stringify(data);
  } catch (error) {
    throw notSerializable(event, 'reading it has thrown', JSON_HINT, error);
  }
  throw notSerializable(event, whatIsNotJson(event, 'event') ?? 'it is not JSON', JSON_HINT);
}

const v8: Codec = {
  isBinary: true,
  encode(event) {
    try {
      return serialize(event).toString('base64');
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      throw notSerializable(event, problem, 'use data that a structured clone can carry', error);
    }
  },
  decode: (body) => deserialize(Buffer.from(body as string, 'base64')) as AnyEvent,
};

/** What a body is decoded with follows from the body, not from the configuration: that may have changed. */
export const codecs: Record<JournalCodec, Codec> = { json, v8 };
