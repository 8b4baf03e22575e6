import type { AnyEvent } from './events';

/** A thought of an agent. */
export interface AgentThought {
  reasoning?: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  [key: string]: any;
}

/** The event types that the framework knows. Any other string is a valid type as well. */
export const EVENT_TYPES = {
  AGENT_STARTED: 'agent.started',
  AGENT_INPUT: 'agent.input',
  AGENT_THINKING: 'agent.thinking',
  AGENT_THOUGHT: 'agent.thought',
  AGENT_COMPLETED: 'agent.completed',
  AGENT_FAILED: 'agent.failed',
  AGENT_QUESTION: 'agent.question',
  AGENT_ERROR: 'agent.error',
  AGENT_LIFECYCLE_STARTED: 'agent.lifecycle.started',
  AGENT_LIFECYCLE_STOPPED: 'agent.lifecycle.stopped',
  AGENT_LIFECYCLE_PAUSED: 'agent.lifecycle.paused',
  AGENT_LIFECYCLE_RESUMED: 'agent.lifecycle.resumed',
  AGENT_LIFECYCLE_SCHEDULED: 'agent.lifecycle.scheduled',
  AGENT_LIFECYCLE_ERROR: 'agent.lifecycle.error',
  AGENT_LIFECYCLE_STATUS_CHANGED: 'agent.lifecycle.status_changed',
  TOOL_CALLED: 'tool.called',
  TOOL_CALL: 'tool.call',
  TOOL_RESULT: 'tool.result',
  TOOL_ERROR: 'tool.error',
  TOOL_COMPLETED: 'tool.completed',
  WORKFLOW_STARTED: 'workflow.started',
  WORKFLOW_START: 'workflow.start',
  WORKFLOW_COMPLETED: 'workflow.completed',
  WORKFLOW_COMPLETE: 'workflow.complete',
  WORKFLOW_FAILED: 'workflow.failed',
  WORKFLOW_ERROR: 'workflow.error',
  WORKFLOW_PAUSED: 'workflow.paused',
  WORKFLOW_RESUMED: 'workflow.resumed',
  WORKFLOW_CANCELED: 'workflow.canceled',
  WORKFLOW_RUN: 'workflow.run',
  CONTEXT_CREATED: 'context.created',
  CONTEXT_UPDATED: 'context.updated',
  CONTEXT_DESTROYED: 'context.destroyed',
  CONTEXT_TIMEOUT: 'context.timeout',
  STATE_UPDATED: 'state.updated',
  STATE_DELETED: 'state.deleted',
  STEP_STARTED: 'step.started',
  STEP_COMPLETED: 'step.completed',
  STEP_FAILED: 'step.failed',
  STEP_SKIPPED: 'step.skipped',
  KERNEL_STARTED: 'kernel.started',
  KERNEL_PAUSED: 'kernel.paused',
  KERNEL_RESUMED: 'kernel.resumed',
  KERNEL_COMPLETED: 'kernel.completed',
  EXECUTION_COMPLETED: 'execution.completed',
  EXECUTION_RUN: 'execution.run',
  KERNEL_QUOTA_EXCEEDED: 'kernel.quota.exceeded',
  ROUTER_ROUTE: 'router.route',
  MCP_CONNECTED: 'mcp.connected',
  MCP_DISCONNECTED: 'mcp.disconnected',
  MCP_TOOL_CALLED: 'mcp.tool.called',
  MCP_TOOL_RESULT: 'mcp.tool.result',
  MCP_ERROR: 'mcp.error',
  PLANNER_STARTED: 'planner.started',
  PLANNER_COMPLETED: 'planner.completed',
  PLANNER_FAILED: 'planner.failed',
  PLANNER_STEP_COMPLETED: 'planner.step.completed',
  ECOSYSTEM_DISCOVER: 'ecosystem.discover',
  ECOSYSTEM_BROADCAST: 'ecosystem.broadcast',
  AGENT_DELEGATE: 'agent.delegate',
  SYSTEM_ERROR: 'system.error',
  SYSTEM_WARNING: 'system.warning',
  SYSTEM_INFO: 'system.info',
  STREAM_ERROR: 'stream.error',
  STREAM_BATCH: 'stream.batch',
  ERROR: 'error',
  HUMAN_INTERVENTION_REQUESTED: 'human.intervention.requested',
  HUMAN_INTERVENTION_COMPLETED: 'human.intervention.completed',
  MEMORY_HEAP: 'memory.heap',
  MEMORY_UTILIZATION: 'memory.utilization',
  RESOURCES_CONTEXTS: 'resources.contexts',
  RESOURCES_GENERATORS: 'resources.generators',
  PERFORMANCE_EVENT_RATE: 'performance.eventRate',
  PERFORMANCE_AVG_PROCESSING_TIME: 'performance.avgProcessingTime',
  PERFORMANCE_ERROR_RATE: 'performance.errorRate',
  AGENT_CALL: 'agent.call',
  START: 'start',
  BENCHMARK: 'benchmark',
  DONE: 'done',
  HIGH_VOLUME: 'high-volume',
  START_LIFECYCLE: 'START_LIFECYCLE',
  PROCESS_LIFECYCLE: 'PROCESS_LIFECYCLE',
  STOP_LIFECYCLE: 'STOP_LIFECYCLE',
  AFTER_STOP_LIFECYCLE: 'AFTER_STOP_LIFECYCLE',
  STEP_PREFIX: 'step.',
  CONCURRENT: 'concurrent',
  METRIC: 'metric',
  STEP_EVENT: 'step.event',
  WORKFLOW_STEP: 'workflow.step',
} as const;

