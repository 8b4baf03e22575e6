export { EventStream } from './event-stream';
export { StreamBatch } from './stream-batch';
export { StreamManager } from './stream-manager';
export type { BufferStats, OperatorStats, StreamStats } from './scope';
export type { BatchData, BatchTimes, CombinedBatch } from './stream-batch';
export type { OverflowPolicy } from './subscription';
export type * from './types';
export type { StreamMiddleware } from './with-middleware';
