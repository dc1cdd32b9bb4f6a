import { describe, expect, it } from '@jest/globals';
import type { Service } from '../../api/core/v1/service.ts';
import type { AnyContainer } from '../../api/core/v1/pod/types.ts';
import { testPod } from '../testing.ts';
import { ContainerConfigError, expandCommand, makeEnvironment } from './environment.ts';
import type { EnvironmentSources } from './environment.ts';
import { expandVariables } from './expansion.ts';
import { fieldRefValue } from './field-ref.ts';
import { hostsFile, parseResolvConf, podDns, podHostname, resolvConf } from './pod-names.ts';

const service = (namespace: string, name: string, port: number): Service =>
  ({
    metadata: { namespace, name },
    spec: { clusterIP: '10.96.0.9', ports: [{ name: 'http', port, protocol: 'TCP' }] },
  }) as Service;

const sources: EnvironmentSources = {
  facts: { nodeName: 'node-1', hostIps: ['10.0.0.1'], podIps: ['10.244.0.5'] },
  allocatable: { memory: '1000Ki', cpu: '2' },
  services: () => [
    service('default', 'kubernetes', 443),
    service('default', 'db', 5432),
    service('other', 'hidden', 1),
  ],
  configMap: (_namespace, name) =>
    Promise.resolve(name === 'settings' ? { metadata: {}, data: { color: 'blue', size: 'xl' } } : undefined),
  secret: (_namespace, name) =>
    Promise.resolve(
      name === 'keys' ? { metadata: {}, data: { token: Buffer.from('s3cret').toString('base64') } } : undefined,
    ),
};

async function environmentOf(container: Partial<AnyContainer>): Promise<Record<string, string>> {
  const pod = testPod(
    { containers: [{ name: 'web', image: 'nginx', ...container } as never] },
    { labels: { app: 'web' } },
  );
  const variables = await makeEnvironment(pod, pod.spec.containers[0]!, sources);
  return Object.fromEntries(variables.map(({ key, value }) => [key, value]));
}

describe('expandVariables()', () => {
  it.each([
    ['$(A)-$(B)', 'one-two'],
    ['$$(A)', '$(A)'],
    ['$(MISSING)', '$(MISSING)'],
    ['$A ${A}', '$A ${A}'],
    ['$(A', '$(A'],
    ['cost: 5$', 'cost: 5$'],
    ['$$$(A)', '$one'],
  ])('%s becomes %s', (text, expanded) => {
    expect(expandVariables(text, (name) => ({ A: 'one', B: 'two' })[name])).toBe(expanded);
  });
});

describe('makeEnvironment()', () => {
  it('takes values from every source, later ones over earlier', async () => {
    const environment = await environmentOf({
      envFrom: [{ configMapRef: { name: 'settings' } }, { prefix: 'K_', secretRef: { name: 'keys' } }],
      env: [
        { name: 'PLAIN', value: 'a' },
        { name: 'size', value: 'small' },
        { name: 'JOINED', value: '$(PLAIN)/$(color)/$(DB_SERVICE_HOST)' },
        { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
        { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'APP', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
        { name: 'KEY', valueFrom: { configMapKeyRef: { name: 'settings', key: 'color' } } },
        { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'keys', key: 'token' } } },
        { name: 'MAYBE', valueFrom: { secretKeyRef: { name: 'nothing', key: 'x', optional: true } } },
      ],
    });
    expect(environment).toMatchObject({
      color: 'blue',
      size: 'small',
      K_token: 's3cret',
      JOINED: 'a/blue/10.96.0.9',
      NODE: 'node-1',
      IP: '10.244.0.5',
      APP: 'web',
      KEY: 'blue',
      TOKEN: 's3cret',
    });
    expect(environment).not.toHaveProperty('MAYBE');
  });

  it('names Services of the namespace, and always the API', async () => {
    const environment = await environmentOf({});
    expect(environment).toMatchObject({
      KUBERNETES_SERVICE_HOST: '10.96.0.9',
      KUBERNETES_SERVICE_PORT: '443',
      KUBERNETES_SERVICE_PORT_HTTP: '443',
      DB_PORT_5432_TCP: 'tcp://10.96.0.9:5432',
      DB_PORT_5432_TCP_PROTO: 'tcp',
      DB_PORT_5432_TCP_ADDR: '10.96.0.9',
    });
    expect(Object.keys(environment).some((name) => name.startsWith('HIDDEN'))).toBe(false);
  });

  it('divides resources, and takes what the node has where there is no limit', async () => {
    const resourceFieldRef = (resource: string, divisor?: string) => ({
      valueFrom: { resourceFieldRef: { resource, ...(divisor === undefined ? {} : { divisor }) } },
    });
    const environment = await environmentOf({
      resources: { limits: { cpu: '1500m' }, requests: { memory: '64Mi' } },
      env: [
        { name: 'CPU', ...resourceFieldRef('limits.cpu') },
        { name: 'MILLI', ...resourceFieldRef('limits.cpu', '1m') },
        { name: 'MIB', ...resourceFieldRef('requests.memory', '1Mi') },
        { name: 'NODE_MEMORY', ...resourceFieldRef('limits.memory') },
      ],
    });
    expect(environment).toMatchObject({ CPU: '2', MILLI: '1500', MIB: '64', NODE_MEMORY: '1024000' });
  });

  it.each([
    [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'none', key: 'k' } } }, 'configmap "none" not found'],
    [
      { name: 'X', valueFrom: { configMapKeyRef: { name: 'settings', key: 'k' } } },
      "couldn't find key k in ConfigMap default/settings",
    ],
    [{ name: 'X', valueFrom: { secretKeyRef: { name: 'none', key: 'k' } } }, 'secret "none" not found'],
    [
      { name: 'X', valueFrom: { secretKeyRef: { name: 'keys', key: 'k' } } },
      "couldn't find key k in Secret default/keys",
    ],
  ])('refuses what is missing: %j', async (variable, message) => {
    await expect(environmentOf({ env: [variable] })).rejects.toThrow(new ContainerConfigError(message));
  });

  it('expands the command from it', () => {
    const container = { name: 'web', command: ['echo', '$(GREETING)'], args: ['$(NAME)', '$$(NAME)'] } as AnyContainer;
    expect(
      expandCommand(container, [
        { key: 'GREETING', value: 'hi' },
        { key: 'NAME', value: 'ann' },
      ]),
    ).toEqual({ command: ['echo', 'hi'], args: ['ann', '$(NAME)'] });
  });
});

