import { MiddlewareError } from '../errors';
import type { TaggedMiddleware } from './helpers';
import { apply } from './resolve';
import type { Middleware, MiddlewareHandler } from './types';

/** Tagged middleware by name. */
export class MiddlewareRegistry {
  readonly #byName = new Map<string, TaggedMiddleware>();

  /** @throws MiddlewareError if the name is taken */
  register(tagged: TaggedMiddleware): void {
    const { name } = tagged.metadata;
    if (this.#byName.has(name)) throw new MiddlewareError(name, 'Middleware is already registered', { name });
    this.#byName.set(name, tagged);
  }

  /**
   * These and all that they depend on: a dependency before its dependants, else higher priority first, else in the order
   * of asking.
   *
   * @throws MiddlewareError for an unknown name and for dependencies in a circle
   */
  resolve(names: readonly string[]): TaggedMiddleware[] {
    const wanted = this.#withDependencies(names);
    const placed = new Set<string>();
    const order: TaggedMiddleware[] = [];
    while (order.length < wanted.length) {
      const ready = wanted.filter(
        ({ metadata }) => !placed.has(metadata.name) && metadata.dependencies.every((d) => placed.has(d)),
      );
      const next = ready.reduce((best, one) => (one.metadata.priority > best.metadata.priority ? one : best));
      placed.add(next.metadata.name);
      order.push(next);
    }
    return order;
  }

  /** Those with a tag. */
  findByTag(tag: string): TaggedMiddleware[] {
    return [...this.#byName.values()].filter(({ metadata }) => metadata.tags.includes(tag));
  }

  /** Those for an event type. */
  findByEventType(type: string): TaggedMiddleware[] {
    return [...this.#byName.values()].filter(({ metadata }) =>
      metadata.eventTypes.some((t) => t === '*' || t === type),
    );
  }

  #withDependencies(names: readonly string[]): TaggedMiddleware[] {
    const found = new Map<string, TaggedMiddleware>();
    const visit = (name: string, path: readonly string[]): void => {
      if (path.includes(name)) {
        const circle = [...path.slice(path.indexOf(name)), name].join(' -> ');
        throw new MiddlewareError(name, `Circular middleware dependency: ${circle}`, { circle });
      }
      if (found.has(name)) return;
      const tagged = this.#byName.get(name);
      if (tagged === undefined) throw new MiddlewareError(name, 'Middleware is not registered', { name });
      for (const dependency of tagged.metadata.dependencies) visit(dependency, [...path, name]);
      found.set(name, tagged);
    };
    for (const name of names) visit(name, []);
    return [...found.values()];
  }
}

/** A middleware of a {@link MiddlewarePipelineClass}: with a second parameter it gets the pipeline's context. */
export type PipelineMiddleware<C = unknown> =
  Middleware | ((handler: MiddlewareHandler, context: C) => MiddlewareHandler);

/** Named middleware that share a context; the first added is the outermost. */
export class MiddlewarePipelineClass<C = unknown> {
  readonly #context: C | undefined;
  readonly #parts: { name: string; middleware: PipelineMiddleware<C> }[] = [];

  constructor(context?: C) {
    this.#context = context;
  }

  /** Adds one inside of those that are there. */
  add(name: string, middleware: PipelineMiddleware<C>): this {
    this.#parts.push({ name, middleware });
    return this;
  }

  /** One middleware of all. */
  build(): Middleware {
    const parts = this.#parts.map(({ middleware }) => this.#withContext(middleware));
    return (handler) => parts.reduceRight((inner, part) => apply(part, inner), handler);
  }

  #withContext(middleware: PipelineMiddleware<C>): Middleware {
    if (middleware.length < 2) return middleware as Middleware;
    return (handler) => middleware(handler, this.#context as C);
  }
}
