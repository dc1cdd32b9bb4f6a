/**
 * The cluster's certificates and keys below `<data folder>/pki`: made on the first start, read on later ones, and
 * issued again when they are about to end or no longer fit the machine's names and addresses.
 */
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { formatTime } from '../base/clock.ts';
import type { CertificateSubject, CertificateUsage, KeyPair } from '../base/pki.ts';
import { authorityChecker, canonicalIp, generateSigningKey, publicKeyOf } from '../base/pki-inspect.ts';
import type { Random } from '../base/random.ts';
import { ensurePrivateFolder, readIfPresent, writePrivateFile } from './private-files.ts';

export interface CertificateRequest {
  dataDir: string;
  nodeName: string;
  /** The address of the Service `kubernetes`. */
  serviceIp: string;
  /** The machine's addresses that clients may use, beside 127.0.0.1. */
  hostIps: readonly string[];
  /** Further DNS names of the API server. */
  hostNames?: readonly string[];
  clock: Clock;
  random: Random;
}

/** A key that signs service account tokens, PEM. */
export interface SigningKey {
  privateKey: string;
  publicKey: string;
}

export interface Certificates {
  ca: KeyPair;
  /** Signs the client certificate with which the API server proxies to aggregated API servers. */
  frontProxyCa: KeyPair;
  frontProxyClient: KeyPair;
  apiServer: KeyPair;
  /** The API server's client identity towards kubelets. */
  apiServerKubeletClient: KeyPair;
  admin: KeyPair;
  controllerManager: KeyPair;
  scheduler: KeyPair;
  /** Of the DNS process, which reads what Service rules are made from. */
  kubeProxy: KeyPair;
  /** The kubelet's serving certificate. */
  kubelet: KeyPair;
  /** The node's own identity, `system:node:<name>`. */
  kubeletClient: KeyPair;
  serviceAccount: SigningKey;
  /** Names of the files without extension that this call issued; empty on an ordinary later start. */
  issued: readonly string[];
}

const DAY_MS = 86_400_000;
const AUTHORITY_LIFETIME_MS = 3650 * DAY_MS;
const LEAF_LIFETIME_MS = 365 * DAY_MS;
/** A leaf with less than this left is issued again. */
const RENEW_BEFORE_MS = 60 * DAY_MS;

interface Leaf extends CertificateSubject {
  usages: readonly CertificateUsage[];
}

type LeafName = Exclude<keyof Certificates, 'ca' | 'frontProxyCa' | 'serviceAccount' | 'issued'>;

const FILE_NAMES: Record<LeafName, string> = {
  frontProxyClient: 'front-proxy-client',
  apiServer: 'apiserver',
  apiServerKubeletClient: 'apiserver-kubelet-client',
  admin: 'admin',
  controllerManager: 'controller-manager',
  scheduler: 'scheduler',
  kubeProxy: 'kube-proxy',
  kubelet: 'kubelet',
  kubeletClient: 'kubelet-client',
};

/** Names under which pods reach the API server. */
const SERVICE_NAMES = [
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];

/** The subject of every leaf; names and groups are those of kubeadm's and of the bootstrap RBAC bindings. */
function leavesOf(request: CertificateRequest): Record<LeafName, Leaf> {
  const client = (commonName: string, ...organizations: string[]): Leaf => ({
    commonName,
    organizations,
    usages: ['client'],
  });
  const addresses = [...new Set(['127.0.0.1', ...request.hostIps.map(canonicalIp)])];
  const names = ['localhost', request.nodeName.toLowerCase()];
  return {
    frontProxyClient: client('front-proxy-client'),
    apiServer: {
      commonName: 'kube-apiserver',
      dnsNames: [...new Set([...SERVICE_NAMES, ...names, ...(request.hostNames ?? [])])],
      ipAddresses: [...new Set([...addresses, canonicalIp(request.serviceIp)])],
      usages: ['server'],
    },
    apiServerKubeletClient: client('kube-apiserver-kubelet-client', 'system:masters'),
    admin: client('kubernetes-admin', 'system:masters'),
    controllerManager: client('system:kube-controller-manager'),
    scheduler: client('system:kube-scheduler'),
    kubeProxy: client('system:kube-proxy'),
    kubelet: {
      commonName: `system:node:${request.nodeName}`,
      organizations: ['system:nodes'],
      dnsNames: names,
      ipAddresses: addresses,
      usages: ['server'],
    },
    kubeletClient: client(`system:node:${request.nodeName}`, 'system:nodes'),
  };
}

/**
 * Loads what fits and issues the rest. Throws when an authority's files contradict each other or its time is over:
 * replacing one silently would lock out every machine and user that trusts it.
 */
export async function ensureCertificates(request: CertificateRequest): Promise<Certificates> {
  const folder = join(request.dataDir, 'pki');
  ensurePrivateFolder(folder);
  const store = new CertificateFolder(folder, request);
  const [ca, frontProxyCa] = await Promise.all([
    store.authority('ca', 'kubernetes'),
    store.authority('front-proxy-ca', 'front-proxy-ca'),
  ]);
  const entries = Object.entries(leavesOf(request)) as [LeafName, Leaf][];
  const leaves = await Promise.all(
    entries.map(async ([key, leaf]): Promise<[LeafName, KeyPair]> => {
      const issuer = key === 'frontProxyClient' ? frontProxyCa : ca;
      return [key, await store.leaf(FILE_NAMES[key], leaf, issuer)];
    }),
  );
  const serviceAccount = store.signingKey('sa');
  await store.flush();
  const pairs = Object.fromEntries(leaves) as Record<LeafName, KeyPair>;
  return { ca: ca.pair, frontProxyCa: frontProxyCa.pair, ...pairs, serviceAccount, issued: store.issued.toSorted() };
}