describe('fieldRefValue()', () => {
  it('writes maps sorted and quoted', () => {
    const pod = testPod({}, { annotations: { b: 'x"y\n', a: '1' } });
    expect(fieldRefValue(pod, 'metadata.annotations', sources.facts)).toBe('a="1"\nb="x\\"y\\n"');
  });
});

describe('names of a pod', () => {
  const where = { nodeName: 'node-1', clusterDomain: 'cluster.local' };
  const cluster = { servers: ['10.96.0.10'], domain: 'cluster.local' };
  const node = { servers: ['1.1.1.1'], searches: ['lan'], options: ['timeout:2'] };

  it('is called as its spec says, or by its name', () => {
    expect(podHostname(testPod(), where)).toEqual({ hostname: 'web-1', fqdn: '' });
    expect(podHostname(testPod({ hostname: 'a', subdomain: 'db' }), where)).toEqual({
      hostname: 'a',
      fqdn: 'a.db.default.svc.cluster.local',
    });
    expect(podHostname(testPod({ hostNetwork: true }), where).hostname).toBe('node-1');
    expect(podHostname(testPod({}, { name: `${'a'.repeat(62)}.b` }), where).hostname).toBe('a'.repeat(62));
  });

  it('writes the hosts file with aliases', () => {
    const pod = testPod({ hostname: 'a', subdomain: 'db', hostAliases: [{ ip: '10.1.1.1', hostnames: ['x', 'y'] }] });
    const text = hostsFile(pod, { podIps: ['10.244.0.5'], hostname: podHostname(pod, where) });
    expect(text).toMatch(/^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n/);
    expect(text).toContain('10.244.0.5\ta.db.default.svc.cluster.local\ta\n');
    expect(text).toMatch(/# Entries added by HostAliases\.\n10\.1\.1\.1\tx\ty\n$/);
  });

  it('asks the cluster, the node, or whom the pod names', () => {
    expect(podDns(testPod(), cluster, node)).toEqual({
      servers: ['10.96.0.10'],
      searches: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'lan'],
      options: ['ndots:5'],
    });
    expect(podDns(testPod({ dnsPolicy: 'Default' }), cluster, node)).toEqual(node);
    expect(podDns(testPod({ hostNetwork: true, dnsPolicy: 'ClusterFirst' }), cluster, node)).toEqual(node);
    expect(podDns(testPod({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }), cluster, node).servers).toEqual(
      ['10.96.0.10'],
    );
    const own = testPod({
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['9.9.9.9'], searches: ['a.b'], options: [{ name: 'ndots', value: '2' }] },
    });
    expect(resolvConf(podDns(own, cluster, node))).toBe('search a.b\nnameserver 9.9.9.9\noptions ndots:2\n');
  });

  it('reads a resolv.conf', () => {
    expect(parseResolvConf('# c\nnameserver 1.1.1.1\nsearch a b .\noptions ndots:1\n')).toEqual({
      servers: ['1.1.1.1'],
      searches: ['a', 'b'],
      options: ['ndots:1'],
    });
  });
});
