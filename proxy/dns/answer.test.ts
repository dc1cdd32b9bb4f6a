import { describe, expect, it } from '@jest/globals';
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpoint-slice.ts';
import { answerQuestion } from './answer.ts';
import { ClusterZone } from './zone.ts';

function service(name: string, spec: Service['spec']): [string, Service] {
  return [
    `default/${name}`,
    { apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'default', name }, spec } as Service,
  ];
}

type Endpoints = EndpointSlice['endpoints'];

function slice(serviceName: string, more: Partial<EndpointSlice>, endpoints: Endpoints): EndpointSlice {
  const { addressType = 'IPv4' } = more;
  const labels = { 'kubernetes.io/service-name': serviceName };
  const metadata = { name: `${serviceName}-${addressType}`, namespace: 'default', labels };
  return { metadata, addressType, endpoints, ...more } as EndpointSlice;
}

function setSlice(zone: ClusterZone, ...[name, more, endpoints]: Parameters<typeof slice>): void {
  zone.setSlice(`default/${name}-${more.addressType ?? 'IPv4'}`, slice(name, more, endpoints), false);
}

function zoneOf(): ClusterZone {
  const zone = new ClusterZone('cluster.local');
  const ports = [
    { name: 'http', port: 80, protocol: 'TCP' },
    { name: 'dns', port: 53, protocol: 'UDP' },
  ];
  zone.setService(...service('web', { type: 'ClusterIP', clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5'], ports }));
  zone.setService(...service('db', { type: 'ClusterIP', clusterIP: 'None', clusterIPs: ['None'], ports }));
  zone.setService(...service('empty', { type: 'ClusterIP', clusterIP: 'None', clusterIPs: ['None'], ports }));
  const both = ['UDP', 'TCP'].map((protocol) => ({ name: protocol.toLowerCase(), port: 53, protocol }));
  zone.setService(...service('both', { clusterIP: '10.96.0.6', ports: both }));
  zone.setService(...service('away', { type: 'ExternalName', externalName: 'Example.COM.' }));
  zone.setService(...service('portless', { clusterIP: 'None' }));
  zone.setService(...service('dual', { clusterIP: 'None' }));
  const http = [{ name: 'http', port: 8080, protocol: 'TCP' }];
  setSlice(zone, 'db', { ports: http }, [
    { addresses: ['10.244.0.2'], hostname: 'db-0', conditions: { ready: true } },
    { addresses: ['10.244.0.3'], conditions: {} },
    { addresses: ['10.244.0.4'], hostname: 'db-2', conditions: { ready: false } },
  ]);
  setSlice(zone, 'web', { ports: http }, [
    { addresses: ['10.244.0.20'], hostname: 'Web-0' },
    { addresses: ['10.244.0.21'] },
    { addresses: ['10.244.0.22'], hostname: 'web-2', conditions: { ready: false } },
  ]);
  setSlice(zone, 'away', { ports: http }, [{ addresses: ['10.244.0.30'], hostname: 'away-0' }]);
  setSlice(zone, 'portless', {}, [{ addresses: ['10.244.0.9'] }]);
  setSlice(zone, 'dual', { ports: http }, [{ addresses: ['10.244.0.10'], hostname: 'a' }]);
  setSlice(zone, 'dual', { ports: http, addressType: 'IPv6' }, [{ addresses: ['fd00::a'], hostname: 'a' }]);
  return zone;
}

/** `CODE answer answer +additional`, shortened. */
function ask(name: string, type = 'A', zone = zoneOf()): string {
  const answer = answerQuestion({ name, type }, zone);
  if (answer.type === 'forward') return 'forward';
  const text = (data: unknown): string => (typeof data === 'string' ? data : Object.values(data as object).join(' '));
  const answers = answer.answers.map((record) => `${record.type} ${text(record.data)}`);
  const additionals = answer.additionals.map((record) => `+${record.name} ${text(record.data)}`);
  const authorities = answer.authorities.map((record) => record.type);
  const follow = answer.follow === undefined ? [] : [`follow ${answer.follow}`];
  return [answer.code, ...answers, ...additionals, ...authorities, ...follow].join('; ');
}

const suffix = 'default.svc.cluster.local';

describe('answerQuestion() [N7]', () => {
  it.each([
    [`web.${suffix}`, 'A', 'NOERROR; A 10.96.0.5'],
    [`WEB.${suffix.toUpperCase()}.`, 'A', 'NOERROR; A 10.96.0.5'],
    [`web.${suffix}`, 'AAAA', 'NOERROR; SOA'],
    [`web.${suffix}`, 'ANY', 'NOERROR; A 10.96.0.5'],
    [`x.web.${suffix}`, 'A', 'NXDOMAIN; SOA'],
    [`nothing.${suffix}`, 'A', 'NXDOMAIN; SOA'],
    ['web.other.svc.cluster.local', 'A', 'NXDOMAIN; SOA'],
    [suffix, 'A', 'NOERROR; SOA'],
    ['other.svc.cluster.local', 'A', 'NXDOMAIN; SOA'],
    ['svc.cluster.local', 'A', 'NOERROR; SOA'],
    [`_http._tcp.web.${suffix}`, 'SRV', `NOERROR; SRV 0 100 80 web.${suffix}; +web.${suffix} 10.96.0.5`],
    [`_dns._udp.web.${suffix}`, 'SRV', `NOERROR; SRV 0 100 53 web.${suffix}; +web.${suffix} 10.96.0.5`],
    [`_dns._tcp.web.${suffix}`, 'SRV', 'NXDOMAIN; SOA'],
    [`_tcp.web.${suffix}`, 'A', 'NOERROR; SOA'],
    [`db.${suffix}`, 'A', 'NOERROR; A 10.244.0.2; A 10.244.0.3'],
    [`web-0.web.${suffix}`, 'A', 'NOERROR; A 10.244.0.20'],
    [`web-0.web.${suffix}`, 'SRV', `NOERROR; SRV 0 100 8080 web-0.web.${suffix}; +web-0.web.${suffix} 10.244.0.20`],
    [`10-244-0-21.web.${suffix}`, 'A', 'NOERROR; A 10.244.0.21'],
    [`web-2.web.${suffix}`, 'A', 'NXDOMAIN; SOA'],
    [`away-0.away.${suffix}`, 'A', 'NXDOMAIN; SOA'],
    [`db-0.db.${suffix}`, 'A', 'NOERROR; A 10.244.0.2'],
    [`10-244-0-3.db.${suffix}`, 'A', 'NOERROR; A 10.244.0.3'],
    [`db-2.db.${suffix}`, 'A', 'NXDOMAIN; SOA'],
    [
      `_http._tcp.db.${suffix}`,
      'SRV',
      `NOERROR; SRV 0 50 8080 db-0.db.${suffix}; SRV 0 50 8080 10-244-0-3.db.${suffix}; ` +
        `+db-0.db.${suffix} 10.244.0.2; +10-244-0-3.db.${suffix} 10.244.0.3`,
    ],
    [
      `db.${suffix}`,
      'SRV',
      `NOERROR; SRV 0 50 8080 db-0.db.${suffix}; SRV 0 50 8080 10-244-0-3.db.${suffix}; ` +
        `+db-0.db.${suffix} 10.244.0.2; +10-244-0-3.db.${suffix} 10.244.0.3`,
    ],
    [`db-0.db.${suffix}`, 'SRV', `NOERROR; SRV 0 100 8080 db-0.db.${suffix}; +db-0.db.${suffix} 10.244.0.2`],
    [`web.${suffix}`, 'SRV', `NOERROR; SRV 0 50 80 web.${suffix}; SRV 0 50 53 web.${suffix}; +web.${suffix} 10.96.0.5`],
    [`both.${suffix}`, 'SRV', `NOERROR; SRV 0 50 53 both.${suffix}; +both.${suffix} 10.96.0.6`],
    [
      `dual.${suffix}`,
      'SRV',
      `NOERROR; SRV 0 50 8080 a.dual.${suffix}; +a.dual.${suffix} 10.244.0.10; +a.dual.${suffix} fd00::a`,
    ],
    [`portless.${suffix}`, 'SRV', 'NOERROR; SOA'],
    [`empty.${suffix}`, 'A', 'NXDOMAIN; SOA'],
    [`empty.${suffix}`, 'SRV', 'NXDOMAIN; SOA'],
    [`db.${suffix}`, 'AAAA', 'NOERROR; SOA'],
    [`away.${suffix}`, 'A', 'NOERROR; CNAME example.com; follow example.com'],
    [`away.${suffix}`, 'CNAME', 'NOERROR; CNAME example.com'],
    ['10-244-0-9.default.pod.cluster.local', 'A', 'NOERROR; A 10.244.0.9'],
    ['10-244-0-999.default.pod.cluster.local', 'A', 'NXDOMAIN; SOA'],
    ['5.0.96.10.in-addr.arpa', 'PTR', `NOERROR; PTR web.${suffix}`],
    ['2.0.244.10.in-addr.arpa', 'PTR', `NOERROR; PTR db-0.db.${suffix}`],
    ['20.0.244.10.in-addr.arpa', 'PTR', `NOERROR; PTR web-0.web.${suffix}`],
    ['21.0.244.10.in-addr.arpa', 'PTR', `NOERROR; PTR 10-244-0-21.web.${suffix}`],
    ['22.0.244.10.in-addr.arpa', 'PTR', 'forward'],
    ['30.0.244.10.in-addr.arpa', 'PTR', 'forward'],
    ['8.8.8.8.in-addr.arpa', 'PTR', 'forward'],
    ['dns-version.cluster.local', 'TXT', 'NOERROR; TXT 1.1.0'],
    ['cluster.local', 'SOA', 'NOERROR; SOA ns.dns.cluster.local hostmaster.cluster.local 14 7200 1800 86400 5'],
    ['cluster.local', 'NS', 'NOERROR; NS ns.dns.cluster.local'],
    ['example.com', 'A', 'forward'],
    ['notcluster.local', 'A', 'forward'],
    ['constructor.__proto__.svc.cluster.local', 'A', 'NXDOMAIN; SOA'],
  ])('%s %s', (name, type, expected) => {
    expect(ask(name, type)).toBe(expected);
  });
});

describe('ClusterZone', () => {
  it('forgets what is gone', () => {
    const zone = zoneOf();
    expect(ask('5.0.96.10.in-addr.arpa', 'PTR', zone)).toContain('PTR');
    zone.setService('default/web', undefined);
    expect(ask(`web.${suffix}`, 'A', zone)).toBe('NXDOMAIN; SOA');
    expect(ask('5.0.96.10.in-addr.arpa', 'PTR', zone)).toBe('forward');
    for (const name of ['db', 'empty', 'away', 'both', 'portless', 'dual'])
      zone.setService(`default/${name}`, undefined);
    expect(ask(suffix, 'A', zone)).toBe('NXDOMAIN; SOA');
  });

  it('names an address as its Services and their endpoints come and go', () => {
    const zone = zoneOf();
    const names = (ip: string): string => zone.namesOf(ip).join(' ');
    setSlice(zone, 'db', {}, [{ addresses: ['10.244.0.20'] }, { addresses: ['10.96.0.5'] }]);
    expect(names('10.244.0.20')).toBe(`web-0.web.${suffix} 10-244-0-20.db.${suffix}`);
    expect(names('10.244.0.2')).toBe('');
    // An address of a Service is nothing else.
    expect(names('10.96.0.5')).toBe(`web.${suffix}`);
    zone.setService(...service('web', { clusterIP: '10.96.0.9' }));
    expect(names('10.96.0.5')).toBe(`10-96-0-5.db.${suffix}`);
    expect(names('10.96.0.9')).toBe(`web.${suffix}`);
    zone.setSlice('default/web-IPv4', slice('web', {}, []), true);
    expect(names('10.244.0.20')).toBe(`10-244-0-20.db.${suffix}`);
    zone.setService('default/db', undefined);
    expect(names('10.244.0.20')).toBe('');
  });
});
