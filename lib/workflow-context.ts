import { IdGenerator } from './ids';
import { wallNow } from './clock';
import type { AnyEvent } from './events';
import type { Logger } from './observability/types';

// The framework's own services pass through here; their types are theirs.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Service = any;

/** What a workflow's steps share. The runtime reads `tenantId`, `executionId` and `signal`; the rest is the framework's. */
export interface WorkflowContext {
  /** A fresh id if not given. */
  executionId: string;
  /** `'default'` if not given. */
  tenantId: string;
  /** `'default'` if not given. */
  correlationId: string;
  /** When it was made, in milliseconds since the epoch. */
  startTime: number;
  /** `'workflow'` if not given. */
  workflowName: string;
  persistorService: Service;
  stateManager: Service;
  data: Record<string, unknown>;
  currentSteps: string[];
  completedSteps: string[];
  failedSteps: string[];
  inputs: Service;
  outputs?: Service;
  /** Aborts the handlers that run and stops `process()`. Never aborted unless it is the caller's. */
  signal: AbortSignal;
  isPaused: boolean;
  /** Called by the framework at the end; does nothing unless it is the caller's. */
  cleanup(): Promise<void>;
  status?: string;
  stream?: Service;
  sendEvent?: (event: AnyEvent) => unknown;
  emit?: (event: AnyEvent) => unknown;
  resourceManager?: Service;
  pause?: (reason?: string) => unknown;
  resume?: (snapshotId?: string) => unknown;
  logger?: Logger;
}

/** Options of the form of `createWorkflowContext` that takes names. */
export interface WorkflowContextOptions {
  /** Default `'default'`. */
  correlationId?: string;
  inputs?: Service;
  persistorService?: Service;
  /** Accepted for old callers; no effect. */
  parentId?: string;
  /** Accepted for old callers; no effect. */
  metadata?: Record<string, unknown>;
}

/**
 * Makes a workflow context for `createRuntime`, of three names or of one object. `undefined` means "not given".
 *
 * @example
 * const context = createWorkflowContext('code-review', 'execution-1', 'tenant-1', { inputs });
 * const same = createWorkflowContext({ workflowName: 'code-review', executionId: 'execution-1', tenantId: 'tenant-1' });
 */
export function createWorkflowContext<Given extends Partial<WorkflowContext>>(
  given: Given,
): WorkflowContext & Omit<Given, keyof WorkflowContext>;
export function createWorkflowContext(
  workflowName: string,
  executionId: string,
  tenantId: string,
  options?: WorkflowContextOptions,
): WorkflowContext;
export function createWorkflowContext(
  first: string | Partial<WorkflowContext>,
  executionId?: string,
  tenantId?: string,
  options?: WorkflowContextOptions,
): WorkflowContext {
  if (typeof first === 'object' && first !== null) return { ...defaults(), ...onlyGiven(first) };
  const { correlationId, inputs, persistorService } = options ?? {};
  const named = { workflowName: first, executionId, tenantId, correlationId, inputs, persistorService };
  return { ...defaults(), ...onlyGiven(named) };
}

function defaults(): WorkflowContext {
  return {
    executionId: IdGenerator.executionId(),
    tenantId: 'default',
    correlationId: 'default',
    startTime: wallNow(),
    workflowName: 'workflow',
    persistorService: undefined,
    stateManager: {},
    data: {},
    currentSteps: [],
    completedSteps: [],
    failedSteps: [],
    inputs: undefined,
    signal: new AbortController().signal,
    isPaused: false,
    cleanup: async () => {},
  };
}

function onlyGiven(object: object): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
