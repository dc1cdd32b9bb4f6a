/** IP addresses and prefixes (`k8s.io/apiserver/pkg/cel/library/ip.go`, `cidr.go`), as strict as Go's net/netip. */
import { cidrContains, formatIp, type IpAddress, ipProperties, parseIp } from '../../machinery/validation-ip.ts';
import { CelError } from '../cel.ts';
import { globalOverload, type Library, memberOverload } from '../declarations.ts';
import { BOOL, INT, opaque, STRING, typeOf } from '../types.ts';
import { OpaqueValue, TypeValue } from '../values.ts';

export const IP_TYPE = opaque('net.IP');
export const CIDR_TYPE = opaque('net.CIDR');

class IpValue extends OpaqueValue {
  readonly typeName = IP_TYPE.name;
  readonly address: IpAddress;

  constructor(address: IpAddress) {
    super();
    this.address = address;
  }

  get byteLength(): number {
    return this.address.bytes.length;
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof IpValue && formatIp(other.address) === formatIp(this.address);
  }
}

class CidrValue extends OpaqueValue {
  readonly typeName = CIDR_TYPE.name;
  readonly address: IpAddress;
  readonly prefixLength: number;

  constructor(address: IpAddress, prefixLength: number) {
    super();
    this.address = address;
    this.prefixLength = prefixLength;
  }

  get byteLength(): number {
    return this.address.bytes.length;
  }

  get text(): string {
    return `${formatIp(this.address)}/${this.prefixLength}`;
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof CidrValue && other.text === this.text;
  }
}

function readIp(text: string): IpAddress | string {
  const shown = JSON.stringify(text);
  if (text.includes('%') && parseIp(text.replace(/%.+$/, '')) !== undefined) {
    return `IP address ${shown} with zone value is not allowed`;
  }
  const address = /(^|\.|:)0\d+\./.test(text) || /\.0\d+$/.test(text) ? undefined : parseIp(text);
  if (address === undefined) {
    const reason = text.includes(':') ? 'unexpected character' : 'unable to parse IP';
    return `IP Address ${shown} parse error during conversion from string: ParseAddr(${shown}): ${reason}`;
  }
  if (address.family === 4 && text.includes(':')) {
    return `IPv4-mapped IPv6 address ${shown} is not allowed`;
  }
  return address;
}

function readCidr(text: string): CidrValue | string {
  const failed = 'network address parse error during conversion from string: ';
  const shown = JSON.stringify(text);
  const slash = text.lastIndexOf('/');
  if (slash < 0) {
    return `${failed}netip.ParsePrefix(${shown}): no '/'`;
  }
  const address = readIp(text.slice(0, slash));
  if (typeof address === 'string') {
    return address.startsWith('IPv4-mapped') ? address : `${failed}netip.ParsePrefix(${shown}): ${address}`;
  }
  const bits = text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(bits) || Number(bits) > address.bytes.length * 8) {
    return `${failed}netip.ParsePrefix(${shown}): prefix length out of range`;
  }
  return new CidrValue(address, Number(bits));
}

function toIp(text: string): IpValue {
  const address = readIp(text);
  if (typeof address === 'string') {
    throw new CelError(address);
  }
  return new IpValue(address);
}

function toCidr(text: string): CidrValue {
  const cidr = readCidr(text);
  if (typeof cidr === 'string') {
    throw new CelError(`network address parse error during conversion from string: ${cidr}`);
  }
  return cidr;
}

function isGlobalUnicast({ address }: IpValue): boolean {
  const { unspecified, loopback, linkLocalUnicast } = ipProperties(address);
  const multicast = address.family === 4 ? (address.bytes[0] ?? 0) >> 4 === 14 : address.bytes[0] === 0xff;
  const broadcast = address.family === 4 && address.bytes.every((byte) => byte === 255);
  return !unspecified && !loopback && !linkLocalUnicast && !multicast && !broadcast;
}

function containsIp(cidr: CidrValue, ip: IpValue): boolean {
  return cidrContains(cidr, ip.address);
}

function containsCidr(cidr: CidrValue, other: CidrValue): boolean {
  return cidr.prefixLength <= other.prefixLength && cidrContains(cidr, other.address);
}

