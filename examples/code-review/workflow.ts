/** The workflow: who handles which delivery, what fails, and what follows. */
import type { Runtime } from '@kodus-flow/runtime';
import type { Delivery } from './webhooks';

/** What a review found. */
export interface Review {
  repository: string;
  pullRequest: number;
  linesChanged: number;
  findings: number;
}

/** A fault that passes: the first attempt of some deliveries meets it. */
class NetworkError extends Error {
  readonly code = 'NETWORK_ERROR';
}

/** A fault that stays: some deliveries can never be handled. */
class AnalysisError extends Error {
  readonly code = 'ANALYSIS_FAILED';
}

const failsOnce = ({ sequence }: Delivery): boolean => sequence % 23 === 7;
const failsAlways = ({ sequence }: Delivery): boolean => sequence % 97 === 50;

/** Registers the handlers. Reviews arrive as `review.completed` events, returned by the handler that completes them. */
export function registerWorkflow(runtime: Runtime): void {
  // Three handlers of every pull request event: fetch, check, review.
  runtime.on('github.pull_request.*', async ({ data, metadata }) => {
    await Promise.resolve();
    if (failsOnce(data) && !metadata?.isRetry) throw new NetworkError('could not fetch the diff: connection reset');
  });
  runtime.on('github.pull_request.*', async ({ data }) => {
    await Promise.resolve();
    if (failsAlways(data)) throw new AnalysisError('the diff cannot be parsed');
  });
  runtime.on('github.pull_request.*', async ({ data }) => ({ type: 'review.completed', data: reviewOf(data) }));

  // Everything else is looked at by one handler.
  runtime.on(/^github\.(?!pull_request\.)/, async ({ data, metadata }) => {
    await Promise.resolve();
    if (failsOnce(data) && !metadata?.isRetry) throw new NetworkError('the index did not answer');
    if (failsAlways(data)) throw new AnalysisError('nothing known about this kind of payload');
  });
}

function reviewOf({ repository, sequence, payload }: Delivery): Review {
  const { number = 0, additions = 0, deletions = 0, changed_files: files = 0 } = payload.pull_request ?? {};
  return { repository, pullRequest: number, linesChanged: additions + deletions, findings: (sequence + files) % 4 };
}
