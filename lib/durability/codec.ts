import { deserialize, serialize } from 'node:v8';
import { RuntimeError } from '../errors';
import { isJson, whatIsNotJson } from './json-check';
import { quoted } from './ops';
import type { AnyEvent, AnyEventMetadata } from '../events';

/** How events become bytes. */
export type JournalCodec = 'json' | 'v8';

/** Turns events into text and back. Throws NOT_SERIALIZABLE for what it cannot carry. */
export interface Codec {
  /** Whether a body is base64. */
  readonly isBinary: boolean;
  /** `isOurs`: made by the emitter just now, so that all but its data is known to be plain. */
  encode(event: AnyEvent, isOurs?: boolean): string;
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
  encode(event, isOurs = false) {
    try {
      if (isOurs) {
        if (event.data === undefined || isJson(event.data)) return ownEventJson(event);
      } else if (isJson(event)) {
        return JSON.stringify(event);
      }
    } catch (error) {
      throw notSerializable(event, 'reading it has thrown', JSON_HINT, error);
    }
    throw notSerializable(event, whatIsNotJson(event, 'event') ?? 'it is not JSON', JSON_HINT);
  },
  decode: (body) => body as AnyEvent,
};

/**
 * An event of the emitter's own as JSON. To put the text together costs two thirds of what `JSON.stringify` costs for the
 * whole: the field names, and the ids that need no escapes, are most of a usual event.
 */
function ownEventJson(event: AnyEvent): string {
  const { id, type, data, ts, threadId, metadata } = event;
  const rest = ',"ts":' + ts + ',"threadId":"' + threadId + '","metadata":' + metadataJson(metadata!) + '}';
  const head = '{"id":"' + id + '","type":' + quoted(type);
  return data === undefined ? head + rest : head + ',"data":' + JSON.stringify(data) + rest;
}

function metadataJson(metadata: AnyEventMetadata): string {
  let text = '';
  for (const key in metadata) {
    const value = metadata[key];
    if (typeof value === 'string') text += (text === '' ? '{"' : ',"') + key + '":' + quoted(value);
    else if (value !== undefined) return JSON.stringify(metadata);
  }
  return text === '' ? '{}' : text + '}';
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
