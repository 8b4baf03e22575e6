/** Name of the instrumentation scope. */
export const SCOPE = '@kodus-flow/runtime';
