/**
 * Answers questions about cluster names (Kubernetes' DNS specification 1.1; where it is silent, as CoreDNS's
 * `kubernetes` plugin does). Pure.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { formatIp, parseIp } from '../../api/machinery/validation-ip.ts';
import type { NamedPort, ServiceEndpoint, Zone } from './zone.ts';

export interface DnsQuestion {
  name: string;
  /** `A`, `AAAA`, `SRV`, `PTR`, … */
  type: string;
}

/** A resource record as `dns-packet` encodes it, without class and time to live. */
export type DnsRecord =
  | { type: 'A' | 'AAAA' | 'CNAME' | 'PTR' | 'NS'; name: string; data: string }
  | { type: 'TXT'; name: string; data: string }
  | { type: 'SRV'; name: string; data: { priority: number; weight: number; port: number; target: string } }
  | { type: 'SOA'; name: string; data: SoaFields };

export interface SoaFields {
  mname: string;
  rname: string;
  serial: number;
  refresh: number;
  retry: number;
  expire: number;
  minimum: number;
}

export type Answer =
  /** No name of the cluster: somebody else knows. */
  | { type: 'forward' }
  | {
      type: 'answer';
      code: 'NOERROR' | 'NXDOMAIN';
      answers: readonly DnsRecord[];
      authorities: readonly DnsRecord[];
      additionals: readonly DnsRecord[];
      /** A name whose addresses complete the answer; it may be outside of the cluster. */
      follow?: string;
    };

/** Seconds that answers of the cluster, also negative ones, may be kept. */
export const RECORD_TTL_SECONDS = 5;
const VERSION = '1.1.0';

export function answerQuestion({ name, type }: DnsQuestion, zone: Zone): Answer {
  const asked = name.replace(/\.$/, '');
  const lower = asked.toLowerCase();
  if (lower.endsWith('.in-addr.arpa') || lower.endsWith('.ip6.arpa')) return answerReverse(asked, type, zone);
  if (lower !== zone.domain && !lower.endsWith(`.${zone.domain}`)) return { type: 'forward' };
  const labels = lower === zone.domain ? [] : lower.slice(0, -zone.domain.length - 1).split('.');
  return new Responder({ name: asked, type }, zone).answer(labels);
}

class Responder {
  readonly #question: DnsQuestion;
  readonly #zone: Zone;

  constructor(question: DnsQuestion, zone: Zone) {
    this.#question = question;
    this.#zone = zone;
  }

  /** `labels`: what stands before the cluster's domain. */
  answer(labels: readonly string[]): Answer {
    const [last, ...rest] = labels.toReversed();
    switch (last) {
      case undefined:
        return this.#apex();
      case 'svc':
        return this.#inServices(rest);
      case 'pod':
        return this.#inPods(rest);
      case 'dns-version':
        return rest.length === 0
          ? this.#found([{ type: 'TXT', name: this.#question.name, data: VERSION }])
          : this.#missing();
      case 'dns':
        return rest.length === 0 || (rest.length === 1 && rest[0] === 'ns') ? this.#found([]) : this.#missing();
      default:
        return this.#missing();
    }
  }

