/** For tests: a node, its bridge, pods and a machine outside, each a network namespace that ends with its process. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readlinkSync } from 'node:fs';
import { realClock, sleep } from '../base/clock.ts';

export interface NetworkNamespace {
  pid: number;
  /** Runs a command inside; throws when it fails. */
  run(command: string): string;
  /** What a TCP server there answers, or `refused`, `timeout`. */
  connect(ip: string, port: number): Promise<string>;
  /** A TCP server that answers `name` and the client's address. */
  serve(port: number, name: string): Promise<void>;
  prefix: readonly string[];
}

export interface TestNetwork {
  node: NetworkNamespace;
  /** 10.77.0.2, 10.77.0.3, 10.77.0.4 behind the node's bridge `br0`, 10.77.0.1. */
  pods: NetworkNamespace[];
  /** 192.0.2.9; the node is 192.0.2.1 to it. */
  outside: NetworkNamespace;
  bridge: { ip: string; mac: string };
  close(): void;
}

/** What is missing to make one; undefined when nothing is. */
export function missingForTestNetwork(): string | undefined {
  if (process.getuid?.() !== 0) return 'root';
  const paths = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'];
  return ['nft', 'ip', 'nsenter', 'unshare', 'bash'].find(
    (name) => !paths.some((path) => existsSync(`${path}/${name}`)),
  );
}

const SERVER = `
const [name, port] = process.argv.slice(1);
require('net').createServer((socket) => {
  socket.on('error', () => undefined);
  socket.end(name + ' ' + socket.remoteAddress.replace('::ffff:', ''));
}).listen(Number(port), '0.0.0.0', () => console.log('listening'));
`;

export async function createTestNetwork(podCount = 3): Promise<TestNetwork> {
  const children: ChildProcess[] = [];
  const [node, outside, ...pods] = await Promise.all(
    Array.from({ length: podCount + 2 }, () => createNamespace(children)),
  );
  const mac = '0a:58:0a:4d:00:01';
  node!.run('sysctl -qw net.ipv4.ip_forward=1');
  node!.run(
    `ip link add br0 type bridge && ip link set br0 address ${mac} && ip addr add 10.77.0.1/24 dev br0 && ip link set br0 up`,
  );
  link({ node: node!, peer: outside!, index: 0, address: '192.0.2.9/24' });
  node!.run('ip addr add 192.0.2.1/24 dev veth0');
  pods.forEach((pod, i) => {
    link({ node: node!, peer: pod, index: i + 1, address: `10.77.0.${i + 2}/24` });
    node!.run(`ip link set veth${i + 1} master br0 && bridge link set dev veth${i + 1} hairpin on`);
    pod.run('ip route add default via 10.77.0.1');
  });
  // A machine has a way out, and its own packets to Service addresses need one.
  node!.run('ip route add default via 192.0.2.9');
  return {
    node: node!,
    pods,
    outside: outside!,
    bridge: { ip: '10.77.0.1', mac },
    close: () => children.forEach((child) => child.kill('SIGKILL')),
  };
}

function link({
  node,
  peer,
  index,
  address,
}: {
  node: NetworkNamespace;
  peer: NetworkNamespace;
  index: number;
  address: string;
}): void {
  node.run(`ip link add veth${index} type veth peer name eth0 netns ${peer.pid} && ip link set veth${index} up`);
  peer.run(`ip addr add ${address} dev eth0 && ip link set eth0 up`);
}

async function createNamespace(children: ChildProcess[]): Promise<NetworkNamespace> {
  const own = readlinkSync('/proc/self/ns/net');
  const child = spawn('unshare', ['--net', 'sleep', '600'], { stdio: 'ignore' });
  children.push(child);
  const pid = child.pid!;
  while (readlinkSync(`/proc/${pid}/ns/net`) === own) await sleep(realClock, 2);
  const prefix = ['nsenter', '-t', String(pid), '-n'];
  const namespace: NetworkNamespace = {
    pid,
    prefix,
    run(command) {
      const { status, stdout, stderr } = spawnSync('nsenter', [...prefix.slice(1), 'bash', '-c', command], {
        encoding: 'utf8',
      });
      if (status !== 0) throw new Error(`${command}: ${stderr}`);
      return stdout;
    },
    connect: (ip, port) =>
      new Promise((resolve) => {
        const command = `exec 3<>/dev/tcp/${ip}/${port} && cat <&3`;
        const client = spawn('nsenter', [...prefix.slice(1), 'timeout', '2', 'bash', '-c', command], {
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        let output = '';
        client.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
        let problems = '';
        client.stderr.on('data', (chunk: Buffer) => (problems += chunk.toString()));
        client.on('close', (code) => {
          if (code === 0) resolve(output);
          else resolve(code === 124 ? 'timeout' : problems.includes('refused') ? 'refused' : problems.trim());
        });
      }),
    serve: (port, name) =>
      new Promise((resolve) => {
        const server = spawn('nsenter', [...prefix.slice(1), process.execPath, '-e', SERVER, name, String(port)], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        children.push(server);
        server.stdout.once('data', () => resolve());
      }),
  };
  namespace.run('ip link set lo up');
  return namespace;
}
