import { describe, expect, it } from '@jest/globals';
import { buildRules } from './rules.ts';
import { diffRules, fullScript } from './ruleset.ts';
import type { ServicePortInfo } from './service-map.ts';

const options = { clusterId: 'ab12', clusterCidr: '10.244.0.0/16', podCidr: '10.244.0.0/24', bridge: 'nocher-ab12' };

function port(more: Partial<ServicePortInfo> = {}): ServicePortInfo {
  const endpoints = more.endpoints ?? [{ ip: '10.244.0.2', port: 8080, isLocal: true }];
  return {
    namespace: 'default',
    name: 'web',
    portName: '',
    protocol: 'tcp',
    clusterIp: '10.96.0.5',
    port: 80,
    nodePort: 0,
    externalIps: [],
    loadBalancerIps: [],
    sourceRanges: [],
    affinitySeconds: 0,
    isInternalLocal: false,
    isExternalLocal: false,
    healthCheckNodePort: 0,
    localEndpoints: endpoints,
    ...more,
    endpoints,
  };
}

const rules = (...ports: ServicePortInfo[]): ReturnType<typeof buildRules> => buildRules(ports, options);
const elements = (name: string, ...ports: ServicePortInfo[]): string[] =>
  [...rules(...ports).sets.get(name)!.elements!].map(
    ([key, value]) => `${key} : ${value.replace(/[0-9a-f]{16}/, '*')}`,
  );

describe('buildRules()', () => {
  it('leads a cluster IP to its endpoints, and refuses where there are none', () => {
    expect(elements('service-ips', port())).toEqual(['10.96.0.5 . tcp . 80 : goto cip-*']);
    expect(elements('no-endpoint-services', port())).toEqual([]);
    expect(elements('service-ips', port({ endpoints: [] }))).toEqual([]);
    expect(elements('no-endpoint-services', port({ endpoints: [] }))).toEqual([
      '10.96.0.5 . tcp . 80 : goto reject-chain',
    ]);
  });

  it('drops what must stay on a node that has no endpoint', () => {
    const elsewhere = port({ isInternalLocal: true, localEndpoints: [] });
    expect(elements('no-endpoint-services', elsewhere)).toEqual(['10.96.0.5 . tcp . 80 : drop']);
  });

  it('gives no external IP that another Service has as its cluster IP', () => {
    const thief = port({ namespace: 'aaa', name: 'thief', clusterIp: '10.96.0.9', externalIps: ['10.96.0.5'] });
    const owner = port();
    const alone = elements('service-ips', owner);
    expect(elements('service-ips', thief, owner)).toEqual(expect.arrayContaining(alone));
    expect(rules(thief, owner).sets.get('service-ips')!.elements!.get('10.96.0.5 . tcp . 80')).toBe(
      rules(owner).sets.get('service-ips')!.elements!.get('10.96.0.5 . tcp . 80'),
    );
    const unserved = port({ endpoints: [] });
    expect(elements('service-ips', thief, unserved)).toEqual(['10.96.0.9 . tcp . 80 : goto cip-*']);
  });

  it('puts node ports and external addresses behind a masquerade', () => {
    const info = port({ nodePort: 30080, externalIps: ['192.0.2.7'] });
    expect(elements('service-nodeports', info)).toEqual(['tcp . 30080 : goto ext-*']);
    expect(elements('service-ips', info)).toContain('192.0.2.7 . tcp . 80 : goto ext-*');
    const external = [...rules(info).chains].find(([name]) => name.startsWith('ext-'))!;
    expect(external[1].rules[0]).toBe('jump to-masquerade');
  });
});

describe('diffRules()', () => {
  it('is empty for equal tables', () => {
    expect(diffRules(rules(port()), rules(port()))).toBe('');
  });

  it('touches only what changed', () => {
    const other = port({ name: 'other', clusterIp: '10.96.0.6' });
    const before = rules(port(), other);
    const after = rules(
      port({ endpoints: [...port().endpoints, { ip: '10.244.0.3', port: 8080, isLocal: true }] }),
      other,
    );
    const lines = diffRules(before, after)
      .trim()
      .split('\n')
      .map((line) => line.replace(/[0-9a-f]{16}/g, '*'));
    expect(lines).toEqual([
      'add chain ip nocher-ab12 ep-*',
      'add rule ip nocher-ab12 ep-* ip saddr 10.244.0.3 jump to-masquerade',
      'add rule ip nocher-ab12 ep-* meta l4proto tcp dnat to 10.244.0.3:8080',
      'flush chain ip nocher-ab12 svc-*',
      'add rule ip nocher-ab12 svc-* numgen random mod 2 vmap { 0 : goto ep-*, 1 : goto ep-* }',
    ]);
  });

  it('takes elements away before the chains that they lead to', () => {
    const lines = diffRules(rules(port()), rules()).trim().split('\n');
    expect(lines[0]).toContain('delete element ip nocher-ab12 cluster-ips');
    expect(lines[1]).toContain('delete element ip nocher-ab12 service-ips');
    expect(lines.slice(-3).every((line) => line.startsWith('delete chain'))).toBe(true);
  });

  it('starts from nothing in the full script', () => {
    expect(fullScript(rules()).split('\n').slice(0, 3)).toEqual([
      'add table ip nocher-ab12',
      'delete table ip nocher-ab12',
      'add table ip nocher-ab12',
    ]);
  });
});
