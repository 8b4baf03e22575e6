/** One record of the native code's logs. */
export interface NativeLogRecord {
  /** 0 debug, 1 info, 2 warn, 3 error. */
  level: 0 | 1 | 2 | 3;
  /** The module that tells it. */
  target: string;
  message: string;
  /** Names and values as text. */
  fields: [string, string][];
}

/** What has gathered since the last call. */
export interface NativeLogs {
  records: NativeLogRecord[];
  /** Records that found the queue (1024) full. */
  dropped: number;
}

export interface LogsNative {
  /** Calls `onLogs` in batches, from `level` on, until `close`. Keeps no process alive, never holds up who logs. */
  subscribeLogs(level: 0 | 1 | 2 | 3, onLogs: (logs: NativeLogs) => void): { close(): void };
}
