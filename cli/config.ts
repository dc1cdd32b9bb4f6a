/** The configuration of `nocher up`: flags and environment, parsed once into a frozen record. */
import { isIPv4 } from 'node:net';
import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { ProxyConfig } from '../kubelet/images/registry-http.ts';
import { proxyFromEnvironment } from './proxy-environment.ts';

export type Runtime = 'native' | 'cri' | 'simulated' | 'none';

/** Whether pods are processes with a network. */
export const hasRealPods = (runtime: Runtime): boolean => runtime === 'native' || runtime === 'cri';

export interface UpConfig {
  dataDir: string;
  /** 0: any free port. Undefined: 6443 when free, else the one remembered or any. */
  apiPort: number | undefined;
  kubeletPort: number | undefined;
  bindAddress: string;
  nodeName: string;
  storage: 'lmdb' | 'memory' | 'etcd';
  etcd: EtcdConfig;
  runtime: Runtime;
  /** Of the container runtime, with `--runtime cri`. */
  criSocket: string;
  podCidr: string | undefined;
  serviceCidr: string | undefined;
  registryMirrors: readonly string[];
  insecureRegistries: readonly string[];
  /** For image pulls. */
  proxy: ProxyConfig;
  simulatedNodes: number;
  /** A file; absolute. */
  schedulerConfig: string | undefined;
  keepPods: boolean;
  demo: boolean;
  verbose: boolean;
}

/** Named as kube-apiserver names them, but for the endpoints. */
export interface EtcdConfig {
  endpoints: readonly string[];
  caFile: string | undefined;
  certFile: string | undefined;
  keyFile: string | undefined;
}

/** Said to the user in one line; no stack trace. */
export class UsageError extends Error {}

export function defaultDataDir(): string {
  return process.getuid?.() === 0 ? '/var/lib/nocher' : join(homedir(), '.nocher');
}

export const DEFAULT_CRI_SOCKET = '/run/containerd/containerd.sock';

export type UpFlags = Record<string, string | boolean | string[] | undefined>;

/** `apiPort` → `api-port` */
const flagName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const text = (value: UpFlags[string]): string | undefined => (typeof value === 'string' ? value : undefined);

function port(flags: UpFlags, name: string): number | undefined {
  const value = text(flags[name]);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0 || number > 65535)
    throw new UsageError(`--${flagName(name)}: ${value} is not a port (0-65535)`);
  return number;
}

function oneOf<T extends string>(flags: UpFlags, name: string, allowed: readonly T[]): T {
  const value = text(flags[name]) as T;
  if (!allowed.includes(value)) throw new UsageError(`--${name}: ${value} is not one of ${allowed.join(', ')}`);
  return value;
}

/** RFC 1123 in lower case, as a Node's name must be. */
function nodeNameOf(flags: UpFlags): string {
  const asked = text(flags['nodeName'])?.toLowerCase();
  if (asked !== undefined && !NODE_NAME.test(asked))
    throw new UsageError(`--node-name: ${asked} is not a valid node name (lower case letters, digits, '-' and '.')`);
  return asked ?? nodeNameOfHost(hostname());
}

const NODE_NAME = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** A machine may be called what a node may not: `my_laptop`, or nothing at all. */
export function nodeNameOfHost(host: string): string {
  const name = host
    .toLowerCase()
    .split('.')
    .map((part) => part.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, ''))
    .filter((part) => part !== '')
    .join('.');
  return host !== '(none)' && NODE_NAME.test(name) ? name : 'node';
}

function address(flags: UpFlags, name: string): string | undefined {
  const value = text(flags[name]);
  if (value !== undefined && !isIPv4(value))
    throw new UsageError(`--${flagName(name)}: ${value} is not an IPv4 address`);
  return value;
}

/** A range with room for `maxPrefix`: a node's pods take a /24. */
function cidr(flags: UpFlags, name: string, maxPrefix: number): string | undefined {
  const value = text(flags[name]);
  if (value === undefined) return undefined;
  const flag = `--${flagName(name)}`;
  const [address = '', prefix = '', ...rest] = value.split('/');
  if (!isIPv4(address) || !/^\d{1,2}$/.test(prefix) || rest.length > 0)
    throw new UsageError(`${flag}: ${value} is not an IPv4 range such as 10.244.0.0/16`);
  if (Number(prefix) < 8 || Number(prefix) > maxPrefix)
    throw new UsageError(`${flag}: ${value} must be between /8 and /${maxPrefix}`);
  return value;
}

function count(flags: UpFlags, name: string): number {
  const value = text(flags[name]) ?? '0';
  if (!/^\d{1,5}$/.test(value)) throw new UsageError(`--${flagName(name)}: ${value} is not a number`);
  return Number(value);
}

function etcdConfig(flags: UpFlags): EtcdConfig {
  const endpoints = (text(flags['etcdEndpoints']) ?? '').split(',').filter((endpoint) => endpoint !== '');
  if (flags['storage'] === 'etcd' && endpoints.length === 0) {
    throw new UsageError('--storage etcd needs --etcd-endpoints, such as http://127.0.0.1:2379');
  }
  for (const endpoint of endpoints) {
    if (!/^https?:\/\/[^/,]+$/.test(endpoint)) {
      throw new UsageError(`--etcd-endpoints: ${endpoint} is not an address such as http://127.0.0.1:2379`);
    }
  }
  const [caFile, certFile, keyFile] = ['etcdCafile', 'etcdCertfile', 'etcdKeyfile'].map((name) => text(flags[name]));
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new UsageError('--etcd-certfile and --etcd-keyfile belong together');
  }
  const absolute = (path: string | undefined): string | undefined => path && resolve(path);
  return { endpoints, caFile: absolute(caFile), certFile: absolute(certFile), keyFile: absolute(keyFile) };
}

/** As asked for: the runtime depends on the machine, the store on what the data folder remembers. */
export type AskedConfig = Readonly<
  Omit<UpConfig, 'runtime' | 'storage'> & { runtime: Runtime | undefined; storage: UpConfig['storage'] | undefined }
>;

export function upConfig(flags: UpFlags): AskedConfig {
  return Object.freeze({
    dataDir: resolve(text(flags['dataDir']) ?? defaultDataDir()),
    apiPort: port(flags, 'apiPort'),
    kubeletPort: port(flags, 'kubeletPort'),
    bindAddress: address(flags, 'bindAddress') ?? '127.0.0.1',
    nodeName: nodeNameOf(flags),
    storage: flags['storage'] === undefined ? undefined : oneOf(flags, 'storage', ['lmdb', 'memory', 'etcd'] as const),
    etcd: etcdConfig(flags),
    runtime:
      flags['runtime'] === undefined
        ? undefined
        : oneOf(flags, 'runtime', ['native', 'cri', 'simulated', 'none'] as const),
    criSocket: text(flags['criSocket']) ?? DEFAULT_CRI_SOCKET,
    podCidr: cidr(flags, 'podCidr', 24),
    serviceCidr: cidr(flags, 'serviceCidr', 28),
    registryMirrors: (flags['registryMirror'] as string[] | undefined) ?? [],
    insecureRegistries: (flags['insecureRegistry'] as string[] | undefined) ?? [],
    proxy: proxyFromEnvironment(process.env),
    simulatedNodes: count(flags, 'simulatedNodes'),
    schedulerConfig: flags['schedulerConfig'] === undefined ? undefined : resolve(String(flags['schedulerConfig'])),
    keepPods: flags['keepPods'] === true,
    demo: flags['demo'] === true,
    verbose: flags['verbose'] === true,
  });
}