/** One start's view of the folder: what was read, and what is to be written at the end. */
class CertificateFolder {
  readonly issued: string[] = [];
  readonly #folder: string;
  readonly #random: Random;
  readonly #nowMs: number;
  readonly #pending: { file: string; content: string }[] = [];

  constructor(folder: string, { clock, random }: CertificateRequest) {
    this.#folder = folder;
    this.#random = random;
    this.#nowMs = clock.now();
  }

  async authority(name: string, commonName: string): Promise<Authority> {
    const stored = this.#read(name);
    if (stored !== undefined) return this.#checkedAuthority(name, stored);
    const { createCertificateAuthority } = await import('../base/pki.ts');
    const pair = await createCertificateAuthority({ commonName, ...this.#issuance(AUTHORITY_LIFETIME_MS) });
    return readAuthority(this.#keep(name, pair))!;
  }

  #checkedAuthority(name: string, stored: KeyPair): Authority {
    const files = `${join(this.#folder, name)}.crt and .key`;
    const authority = readAuthority(stored);
    if (authority === undefined) {
      throw new Error(`${files} do not belong together: restore them, or remove both to make a new authority`);
    }
    if (authority.notAfterMs <= this.#nowMs) {
      throw new Error(`${files} ended on ${formatTime(authority.notAfterMs)}: remove both to make a new authority`);
    }
    return authority;
  }

  async leaf(name: string, leaf: Leaf, ca: Authority): Promise<KeyPair> {
    const stored = this.#read(name);
    if (stored !== undefined && this.#fits(stored, leaf, ca)) return stored;
    const { issueCertificate } = await import('../base/pki.ts');
    return this.#keep(name, await issueCertificate({ ca: ca.pair, ...leaf, ...this.#issuance(LEAF_LIFETIME_MS) }));
  }

  signingKey(name: string): SigningKey {
    const privateKey = readIfPresent(join(this.#folder, `${name}.key`));
    if (privateKey !== undefined && privateKey !== '') return { privateKey, publicKey: publicKeyOf(privateKey) };
    const pair = generateSigningKey();
    this.issued.push(name);
    this.#pending.push({ file: `${name}.key`, content: pair.privateKey });
    this.#pending.push({ file: `${name}.pub`, content: pair.publicKey });
    return pair;
  }

  /** Writes what was issued: all keys before the first certificate, so that a certificate never lacks its key. */
  async flush(): Promise<void> {
    const isKey = (file: string): boolean => file.endsWith('.key');
    await this.#write(this.#pending.filter(({ file }) => isKey(file)));
    await this.#write(this.#pending.filter(({ file }) => !isKey(file)));
  }

  async #write(files: readonly { file: string; content: string }[]): Promise<void> {
    await Promise.all(
      files.map(({ file, content }) =>
        writePrivateFile(join(this.#folder, file), content, { suffix: `${file}-${this.#random.uuid()}` }),
      ),
    );
  }

  #read(name: string): KeyPair | undefined {
    const certificate = readIfPresent(join(this.#folder, `${name}.crt`));
    const privateKey = readIfPresent(join(this.#folder, `${name}.key`));
    // A key alone is the rest of a start that was interrupted before anyone could have seen its certificate.
    return certificate === undefined ? undefined : { certificate, privateKey: privateKey ?? '' };
  }

  #fits(pair: KeyPair, leaf: Leaf, ca: Authority): boolean {
    const facts = ca.checker.read(pair);
    if (facts === undefined) return false;
    const isFresh = facts.notAfterMs - this.#nowMs > RENEW_BEFORE_MS || facts.notAfterMs >= ca.notAfterMs;
    return (
      isFresh &&
      facts.notBeforeMs <= this.#nowMs &&
      facts.commonName === leaf.commonName &&
      facts.organizations.join('\n') === (leaf.organizations ?? []).join('\n') &&
      includesAll(facts.dnsNames, leaf.dnsNames) &&
      includesAll(facts.ipAddresses, leaf.ipAddresses)
    );
  }

  #keep(name: string, pair: KeyPair): KeyPair {
    this.issued.push(name);
    this.#pending.push({ file: `${name}.key`, content: pair.privateKey });
    this.#pending.push({ file: `${name}.crt`, content: pair.certificate });
    return pair;
  }

  #issuance(lifetimeMs: number): { nowMs: number; notAfterMs: number; random: Random } {
    return { nowMs: this.#nowMs, notAfterMs: this.#nowMs + lifetimeMs, random: this.#random };
  }
}

interface Authority {
  pair: KeyPair;
  notAfterMs: number;
  checker: ReturnType<typeof authorityChecker>;
}

/** `undefined` when certificate and key do not belong together or cannot be read. */
function readAuthority(pair: KeyPair): Authority | undefined {
  try {
    const checker = authorityChecker(pair.certificate);
    const facts = checker.read(pair);
    return facts?.isAuthority === true ? { pair, notAfterMs: facts.notAfterMs, checker } : undefined;
  } catch {
    return undefined;
  }
}

/** An address that went away does not force a new certificate; one that came does. */
function includesAll(present: readonly string[], wanted: readonly string[] = []): boolean {
  return wanted.every((item) => present.includes(item));
}
