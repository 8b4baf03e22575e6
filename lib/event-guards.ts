import { ALL_EVENT_TYPES, EVENT_TYPES } from './event-types';
import { createEvent } from './events';
import type { EventType, KnownEventType } from './event-types';
import type { AnyEvent, CreateEventOptions, PayloadOf, TEvent } from './events';

const KNOWN = new Set<string>(ALL_EVENT_TYPES);

/** Whether a type is one of `EVENT_TYPES`. Other types are allowed everywhere; this tells them apart. */
export function isValidEventType(type: string): type is KnownEventType {
  return KNOWN.has(type);
}

/** Whether a payload is an object, which is all that is asked of the payloads of `createValidatedEvent`. */
export function validateEventPayload(payload: unknown): payload is object {
  return typeof payload === 'object' && payload !== null;
}

/**
 * As `createEvent`, for payloads that must be objects.
 *
 * @throws Error `Invalid payload for event type: <type>` for anything that is no object
 */
export function createValidatedEvent<T extends EventType, D = PayloadOf<T>>(
  type: T,
  payload: D,
  options?: CreateEventOptions,
): TEvent<T, D> {
  if (!validateEventPayload(payload)) throw new Error(`Invalid payload for event type: ${type}`);
  return createEvent<T, D>(type, payload, options);
}

const guard =
  <T extends KnownEventType>(type: T) =>
  (event: AnyEvent): event is TEvent<T> =>
    event.type === type;

/** Whether an event is an `agent.completed`. */
export const isAgentCompletedEvent = guard(EVENT_TYPES.AGENT_COMPLETED);
/** Whether an event is an `agent.error`. */
export const isAgentErrorEvent = guard(EVENT_TYPES.AGENT_ERROR);
/** Whether an event is a `tool.result`. */
export const isToolResultEvent = guard(EVENT_TYPES.TOOL_RESULT);
/** Whether an event is a `tool.error`. */
export const isToolErrorEvent = guard(EVENT_TYPES.TOOL_ERROR);
/** Whether an event is a `workflow.completed`. */
export const isWorkflowCompletedEvent = guard(EVENT_TYPES.WORKFLOW_COMPLETED);
/** Whether an event is a `workflow.error`. */
export const isWorkflowErrorEvent = guard(EVENT_TYPES.WORKFLOW_ERROR);
/** Whether an event is an `agent.lifecycle.started`. */
export const isAgentLifecycleStartedEvent = guard(EVENT_TYPES.AGENT_LIFECYCLE_STARTED);
/** Whether an event is an `agent.lifecycle.stopped`. */
export const isAgentLifecycleStoppedEvent = guard(EVENT_TYPES.AGENT_LIFECYCLE_STOPPED);
/** Whether an event is an `agent.lifecycle.paused`. */
export const isAgentLifecyclePausedEvent = guard(EVENT_TYPES.AGENT_LIFECYCLE_PAUSED);
/** Whether an event is an `agent.lifecycle.resumed`. */
export const isAgentLifecycleResumedEvent = guard(EVENT_TYPES.AGENT_LIFECYCLE_RESUMED);
/** Whether an event is an `agent.lifecycle.scheduled`. */
export const isAgentLifecycleScheduledEvent = guard(EVENT_TYPES.AGENT_LIFECYCLE_SCHEDULED);
/** Whether an event is an `agent.lifecycle.error`. */
export const isAgentLifecycleErrorEvent = guard(EVENT_TYPES.AGENT_LIFECYCLE_ERROR);
/** Whether an event is an `agent.lifecycle.status_changed`. */
export const isAgentLifecycleStatusChangedEvent = guard(EVENT_TYPES.AGENT_LIFECYCLE_STATUS_CHANGED);
/** Whether an event is an `mcp.connected`. */
export const isMcpConnectedEvent = guard(EVENT_TYPES.MCP_CONNECTED);
/** Whether an event is an `mcp.disconnected`. */
export const isMcpDisconnectedEvent = guard(EVENT_TYPES.MCP_DISCONNECTED);
/** Whether an event is an `mcp.tool.called`. */
export const isMcpToolCalledEvent = guard(EVENT_TYPES.MCP_TOOL_CALLED);
/** Whether an event is an `mcp.tool.result`. */
export const isMcpToolResultEvent = guard(EVENT_TYPES.MCP_TOOL_RESULT);
/** Whether an event is an `mcp.error`. */
export const isMcpErrorEvent = guard(EVENT_TYPES.MCP_ERROR);
/** Whether an event is a `planner.started`. */
export const isPlannerStartedEvent = guard(EVENT_TYPES.PLANNER_STARTED);
/** Whether an event is a `planner.completed`. */
export const isPlannerCompletedEvent = guard(EVENT_TYPES.PLANNER_COMPLETED);
/** Whether an event is a `planner.failed`. */
export const isPlannerFailedEvent = guard(EVENT_TYPES.PLANNER_FAILED);
/** Whether an event is a `planner.step.completed`. */
export const isPlannerStepCompletedEvent = guard(EVENT_TYPES.PLANNER_STEP_COMPLETED);
