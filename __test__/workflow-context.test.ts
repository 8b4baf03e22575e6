import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest';
import { createRuntime, createWorkflowContext } from '../lib/index';
import type { WorkflowContext } from '../lib/index';

afterEach(() => {
  vi.useRealTimers();
});

describe('createWorkflowContext', () => {
  it('makes a context of three names', () => {
    vi.useFakeTimers({ now: 1234 });
    const context = createWorkflowContext('review', 'execution-1', 'tenant-1');
    expect(context).toEqual({
      executionId: 'execution-1',
      tenantId: 'tenant-1',
      correlationId: 'default',
      startTime: 1234,
      workflowName: 'review',
      persistorService: undefined,
      stateManager: {},
      data: {},
      currentSteps: [],
      completedSteps: [],
      failedSteps: [],
      inputs: undefined,
      signal: expect.any(AbortSignal),
      isPaused: false,
      cleanup: expect.any(Function),
    });
    expect(context.signal.aborted).toBe(false);
  });

  it('has a cleanup that resolves, also detached', async () => {
    const { cleanup } = createWorkflowContext('review', 'e', 't');
    await expect(cleanup()).resolves.toBeUndefined();
  });

  it('takes options beside the names', () => {
    const inputs = { pull: 1 };
    const persistorService = { append: vi.fn() };
    const options = { correlationId: 'c', inputs, persistorService, parentId: 'p', metadata: { a: 1 } };
    const context = createWorkflowContext('review', 'e', 't', options);
    expect(context.correlationId).toBe('c');
    expect(context.inputs).toBe(inputs);
    expect(context.persistorService).toBe(persistorService);
    expect(context).not.toHaveProperty('parentId');
    expect(context).not.toHaveProperty('metadata');
  });

  it('takes one object, whose keys win over the defaults', () => {
    const { signal } = new AbortController();
    const sendEvent = vi.fn();
    const stateManager = new Map();
    const context = createWorkflowContext({
      workflowName: 'review',
      executionId: 'e',
      tenantId: 't',
      status: 'running',
      isPaused: true,
      currentSteps: ['a'],
      signal,
      sendEvent,
      stateManager,
      extra: 5,
    });
    expect(context).toMatchObject({
      workflowName: 'review',
      status: 'running',
      isPaused: true,
      currentSteps: ['a'],
      extra: 5,
    });
    expect(context.signal).toBe(signal);
    expect(context.sendEvent).toBe(sendEvent);
    expect(context.stateManager).toBe(stateManager);
    expect(context).toMatchObject({ correlationId: 'default', completedSteps: [], data: {} });
  });

  it('takes undefined for "not given" in both forms', () => {
    const ofObject = createWorkflowContext({ executionId: 'e', correlationId: undefined, signal: undefined });
    expect(ofObject.correlationId).toBe('default');
    expect(ofObject.signal).toBeInstanceOf(AbortSignal);
    const ofNames = createWorkflowContext('review', 'e', 't', { correlationId: undefined });
    expect(ofNames.correlationId).toBe('default');
    expect(createWorkflowContext('review', 'e', 't', undefined).correlationId).toBe('default');
  });

  it('gives a context without names ids of its own', () => {
    const [one, two] = [createWorkflowContext({}), createWorkflowContext({})];
    expect(one.executionId).toMatch(/^exec_/);
    expect(one.executionId).not.toBe(two.executionId);
    expect(one).toMatchObject({ tenantId: 'default', workflowName: 'workflow' });
  });

  it('shares nothing between two contexts', () => {
    const [one, two] = [createWorkflowContext('a', 'e', 't'), createWorkflowContext('a', 'e', 't')];
    for (const key of ['data', 'stateManager', 'currentSteps', 'completedSteps', 'failedSteps', 'signal'] as const) {
      expect(one[key]).not.toBe(two[key]);
    }
  });

  it('is what a runtime takes its ids and its signal from', async () => {
    const abort = new AbortController();
    const runtime = createRuntime(
      createWorkflowContext({ executionId: 'e', tenantId: 't', signal: abort.signal }),
      undefined,
      {},
    );
    expect(runtime.getStats().runtime).toMatchObject({ executionId: 'e', tenantId: 't' });
    let runs = 0;
    runtime.on('a', () => void runs++);
    runtime.emit('a');
    abort.abort();
    await runtime.process();
    expect(runs).toBe(0);
    await runtime.cleanup();
  });

  it('is typed', () => {
    expectTypeOf(createWorkflowContext('a', 'e', 't')).toEqualTypeOf<WorkflowContext>();
    expectTypeOf(createWorkflowContext({ extra: 5, executionId: 'e' })).toExtend<WorkflowContext & { extra: number }>();
    expectTypeOf(createWorkflowContext({ tenantId: undefined }).tenantId).toBeString();
    // @ts-expect-error names are strings
    createWorkflowContext({ tenantId: 5 });
    // @ts-expect-error all three names are needed
    createWorkflowContext('a');
  });
});