  #apex(): Answer {
    const { type, name } = this.#question;
    if (type === 'SOA') return this.#found([soaOf(this.#zone)]);
    if (type === 'NS') return this.#found([{ type: 'NS', name, data: `ns.dns.${this.#zone.domain}` }]);
    return this.#found([]);
  }

  /** `rest` from the right: namespace, Service, then an endpoint's hostname or protocol and port. */
  #inServices([namespace, name, ...below]: readonly string[]): Answer {
    if (namespace === undefined) return this.#found([]);
    if (name === undefined) return this.#zone.hasNamespace(namespace) ? this.#found([]) : this.#missing();
    const records = this.#zone.service(namespace, name);
    if (records === undefined) return this.#missing();
    if (records.type === 'externalName') return below.length === 0 ? this.#alias(records.target) : this.#missing();
    const [first, second, ...tooMany] = below;
    if (tooMany.length > 0) return this.#missing();
    const full = this.#question.name.split('.').slice(below.length).join('.');
    const targets = (): Target[] =>
      records.type === 'clusterIp'
        ? [{ target: full, ...records }]
        : endpointTargets(this.#zone.endpoints(namespace, name), full);
    if (first === undefined) return this.#targets(targets());
    if (first.startsWith('_')) return this.#ports(targets(), { protocol: first, portName: second });
    if (second !== undefined) return this.#missing();
    const named = this.#zone.endpoints(namespace, name).filter(({ hostname }) => hostname === first);
    return this.#targets(endpointTargets(named, full));
  }

  /** `10-244-0-5.default.pod` is that address, whether or not there is such a pod. */
  #inPods([namespace, dashes, ...tooMany]: readonly string[]): Answer {
    if (namespace === undefined || dashes === undefined) return this.#found([]);
    const ip = undash(dashes);
    return ip === undefined || tooMany.length > 0 ? this.#missing() : this.#addresses([ip]);
  }

  #ports(
    targets: readonly Target[],
    { protocol, portName }: { protocol: string; portName: string | undefined },
  ): Answer {
    const matches = (port: NamedPort): boolean =>
      `_${port.protocol}` === protocol &&
      (portName === undefined || (port.name !== '' && `_${port.name}` === portName));
    const matching = targets.map((target) => ({ ...target, ports: target.ports.filter(matches) }));
    if (matching.every(({ ports }) => ports.length === 0)) return this.#missing();
    return portName === undefined || this.#question.type !== 'SRV' ? this.#found([]) : this.#locations(matching);
  }

  /** A name without port and protocol stands for all of them. A headless Service is not there without an endpoint. */
  #targets(targets: readonly Target[]): Answer {
    if (targets.length === 0) return this.#missing();
    return this.#question.type === 'SRV'
      ? this.#locations(targets)
      : this.#addresses(targets.flatMap(({ ips }) => ips));
  }

  /** A record for each port of each target; it does not tell TCP from UDP, nor one address of a target from another. */
  #locations(targets: readonly Target[]): Answer {
    const all = targets.flatMap(({ target, ports }) => ports.map(({ port }) => ({ target, port })));
    const weight = Math.max(1, Math.floor(100 / all.length));
    const different = new Map(all.map((one) => [`${one.target}:${one.port}`, one]));
    const records = [...different.values()].map(({ port, target }): DnsRecord => ({
      type: 'SRV',
      name: this.#question.name,
      data: { priority: 0, weight, port, target },
    }));
    const additionals = targets.flatMap(({ target, ports, ips }) =>
      ports.length === 0 ? [] : ips.map((ip) => addressRecord(target, ip)),
    );
    return this.#found(records, additionals);
  }

  #alias(target: string): Answer {
    const { type, name } = this.#question;
    const answers: DnsRecord[] = [{ type: 'CNAME', name, data: target }];
    const follow = type === 'A' || type === 'AAAA' ? { follow: target } : {};
    return { type: 'answer', code: 'NOERROR', answers, authorities: [], additionals: [], ...follow };
  }

  #addresses(ips: readonly string[]): Answer {
    const { type, name } = this.#question;
    const records = [...new Set(ips)].map((ip) => addressRecord(name, ip));
    return this.#found(records.filter((record) => record.type === type || type === 'ANY'));
  }

  /** The name is there; when it has nothing of the asked type, the zone's SOA says for how long that is so. */
  #found(records: readonly DnsRecord[], additionals: readonly DnsRecord[] = []): Answer {
    const { type } = this.#question;
    const answers = records.filter((record) => record.type === type || type === 'ANY');
    const authorities = answers.length === 0 ? [soaOf(this.#zone)] : [];
    return { type: 'answer', code: 'NOERROR', answers, authorities, additionals };
  }

  #missing(): Answer {
    return { type: 'answer', code: 'NXDOMAIN', answers: [], authorities: [soaOf(this.#zone)], additionals: [] };
  }
}

interface Target {
  target: string;
  ips: readonly string[];
  ports: readonly NamedPort[];
}

/** `full`: the Service's name. */
function endpointTargets(endpoints: readonly ServiceEndpoint[], full: string): Target[] {
  return endpoints.map(({ hostname, ip, ports }) => ({ target: `${hostname}.${full}`, ips: [ip], ports }));
}

function addressRecord(name: string, ip: string): DnsRecord {
  return { type: isIPv4(ip) ? 'A' : 'AAAA', name, data: ip };
}

function answerReverse(name: string, type: string, zone: Zone): Answer {
  const ip = addressOfArpaName(name.toLowerCase());
  const names = ip === undefined ? [] : zone.namesOf(ip);
  if (names.length === 0) return { type: 'forward' };
  const answers: DnsRecord[] =
    type === 'PTR' || type === 'ANY' ? names.map((data) => ({ type: 'PTR', name, data })) : [];
  return { type: 'answer', code: 'NOERROR', answers, authorities: [], additionals: [] };
}

function addressOfArpaName(name: string): string | undefined {
  const isV4 = name.endsWith('.in-addr.arpa');
  const labels = name
    .slice(0, isV4 ? -'.in-addr.arpa'.length : -'.ip6.arpa'.length)
    .split('.')
    .toReversed();
  const text = isV4 ? labels.join('.') : (labels.join('').match(/.{1,4}/g) ?? []).join(':');
  if (labels.length !== (isV4 ? 4 : 32)) return undefined;
  const address = isIPv4(text) || isIPv6(text) ? parseIp(text) : undefined;
  return address === undefined ? undefined : formatIp(address);
}

function undash(label: string): string | undefined {
  const v4 = label.replaceAll('-', '.');
  if (isIPv4(v4)) return v4;
  const v6 = label.replaceAll('-', ':');
  return isIPv6(v6) ? v6 : undefined;
}

function soaOf({ domain, serial }: Zone): DnsRecord {
  const times = { refresh: 7200, retry: 1800, expire: 86400, minimum: RECORD_TTL_SECONDS };
  return {
    type: 'SOA',
    name: domain,
    data: { mname: `ns.dns.${domain}`, rname: `hostmaster.${domain}`, serial, ...times },
  };
}
