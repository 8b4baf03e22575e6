/** Finds `@opentelemetry/api`, an optional peer: who does not install it pays nothing, not even for looking twice. */
import { createRequire } from 'node:module';

import type * as api from '@opentelemetry/api';

export type OtelApi = typeof api;

/** The one module whose absence is normal. */
const API = '@opentelemetry/api';

let found: OtelApi | undefined;
let hasLooked = false;

/** The API, or undefined where it is not installed. Loads it at the first call. */
export function loadApi(): OtelApi | undefined {
  if (hasLooked) return found;
  hasLooked = true;
  // In the bundle there is no import.meta, in the sources no __filename.
  const here = typeof __filename === 'string' ? __filename : import.meta.url;
  try {
    found = createRequire(here)(API) as OtelApi;
  } catch {
    // Not installed, or damaged: an event must run in any case.
    found = undefined;
  }
  return found;
}
