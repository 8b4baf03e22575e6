export { EventStream } from './event-stream';
export { StreamManager } from './stream-manager';
export { StreamBatch } from './stream-batch';
export type { ItemOf, ItemsOf, StreamLike } from './event-stream';
export type { BufferStats, OperatorStats, StreamStats } from './scope';
export type { BatchData, BatchTimes, CombinedBatch } from './stream-batch';
export type * from './types';
export type { StreamMiddleware } from './with-middleware';
