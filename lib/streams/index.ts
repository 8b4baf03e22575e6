export { EventStream } from './event-stream';
export { StreamBatch } from './stream-batch';
export { StreamManager } from './stream-manager';
export { SubscribedStream } from './subscribed-stream';
export type { BufferStats, OperatorStats, StreamStats } from './scope';
export type { BatchData, BatchTimes, CombinedBatch } from './stream-batch';
export type * from './types';
export type { StreamMiddleware } from './with-middleware';
