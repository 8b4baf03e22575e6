import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest';
import * as all from '../lib/index';
import {
  ALL_EVENT_TYPES,
  EVENT_TYPES,
  IdGenerator,
  agentLifecycleEvents,
  createEvent,
  createValidatedEvent,
  extractEventData,
  isAgentCompletedEvent,
  isEventType,
  isEventTypeGroup,
  isValidEventType,
  validateEventPayload,
  workflowEvent,
} from '../lib/index';
import type { AnyEvent, Event, EventDef, EventHandler, EventPayloads, EventType, TEvent } from '../lib/index';

afterEach(() => {
  vi.useRealTimers();
});

describe('createEvent', () => {
  it('makes a plain object with its properties in order, and no metadata', () => {
    vi.useFakeTimers({ now: 1234 });
    const event = createEvent('a', 1);
    expect(Object.getPrototypeOf(event)).toBe(Object.prototype);
    expect(Object.keys(event)).toEqual(['id', 'type', 'data', 'ts', 'threadId']);
    expect(event).toMatchObject({ type: 'a', data: 1, ts: 1234 });
    expect(IdGenerator.validateId(event.id, 'call')).toBe(true);
    expect(IdGenerator.validateId(event.threadId, 'call')).toBe(true);
    expect(event.id).not.toBe(event.threadId);
    expect({ ...event }).toEqual(event);
  });

  it('keeps the data as it is', () => {
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    for (const data of [cyclic, () => 1, new Date(), 5n, null, undefined, Symbol('s'), new Proxy({}, {})]) {
      expect(createEvent('a', data).data).toBe(data);
    }
    expect('data' in createEvent('a')).toBe(true);
  });

  it('takes any string for a type', () => {
    for (const type of ['', 'x'.repeat(1000), 'évènement.🎉', '__proto__', '*'])
      expect(createEvent(type).type).toBe(type);
  });

  it('uses the options that are given; empty and zero are not', () => {
    expect(createEvent('a', 1, { id: 'i', timestamp: 5, threadId: 't' })).toEqual({
      id: 'i',
      type: 'a',
      data: 1,
      ts: 5,
      threadId: 't',
    });
    vi.useFakeTimers({ now: 1234 });
    const event = createEvent('a', 1, { id: '', timestamp: 0, threadId: '' });
    expect(event.ts).toBe(1234);
    expect(event.id).toMatch(/^call_/);
    expect(event.threadId).toMatch(/^call_/);
    expect(createEvent('a', 1, null as never).ts).toBe(1234);
  });

  it('lifts a correlation id out of the data', () => {
    const event = createEvent('a', { correlationId: 'c' });
    expect(event.metadata).toEqual({ correlationId: 'c' });
    expect(Object.keys(event)).toEqual(['id', 'type', 'data', 'ts', 'threadId', 'metadata']);
  });

  it.each([[{ correlationId: '' }], [{ correlationId: 5 }], [{}], ['correlationId'], [null], [undefined]])(
    'makes no metadata of %o',
    (data) => {
      expect(createEvent('a', data)).not.toHaveProperty('metadata');
    },
  );

  it('does not throw when the data do', () => {
    const data = {
      get correlationId(): string {
        throw new Error('getter');
      },
    };
    expect(createEvent('a', data)).not.toHaveProperty('metadata');
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(createEvent('a', proxy).data).toBe(proxy);
  });
});

describe('workflowEvent', () => {
  it('makes and recognises events of its kind', () => {
    vi.useFakeTimers({ now: 1234 });
    const started = workflowEvent<{ n: number }>('review.started');
    const event = started.with({ n: 1 });
    expect(event).toEqual({
      id: expect.stringMatching(/^call_/),
      type: 'review.started',
      data: { n: 1 },
      ts: 1234,
      threadId: 'workflow-1234',
    });
    expect(Object.keys(event)).toEqual(['id', 'type', 'data', 'ts', 'threadId']);
    expect(started.include(event)).toBe(true);
    expect(started.include(createEvent('other'))).toBe(false);
    expect(started.with({ n: 1 }).id).not.toBe(event.id);
  });

  it('gives an empty object for absent data, and keeps other falsy data', () => {
    const def = workflowEvent<unknown>('a');
    expect([def.with().data, def.with(null).data, def.with(undefined).data]).toEqual([{}, {}, {}]);
    expect([def.with(0).data, def.with('').data, def.with(false).data]).toEqual([0, '', false]);
  });

  it('makes up a type without a name', () => {
    const [one, two] = [workflowEvent(), workflowEvent()];
    expect(one.type).toMatch(/^[0-9A-Za-z]{6}_[0-9a-z]{6,}$/);
    expect(one.type).not.toBe(two.type);
    expect(one.include(one.with())).toBe(true);
    expect(two.include(one.with())).toBe(false);
  });

  it('has methods that may be detached', () => {
    const { with: make, include } = workflowEvent('a');
    expect(include(make())).toBe(true);
  });
});

