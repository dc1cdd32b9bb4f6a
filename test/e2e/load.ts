/** A constant load on a cluster's Services while something else happens; no request is ever tried again. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cluster } from './harness.ts';

const generator = join(fileURLToPath(new URL('.', import.meta.url)), 'load-generator.mjs');

/** What load-generator.mjs prints. */
export interface LoadReport {
  new: { sent: number; answered: number };
  keepAlive: { sent: number; answered: number; reused: number };
  /** Answers by the `version:` that they told. */
  versions: Record<string, number>;
  slowestMs: number;
  seconds: number;
  failures: { kind: 'new' | 'keepAlive'; url: string; error: string }[];
}

export interface Load {
  urls: readonly string[];
  perSecond: number;
}

/** Gives Service addresses a route: the host's own packets need some before the rules translate them. */
export function routeToServices(cluster: Cluster): void {
  cluster.host('ip', ['route', 'add', 'default', 'via', '192.0.2.1', 'dev', 'eth0']);
}

/** Asks the URLs by turns, on new and on kept connections, until `during` has ended and all is answered. */
export async function underLoad(cluster: Cluster, load: Load, during: () => void | Promise<void>): Promise<LoadReport> {
  const generating = cluster.spawn(process.execPath, [generator, String(load.perSecond), ...load.urls]);
  let printed = '';
  generating.stdout!.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  generating.stderr!.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const ended = new Promise((resolve) => generating.once('close', resolve));
  try {
    await during();
    generating.stdin!.end();
    await ended;
    return JSON.parse(printed) as LoadReport;
  } finally {
    generating.kill('SIGKILL');
  }
}