/** Data by event type, for the types of the framework. Never checked at run time. */
export interface EventPayloads {
  'agent.started': { agentName: string; input: unknown; correlationId?: string };
  'agent.input': { input: unknown; agent: string; correlationId?: string };
  'agent.thinking': { agentName: string; input: unknown; correlationId?: string };
  'agent.thought': { agentName: string; thought: AgentThought; correlationId?: string };
  'agent.completed': { result: unknown; agent: string; reasoning: string };
  'agent.failed': { error: string; agent: string; reasoning?: string };
  'agent.question': { question: string; agent: string; correlationId?: string };
  'agent.error': { error: string; agent: string; correlationId?: string };
  'agent.lifecycle.started': {
    agentName: string;
    tenantId: string;
    executionId: string;
    status: string;
    startedAt: number;
  };
  'agent.lifecycle.stopped': {
    agentName: string;
    tenantId: string;
    status: string;
    stoppedAt: number;
    reason?: string;
  };
  'agent.lifecycle.paused': {
    agentName: string;
    tenantId: string;
    status: string;
    pausedAt: number;
    snapshotId?: string;
    reason?: string;
  };
  'agent.lifecycle.resumed': {
    agentName: string;
    tenantId: string;
    status: string;
    resumedAt: number;
    snapshotId?: string;
  };
  'agent.lifecycle.scheduled': {
    agentName: string;
    tenantId: string;
    status: string;
    scheduleTime: number;
    scheduleConfig: unknown;
  };
  'agent.lifecycle.error': {
    agentName: string;
    tenantId: string;
    operation: string;
    error: string;
    details?: unknown;
    timestamp: number;
  };
  'agent.lifecycle.status_changed': {
    agentName: string;
    tenantId: string;
    fromStatus: string;
    toStatus: string;
    reason?: string;
    timestamp: number;
  };
  'tool.called': { toolName: string; input: unknown; agent: string; correlationId?: string };
  'tool.call': { toolName: string; input: unknown; agent: string; correlationId?: string };
  'tool.result': { result: unknown; agent: string; reasoning: string; toolName: string };
  'tool.error': { error: string; toolName: string; agent: string; reasoning?: string };
  'tool.completed': { toolName: string; result: unknown; agent: string };
  'workflow.started': { workflowName: string; input: unknown; correlationId?: string };
  'workflow.start': { input: unknown };
  'workflow.completed': { workflowName: string; result: unknown; correlationId?: string };
  'workflow.complete': { result: unknown };
  'workflow.failed': { workflowName: string; error: string; correlationId?: string };
  'workflow.error': { error: Error; step: string };
  'workflow.paused': { workflowName: string; reason: string; snapshotId: string };
  'workflow.resumed': { workflowName: string; snapshotId: string };
  'workflow.canceled': { workflowName: string; reason: string; correlationId?: string };
  'workflow.run': { input: unknown };
  'context.created': { executionId: string; tenantId: string };
  'context.updated': { executionId: string; updates: Record<string, unknown> };
  'context.destroyed': { executionId: string; reason?: string };
  'context.timeout': { executionId: string; timeoutMs: number };
  'state.updated': { namespace: string; key: string; value: unknown };
  'state.deleted': { namespace: string; key: string };
  'step.started': { stepName: string; input: unknown; correlationId?: string };
  'step.completed': { stepName: string; result: unknown; correlationId?: string };
  'step.failed': { stepName: string; error: string; correlationId?: string };
  'step.skipped': { stepName: string; reason: string; correlationId?: string };
  'kernel.started': { kernelId: string; tenantId: string };
  'kernel.paused': { kernelId: string; reason: string; snapshotId: string };
  'kernel.resumed': { kernelId: string; snapshotId: string };
  'kernel.completed': { kernelId: string; result: unknown };
  'execution.completed': { executionId: string; result: unknown };
  'execution.run': { input: unknown };
  'kernel.quota.exceeded': { kernelId: string; type: string };
  'router.route': { routerName: string; input: unknown; route: string; correlationId?: string };
  'mcp.connected': { threadId: string };
  'mcp.disconnected': { threadId: string };
  'mcp.tool.called': { toolName: string; input: unknown; threadId: string; correlationId?: string };
  'mcp.tool.result': { result: unknown; toolName: string; threadId: string; correlationId?: string };
  'mcp.error': { error: string; threadId: string; correlationId?: string };
  'planner.started': { plannerName: string; input: unknown; correlationId?: string };
  'planner.completed': { plannerName: string; result: unknown; correlationId?: string };
  'planner.failed': { plannerName: string; error: string; correlationId?: string };
  'planner.step.completed': { plannerName: string; stepName: string; result: unknown; correlationId?: string };
  'ecosystem.discover': {
    criteria: { capability?: string; specialization?: string; availability?: boolean };
    results: string[];
    correlationId?: string;
  };
  'ecosystem.broadcast': { event: string; data: unknown; recipients?: string[]; correlationId?: string };
  'agent.delegate': { targetAgent: string; input: unknown; correlationId?: string };
  'system.error': { error: string; context?: Record<string, unknown> };
  'system.warning': { warning: string; context?: Record<string, unknown> };
  'system.info': { message: string; context?: Record<string, unknown> };
  'stream.error': {
    originalEvent: AnyEvent;
    handler: string;
    error: unknown;
    timestamp: number;
    attempt: number;
    recoverable: boolean;
  };
  'stream.batch': { events: AnyEvent[]; size: number };
  error: {
    originalEvent: AnyEvent;
    handler: string;
    error: unknown;
    timestamp: number;
    attempt: number;
    recoverable: boolean;
  };
  'human.intervention.requested': { reason: string; context: unknown; correlationId?: string };
  'human.intervention.completed': { result: unknown; correlationId?: string };
  'memory.heap': { used: number; total: number; percentage: number };
  'memory.utilization': { percentage: number; details: Record<string, number> };
  'resources.contexts': { active: number; total: number; details: Record<string, number> };
  'resources.generators': { active: number; total: number; details: Record<string, number> };
  'performance.eventRate': { eventsPerSecond: number; window: number };
  'performance.avgProcessingTime': { avgTimeMs: number; samples: number };
  'performance.errorRate': { errorRate: number; totalEvents: number; errorEvents: number };
  'agent.call': { agentName: string; input: unknown; correlationId?: string };
  start: void;
  benchmark: { id: number };
  done: void;
  'high-volume': { id: number };
  START_LIFECYCLE: void;
  PROCESS_LIFECYCLE: { id: number };
  STOP_LIFECYCLE: void;
  AFTER_STOP_LIFECYCLE: void;
  'step.': { stepName: string; input: unknown; correlationId?: string };
  concurrent: { id: string; key: string };
  metric: { id: string; key: string };
  'step.event': { stepName: string; input: unknown };
  'workflow.step': { stepName: string; input: unknown };
}

/** A value of `EVENT_TYPES`. */
export type KnownEventType = (typeof EVENT_TYPES)[keyof typeof EVENT_TYPES];

/** A known event type, or any other string. */
export type EventType = KnownEventType | (string & {});

/** All values of `EVENT_TYPES`. */
export const ALL_EVENT_TYPES: readonly string[] = Object.values(EVENT_TYPES);
