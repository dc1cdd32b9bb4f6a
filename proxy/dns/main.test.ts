import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { decode, encode } from 'dns-packet';
import { resources } from '../../api/resources.ts';
import { services } from '../../api/core/v1/service.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { loadSchemaTable } from '../../api/schema/table.ts';
import { createApiServer } from '../../apiserver/api-server.ts';
import { clientCertificateAuthenticator } from '../../apiserver/authn/client-certificate.ts';
import { createHttpServer } from '../../apiserver/http/http-server.ts';
import { serviceAllocationHook } from '../../apiserver/registry/allocators/service-allocation.ts';
import { createMemoryStorage } from '../../apiserver/storage/memory.ts';
import { systemNamespaces } from '../../apiserver/system-objects.ts';
import { namespaces } from '../../api/core/v1/namespace.ts';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { createCertificateAuthority, issueCertificate } from '../../base/pki.ts';
import { realRandom } from '../../base/random.ts';
import { inProcessClient } from '../../client/in-process.ts';
import type { DnsConfig } from './main.ts';

const closers: (() => void | Promise<void>)[] = [];
const api = createApiServer({
  resources,
  storage: createMemoryStorage(),
  schemas: loadSchemaTable(),
  clock: realClock,
  random: realRandom,
  log: silentLogger,
  authenticator: () => clientCertificateAuthenticator,
  authorizer: () => () => ({ decision: 'allow', reason: '' }),
  healthChecks: [],
  serverAddress: () => '127.0.0.1:6443',
  extend({ store, kinds, listers }) {
    const kind = kinds.find(({ resource }) => (resource as unknown) === services)!;
    const lister = listers<Service>({ group: '', plural: 'services' });
    store.addHook(kind, serviceAllocationHook({ lister, serviceCidr: '10.96.0.0/16', random: realRandom }));
  },
});
const client = inProcessClient({ handler: api.handler, user: { name: 'test', groups: [] }, userAgent: 'test' });
let config: DnsConfig;

beforeAll(async () => {
  await api.start();
  closers.push(() => api.close());
  for (const namespace of systemNamespaces()) await client.create(namespaces, namespace);
  const folder = mkdtempSync(join(tmpdir(), 'dns-'));
  closers.push(() => rmSync(folder, { recursive: true }));
  const issuance = { nowMs: Date.now(), notAfterMs: Date.now() + 86_400_000, random: realRandom };
  const ca = await createCertificateAuthority({ commonName: 'ca', ...issuance });
  const serverPair = await issueCertificate({
    ca,
    commonName: 'api',
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    ...issuance,
  });
  const clientPair = await issueCertificate({ ca, commonName: 'dns', usages: ['client'], ...issuance });
  const { certificate, privateKey: key } = serverPair;
  const server = createHttpServer({
    handler: api.handler,
    certificate,
    key,
    clientCa: ca.certificate,
    log: silentLogger,
  });
  closers.push(() => server.close());
  const { port } = await server.listen(0, '127.0.0.1');
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  config = {
    server: `https://127.0.0.1:${port}`,
    caFile: file('ca', ca.certificate),
    certFile: file('cert', clientPair.certificate),
    keyFile: file('key', clientPair.privateKey),
    domain: 'cluster.local',
    listen: [{ ip: '127.0.0.1', port: 0 }],
    ownAddresses: [],
    upstreams: [],
  };
});

afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Running {
  child: ChildProcess;
  next(): Promise<Record<string, unknown>>;
}

function start(more: Partial<DnsConfig> = {}): Running {
  const args = ['--import', 'tsx', join(import.meta.dirname, 'main.ts'), JSON.stringify({ ...config, ...more })];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  closers.push(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return { child, next: async () => JSON.parse((await lines.next()).value as string) as Record<string, unknown> };
}

async function ask(port: number, name: string): Promise<unknown> {
  const socket = createSocket('udp4');
  socket.send(encode({ type: 'query', id: 1, flags: 1 << 8, questions: [{ type: 'A', name }] }), port, '127.0.0.1');
  const [message] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  const [record] = decode(message).answers ?? [];
  return record !== undefined && 'data' in record ? record.data : 'nothing';
}

describe('the DNS process', () => {
  it('follows the cluster over HTTP/2, and ends with its parent', async () => {
    const running = start();
    const listening = await running.next();
    expect(listening['event']).toBe('listening');
    const [{ port }] = listening['addresses'] as [{ port: number }];
    expect(await running.next()).toEqual({ event: 'synced' });
    expect(await ask(port, 'web.default.svc.cluster.local')).toBe('nothing');
    const { spec } = await client.create<Service>(services, {
      metadata: { namespace: 'default', name: 'web' },
      spec: { ports: [{ port: 80 }] },
    } as Service);
    expect(spec!.clusterIP).toMatch(/^10\.96\./);
    let answer: unknown = 'nothing';
    for (let i = 0; i < 1000 && answer === 'nothing'; i++) answer = await ask(port, 'web.default.svc.cluster.local');
    expect(answer).toBe(spec!.clusterIP);
    running.child.stdin!.end();
    const [code] = (await once(running.child, 'exit')) as [number];
    expect(code).toBe(0);
  }, 20_000);

  it('says why it cannot start', async () => {
    const running = start({ caFile: '/nonexistent/ca' });
    expect(await running.next()).toEqual({ event: 'failed', error: expect.stringContaining('/nonexistent/ca') });
    const [code] = (await once(running.child, 'exit')) as [number];
    expect(code).toBe(1);
  }, 20_000);
});
