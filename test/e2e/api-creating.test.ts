/** `kubectl create` of what has many options, Secrets and tokens, with every kubectl release that is supported. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createCertificateAuthority } from '../../base/pki.ts';
import type { KeyPair } from '../../base/pki.ts';
import { realRandom } from '../../base/random.ts';
import type { Cluster, Json, NamespacedKubectl } from './harness.ts';
import { done, failed, kubectlIn, MINORS, startCluster, writeFile } from './harness.ts';

let cluster: Cluster;
let files: { certificate: string; key: string; env: string; text: string; folder: string };
let pair: KeyPair;

beforeAll(async () => {
  cluster = await startCluster(['--runtime', 'none', '--storage', 'memory']);
  const issuance = { nowMs: Date.now(), notAfterMs: Date.now() + 3_600_000, random: realRandom };
  pair = await createCertificateAuthority({ commonName: 'web.example', ...issuance });
  const folder = join(cluster.dataDir, 'folder');
  mkdirSync(folder);
  writeFile(folder, 'one.conf', '1');
  writeFile(folder, 'two.conf', '2');
  files = {
    certificate: writeFile(cluster.dataDir, 'web.crt', pair.certificate),
    key: writeFile(cluster.dataDir, 'web.key', pair.privateKey),
    env: writeFile(cluster.dataDir, 'web.env', '# comment\nA=1\nB=two words\n'),
    text: writeFile(cluster.dataDir, 'text', 'text\n'),
    folder,
  };
});
afterAll(() => cluster?.stop());

const decoded = (data: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));

describe.each(MINORS)('kubectl 1.%s', (minor) => {
  let k: NamespacedKubectl;
  const object = (...what: string[]): Json => JSON.parse(k.ok('get', ...what, '-o', 'json'));
  beforeAll(async () => {
    k = await kubectlIn(cluster, minor);
  });

  describe('create secret', () => {
    it('tls', () => {
      expect(k('create', 'secret', 'tls', 'web', `--cert=${files.certificate}`, `--key=${files.key}`)).toEqual(
        done('secret/web created\n'),
      );
      const { type, data } = object('secret', 'web');
      expect(type).toBe('kubernetes.io/tls');
      expect(decoded(data)).toEqual({ 'tls.crt': pair.certificate, 'tls.key': pair.privateKey });
      expect(k.ok('describe', 'secret', 'web')).toContain(`tls.crt:  ${pair.certificate.length} bytes\n`);
      expect(k('create', 'secret', 'tls', 'bad', `--cert=${files.text}`, `--key=${files.key}`)).toEqual(
        failed('error: tls: failed to find any PEM data in certificate input\n'),
      );
    });

    it('docker-registry', () => {
      const who = ['--docker-username=jo', '--docker-password=p w', '--docker-email=jo@example'];
      k.ok('create', 'secret', 'docker-registry', 'hub', '--docker-server=r.example:5000', ...who);
      const { type, data } = object('secret', 'hub');
      expect(type).toBe('kubernetes.io/dockerconfigjson');
      const auth = Buffer.from('jo:p w').toString('base64');
      expect(JSON.parse(decoded(data)['.dockerconfigjson']!)).toEqual({
        auths: { 'r.example:5000': { username: 'jo', password: 'p w', email: 'jo@example', auth } },
      });
    });

    it('generic, from files, folders and environments', () => {
      k.ok('create', 'secret', 'generic', 'files', `--from-file=key=${files.text}`, `--from-file=${files.folder}`);
      expect(decoded(object('secret', 'files').data)).toEqual({ key: 'text\n', 'one.conf': '1', 'two.conf': '2' });
      k.ok('create', 'secret', 'generic', 'env', `--from-env-file=${files.env}`, '--type=example.com/own');
      expect(object('secret', 'env')).toMatchObject({ type: 'example.com/own', data: { A: 'MQ==' } });
      expect(
        k.ok('create', 'secret', 'generic', 'hashed', '--from-literal=a=b', '--append-hash', '-o', 'name'),
      ).toMatch(/^secret\/hashed-[a-z0-9]{10}\n$/);
    });

    it('that the server refuses', () => {
      const secret = (type: string, data: string): string =>
        `apiVersion: v1\nkind: Secret\nmetadata: {name: refused}\ntype: ${type}\nstringData: ${data}\n`;
      expect(k.given(secret('kubernetes.io/tls', '{tls.crt: x}'), 'create', '-f', '-')).toEqual(
        failed('The Secret "refused" is invalid: data[tls.key]: Required value\n'),
      );
      expect(
        k.given(secret('kubernetes.io/dockerconfigjson', '{.dockerconfigjson: "{"}'), 'create', '-f', '-').stderr,
      ).toMatch(
        /^The Secret "refused" is invalid: data\[\.dockerconfigjson\]: Invalid value: "<secret contents redacted>": /,
      );
    });
  });

  it('create configmap, from files, folders and environments', () => {
    k.ok('create', 'configmap', 'files', `--from-file=key=${files.text}`, `--from-file=${files.folder}`);
    expect(object('configmap', 'files').data).toEqual({ key: 'text\n', 'one.conf': '1', 'two.conf': '2' });
    k.ok('create', 'configmap', 'env', `--from-env-file=${files.env}`);
    expect(object('configmap', 'env').data).toEqual({ A: '1', B: 'two words' });
    expect(k('create', 'configmap', 'both', `--from-env-file=${files.env}`, '--from-literal=a=b')).toEqual(
      failed('error: from-env-file cannot be combined with from-file or from-literal\n'),
    );
  });

  describe('create token', () => {
    const token = (...args: string[]) => k('create', 'token', ...args);
    const claims = (text: string): Json => JSON.parse(Buffer.from(text.split('.')[1]!, 'base64url').toString());

    it('for an hour and the API server, unless said otherwise', () => {
      const plain = claims(token('default').stdout);
      expect(plain.exp - plain.iat).toBe(3600);
      expect(plain.sub).toBe(`system:serviceaccount:${k.namespace}:default`);
      const other = claims(token('default', '--duration=20m', '--audience=a', '--audience=b').stdout);
      expect([other.exp - other.iat, other.aud]).toEqual([1200, ['a', 'b']]);
    });

    it('as an object', () => {
      const { kind, spec, status } = JSON.parse(token('default', '--audience=a', '-o', 'json').stdout);
      expect([kind, spec]).toMatchObject(['TokenRequest', { audiences: ['a'], expirationSeconds: 3600 }]);
      expect(Date.parse(status.expirationTimestamp) / 1000).toBe(claims(status.token).exp);
    });

    it('bound to an object', () => {
      k.ok('create', 'secret', 'generic', 'bound');
      const { uid } = object('secret', 'bound').metadata;
      const bound = ['--bound-object-kind=Secret', '--bound-object-name=bound'];
      expect(claims(token('default', ...bound).stdout)['kubernetes.io'].secret).toEqual({ name: 'bound', uid });
      expect(token('default', ...bound, '--bound-object-uid=00').stderr).toContain(
        'the UID in the bound object reference (00) does not match the UID in record. The object might have been deleted and then recreated\n',
      );
    });

    it.each([
      [['nosuch'], 'error: failed to create token: serviceaccounts "nosuch" not found\n'],
      [
        ['default', '--bound-object-kind=Pod', '--bound-object-name=nosuch'],
        'error: failed to create token: pods "nosuch" not found\n',
      ],
      [
        ['default', '--duration=5m'],
        'error: failed to create token: TokenRequest.authentication.k8s.io "default" is invalid: spec.expirationSeconds: Invalid value: 300: may not specify a duration less than 10 minutes\n',
      ],
    ])('%j fails', (args, stderr) => {
      expect(token(...args)).toEqual(failed(stderr));
    });
  });
});