describe('guards and access', () => {
  it('compare types, and know no patterns', () => {
    const event = createEvent('user.created');
    expect(isEventType(event, 'user.created')).toBe(true);
    expect(isEventType(event, 'user.*')).toBe(false);
    expect(isEventTypeGroup(event, ['a', 'user.created'])).toBe(true);
    expect(isEventTypeGroup(event, ['*', 'user.*'])).toBe(false);
    expect(isEventTypeGroup(event, [])).toBe(false);
  });

  it('give the data of a type', () => {
    const data = { n: 1 };
    expect(extractEventData(createEvent('a', data), 'a')).toBe(data);
    expect(extractEventData(createEvent('a', data), 'b')).toBeUndefined();
    expect(extractEventData(createEvent('a'), 'a')).toEqual({});
    expect(extractEventData(createEvent('a', null), 'a')).toBeNull();
    expect(extractEventData(createEvent('a', 0), 'a')).toBe(0);
  });

  it('exist for single types', () => {
    const guards: Record<string, string> = {
      isAgentCompletedEvent: 'agent.completed',
      isToolResultEvent: 'tool.result',
      isAgentErrorEvent: 'agent.error',
      isToolErrorEvent: 'tool.error',
      isWorkflowCompletedEvent: 'workflow.completed',
      isWorkflowErrorEvent: 'workflow.error',
      isAgentLifecycleStartedEvent: 'agent.lifecycle.started',
      isAgentLifecycleStoppedEvent: 'agent.lifecycle.stopped',
      isAgentLifecyclePausedEvent: 'agent.lifecycle.paused',
      isAgentLifecycleResumedEvent: 'agent.lifecycle.resumed',
      isAgentLifecycleScheduledEvent: 'agent.lifecycle.scheduled',
      isAgentLifecycleErrorEvent: 'agent.lifecycle.error',
      isAgentLifecycleStatusChangedEvent: 'agent.lifecycle.status_changed',
      isMcpConnectedEvent: 'mcp.connected',
      isMcpDisconnectedEvent: 'mcp.disconnected',
      isMcpToolCalledEvent: 'mcp.tool.called',
      isMcpToolResultEvent: 'mcp.tool.result',
      isMcpErrorEvent: 'mcp.error',
      isPlannerStartedEvent: 'planner.started',
      isPlannerCompletedEvent: 'planner.completed',
      isPlannerFailedEvent: 'planner.failed',
      isPlannerStepCompletedEvent: 'planner.step.completed',
    };
    expect(Object.keys(guards)).toHaveLength(22);
    for (const [name, type] of Object.entries(guards)) {
      const guard = (all as unknown as Record<string, (event: AnyEvent) => boolean>)[name]!;
      const accepted = ALL_EVENT_TYPES.filter((known) => guard(createEvent(known)));
      expect([name, accepted]).toEqual([name, [type]]);
    }
  });
});

describe('agentLifecycleEvents', () => {
  it('makes one event for each step of a life', () => {
    const types = {
      started: 'agent.lifecycle.started',
      stopped: 'agent.lifecycle.stopped',
      paused: 'agent.lifecycle.paused',
      resumed: 'agent.lifecycle.resumed',
      scheduled: 'agent.lifecycle.scheduled',
      error: 'agent.lifecycle.error',
      statusChanged: 'agent.lifecycle.status_changed',
    };
    expect(Object.keys(agentLifecycleEvents)).toEqual(Object.keys(types));
    for (const [name, type] of Object.entries(types)) {
      const data = { agentName: 'a', tenantId: 't' };
      const event = agentLifecycleEvents[name as keyof typeof types](data as never);
      expect(event).toMatchObject({ type, id: expect.stringMatching(/^call_/) });
      expect(event.data).toBe(data);
    }
  });
});

