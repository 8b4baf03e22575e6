export const DEFAULT_RETRYABLE_CODES = ['NETWORK_ERROR', 'TIMEOUT_ERROR', 'TIMEOUT_EXCEEDED'];
export const DEFAULT_RETRYABLE_STATUSES = [408, 429, 500, 502, 503, 504];

/** Two spellings of one thing: callers list the first, our timeouts carry the second. */
const TIMEOUT_CODES = ['TIMEOUT_ERROR', 'TIMEOUT_EXCEEDED'];
/** Verdicts of an inner policy: the errors behind them were looked at there, and a retry out here would multiply them. */
const VERDICTS = ['RETRY_EXCEEDED', 'ABORTED'];
const MAX_CAUSES = 16;

const hopeless = new WeakSet<object>();

/** Marks an error that would come again however often it is tried: no policy retries it. */
export function neverRetry<E extends object>(error: E): E {
  hopeless.add(error);
  return error;
}

interface ErrorLike {
  code?: unknown;
  name?: unknown;
  message?: unknown;
  status?: unknown;
  statusCode?: unknown;
  cause?: unknown;
}

/** The error and what led to it, nearest first. */
export function* causesOf(error: unknown): Generator<ErrorLike> {
  for (let depth = 0, at = error; depth < MAX_CAUSES && at !== undefined && at !== null; depth++) {
    const errorLike: ErrorLike = typeof at === 'object' ? at : { message: at };
    yield errorLike;
    at = errorLike.cause;
  }
}

/** The test for errors that are tried again; a predicate of the user that throws counts as "no". */
export function retryTest(
  codes: readonly string[],
  statuses: readonly number[],
  predicate: ((error: unknown) => boolean) | undefined,
): (error: unknown) => boolean {
  const wanted = new Set<unknown>(codes);
  if (TIMEOUT_CODES.some((code) => wanted.has(code))) for (const code of TIMEOUT_CODES) wanted.add(code);
  const wantedStatuses = new Set<unknown>(statuses);
  return (error) => {
    if (Object(error) === error && hopeless.has(error as object)) return false;
    if (predicate !== undefined && agrees(predicate, error)) return true;
    for (const { code, name, message, status, statusCode } of causesOf(error)) {
      if (wanted.has(code) || wanted.has(name) || wanted.has(message)) return true;
      if (wantedStatuses.has(status) || wantedStatuses.has(statusCode)) return true;
      if (VERDICTS.includes(code as string)) return false;
    }
    return false;
  };
}

function agrees(predicate: (error: unknown) => boolean, error: unknown): boolean {
  try {
    return Boolean(predicate(error));
  } catch {
    return false;
  }
}
