/** Credentials for registries out of `imagePullSecrets` (upstream `pkg/credentialprovider`): pure. */
import type { Secret } from '../../api/core/v1/secret.ts';
import { credentialHash } from '../images/pull-access.ts';
import type { PullCredential } from '../images/pull-access.ts';
import type { PullAuth } from '../runtime.ts';

interface DockerAuth {
  username?: string;
  password?: string;
  /** base64 of `username:password`. */
  auth?: string;
  identitytoken?: string;
}

/** With where it comes from. */
export interface SecretAuth {
  auth: PullAuth;
  credential: PullCredential;
}

/** Those that are for the image's registry, the most specific path first. What cannot be read counts as absent. */
export function pullAuthsFor(image: string, secrets: readonly Secret[]): SecretAuth[] {
  const target = normalizedRepository(image);
  const found: ({ key: string } & SecretAuth)[] = [];
  for (const secret of secrets) {
    for (const [server, entry] of Object.entries(authsOf(secret))) {
      const key = normalizedServer(server);
      const auth = authOf(entry);
      if (auth === undefined || !matches(key, target)) continue;
      found.push({ key, auth, credential: { ...coordinatesOf(secret), hash: credentialHash(auth) } });
    }
  }
  return found.sort((a, b) => b.key.length - a.key.length).map(({ auth, credential }) => ({ auth, credential }));
}

function coordinatesOf({ metadata }: Secret): Omit<PullCredential, 'hash'> {
  const { uid = '', namespace = '', name = '' } = metadata;
  return { uid, namespace, name };
}

function authsOf({ type, data = {} }: Secret): Record<string, DockerAuth> {
  try {
    if (type === 'kubernetes.io/dockerconfigjson') {
      const config = JSON.parse(decode(data['.dockerconfigjson'])) as { auths?: Record<string, DockerAuth> };
      return config.auths ?? {};
    }
    if (type === 'kubernetes.io/dockercfg') return JSON.parse(decode(data['.dockercfg'])) as Record<string, DockerAuth>;
  } catch {
    // A secret that is not what its type says gives no credentials.
  }
  return {};
}

const decode = (base64 = ''): string => Buffer.from(base64, 'base64').toString('utf8');

function authOf({ username, password, auth, identitytoken }: DockerAuth): PullAuth | undefined {
  if (identitytoken) return { username: username ?? '', password: password ?? '', identityToken: identitytoken };
  if (username !== undefined && password !== undefined) return { username, password };
  const text = decode(auth);
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function normalizedRepository(image: string): string {
  const name = image.replace(/@.*$/, '').replace(/:[^:/]*$/, '');
  const [first = '', ...rest] = name.split('/');
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  if (hasRegistry) return name;
  return rest.length === 0 ? `docker.io/library/${name}` : `docker.io/${name}`;
}

/** `https://index.docker.io/v1/` → `docker.io`. */
function normalizedServer(server: string): string {
  const bare = server.replace(/^https?:\/\//, '').replace(/\/(v1|v2)?\/?$/, '');
  return bare.replace(/^(index|registry-1)\.docker\.io/, 'docker.io');
}

/** By host, where `*` stands for one label, and then by path. */
function matches(key: string, target: string): boolean {
  const [keyHost = '', ...keyPath] = key.split('/');
  const [host = '', ...path] = target.split('/');
  const keyLabels = keyHost.split('.');
  const labels = host.split('.');
  const sameHost =
    keyLabels.length === labels.length && keyLabels.every((label, i) => label === '*' || label === labels[i]);
  const keyText = keyPath.join('/');
  const pathText = path.join('/');
  return sameHost && (keyText === '' || pathText === keyText || pathText.startsWith(`${keyText}/`));
}
