/** An etcd server of a benchmark's or test's own: temporary data folder, free ports on loopback, ended by its pid. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface EtcdProcess {
  endpoint: string;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

/** The server's version, or undefined when etcd is not installed. */
export function installedEtcd(): string | undefined {
  const { status, stdout } = spawnSync('etcd', ['--version'], { encoding: 'utf8' });
  return status === 0 ? /etcd Version: (\S+)/.exec(stdout)?.[1] : undefined;
}

/** Resolves once it serves. Throws when it ends first. */
export async function startEtcd(flags: readonly string[] = []): Promise<EtcdProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'nocher-etcd-'));
  const [client, peer] = (await freePorts(2)).map((port) => `http://127.0.0.1:${port}`) as [string, string];
  const urls = ['--listen-client-urls', client, '--advertise-client-urls', client, '--listen-peer-urls', peer];
  const cluster = ['--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`];
  const child = spawn('etcd', ['--data-dir', folder, ...urls, ...cluster, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const serving = new Promise<boolean>((resolve) => {
    child.stderr.on('data', (chunk: Buffer) => {
      if (chunk.includes('ready to serve client requests')) resolve(true);
    });
    void ended.then(() => resolve(false));
  });
  if (await serving) return { endpoint: client, stop };
  await stop();
  throw new Error('etcd ended before it served');
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