function masked({ address, prefixLength }: CidrValue): CidrValue {
  const bytes = address.bytes.map((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefixLength - index * 8));
    return byte & (0xff << (8 - bits)) & 0xff;
  });
  return new CidrValue({ family: address.family, bytes }, prefixLength);
}

type Property = keyof ReturnType<typeof ipProperties>;

function property(name: string, id: string, key: Property): NonNullable<Library['functions']>[number] {
  return { name, overloads: [memberOverload(id, [IP_TYPE], BOOL, (ip: IpValue) => ipProperties(ip.address)[key])] };
}

export const NETWORK_LIBRARY: Library = {
  name: 'network',
  constants: [
    { name: IP_TYPE.name, type: typeOf(IP_TYPE), value: new TypeValue(IP_TYPE.name) },
    { name: CIDR_TYPE.name, type: typeOf(CIDR_TYPE), value: new TypeValue(CIDR_TYPE.name) },
  ],
  functions: [
    {
      name: 'ip',
      overloads: [
        globalOverload('string_to_ip', [STRING], IP_TYPE, toIp),
        memberOverload('cidr_ip', [CIDR_TYPE], IP_TYPE, (cidr: CidrValue) => new IpValue(cidr.address)),
      ],
    },
    {
      name: 'isIP',
      overloads: [globalOverload('is_ip', [STRING], BOOL, (text: string) => typeof readIp(text) !== 'string')],
    },
    {
      name: 'ip.isCanonical',
      overloads: [
        globalOverload('ip_is_canonical', [STRING], BOOL, (text: string) => formatIp(toIp(text).address) === text),
      ],
    },
    {
      name: 'family',
      overloads: [memberOverload('ip_family', [IP_TYPE], INT, (ip: IpValue) => BigInt(ip.address.family))],
    },
    property('isUnspecified', 'ip_is_unspecified', 'unspecified'),
    property('isLoopback', 'ip_is_loopback', 'loopback'),
    property('isLinkLocalMulticast', 'ip_is_link_local_multicast', 'linkLocalMulticast'),
    property('isLinkLocalUnicast', 'ip_is_link_local_unicast', 'linkLocalUnicast'),
    { name: 'isGlobalUnicast', overloads: [memberOverload('ip_is_global_unicast', [IP_TYPE], BOOL, isGlobalUnicast)] },
    { name: 'cidr', overloads: [globalOverload('string_to_cidr', [STRING], CIDR_TYPE, toCidr)] },
    {
      name: 'isCIDR',
      overloads: [globalOverload('is_cidr', [STRING], BOOL, (text: string) => typeof readCidr(text) !== 'string')],
    },
    {
      name: 'containsIP',
      overloads: [
        memberOverload('cidr_contains_ip_string', [CIDR_TYPE, STRING], BOOL, (cidr: CidrValue, text: string) =>
          containsIp(cidr, toIp(text)),
        ),
        memberOverload('cidr_contains_ip_ip', [CIDR_TYPE, IP_TYPE], BOOL, containsIp),
      ],
    },
    {
      name: 'containsCIDR',
      overloads: [
        memberOverload('cidr_contains_cidr_string', [CIDR_TYPE, STRING], BOOL, (cidr: CidrValue, text: string) =>
          containsCidr(cidr, toCidr(text)),
        ),
        memberOverload('cidr_contains_cidr', [CIDR_TYPE, CIDR_TYPE], BOOL, containsCidr),
      ],
    },
    {
      name: 'prefixLength',
      overloads: [
        memberOverload('cidr_prefix_length', [CIDR_TYPE], INT, (cidr: CidrValue) => BigInt(cidr.prefixLength)),
      ],
    },
    { name: 'masked', overloads: [memberOverload('cidr_masked', [CIDR_TYPE], CIDR_TYPE, masked)] },
    {
      name: 'string',
      overloads: [
        globalOverload('ip_to_string', [IP_TYPE], STRING, (ip: IpValue) => formatIp(ip.address)),
        globalOverload('cidr_to_string', [CIDR_TYPE], STRING, (cidr: CidrValue) => cidr.text),
      ],
    },
  ],
};
