import { afterEach, describe, expect, it } from '@jest/globals';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { decode, encode, streamDecode, streamEncode } from 'dns-packet';
import type { Answer, DecodedPacket, Packet } from 'dns-packet';
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpoint-slice.ts';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import { createForwarder, parseResolvers } from './forwarder.ts';
import type { Upstream } from './forwarder.ts';
import { createResponder } from './respond.ts';
import { startDnsServer } from './server.ts';
import type { DnsAddress } from './server.ts';
import { ClusterZone } from './zone.ts';

const closers: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function clusterZone(): ClusterZone {
  const zone = new ClusterZone('cluster.local');
  const metadata = (name: string): Service['metadata'] => ({ namespace: 'default', name });
  zone.setService('default/web', {
    metadata: metadata('web'),
    spec: { type: 'ClusterIP', clusterIP: '10.96.0.5' },
  } as Service);
  zone.setService('default/away', {
    metadata: metadata('away'),
    spec: { type: 'ExternalName', externalName: 'example.com' },
  } as Service);
  zone.setService('default/big', {
    metadata: metadata('big'),
    spec: { type: 'ClusterIP', clusterIP: 'None', clusterIPs: ['None'] },
  } as Service);
  const endpoints = Array.from({ length: 60 }, (_, i) => ({ addresses: [`10.244.1.${i + 1}`] }));
  const slice = {
    metadata: { namespace: 'default', name: 's', labels: { 'kubernetes.io/service-name': 'big' } },
    addressType: 'IPv4',
    endpoints,
  };
  zone.setSlice('default/s', slice as unknown as EndpointSlice, false);
  return zone;
}

async function serve(options: { zone?: ClusterZone; upstreams?: Upstream[] } = {}): Promise<DnsAddress> {
  const forwarder = createForwarder({
    upstreams: () => options.upstreams ?? [],
    clock: realClock,
    random: realRandom,
    timeoutMs: 200,
  });
  const zone = 'zone' in options ? options.zone : clusterZone();
  const server = await startDnsServer({
    listen: [{ ip: '127.0.0.1', port: 0 }],
    respond: createResponder({ zone: () => zone, forwarder }),
    clock: realClock,
    log: silentLogger,
  });
  closers.push(() => server.close());
  return server.addresses[0]!;
}

/** A resolver that knows one name, and answers with an id of its choice first. */
function fakeResolver(): Promise<Upstream & { asked: string[] }> {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (message, client) => {
    const { id, questions } = decode(message);
    asked.push(questions![0]!.name);
    const answer: Packet = {
      type: 'response',
      id: id!,
      questions: questions!,
      answers: [{ type: 'A', name: 'example.com', data: '192.0.2.7', ttl: 60 }],
    };
    socket.send(
      encode({ ...answer, id: (id! + 1) % 65_536, answers: [{ type: 'A', name: 'example.com', data: '6.6.6.6' }] }),
      client.port,
      client.address,
    );
    socket.send(encode(answer), client.port, client.address);
  });
  closers.push(() => void socket.close());
  return new Promise((resolve) =>
    socket.bind(0, '127.0.0.1', () => resolve({ ip: '127.0.0.1', port: socket.address().port, asked })),
  );
}

function sendUdp(address: DnsAddress, message: Buffer): Promise<Buffer> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.on('message', (answer) => {
      socket.close();
      resolve(answer);
    });
    socket.send(message, address.port, address.ip);
  });
}

/** What the library gives, more than its types say. */
type Decoded = DecodedPacket & { rcode: string };

async function askUdp(address: DnsAddress, packet: Packet): Promise<Decoded> {
  return decode(await sendUdp(address, encode({ type: 'query', id: 4711, flags: 1 << 8, ...packet }))) as Decoded;
}

function askTcp(address: DnsAddress, packets: Packet[]): Promise<DecodedPacket[]> {
  const socket = connect(address.port, address.ip);
  const answers: DecodedPacket[] = [];
  let received = Buffer.alloc(0);
  return new Promise((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length > 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        answers.push(streamDecode(received.subarray(0, end)) as DecodedPacket);
        received = received.subarray(end);
      }
      if (answers.length < packets.length) return;
      socket.destroy();
      resolve(answers);
    });
    for (const packet of packets) socket.write(streamEncode({ type: 'query', ...packet }));
  });
}

const data = (packet: DecodedPacket): unknown[] =>
  (packet.answers ?? []).map((record) => ('data' in record ? record.data : undefined));
const A = (name: string): Packet => ({ questions: [{ type: 'A', name }] });

