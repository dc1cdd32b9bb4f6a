/** Ports and address ranges: what was asked for, else what the cluster had, else a preference, else any free one. */
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { UsageError } from './config.ts';

function tryListen(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, host, () => {
      const { port: bound } = server.address() as { port: number };
      server.close(() => resolve(bound));
    });
  });
}

/** Throws a `UsageError` when a port that was asked for is taken. */
export async function choosePort(choice: { flag: string; asked: number | undefined; remembered: number | undefined; preferred: number; host: string }): Promise<number> {
  const { asked, remembered, preferred, host } = choice;
  if (asked !== undefined) {
    const port = await tryListen(asked, host);
    if (port === undefined) throw new UsageError(`${choice.flag}: port ${asked} on ${host} is in use; choose another, or 0 for any free one`);
    return port;
  }
  for (const candidate of [remembered, preferred, 0]) {
    const port = candidate === undefined ? undefined : await tryListen(candidate, host);
    if (port !== undefined) return port;
  }
  throw new UsageError(`no free port on ${host}`);
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

function overlaps(cidr: string): boolean {
  const [base, bits] = cidr.split('/') as [string, string];
  const size = 2 ** (32 - Number(bits));
  const start = toNumber(base);
  return hostAddresses().some((address) => toNumber(address) >= start && toNumber(address) < start + size);
}

/** A /16 in 10.0.0.0/8 that no interface of this machine is in. */
export function chooseRange(choice: { asked: string | undefined; remembered: string | undefined; preferred: readonly string[] }): string {
  if (choice.asked !== undefined) return choice.asked;
  if (choice.remembered !== undefined) return choice.remembered;
  return choice.preferred.find((cidr) => !overlaps(cidr)) ?? choice.preferred[0]!;
}

/**
 * Where pods find the API server: the bridge's own address with real pods, else the machine's (an Endpoints object may
 * not name loopback). Undefined on a machine without any.
 */
export function advertisedAddress(runtime: 'native' | 'simulated' | 'none', podCidr: string): string | undefined {
  return runtime === 'native' ? addressInRange(podCidr, 1) : hostAddresses()[0];
}

/** The part of the cluster's pod range that a node takes: its `index`th /24. The node of this machine has the first. */
export function nodeRange(podCidr: string, index = 0): string {
  return `${addressInRange(podCidr, index * 256)}/24`;
}

/** How many nodes find room in a pod range. */
export function nodeRanges(podCidr: string): number {
  return 2 ** (24 - Number(podCidr.split('/')[1]));
}