describe('EVENT_TYPES', () => {
  it('has 89 names and as many different values', () => {
    expect(Object.keys(EVENT_TYPES)).toHaveLength(89);
    expect(new Set(ALL_EVENT_TYPES).size).toBe(89);
    expect([...ALL_EVENT_TYPES]).toEqual(Object.values(EVENT_TYPES));
  });

  it('spells a value after its name, but for the few that never were', () => {
    const spelling = (name: string): string => name.toLowerCase().replaceAll('_', '.');
    const odd = Object.entries(EVENT_TYPES).filter(([name, value]) => spelling(name) !== value);
    expect(Object.fromEntries(odd)).toEqual({
      AGENT_LIFECYCLE_STATUS_CHANGED: 'agent.lifecycle.status_changed',
      PERFORMANCE_EVENT_RATE: 'performance.eventRate',
      PERFORMANCE_AVG_PROCESSING_TIME: 'performance.avgProcessingTime',
      PERFORMANCE_ERROR_RATE: 'performance.errorRate',
      HIGH_VOLUME: 'high-volume',
      START_LIFECYCLE: 'START_LIFECYCLE',
      PROCESS_LIFECYCLE: 'PROCESS_LIFECYCLE',
      STOP_LIFECYCLE: 'STOP_LIFECYCLE',
      AFTER_STOP_LIFECYCLE: 'AFTER_STOP_LIFECYCLE',
      STEP_PREFIX: 'step.',
    });
  });

  it('tells known types from others', () => {
    expect(ALL_EVENT_TYPES.every(isValidEventType)).toBe(true);
    for (const type of ['', 'user.created', 'agent.*', 'toString', undefined as never])
      expect(isValidEventType(type)).toBe(false);
  });
});

describe('createValidatedEvent', () => {
  it('makes events of objects', () => {
    const payload = { correlationId: 'c' };
    const event = createValidatedEvent('agent.started', payload, { id: 'i' });
    expect(event).toMatchObject({ id: 'i', type: 'agent.started', metadata: { correlationId: 'c' } });
    expect(event.data).toBe(payload);
    expect(createValidatedEvent('a', []).data).toEqual([]);
  });

  it.each([[null], [undefined], ['text'], [5], [() => {}]])('refuses %o', (payload) => {
    expect(validateEventPayload(payload)).toBe(false);
    expect(() => createValidatedEvent('a', payload)).toThrow(new Error('Invalid payload for event type: a'));
  });
});

describe('the types of events', () => {
  it('know the payload of each of the 89 types', () => {
    expectTypeOf<keyof EventPayloads>().toEqualTypeOf<(typeof EVENT_TYPES)[keyof typeof EVENT_TYPES]>();
    expectTypeOf<TEvent<'agent.failed'>['data']>().toEqualTypeOf<{
      error: string;
      agent: string;
      reasoning?: string;
    }>();
    expectTypeOf<TEvent<'start'>['data']>().toBeVoid();
    expectTypeOf<EventPayloads['workflow.error']['error']>().toEqualTypeOf<Error>();
    expectTypeOf<Event<'benchmark'>>().toEqualTypeOf<TEvent<'benchmark'>>();
  });

  it('let any string be a type, with data that can be used', () => {
    expectTypeOf<'user.created'>().toExtend<EventType>();
    expectTypeOf<string>().toExtend<EventType>();
    expectTypeOf<TEvent<'user.created'>['data']>().toBeAny();
    expectTypeOf<AnyEvent['data']>().toBeAny();
    expectTypeOf<TEvent<'agent.failed'>>().toExtend<AnyEvent>();
  });

  it('infer what is made', () => {
    expectTypeOf(createEvent('user.created', { userId: '1' }).data).toEqualTypeOf<{ userId: string }>();
    expectTypeOf(createEvent('benchmark').data).toEqualTypeOf<{ id: number }>();
    expectTypeOf(workflowEvent<{ n: number }, 'a'>('a')).toEqualTypeOf<EventDef<{ n: number }, 'a'>>();
    // @ts-expect-error the id of an event does not change
    createEvent('a').id = 'b';
  });

  it('narrow in guards', () => {
    const event: AnyEvent = createEvent('a');
    if (isAgentCompletedEvent(event)) expectTypeOf(event.data.reasoning).toBeString();
    if (isEventType(event, 'tool.called')) expectTypeOf(event.data.toolName).toBeString();
    if (isEventTypeGroup(event, ['mcp.connected', 'mcp.error'])) expectTypeOf(event.data.threadId).toBeString();
    expect(isAgentCompletedEvent(event)).toBe(false);
  });

  it('take handlers with and without a signal', () => {
    const one: EventHandler<AnyEvent> = (event) => event.data.userId;
    const two: EventHandler<TEvent<'benchmark'>, number> = async (event, signal) =>
      signal?.aborted ? 0 : event.data.id;
    expectTypeOf(one).toBeFunction();
    expectTypeOf(two).returns.toEqualTypeOf<number | Promise<number>>();
  });
});
