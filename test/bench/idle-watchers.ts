/**
 * What a watcher that waits takes: heap and buffers of a server process after a collection, before and after a thousand
 * of them were opened over TLS. Counted inside of the process, since its resident memory holds garbage as well.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { fileURLToPath } from 'node:url';
import { startListeningServer } from '../../apiserver/http/testing.ts';

const WATCHERS = 1_000;
const CONNECTIONS = 20;
const PATH = '/api/v1/namespaces/default/configmaps?watch=true';

/** KB of each watcher. */
export async function idleWatcherKb(): Promise<number> {
  const child = fork(fileURLToPath(import.meta.url), ['serve'], { execArgv: ['--expose-gc', '--import', 'tsx'] });
  try {
    const { port, ca } = (await told(child)) as { port: number; ca: string };
    const sessions = Array.from({ length: CONNECTIONS }, () => connect(`https://127.0.0.1:${port}`, { ca }));
    await Promise.all(sessions.map((session) => once(session, 'connect')));
    const before = await usedBytes(child);
    const opened = Array.from({ length: WATCHERS }, (_, i) => {
      const stream = sessions[i % CONNECTIONS]!.request({ ':path': PATH });
      stream.on('error', () => undefined);
      stream.resume();
      return once(stream, 'response');
    });
    await Promise.all(opened);
    const after = await usedBytes(child);
    for (const session of sessions) session.destroy();
    return (after - before) / 1024 / WATCHERS;
  } finally {
    child.kill();
  }
}

async function told(child: ChildProcess): Promise<unknown> {
  const [message] = (await once(child, 'message')) as [unknown];
  return message;
}

async function usedBytes(child: ChildProcess): Promise<number> {
  child.send('measure');
  return (await told(child)) as number;
}

async function serve(): Promise<void> {
  const { port, ca } = await startListeningServer();
  process.on('message', () => {
    // Twice: what the first finds finalizers for, the second frees.
    for (let i = 0; i < 2; i++) globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    process.send!(heapUsed + external);
  });
  process.send!({ port, ca });
}

if (process.argv[2] === 'serve') await serve();
