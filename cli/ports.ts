/** Ports and address ranges: what was asked for, else what the cluster had, else a preference, else any free one. */
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Runtime } from './config.ts';
import { hasRealPods, UsageError } from './config.ts';

/** The port that was bound, or why it could not be. */
function tryListen(port: number, host: string): Promise<{ port: number } | { code: string }> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve({ code: error.code ?? '' }));
    server.listen(port, host, () => {
      const { port: bound } = server.address() as { port: number };
      server.close(() => resolve({ port: bound }));
    });
  });
}

interface PortChoice {
  flag: string;
  asked: number | undefined;
  remembered: number | undefined;
  preferred: number;
  host: string;
}

/** Throws a `UsageError` when a port that was asked for cannot be had. */
export async function choosePort(choice: PortChoice): Promise<number> {
  const { asked, remembered, preferred, host } = choice;
  let code = '';
  for (const candidate of asked === undefined ? [remembered, preferred, 0] : [asked]) {
    if (candidate === undefined) continue;
    const tried = await tryListen(candidate, host);
    if ('port' in tried) return tried.port;
    ({ code } = tried);
  }
  throw new UsageError(refusal(choice, code));
}

function refusal({ flag, asked, host }: PortChoice, code: string): string {
  if (code === 'EADDRNOTAVAIL') return `--bind-address: ${host} is not an address of this machine`;
  if (asked === undefined) return `no free port on ${host} (${code})`;
  if (code === 'EACCES') return `${flag}: port ${asked} needs root; choose one from 1024 on, or 0 for any free one`;
  return `${flag}: port ${asked} on ${host} is in use; choose another, or 0 for any free one`;
}

/** The machine's IPv4 addresses, without loopback. */
export function hostAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
}

function toNumber(address: string): number {
  return address.split('.').reduce((value, part) => value * 256 + Number(part), 0);
}

function toText(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** The address at `offset` in a range: 1 is the first Service address. */
export function addressInRange(cidr: string, offset: number): string {
  return toText(toNumber(cidr.split('/')[0]!) + offset);
}

/** Whether two IPv4 ranges share an address. */
export function rangesOverlap(a: string, b: string): boolean {
  const [aFirst, aLast] = bounds(a);
  const [bFirst, bLast] = bounds(b);
  return aFirst <= bLast && bFirst <= aLast;
}

function bounds(cidr: string): [first: number, last: number] {
  const [base = '', bits] = cidr.split('/');
  const size = 2 ** (32 - Number(bits));
  const first = Math.floor(toNumber(base) / size) * size;
  return [first, first + size - 1];
}

function isTaken(cidr: string): boolean {
  return hostAddresses().some((address) => rangesOverlap(cidr, `${address}/32`));
}

/** A /16 in 10.0.0.0/8 that no interface of this machine is in. */
export function chooseRange(choice: {
  asked: string | undefined;
  remembered: string | undefined;
  preferred: readonly string[];
}): string {
  if (choice.asked !== undefined) return choice.asked;
  if (choice.remembered !== undefined) return choice.remembered;
  return choice.preferred.find((cidr) => !isTaken(cidr)) ?? choice.preferred[0]!;
}

/**
 * Where pods find the API server: the bridge's own address with real pods, else the machine's (an Endpoints object may
 * not name loopback). Undefined on a machine without any.
 */
export function advertisedAddress(runtime: Runtime, ranges: Ranges): string | undefined {
  return hasRealPods(runtime) ? gatewayAddress(runtime, ranges) : hostAddresses()[0];
}

interface Ranges {
  podCidr: string;
  serviceCidr: string;
}

/** Within the part of the range that Services get only when they ask for it. */
const GATEWAY_OFFSET = 9;

/**
 * This machine's address on the cluster's bridge. Where another may give pods their addresses, it is one of the Services'
 * range, which is routed here from everywhere.
 */
export function gatewayAddress(runtime: Runtime, { podCidr, serviceCidr }: Ranges): string {
  return runtime === 'cri' ? addressInRange(serviceCidr, GATEWAY_OFFSET) : addressInRange(podCidr, 1);
}

/** The part of the cluster's pod range that a node takes: its `index`th /24. The node of this machine has the first. */
export function nodeRange(podCidr: string, index = 0): string {
  return `${addressInRange(podCidr, index * 256)}/24`;
}

/** How many nodes find room in a pod range. */
export function nodeRanges(podCidr: string): number {
  return 2 ** (24 - Number(podCidr.split('/')[1]));
}
