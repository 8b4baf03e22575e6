/**
 * A kernel with a state and an event sink, connected to a runtime both ways. `npx tsx examples/kernel-integration.ts`
 */
import { EventEmitter } from 'node:events';
import { createKernelIntegration, createRuntime } from '@kodus-flow/runtime';
import type { KernelLike, KernelStateChange } from '@kodus-flow/runtime';

class Kernel implements KernelLike {
  readonly id = 'review-kernel';
  readonly #bus = new EventEmitter();
  readonly #state = new Map<string, unknown>();

  handleEvent(event: { type: string }): void {
    console.log('kernel got', event.type);
  }
  onEvent(listener: (event: { type: string; data?: unknown }) => void): () => void {
    this.#bus.on('event', listener);
    return () => this.#bus.off('event', listener);
  }
  onStateChange(listener: (change: KernelStateChange) => void): () => void {
    this.#bus.on('state', listener);
    return () => this.#bus.off('state', listener);
  }
  setState(namespace: string, key: string, value: unknown): void {
    this.#state.set(`${namespace}.${key}`, value);
    this.#bus.emit('state', { namespace, key, value });
  }
  getState(namespace: string, key: string): unknown {
    return this.#state.get(`${namespace}.${key}`);
  }
  start(): void {
    this.#bus.emit('event', { type: 'kernel.started', data: { kernelId: this.id, tenantId: 'acme' } });
  }
}

async function main(): Promise<void> {
  const kernel = new Kernel();
  const runtime = createRuntime({ tenantId: 'acme' });
  const link = createKernelIntegration(kernel, runtime, { events: ['review.*'] });

  // The kernel's events are handled like any other.
  runtime.on('kernel.started', (event) => {
    console.log('runtime got', event.type, 'from', event.metadata?.origin);
    runtime.emit('review.started', { pullRequest: 7 });
  });
  runtime.on('review.started', () => {
    runtime.emit('state.updated', { namespace: 'review', key: 'status', value: 'running' });
  });
  // So are changes of its state, wherever they come from.
  runtime.on('state.updated', (event) => console.log('state:', event.data.key, '=', event.data.value));

  kernel.start();
  await runtime.process();
  console.log('the kernel knows:', kernel.getState('review', 'status'));
  kernel.setState('review', 'status', 'done');
  await runtime.process();

  console.log(link.getStats());
  link.disconnect();
  await runtime.cleanup();
}

void main();
