/** Entry point `@kodus-flow/runtime/middleware`: wrappers of handlers. */
export { MiddlewareError } from '../errors';
export type { MiddlewareErrorCode } from '../errors';
