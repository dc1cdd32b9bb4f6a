/** Proxies that the environment names, read as Go's net/http and curl read them, and whom they keep from the cluster. */
import type { ProxyConfig } from '../kubelet/images/registry-http.ts';
import { isLoopback, proxyFor } from '../kubelet/images/registry-http.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Upper case before lower case, as golang.org/x/net/http/httpproxy does. An empty one is none. */
function either(environment: Environment, name: string): string | undefined {
  return environment[name] || environment[name.toLowerCase()] || undefined;
}

export function proxyFromEnvironment(environment: Environment): ProxyConfig {
  const [http, https, noProxy] = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].map((name) => either(environment, name));
  return Object.freeze({
    ...(http === undefined ? {} : { http }),
    ...(https === undefined ? {} : { https }),
    ...(noProxy === undefined ? {} : { noProxy }),
  });
}

/** `NAME=value` that keeps clients of `server` from a proxy; undefined where they use none. */
export function exemption(server: string, environment: Environment): string | undefined {
  const url = new URL(server);
  const isProxied = proxyFor(url, proxyFromEnvironment(environment)) !== undefined;
  return isProxied ? withHosts([url.hostname], environment) : undefined;
}

/**
 * What a user types lest their clients ask a proxy for the cluster's addresses; undefined where they do not. kubectl
 * never asks one for loopback addresses, curl does.
 */
export function proxyNote(
  { server, example }: { server: string; example: string | undefined },
  environment: Environment,
): string | undefined {
  const hosts = [
    ...(exemption(server, environment) === undefined ? [] : [new URL(server).hostname]),
    ...(example !== undefined && curlIsProxied(example, environment) ? [new URL(example).hostname] : []),
  ];
  return hosts.length === 0
    ? undefined
    : `a proxy is set in the environment; for your own programs to reach the cluster: export ${withHosts([...new Set(hosts)], environment)}`;
}

/** curl takes `http_proxy` in lower case only. */
function curlIsProxied(url: string, environment: Environment): boolean {
  const proxy = environment['http_proxy'] || environment['all_proxy'] || environment['ALL_PROXY'];
  const noProxy = (environment['no_proxy'] || environment['NO_PROXY'] || '').split(/[\s,]+/);
  const { hostname } = new URL(url);
  const isExempt = noProxy.some((rule) => rule === '*' || rule === hostname || isLoopbackRange(rule, hostname));
  return Boolean(proxy) && !isExempt;
}

const isLoopbackRange = (rule: string, host: string): boolean => rule === '127.0.0.0/8' && isLoopback(host);

function withHosts(hosts: readonly string[], environment: Environment): string {
  const name = environment['NO_PROXY'] || !environment['no_proxy'] ? 'NO_PROXY' : 'no_proxy';
  return `${name}=${[environment[name], ...hosts].filter(Boolean).join(',')}`;
}
