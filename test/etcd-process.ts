/** etcd clusters of a benchmark's or test's own: temporary data folders, free ports on loopback, ended by their pids. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Files in PEM of a cluster that speaks TLS and asks its clients for certificates. */
export interface EtcdTlsFiles {
  ca: string;
  certificate: string;
  key: string;
}

export interface EtcdFlags {
  members?: number;
  flags?: readonly string[];
  tls?: EtcdTlsFiles;
  /** A command in front of etcd's, such as one that enters a network namespace. */
  enter?: readonly string[];
}

export interface EtcdMember {
  endpoint: string;
  /** Ends the process without warning; its data stay. */
  kill(): Promise<void>;
  /** Starts it again on its data; resolves once it serves. */
  start(): Promise<void>;
}

export interface EtcdProcess {
  /** Of the first member. */
  endpoint: string;
  endpoints: readonly string[];
  members: readonly EtcdMember[];
  /** Ends the servers and removes their data. */
  stop(): Promise<void>;
}

/** The server's version, or undefined when etcd is not installed. */
export function installedEtcd(): string | undefined {
  const { status, stdout } = spawnSync('etcd', ['--version'], { encoding: 'utf8' });
  return status === 0 ? /etcd Version: (\S+)/.exec(stdout)?.[1] : undefined;
}

/** Resolves once every member serves. Throws when one ends first. */
export async function startEtcd({
  members: count = 1,
  flags = [],
  tls,
  enter = [],
}: EtcdFlags = {}): Promise<EtcdProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'nocher-etcd-'));
  const ports = await freePorts(2 * count);
  const clientScheme = tls === undefined ? 'http' : 'https';
  const addresses = Array.from({ length: count }, (_, i) => ({
    name: `m${i}`,
    client: `${clientScheme}://127.0.0.1:${ports[2 * i]}`,
    peer: `http://127.0.0.1:${ports[2 * i + 1]}`,
  }));
  const cluster = addresses.map(({ name, peer }) => `${name}=${peer}`).join(',');
  const members = addresses.map(({ name, client, peer }) => {
    const urls = ['--listen-client-urls', client, '--advertise-client-urls', client, '--listen-peer-urls', peer];
    const identity = ['--name', name, '--data-dir', join(folder, name), '--initial-advertise-peer-urls', peer];
    return new Member(client, [
      ...enter,
      'etcd',
      ...identity,
      ...urls,
      '--initial-cluster',
      cluster,
      ...tlsFlags(tls),
      ...flags,
    ]);
  });
  const stop = async (): Promise<void> => {
    await Promise.all(members.map((member) => member.kill()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all(members.map((member) => member.start()));
  } catch (error) {
    await stop();
    throw error;
  }
  const endpoints = members.map((member) => member.endpoint);
  return { endpoint: endpoints[0]!, endpoints, members, stop };
}

class Member implements EtcdMember {
  readonly endpoint: string;
  readonly #command: readonly string[];
  #child: ChildProcess | undefined;

  constructor(endpoint: string, command: readonly string[]) {
    this.endpoint = endpoint;
    this.#command = command;
  }

  async start(): Promise<void> {
    const [program, ...args] = this.#command;
    const child = spawn(program!, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    const isServing = await new Promise<boolean>((resolve) => {
      child.stderr.on('data', (chunk: Buffer) => {
        if (chunk.includes('ready to serve client requests')) resolve(true);
      });
      child.once('close', () => resolve(false));
    });
    if (!isServing) throw new Error('etcd ended before it served');
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    child.kill('SIGKILL');
    await ended;
  }
}

function tlsFlags(tls: EtcdTlsFiles | undefined): string[] {
  if (tls === undefined) return [];
  return ['--cert-file', tls.certificate, '--key-file', tls.key, '--trusted-ca-file', tls.ca, '--client-cert-auth'];
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
