import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Service } from '../../../api/core/v1/service.ts';
import type { Lister } from '../../../api/machinery/handler.ts';
import type { WriteContext, WriteHook } from '../store.ts';
import { serviceAllocationHook } from './service-allocation.ts';
import { ownedIps, ownedNodePorts } from './service-ranges.ts';

const context = {} as WriteContext;
let serial = 0;

function service(name: string, spec: Service['spec']): Service {
  const ports = [{ port: 80, protocol: 'TCP' }];
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', uid: `uid-${++serial}` },
    spec: { type: 'ClusterIP', ports, ...spec },
  } as Service;
}

/** Stores what the hook lets pass, as the Store does. */
class Server {
  readonly objects = new Map<string, Service>();
  readonly hook: WriteHook;

  constructor(options: { serviceCidr?: string; nodePortRange?: { first: number; last: number } } = {}, float = 0.5) {
    const lister: Lister<Service> = {
      get: (_, name) => this.objects.get(name),
      list: () => [...this.objects.values()],
    };
    this.hook = serviceAllocationHook({
      lister,
      serviceCidr: '10.96.0.0/16',
      ...options,
      random: { float: () => float, uuid: () => '', bytes: () => new Uint8Array() },
    });
  }

  create(object: Service): Service {
    void this.hook.beforeCreate!(object, context);
    this.objects.set(object.metadata.name!, object);
    return object;
  }

  update(name: string, change: (spec: NonNullable<Service['spec']>) => void): Service {
    const previous = this.objects.get(name)!;
    const next = structuredClone(previous);
    change(next.spec!);
    void this.hook.beforeUpdate!(next, previous, context);
    this.objects.set(name, next);
    return next;
  }

  delete(name: string): void {
    const object = this.objects.get(name)!;
    this.objects.delete(name);
    void this.hook.afterDelete!(object);
  }
}

