/** TCP probes (upstream `pkg/probe/tcp`): a connection that opens is a success. */
import { connect } from 'node:net';
import { dialError } from './http-probe.ts';
import type { ProbeOutcome } from './probe-outcome.ts';

export function probeTcp({
  host,
  port,
  timeoutMs,
}: {
  host: string;
  port: number;
  timeoutMs: number;
}): Promise<ProbeOutcome> {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (outcome: ProbeOutcome): void => {
      socket.destroy();
      resolve(outcome);
    };
    socket.setTimeout(timeoutMs, () => finish({ result: 'failure', output: `dial tcp ${address}: i/o timeout` }));
    socket.once('connect', () => finish({ result: 'success', output: '' }));
    socket.once('error', (error) => finish({ result: 'failure', output: dialError(error, address) }));
  });
}
