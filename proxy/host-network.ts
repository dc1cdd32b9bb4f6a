/**
 * What the host itself must allow so that pods are reached: forwarding between interfaces, and no firewall that drops
 * what is forwarded. What is changed is remembered on the host, shared by all clusters on it, and put back by the last.
 */
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NftRunner } from './nft.ts';
import { runCommand } from './nft.ts';

export interface ForwardingOptions {
  clusterId: string;
  /** Where the old value and the clusters that need forwarding are kept; gone after a reboot, as the setting is. */
  folder?: string;
  /** Default: the host's own. */
  sysctl?: string;
}

const DEFAULT_FOLDER = '/run/nocher/forwarding';
const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward';

/** Lets the host forward IPv4. Throws when it may not. Repeatable. */
export function enableForwarding({ clusterId, folder = DEFAULT_FOLDER, sysctl = IP_FORWARD }: ForwardingOptions): void {
  const before = readFileSync(sysctl, 'utf8').trim();
  mkdirSync(join(folder, 'clusters'), { recursive: true, mode: 0o755 });
  writeFileSync(join(folder, 'clusters', clusterId), '');
  if (before === '1') return;
  writeFileSync(join(folder, 'ip_forward'), before);
  writeFileSync(sysctl, '1');
}

/** Puts the old value back when no other cluster needs it. Repeatable; never throws. */
export function restoreForwarding({
  clusterId,
  folder = DEFAULT_FOLDER,
  sysctl = IP_FORWARD,
}: ForwardingOptions): void {
  try {
    rmSync(join(folder, 'clusters', clusterId), { force: true });
    if (readdirSync(join(folder, 'clusters')).length > 0) return;
    const before = readFileSync(join(folder, 'ip_forward'), 'utf8').trim();
    if (before === '0') writeFileSync(sysctl, before);
    rmSync(join(folder, 'ip_forward'), { force: true });
  } catch {
    // Nothing was changed, or the host was restarted since.
  }
}

/** A chain of somebody else that drops forwarded packets unless one of its rules takes them. */
export interface ForwardBlocker {
  family: string;
  table: string;
  chain: string;
}

interface ListedChain {
  family?: string;
  table?: string;
  name?: string;
  hook?: string;
  policy?: string;
}

/** From the output of `nft -j list chains`. Pure. */
export function forwardBlockers(listed: unknown): ForwardBlocker[] {
  const entries = (listed as { nftables?: { chain?: ListedChain }[] }).nftables ?? [];
  return entries.flatMap(({ chain = {} }) => {
    const { family = '', table = '', name = '', hook, policy } = chain;
    const isOurs = table.startsWith('nocher-');
    // firewalld's own chain accepts by policy, and rejects in its last rule.
    const blocks = policy === 'drop' || (table === 'firewalld' && name === 'filter_FORWARD');
    return hook === 'forward' && blocks && !isOurs && ['ip', 'inet'].includes(family)
      ? [{ family, table, chain: name }]
      : [];
  });
}

export interface OpenForwardingOptions {
  clusterId: string;
  bridge: string;
  nft: NftRunner;
  /** Runs commands in another network namespace, for tests. */
  commandPrefix?: readonly string[];
}

/**
 * Adds rules for the bridge where a firewall drops by default (Docker, ufw); gives one line for each that still does.
 * Never rejects.
 */
export async function openForwarding(options: OpenForwardingOptions): Promise<string[]> {
  const listed = await options.nft.listChains().catch(() => undefined);
  const problems: string[] = [];
  for (const blocker of forwardBlockers(listed ?? {})) {
    const isOpen = isIptablesForward(blocker) && (await acceptByIptables(options));
    if (!isOpen) problems.push(describeBlocker(blocker, options.bridge));
  }
  return problems;
}

/** Takes out what `openForwarding` added. Never rejects. */
export async function closeForwarding({
  clusterId,
  bridge,
  commandPrefix = [],
}: Omit<OpenForwardingOptions, 'nft'>): Promise<void> {
  for (const rule of iptablesRules(clusterId, bridge)) {
    await runCommand([...commandPrefix, 'iptables', '-w', '-D', 'FORWARD', ...rule]).catch(() => undefined);
  }
}

function isIptablesForward({ family, table, chain }: ForwardBlocker): boolean {
  return family === 'ip' && table === 'filter' && chain === 'FORWARD';
}

/** Through `iptables`, since rules of other tools in its tables make it fail for its owners. */
async function acceptByIptables({ clusterId, bridge, commandPrefix = [] }: OpenForwardingOptions): Promise<boolean> {
  const iptables = [...commandPrefix, 'iptables', '-w'];
  try {
    for (const rule of iptablesRules(clusterId, bridge)) {
      const present = await runCommand([...iptables, '-C', 'FORWARD', ...rule]).catch(() => undefined);
      if (present === undefined) await runCommand([...iptables, '-I', 'FORWARD', ...rule]);
    }
    return true;
  } catch {
    return false;
  }
}

function iptablesRules(clusterId: string, bridge: string): string[][] {
  const comment = ['-m', 'comment', '--comment', `nocher-${clusterId}`, '-j', 'ACCEPT'];
  return [
    ['-i', bridge, ...comment],
    ['-o', bridge, ...comment],
  ];
}

function describeBlocker({ family, table, chain }: ForwardBlocker, bridge: string): string {
  const remedy =
    table === 'firewalld'
      ? `firewall-cmd --permanent --zone=trusted --add-interface=${bridge} && firewall-cmd --reload`
      : `nft insert rule ${family} ${table} ${chain} iifname ${bridge} accept; nft insert rule ${family} ${table} ${chain} oifname ${bridge} accept`;
  return `a firewall (table ${family} ${table}, chain ${chain}) drops packets from and to pods; allow them with: ${remedy}`;
}