describe('DNS over UDP and TCP', () => {
  it('answers for the cluster with authority', async () => {
    const address = await serve();
    const answer = await askUdp(address, A('web.default.svc.cluster.local'));
    expect(answer).toMatchObject({ id: 4711, rcode: 'NOERROR', flag_aa: true, flag_ra: true, flag_rd: true });
    expect(data(answer)).toEqual(['10.96.0.5']);
    const missing = await askUdp(address, A('x.default.svc.cluster.local'));
    expect(missing.rcode).toBe('NXDOMAIN');
    expect(missing.authorities).toMatchObject([{ type: 'SOA', name: 'cluster.local', ttl: 5 }]);
  });

  it('truncates to what the client takes, and gives all over TCP', async () => {
    const address = await serve();
    const big = A('big.default.svc.cluster.local');
    const small = await askUdp(address, big);
    expect(small.flag_tc).toBe(true);
    expect(small.answers!.length).toBeLessThan(60);
    const opt: Answer = {
      type: 'OPT',
      name: '.',
      udpPayloadSize: 4096,
      extendedRcode: 0,
      ednsVersion: 0,
      flags: 0,
      flag_do: false,
      options: [],
    };
    const large = await askUdp(address, { ...big, additionals: [opt] });
    expect(large).toMatchObject({ flag_tc: false, additionals: [{ type: 'OPT' }] });
    expect(large.answers).toHaveLength(60);
    const [first, second] = await askTcp(address, [
      { ...big, id: 1 },
      { ...A('web.default.svc.cluster.local'), id: 2 },
    ]);
    expect([first, second].map((packet) => packet!.answers!.length).sort()).toEqual([1, 60]);
  });

  it('lets addresses take turns', async () => {
    const address = await serve();
    const big = A('big.default.svc.cluster.local');
    const first = data(await askUdp(address, big))[0];
    const second = data(await askUdp(address, big))[0];
    expect(first).not.toBe(second);
  });

  it('passes other names on, and takes no answer with another id', async () => {
    const resolver = await fakeResolver();
    const address = await serve({ upstreams: [resolver] });
    const answer = await askUdp(address, A('example.com'));
    expect(answer).toMatchObject({ id: 4711, flag_aa: false });
    expect(data(answer)).toEqual(['192.0.2.7']);
  });

  it('completes an ExternalName Service with addresses from outside', async () => {
    const resolver = await fakeResolver();
    const address = await serve({ upstreams: [resolver] });
    expect(data(await askUdp(address, A('away.default.svc.cluster.local')))).toEqual(['example.com', '192.0.2.7']);
    expect(resolver.asked).toEqual(['example.com']);
  });

  it('tries the next resolver when one does not answer, and fails quickly without any', async () => {
    const resolver = await fakeResolver();
    const silent = createSocket('udp4');
    await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
    closers.push(() => void silent.close());
    const address = await serve({ upstreams: [{ ip: '127.0.0.1', port: silent.address().port }, resolver] });
    expect(data(await askUdp(address, A('example.com')))).toEqual(['192.0.2.7']);
    expect((await askUdp(await serve(), A('example.com'))).rcode).toBe('SERVFAIL');
  });

  it('fails cluster names until the cluster is known', async () => {
    const options = { zone: undefined } as unknown as { zone: ClusterZone };
    expect((await askUdp(await serve(options), A('web.default.svc.cluster.local'))).rcode).toBe('SERVFAIL');
  });

  it('stands hostile messages', async () => {
    const address = await serve();
    const header = (flags: number, questions: number): Buffer =>
      Buffer.from([1, 2, flags, 0, 0, questions, 0, 0, 0, 0, 0, 0]);
    const rcodeOf = async (message: Buffer): Promise<number> => (await sendUdp(address, message))[3]! & 15;
    expect(await rcodeOf(header(0, 0))).toBe(1);
    expect(await rcodeOf(header(0, 1))).toBe(1);
    expect(await rcodeOf(Buffer.concat([header(0, 1), Buffer.from([0xc0, 12, 0, 1, 0, 1])]))).toBe(1);
    expect(await rcodeOf(header(0x28, 1))).toBe(4);
    const label = Buffer.concat([
      Buffer.from([63]),
      Buffer.alloc(63, 0xff),
      Buffer.from('\x03svc\x07cluster\x05local\0', 'latin1'),
      Buffer.from([0, 1, 0, 1]),
    ]);
    expect(await rcodeOf(Buffer.concat([header(0, 1), label]))).toBe(1);
    expect(
      (await askUdp(address, { questions: [{ type: 'A', name: 'web.default.svc.cluster.local', class: 'CH' }] })).rcode,
    ).toBe('REFUSED');
    expect((await askUdp(address, { questions: [{ type: 'AXFR', name: 'cluster.local' }] })).rcode).toBe('REFUSED');
    const https = Buffer.concat([
      header(1, 1),
      Buffer.from('\x03web\x07default\x03svc\x07cluster\x05local\0', 'latin1'),
      Buffer.from([0, 65, 0, 1]),
    ]);
    expect(await rcodeOf(https)).toBe(0);
    // It still answers.
    expect(data(await askUdp(address, A('web.default.svc.cluster.local')))).toEqual(['10.96.0.5']);
  });
});

describe('parseResolvers()', () => {
  it('takes name servers but ourselves', () => {
    const text =
      '# x\nsearch a b\nnameserver 10.96.0.10\nnameserver 192.0.2.53\n nameserver fd00::1\nnameserver nonsense\n';
    expect(parseResolvers(text, ['10.96.0.10']).map(({ ip }) => ip)).toEqual(['192.0.2.53', 'fd00::1']);
  });
});
