/**
 * A runtime as a NestJS provider: one for the application, injected where events are emitted, handlers found by a decorator,
 * started and ended with the application. `npx tsx examples/nestjs.ts`
 */
import 'reflect-metadata';
import { Inject, Injectable, Module } from '@nestjs/common';
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { createRuntime } from '@kodus-flow/runtime';
import type { Runtime } from '@kodus-flow/runtime';

interface Events {
  'order.placed': { orderId: number };
  'order.shipped': { orderId: number };
}

const RUNTIME = Symbol('runtime');
const handlers: { prototype: object; method: string; type: string }[] = [];

/** Marks a method as the handler of an event type. */
function OnFlowEvent(type: keyof Events) {
  return (prototype: object, method: string): void => void handlers.push({ prototype, method, type });
}

@Injectable()
class OrderService {
  constructor(@Inject(RUNTIME) private readonly runtime: Runtime<Events>) {}

  place(orderId: number): void {
    const { queued, error } = this.runtime.emit('order.placed', { orderId });
    if (!queued) throw error ?? new Error('refused');
  }

  @OnFlowEvent('order.placed')
  ship(event: { data: Events['order.placed'] }): void {
    this.runtime.emit('order.shipped', event.data);
  }
}

@Injectable()
class MailService {
  readonly sent: string[] = [];

  @OnFlowEvent('order.shipped')
  tell(event: { data: Events['order.shipped'] }): void {
    this.sent.push(`order ${event.data.orderId} is on its way`);
  }
}

/** Connects the marked methods of the services, and the runtime's life with the application's. */
@Injectable()
class FlowLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #services: object[];

  constructor(
    @Inject(RUNTIME) private readonly runtime: Runtime<Events>,
    @Inject(OrderService) orders: OrderService,
    @Inject(MailService) mails: MailService,
  ) {
    this.#services = [orders, mails];
  }

  onApplicationBootstrap(): void {
    for (const { prototype, method, type } of handlers) {
      const service = this.#services.find((candidate) => Object.getPrototypeOf(candidate) === prototype);
      const handler = (service as Record<string, (event: unknown) => unknown> | undefined)?.[method];
      if (handler !== undefined) this.runtime.on(type as 'order.placed', (event) => handler.call(service, event));
    }
    this.runtime.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.runtime.drain({ timeoutMs: 10_000 });
    await this.runtime.cleanup();
    console.log('runtime ended');
  }
}

@Module({
  providers: [
    {
      provide: RUNTIME,
      useFactory: () => createRuntime<Events>({}, undefined, { retry: { maxAttempts: 3, initialDelayMs: 100 } }),
    },
    OrderService,
    MailService,
    FlowLifecycle,
  ],
})
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
  app.enableShutdownHooks();
  app.get(OrderService).place(1);
  app.get(OrderService).place(2);
  await app.get<Runtime<Events>>(RUNTIME).idle();
  console.log(app.get(MailService).sent.join('; '));
  await app.close();
}

void main();