describe('serviceAllocationHook() on create', () => {
  it('gives an address from the upper band, and the families', () => {
    const { spec } = new Server({}, 0).create(service('a', {}));
    expect(spec).toMatchObject({
      clusterIP: '10.96.1.1',
      clusterIPs: ['10.96.1.1'],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
    });
  });

  it('gives none to headless and ExternalName services', () => {
    const server = new Server();
    expect(
      server.create(service('a', { clusterIP: 'None', clusterIPs: ['None'], selector: { a: 'b' } })).spec,
    ).toMatchObject({
      clusterIP: 'None',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
    });
    expect(server.create(service('b', { clusterIP: 'None', clusterIPs: ['None'] })).spec).toMatchObject({
      ipFamilies: ['IPv4', 'IPv6'],
      ipFamilyPolicy: 'RequireDualStack',
    });
    const external = server.create(service('c', { type: 'ExternalName', externalName: 'example.com' }));
    expect(external.spec?.clusterIP).toBeUndefined();
    expect(external.spec?.ipFamilies).toBeUndefined();
  });

  it('honours an address that was asked for, and refuses it a second time', () => {
    const server = new Server();
    server.create(service('a', { clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5'] }));
    expect(() => server.create(service('b', { clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5'] }))).toThrow(
      'Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.5"]: failed to allocate IP 10.96.0.5: provided IP is already allocated',
    );
  });

  it.each(['10.97.0.1', '10.96.0.0', '10.96.255.255'])('refuses %s, which is not in the range', (ip) => {
    expect(() => new Server().create(service('a', { clusterIP: ip, clusterIPs: [ip] }))).toThrow(
      `failed to allocate IP ${ip}: the provided network does not match the current range`,
    );
  });

  it('refuses what a single-stack cluster lacks', () => {
    const server = new Server();
    expect(() => server.create(service('a', { ipFamilyPolicy: 'RequireDualStack' }))).toThrow(
      'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
    );
    expect(() => server.create(service('a', { ipFamilies: ['IPv6'] }))).toThrow(
      'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
    );
    expect(server.create(service('a', { ipFamilyPolicy: 'PreferDualStack' })).spec?.ipFamilies).toEqual(['IPv4']);
  });

  it('never chooses the addresses of the API server and of DNS', () => {
    const server = new Server({ serviceCidr: '10.0.0.0/28' }, 0);
    for (let i = 0; i < 12; i++) server.create(service(`s${i}`, {}));
    const given = [...server.objects.values()].map(({ spec }) => spec!.clusterIP);
    expect(given).not.toContain('10.0.0.1');
    expect(given).not.toContain('10.0.0.10');
    expect(() => server.create(service('full', {}))).toThrow('failed to allocate a serviceIP: range is full');
    expect(server.create(service('dns', { clusterIP: '10.0.0.10', clusterIPs: ['10.0.0.10'] })).spec?.clusterIP).toBe(
      '10.0.0.10',
    );
  });

  it('gives node ports from the upper band, one to a port under two protocols', () => {
    const ports = [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'dns-tcp', port: 53, protocol: 'TCP' },
      { name: 'http', port: 80, protocol: 'TCP', nodePort: 30080 },
    ];
    const { spec } = new Server({}, 0).create(service('a', { type: 'NodePort', ports }));
    expect(spec!.ports!.map(({ nodePort }) => nodePort)).toEqual([30086, 30086, 30080]);
  });

  it('refuses a node port that is taken or outside of the range, and takes nothing', () => {
    const server = new Server();
    const ports = (nodePort: number): NonNullable<NonNullable<Service['spec']>['ports']> => [
      { port: 80, protocol: 'TCP', nodePort },
    ];
    server.create(service('a', { type: 'NodePort', ports: ports(30080) }));
    const clusterIP = '10.96.0.7';
    expect(() =>
      server.create(service('b', { type: 'NodePort', clusterIP, clusterIPs: [clusterIP], ports: ports(30080) })),
    ).toThrow(
      'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated',
    );
    expect(() => server.create(service('b', { type: 'NodePort', ports: ports(80) }))).toThrow(
      'spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
    );
    server.create(service('c', { clusterIP, clusterIPs: [clusterIP] }));
  });

  it('allocates a health check port for local load balancers, and no node ports when told so', () => {
    const ports = [{ port: 80, protocol: 'TCP' }];
    const spec = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', allocateLoadBalancerNodePorts: false, ports };
    const created = new Server({}, 0).create(service('a', spec));
    expect(created.spec?.healthCheckNodePort).toBe(30086);
    expect(created.spec?.ports?.[0]?.nodePort).toBeUndefined();
  });
});

describe('serviceAllocationHook() on update', () => {
  it('allocates when ExternalName becomes ClusterIP, and gives up the other way round', () => {
    const server = new Server();
    server.create(service('a', { type: 'ExternalName', externalName: 'x.example' }));
    const ip = server.update('a', (spec) => (spec.type = 'NodePort')).spec!.clusterIP!;
    expect(ip).toMatch(/^10\.96\./);
    const nodePort = server.objects.get('a')!.spec!.ports![0]!.nodePort;
    server.update('a', (spec) => {
      spec.type = 'ExternalName';
      delete spec.clusterIP;
      delete spec.clusterIPs;
    });
    server.create(
      service('b', { type: 'NodePort', clusterIP: ip, clusterIPs: [ip], ports: [{ port: 1, nodePort: nodePort! }] }),
    );
  });

  it('keeps what the service has, and takes what is new', () => {
    const server = new Server();
    const before = structuredClone(server.create(service('a', { type: 'NodePort' })));
    const after = server.update('a', (spec) => spec.ports!.push({ name: 'b', port: 81, protocol: 'TCP' }));
    expect(after.spec!.clusterIP).toBe(before.spec!.clusterIP);
    expect(after.spec!.ports![0]).toEqual(before.spec!.ports![0]);
    expect(after.spec!.ports![1]!.nodePort).toBeGreaterThan(30000);
  });

  it('keeps a port that is given up taken until the write shows', () => {
    const server = new Server();
    server.create(service('a', { type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] }));
    const previous = server.objects.get('a')!;
    const next = structuredClone(previous);
    next.spec!.type = 'ClusterIP';
    delete next.spec!.ports![0]!.nodePort;
    const undo = server.hook.beforeUpdate!(next, previous, context) as () => void;
    const rival = (name: string): Service =>
      service(name, { type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] });
    expect(() => server.create(rival('b'))).toThrow('provided port is already allocated');
    undo();
    expect(() => server.create(rival('b'))).toThrow('provided port is already allocated');
    void server.hook.beforeUpdate!(next, previous, context);
    server.objects.set('a', next);
    server.create(rival('b'));
    expect(() => server.create(rival('c'))).toThrow('provided port is already allocated');
  });
});

describe('serviceAllocationHook() over time', () => {
  it('knows what was allocated before it started', () => {
    const first = new Server();
    const { spec } = first.create(service('a', { type: 'NodePort' }));
    const second = new Server();
    for (const [name, object] of first.objects) second.objects.set(name, object);
    const { clusterIP, clusterIPs } = spec!;
    expect(() => second.create(service('b', { clusterIP: clusterIP!, clusterIPs: clusterIPs! }))).toThrow(
      'already allocated',
    );
  });

  it('never gives one value to two services, and leaks none', () => {
    const command = fc.record({
      verb: fc.constantFrom('create', 'create-and-fail', 'update', 'update-and-fail', 'delete', 'commit'),
      name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      type: fc.constantFrom('ClusterIP', 'NodePort', 'ExternalName'),
      ip: fc.constantFrom(undefined, '10.0.0.2', '10.0.0.3'),
      nodePort: fc.constantFrom(undefined, 30001, 30002),
    });
    fc.assert(fc.property(fc.array(command, { maxLength: 60 }), runHistory), { numRuns: 300 });
  });
});

interface Command {
  verb: string;
  name: string;
  type: string;
  ip: string | undefined;
  nodePort: number | undefined;
}

/** Writes stay under way until a `commit`, so that they overlap. */
function runHistory(commands: readonly Command[]): void {
  const server = new Server({ serviceCidr: '10.0.0.0/28', nodePortRange: { first: 30000, last: 30015 } }, 0.3);
  const pending: { next: Service; previous: Service | undefined; undo: () => void; fails: boolean }[] = [];
  const commit = (): void => {
    for (const { next, previous, undo, fails } of pending.splice(0)) {
      const name = next.metadata.name!;
      if (fails || server.objects.get(name) !== previous) undo();
      else server.objects.set(name, next);
      checkUnique(server);
    }
  };
  for (const command of commands) {
    if (command.verb === 'commit') commit();
    else if (command.verb === 'delete') {
      if (server.objects.has(command.name)) server.delete(command.name);
    } else startWrite(server, command, pending);
  }
  commit();
  for (const name of [...server.objects.keys()]) server.delete(name);
  // Nothing is left: all 12 addresses that may be chosen can be had.
  for (let i = 0; i < 12; i++) server.create(service(`fresh${i}`, { type: 'NodePort' }));
}

function startWrite(server: Server, command: Command, pending: { push(write: never): void }): void {
  const { verb, name, type, ip, nodePort } = command;
  const previous = server.objects.get(name);
  const isCreate = verb.startsWith('create');
  if (isCreate ? previous !== undefined : previous === undefined) return;
  const next = isCreate ? service(name, {}) : structuredClone(previous!);
  const wasExternal = next.spec!.type === 'ExternalName';
  next.spec!.type = type;
  if ((isCreate || wasExternal) && type !== 'ExternalName' && ip !== undefined)
    Object.assign(next.spec!, { clusterIP: ip, clusterIPs: [ip] });
  if (type === 'ExternalName') {
    delete next.spec!.clusterIP;
    delete next.spec!.clusterIPs;
  }
  next.spec!.ports = [
    { port: 80, protocol: 'TCP', ...(type === 'NodePort' && nodePort !== undefined ? { nodePort } : {}) },
  ];
  try {
    const undo = isCreate
      ? server.hook.beforeCreate!(next, context)
      : server.hook.beforeUpdate!(next, previous!, context);
    pending.push({ next, previous, undo, fails: verb.endsWith('fail') } as never);
  } catch (error) {
    expect(String(error)).toMatch(/already allocated|range is full/);
  }
}

function checkUnique(server: Server): void {
  const all = [...server.objects.values()];
  const ips = all.flatMap(ownedIps);
  const ports = all.flatMap(ownedNodePorts);
  expect(new Set(ips).size).toBe(ips.length);
  expect(new Set(ports).size).toBe(ports.length);
}
