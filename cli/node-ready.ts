/** Waits until a node says that it is Ready. */
import type { Node } from '../api/core/v1/node.ts';
import { nodes } from '../api/core/v1/node.ts';
import { isNotFound } from '../api/machinery/errors.ts';
import { realClock, sleep } from '../base/clock.ts';
import type { Client } from '../client/client.ts';
import { UsageError } from './config.ts';

const TIMEOUT_MS = 30_000;
const POLL_MS = 5;

/** Throws a `UsageError` with the node's own reason when it does not get there. */
export async function nodeReady(client: Client, name: string): Promise<void> {
  const deadlineMs = realClock.monotonicMs() + TIMEOUT_MS;
  let reason = 'the kubelet has not registered the node';
  while (realClock.monotonicMs() < deadlineMs) {
    try {
      const node = await client.get<Node>(nodes, { name });
      const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
      if (ready?.status === 'True') return;
      reason = ready?.message ?? reason;
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    await sleep(realClock, POLL_MS);
  }
  throw new UsageError(`node ${name} did not become Ready: ${reason}`);
}
