import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCertificateAuthority } from '../base/pki.ts';
import { realRandom } from '../base/random.ts';
import { readConfiguration } from './configuration.ts';
import type { SchedulerConfiguration } from './configuration.ts';

const read = (...extenders: object[]): SchedulerConfiguration =>
  readConfiguration({
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    extenders,
  });
const managing = (...names: string[]): object => ({ managedResources: names.map((name) => ({ name })) });

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'extender-config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('readConfiguration() of extenders [S11]', () => {
  it('has the defaults of upstream', () => {
    const { extenders } = read({ urlPrefix: 'http://127.0.0.1:8888' });
    expect(extenders).toEqual([
      {
        urlPrefix: 'http://127.0.0.1:8888',
        filterVerb: '',
        prioritizeVerb: '',
        preemptVerb: '',
        bindVerb: '',
        weight: 0,
        isIgnorable: false,
        knowsNodes: false,
        managedResources: new Set(),
        timeoutMs: 5000,
        tls: { insecure: false },
      },
    ]);
  });

  it('asks those last that may fail', () => {
    const { extenders } = read({ urlPrefix: 'a', ignorable: true }, { urlPrefix: 'b' }, { urlPrefix: 'c' });
    expect(extenders.map(({ urlPrefix }) => urlPrefix)).toEqual(['b', 'c', 'a']);
  });

  it('reads certificates from files, or from the configuration, which comes first', async () => {
    const nowMs = Date.now();
    const order = { nowMs, notAfterMs: nowMs + 86_400_000, random: realRandom };
    const { certificate, privateKey } = await createCertificateAuthority({ commonName: 'ca', ...order });
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const caFile = file('ca', certificate);
    const certFile = file('cert', 'not read');
    const keyFile = file('key', privateKey);
    const certData = Buffer.from(certificate).toString('base64');
    const tlsConfig = { serverName: 'me', caFile, certFile, certData, keyFile };
    const [extender] = read({ enableHTTPS: true, httpTimeout: '1.5s', tlsConfig }).extenders;
    expect(extender).toMatchObject({
      timeoutMs: 1500,
      tls: {
        insecure: false,
        serverName: 'me',
        ca: Buffer.from(certificate),
        cert: Buffer.from(certificate),
        key: Buffer.from(privateKey),
      },
    });
    expect(() => read({ tlsConfig: { caFile, insecure: true } })).toThrow(
      'extenders[0].tlsConfig.insecure: Invalid value: true: specifying a root certificates file with the insecure flag',
    );
    const odd = { certFile, keyFile };
    expect(() => read({ tlsConfig: odd })).toThrow('extenders[0].tlsConfig: Invalid value: "": is not a usable');
  });

  it('checks no certificate when it is to use HTTPS and knows no authority', () => {
    expect(read({ enableHTTPS: true }).extenders[0]!.tls.insecure).toBe(true);
    expect(read({ tlsConfig: { insecure: true } }).extenders[0]!.tls.insecure).toBe(true);
  });

  it.each<[string, object[], string]>([
    [
      'scores that count for nothing',
      [{ prioritizeVerb: 'prioritize' }],
      'extenders[0].weight: Invalid value: 0: must have a positive weight applied to it',
    ],
    [
      'two that bind',
      [{ bindVerb: 'bind' }, {}, { bindVerb: 'bind' }],
      'extenders: Invalid value: "found 2 extenders implementing bind": only one extender can implement bind',
    ],
    [
      'a resource of two',
      [managing('example.com/gpu'), managing('example.com/gpu')],
      'extenders[1].managedResources[0].name: Invalid value: "example.com/gpu": duplicate extender managed resource name',
    ],
    [
      'a resource of the system',
      [managing('kubernetes.io/gpu')],
      'extenders[0].managedResources[0].name: Invalid value: "kubernetes.io/gpu": is an invalid extended resource name',
    ],
    [
      'a resource with a bad name',
      [managing('a b')],
      'extenders[0].managedResources[0].name: Invalid value: "a b": name part must consist of',
    ],
    ['an unknown field', [{ verb: 'filter' }], 'strict decoding error: unknown field "extenders[0].verb"'],
    ['no time', [{ httpTimeout: '5' }], 'extenders[0].httpTimeout: must be a duration, like "5s"'],
    ['no base64', [{ tlsConfig: { caData: 'PEM' } }], 'extenders[0].tlsConfig.caData: must be base64'],
    [
      'files that are not there',
      [{ tlsConfig: { caFile: '/nonexistent/ca.pem' } }],
      'extenders[0].tlsConfig.caFile: Invalid value: "/nonexistent/ca.pem": ENOENT: no such file or directory',
    ],
  ])('refuses %s', (_name, extenders, problem) => {
    expect(() => read(...extenders)).toThrow(problem);
  });
});
