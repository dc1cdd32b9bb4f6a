import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { realClock } from '../base/clock.ts';
import { readCertificate } from '../base/pki-inspect.ts';
import { realRandom } from '../base/random.ts';
import type { CertificateRequest, Certificates } from './certificates.ts';
import { ensureCertificates } from './certificates.ts';

const DAY_MS = 86_400_000;

let dataDir: string;

function request(change: Partial<CertificateRequest> = {}): CertificateRequest {
  return {
    dataDir,
    nodeName: 'node-1',
    serviceIp: '10.96.0.1',
    hostIps: ['192.0.2.7'],
    clock: realClock,
    random: realRandom,
    ...change,
  };
}

const later = (days: number): Clock => ({ ...realClock, now: () => Date.now() + days * DAY_MS });
const ensure = (change?: Partial<CertificateRequest>): Promise<Certificates> => ensureCertificates(request(change));

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'certificates-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

describe('ensureCertificates()', () => {
  it('makes everything once, for the owner alone', async () => {
    const first = await ensure();
    const folder = join(dataDir, 'pki');
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder)).toHaveLength(2 * 11 + 2);
    for (const file of readdirSync(folder)) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    const second = await ensure();
    expect(second.issued).toEqual([]);
    expect({ ...second, issued: [] }).toEqual({ ...first, issued: [] });
  });

  it('names the API server as pods and users reach it', async () => {
    const { apiServer } = await ensure();
    const facts = readCertificate(apiServer.certificate);
    expect(facts.dnsNames).toEqual([
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
      'localhost',
      'node-1',
    ]);
    expect(facts.ipAddresses).toEqual(['127.0.0.1', '192.0.2.7', '10.96.0.1']);
  });

  it("gives components upstream's users and groups", async () => {
    const made = await ensure();
    const subject = (pem: string): [string, readonly string[]] => {
      const { commonName, organizations } = readCertificate(pem);
      return [commonName, organizations];
    };
    expect(subject(made.admin.certificate)).toEqual(['kubernetes-admin', ['system:masters']]);
    expect(subject(made.scheduler.certificate)).toEqual(['system:kube-scheduler', []]);
    expect(subject(made.controllerManager.certificate)).toEqual(['system:kube-controller-manager', []]);
    expect(subject(made.kubeletClient.certificate)).toEqual(['system:node:node-1', ['system:nodes']]);
  });

  it('issues the API server again when an address came, and keeps it when one went', async () => {
    await ensure();
    expect((await ensure({ hostIps: ['192.0.2.7', '2001:DB8:0::1'] })).issued).toEqual(['apiserver', 'kubelet']);
    expect((await ensure({ hostIps: ['2001:db8::1'] })).issued).toEqual([]);
  });

  it('issues what the node is called by again when its name changed', async () => {
    await ensure();
    expect((await ensure({ nodeName: 'node-2' })).issued).toEqual(['apiserver', 'kubelet', 'kubelet-client']);
  });

  it('renews leaves before their end and keeps authority and token key', async () => {
    const first = await ensure();
    const renewed = await ensure({ clock: later(320) });
    expect(renewed.issued).toHaveLength(9);
    expect(renewed.ca).toEqual(first.ca);
    expect(renewed.serviceAccount).toEqual(first.serviceAccount);
  });

  it('does not renew forever at the end of the authority', async () => {
    await ensure();
    await ensure({ clock: later(3640) });
    expect((await ensure({ clock: later(3641) })).issued).toEqual([]);
    await expect(ensure({ clock: later(3651) })).rejects.toThrow(/ca\.crt and \.key ended on .* remove both/);
  });

  it('replaces a leaf that was cut short or whose key is another', async () => {
    await ensure();
    const folder = join(dataDir, 'pki');
    writeFileSync(join(folder, 'admin.crt'), '');
    writeFileSync(join(folder, 'scheduler.key'), readFileSync(join(folder, 'kubelet.key')));
    expect((await ensure()).issued).toEqual(['admin', 'scheduler']);
  });

  it('refuses an authority whose files contradict each other', async () => {
    await ensure();
    const folder = join(dataDir, 'pki');
    writeFileSync(join(folder, 'ca.key'), readFileSync(join(folder, 'admin.key')));
    await expect(ensure()).rejects.toThrow('do not belong together');
    rmSync(join(folder, 'ca.key'));
    await expect(ensure()).rejects.toThrow('do not belong together');
  });

  it('starts over when only the key of an authority had been written', async () => {
    await ensure();
    rmSync(join(dataDir, 'pki', 'ca.crt'));
    expect((await ensure()).issued).toContain('ca');
  });

  it('closes a folder that was open to others', async () => {
    await ensure();
    chmodSync(join(dataDir, 'pki'), 0o755);
    await ensure();
    expect(statSync(join(dataDir, 'pki')).mode & 0o777).toBe(0o700);
  });
});
