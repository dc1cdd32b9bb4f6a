/**
 * Ports of the node that lead to pods: upstream's test/e2e/network/hostport.go. Needs root. The answers of a UDP pod
 * come from the machine's own node program, where upstream has an image with a server.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Json } from './conformance.ts';
import { eventually, isRoot } from './conformance.ts';
import type { PodCluster } from './pods.ts';
import { hostCommand, hostMount, hostVolume, podOf, startPodCluster } from './pods.ts';

const suite = isRoot ? describe : describe.skip;
const NODE = '192.0.2.10';
const PORT = 54323;
const PODS = '/api/v1/namespaces/default/pods';

let cluster: PodCluster;
beforeAll(async () => {
  if (isRoot) cluster = await startPodCluster();
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);

const UDP_SERVER = `const s = require('dgram').createSocket('udp4');
s.on('message', (m, { port, address }) => s.send('udp-pod', port, address)).bind(8080);`;
const UDP_CLIENT = `const s = require('dgram').createSocket('udp4');
s.on('message', (m) => { console.log(String(m)); process.exit(0); });
setTimeout(() => process.exit(1), 1000);
s.send('hostname', ${PORT}, '${NODE}');`;

const withPort = (name: string, hostIP: string, more: Json = {}): Json =>
  podOf(
    name,
    { ports: [{ containerPort: 8080, hostPort: PORT, protocol: more.protocol ?? 'TCP', hostIP }], ...more.container },
    more.pod,
  );
const udpPod = (): Json =>
  withPort('udp-pod', NODE, {
    protocol: 'UDP',
    container: {
      command: hostCommand(process.execPath, '-e', UDP_SERVER),
      volumeMounts: [hostMount],
      securityContext: { privileged: true },
    },
    pod: { volumes: [hostVolume] },
  });

/** As upstream asks, with the node's address as the client's. */
const tcp = (address: string): string | undefined =>
  /^pod: (\S+)$/m.exec(
    cluster.host('curl', ['-s', '--max-time', '2', '--interface', NODE, `http://${address}:${PORT}/`]).stdout,
  )?.[1];
const udp = (): string => cluster.host(process.execPath, ['-e', UDP_CLIENT]).stdout.trim();

suite('a host port', () => {
  it('is shared by pods of other addresses and protocols [conformance: Scheduling, HostPort matching and HostIP and Protocol not-matching]', async () => {
    for (const pod of [withPort('loopback-pod', '127.0.0.1'), withPort('node-pod', NODE), udpPod()]) {
      await cluster.create(pod);
      await cluster.ready(pod.metadata.name);
    }
    await eventually('the pod on 127.0.0.1', () => tcp('127.0.0.1') === 'loopback-pod');
    await eventually('the pod on the address of the node', () => tcp(NODE) === 'node-pod');
    await eventually('the pod on UDP', () => udp() === 'udp-pod');
    expect([tcp('127.0.0.1'), tcp(NODE), udp()]).toEqual(['loopback-pod', 'node-pod', 'udp-pod']);
    for (const name of ['loopback-pod', 'node-pod', 'udp-pod']) await cluster.remove(`${PODS}/${name}`);
    for (const name of ['loopback-pod', 'node-pod', 'udp-pod']) await cluster.gone(name);
    await eventually(
      'the port to be free',
      () => tcp('127.0.0.1') === undefined && tcp(NODE) === undefined && udp() === '',
    );
  }, 120_000);
});
