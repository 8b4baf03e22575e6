/** Lets the methods of a class be called without their object: `const { map } = stream`. They are bound when read. */
export function bindOnRead(prototype: object): void {
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const { value } = Object.getOwnPropertyDescriptor(prototype, name)!;
    if (name === 'constructor' || typeof value !== 'function') continue;
    Object.defineProperty(prototype, name, {
      configurable: true,
      get(this: object) {
        return (value as (...args: unknown[]) => unknown).bind(this);
      },
      set(this: object, replacement: unknown) {
        Object.defineProperty(this, name, { value: replacement, writable: true, configurable: true });
      },
    });
  }
}
