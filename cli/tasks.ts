/** Work of one component that goes on until the cluster stops. */
import type { Logger } from '../base/log.ts';

export interface Task {
  name: string;
  /** Why it has ended by itself; undefined while it goes on. */
  problem(): string | undefined;
  /** Never rejects. */
  ended: Promise<void>;
}

export function createTask(
  name: string,
  running: Promise<void>,
  { log, signal }: { log: Logger; signal: AbortSignal },
): Task {
  let problem: string | undefined;
  const end = (reason: string): void => {
    if (signal.aborted) return;
    problem = reason;
    log.error('a component has ended by itself', { name, reason });
  };
  const ended = running.then(
    () => end('it has ended'),
    (error: unknown) => end(String(error)),
  );
  return { name, problem: () => problem, ended };
}
