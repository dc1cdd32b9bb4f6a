import { describe, expect, it } from '@jest/globals';
import type { ContainerConfig, PodSandboxConfig } from '../runtime.ts';
import type { ClusterNames } from './convert.ts';
import { cgroupParent, containerMessage, containerOf, sandboxMessage, sandboxOf } from './convert.ts';
import type { ContainerStatus, SandboxStatus } from './messages.ts';

const names: ClusterNames = {
  clusterId: '0123abcd',
  isSystemd: false,
  isUnified: false,
  seccompFolder: '/data/seccomp',
};

const sandbox: PodSandboxConfig = {
  metadata: { name: 'web', namespace: 'default', uid: 'u-1', attempt: 2 },
  hostname: 'web',
  logDirectory: '/logs/web',
  portMappings: [{ protocol: 'TCP', containerPort: 80, hostPort: 8080, hostIP: '' }],
  labels: { app: 'web' },
  annotations: { note: 'kept' },
  linux: { cgroupParent: 'burstable/podu-1', sysctls: {}, network: 'pod', pid: 'container', ipc: 'pod' },
};

const container: ContainerConfig = {
  metadata: { name: 'main', attempt: 1 },
  userSpecifiedImage: 'nginx',
  imageId: 'sha256:1',
  command: [],
  args: [],
  workingDir: '',
  envs: [],
  mounts: [],
  labels: {},
  annotations: {},
  logPath: 'main/1.log',
  stdin: false,
  stdinOnce: false,
  tty: false,
  linux: {
    resources: {},
    security: {
      supplementalGroups: [],
      supplementalGroupsPolicy: 'Merge',
      privileged: false,
      readOnlyRootfs: false,
      noNewPrivs: true,
      addCapabilities: [],
      dropCapabilities: [],
      seccomp: { type: 'RuntimeDefault' },
      maskedPaths: [],
      readOnlyPaths: [],
    },
  },
};

type Security = Partial<ContainerConfig['linux']['security']>;

function securityOf(security: Security): unknown {
  const config = {
    ...container,
    linux: { ...container.linux, security: { ...container.linux.security, ...security } },
  };
  const message = containerMessage(config, { sandbox, names, mounts: [] }) as { linux: { securityContext: unknown } };
  return message.linux.securityContext;
}

describe('sandboxMessage()', () => {
  it('bears the cluster’s label, names the cgroup, and leaves host ports to the proxy', () => {
    const message = sandboxMessage(sandbox, names);
    expect(message).toMatchObject({
      metadata: sandbox.metadata,
      hostname: 'web',
      labels: { app: 'web', 'nocher.io/cluster': '0123abcd' },
      linux: {
        cgroupParent: '/nocher-0123abcd/burstable/podu-1',
        securityContext: { namespaceOptions: { network: 'POD', pid: 'CONTAINER', ipc: 'POD' }, privileged: false },
      },
    });
    expect(message).not.toHaveProperty('portMappings');
  });

  it('has no hostname of its own on the node’s network, and may hold privileged containers when asked to', () => {
    const linux = { ...sandbox.linux, network: 'node' as const, privileged: true };
    expect(sandboxMessage({ ...sandbox, linux }, names)).toMatchObject({
      hostname: '',
      linux: { securityContext: { privileged: true, namespaceOptions: { network: 'NODE' } } },
    });
  });
});

describe('cgroupParent()', () => {
  it('is a slice where systemd has the cgroups', () => {
    expect(cgroupParent('burstable/pod12-34', { ...names, isSystemd: true })).toBe(
      'nocher-0123abcd-burstable-pod12_34.slice',
    );
  });
});

describe('containerMessage()', () => {
  it.each<[string, Security, object]>([
    ['a user by number', { runAsUser: 7 }, { runAsUser: { value: 7 } }],
    ['a user by name', { runAsUsername: 'www' }, { runAsUsername: 'www' }],
    [
      'a group of root, since none comes alone',
      { runAsGroup: 5 },
      { runAsUser: { value: 0 }, runAsGroup: { value: 5 } },
    ],
    ['its policy for groups', { supplementalGroupsPolicy: 'Strict' }, { supplementalGroupsPolicy: 'Strict' }],
    [
      'a profile of the node’s',
      { seccomp: { type: 'Localhost', localhostPath: 'profiles/audit.json' } },
      { seccomp: { profileType: 'Localhost', localhostRef: '/data/seccomp/profiles/audit.json' } },
    ],
  ])('has %s', (_title, security, expected) => {
    expect(securityOf(security)).toMatchObject(expected);
  });

  it('ends as a whole when memory runs out, where cgroups can do that', () => {
    const unifiedOf = (isUnified: boolean): unknown => {
      const given = { sandbox, names: { ...names, isUnified }, mounts: [] };
      return (containerMessage(container, given) as { linux: { resources: { unified: object } } }).linux.resources
        .unified;
    };
    expect(unifiedOf(true)).toEqual({ 'memory.oom.group': '1' });
    expect(unifiedOf(false)).toEqual({});
    expect(sandboxMessage(sandbox, { ...names, isUnified: true })).not.toHaveProperty('linux.resources.unified');
  });

  it('says nothing of a user where nobody named one', () => {
    expect(securityOf({})).not.toHaveProperty('runAsUser');
    expect(securityOf({})).not.toHaveProperty('runAsUsername');
  });
});

describe('containerOf()', () => {
  const status: ContainerStatus = {
    id: 'c1',
    metadata: { name: 'main', attempt: 1 },
    state: 'CONTAINER_EXITED',
    createdAt: 1_700_000_000_123_000_000,
    startedAt: 1_700_000_001_000_000_000,
    finishedAt: 1_700_000_002_000_000_000,
    exitCode: 137,
    image: { image: 'docker.io/library/nginx:other' },
    imageRef: 'docker.io/library/nginx@sha256:2',
    imageId: '',
    reason: 'OOMKilled',
    message: '',
    labels: { app: 'web', 'nocher.io/cluster': '0123abcd' },
    annotations: { note: 'kept', 'nocher.io/user-specified-image': 'nginx', 'nocher.io/image-id': 'sha256:1' },
    logPath: '/logs/web/main/1.log',
  };

  it('has what its author wrote, and none of our own marks', () => {
    expect(containerOf(status, 's1')).toMatchObject({
      podSandboxId: 's1',
      state: 'exited',
      userSpecifiedImage: 'nginx',
      imageId: 'sha256:1',
      createdAtMs: 1_700_000_000_123,
      exitCode: 137,
      signal: 0,
      reason: 'OOMKilled',
    });
    expect(containerOf(status, 's1')).toMatchObject({ labels: { app: 'web' }, annotations: { note: 'kept' } });
    expect(Object.keys(containerOf(status, 's1').annotations)).toEqual(['note']);
  });
});

describe('sandboxOf()', () => {
  it('has the addresses of its network, none on the node’s', () => {
    const status: SandboxStatus = {
      id: 's1',
      metadata: sandbox.metadata,
      state: 'SANDBOX_READY',
      createdAt: 1_700_000_000_000_000_000,
      network: { ip: '10.244.0.5', additionalIps: [{ ip: 'fd00::5' }] },
      labels: {},
      annotations: {},
    };
    expect(sandboxOf(status)).toMatchObject({ state: 'ready', ips: ['10.244.0.5', 'fd00::5'] });
    expect(sandboxOf({ ...status, network: { ip: '', additionalIps: [] } }).ips).toEqual([]);
  });
});
