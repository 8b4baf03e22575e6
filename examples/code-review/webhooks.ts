/** The input: real GitHub webhook payloads, as often as asked for. */
import examples from '@octokit/webhooks-examples';

/** What this workflow reads of a payload. */
export interface Webhook {
  action?: string;
  repository?: { full_name: string };
  pull_request?: { number: number; title: string; additions?: number; deletions?: number; changed_files?: number };
}

/** A delivery of GitHub, as it is emitted. */
export interface Delivery {
  type: string;
  /** Position in the input; the workflow's faults depend on it, so that every run is the same. */
  sequence: number;
  /** Deliveries of one repository stay in order. */
  repository: string;
  priority: number;
  payload: Webhook;
}

interface ExampleGroup {
  name: string;
  examples: Webhook[];
}

const PRIORITIES: Record<string, number> = {
  security_advisory: 10,
  dependabot_alert: 10,
  code_scanning_alert: 10,
  pull_request: 5,
  pull_request_review: 5,
  pull_request_review_comment: 5,
};

const groups = examples as unknown as ExampleGroup[];
const payloads = groups.flatMap(({ name, examples }) => examples.map((payload) => ({ name, payload })));

/** How many different payloads there are. */
export const payloadCount = payloads.length;

/** The first `count` deliveries; the payloads start again, as another installation's, when they are used up. */
export function* deliveries(count: number): Generator<Delivery> {
  for (let sequence = 0; sequence < count; sequence++) {
    const { name, payload } = payloads[sequence % payloads.length]!;
    const installation = Math.floor(sequence / payloads.length);
    yield {
      type: payload.action ? `github.${name}.${payload.action}` : `github.${name}`,
      sequence,
      repository: `${installation}/${payload.repository?.full_name ?? 'none'}`,
      priority: PRIORITIES[name] ?? 0,
      payload,
    };
  }
}
