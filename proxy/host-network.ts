/**
 * What the host itself must allow so that pods are reached: forwarding between interfaces, and no firewall that drops
 * what is forwarded. What is changed is remembered on the host, shared by all clusters on it, and put back by the last.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
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
/** The iptables of before nftables; both filter at the same time. */
const LEGACY = 'iptables-legacy';
const CHECK_MS = 10_000;

/** What the kernel changes along with `ip_forward`, by paths below its folder; and `ip_forward` itself, first. */
type Switches = [path: string, value: string][];

/** Lets the host forward IPv4. Throws when it may not. Repeatable. */
export function enableForwarding({ clusterId, folder = DEFAULT_FOLDER, sysctl = IP_FORWARD }: ForwardingOptions): void {
  const before = readFileSync(sysctl, 'utf8').trim();
  // Nobody who is remembered here still forwards: they were killed, in a network namespace whose number is used again.
  if (before !== '1') rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'clusters'), { recursive: true, mode: 0o755 });
  writeFileSync(join(folder, 'clusters', clusterId), '');
  if (before === '1') return;
  writeFileSync(join(folder, 'switches.json'), JSON.stringify([['ip_forward', before], ...dependents(sysctl)]));
  writeFileSync(sysctl, '1');
}

/** Puts the old values back when no other cluster needs forwarding, and forgets them. Repeatable; never throws. */
export function restoreForwarding({
  clusterId,
  folder = DEFAULT_FOLDER,
  sysctl = IP_FORWARD,
}: ForwardingOptions): void {
  try {
    rmSync(join(folder, 'clusters', clusterId), { force: true });
    if (readdirSync(join(folder, 'clusters')).length > 0) return;
    const memory = join(folder, 'switches.json');
    if (existsSync(memory)) restoreSwitches(JSON.parse(readFileSync(memory, 'utf8')) as Switches, sysctl);
    rmSync(memory, { force: true });
    rmdirSync(join(folder, 'clusters'));
    rmdirSync(folder);
  } catch {
    // Nothing was changed, or the host was restarted since.
  }
}

/**
 * Each interface's own switch follows `ip_forward`, and a host that stops to forward takes redirects again, even where
 * that had been turned off (Linux, `inet_forward_change`).
 */
function dependents(sysctl: string): Switches {
  const folder = join(dirname(sysctl), 'conf');
  if (!existsSync(folder)) return [];
  const paths = ['conf/all/accept_redirects', ...readdirSync(folder).map((name) => `conf/${name}/forwarding`)];
  return paths.map((path) => [path, readFileSync(join(dirname(sysctl), path), 'utf8').trim()]);
}

function restoreSwitches(switches: Switches, sysctl: string): void {
  for (const [name, value] of switches) {
    const path = name === 'ip_forward' ? sysctl : join(dirname(sysctl), name);
    // Interfaces come and go.
    if (existsSync(path) && readFileSync(path, 'utf8').trim() !== value) writeFileSync(path, value);
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
    const isOpen = isIptablesForward(blocker) && (await acceptByIptables('iptables', options));
    if (!isOpen) problems.push(describeBlocker(blocker, options.bridge));
  }
  if ((await legacyDrops(options)) && !(await acceptByIptables(LEGACY, options))) {
    problems.push(`a firewall (${LEGACY}, chain FORWARD) drops packets from and to pods; allow them there`);
  }
  return problems;
}

/** Looks again every ten seconds until the signal aborts: Docker or a firewall may start after the cluster. */
export async function keepForwardingOpen(
  options: OpenForwardingOptions,
  { clock, log, signal }: { clock: Clock; log: Logger; signal: AbortSignal },
): Promise<void> {
  let known: readonly string[] = [];
  for (;;) {
    await sleep(clock, CHECK_MS, signal);
    if (signal.aborted) return;
    const problems = await openForwarding(options);
    for (const problem of problems.filter((one) => !known.includes(one))) log.warn('pods are cut off', { problem });
    known = problems;
  }
}

/** Takes out what `openForwarding` added. Never rejects. */
export async function closeForwarding({
  clusterId,
  bridge,
  commandPrefix = [],
}: Omit<OpenForwardingOptions, 'nft'>): Promise<void> {
  const programs = (await hasLegacyFilter(commandPrefix)) ? ['iptables', LEGACY] : ['iptables'];
  for (const program of programs) {
    for (const rule of iptablesRules(clusterId, bridge)) {
      await runCommand([...commandPrefix, program, '-w', '-D', 'FORWARD', ...rule]).catch(() => undefined);
    }
  }
}

/** Tables that nft does not see. Looking at one that is not there would make it. */
async function hasLegacyFilter(commandPrefix: readonly string[]): Promise<boolean> {
  const path = '/proc/net/ip_tables_names';
  const names = commandPrefix.length === 0 ? readFile(path, 'utf8') : runCommand([...commandPrefix, 'cat', path]);
  return (await names.catch(() => '')).split('\n').includes('filter');
}

async function legacyDrops({ commandPrefix = [] }: OpenForwardingOptions): Promise<boolean> {
  if (!(await hasLegacyFilter(commandPrefix))) return false;
  const rules = await runCommand([...commandPrefix, LEGACY, '-w', '-S', 'FORWARD']).catch(() => '');
  return rules.startsWith('-P FORWARD DROP');
}

function isIptablesForward({ family, table, chain }: ForwardBlocker): boolean {
  return family === 'ip' && table === 'filter' && chain === 'FORWARD';
}

/** Through `iptables`, since rules of other tools in its tables make it fail for its owners. */
async function acceptByIptables(
  program: string,
  { clusterId, bridge, commandPrefix = [] }: OpenForwardingOptions,
): Promise<boolean> {
  const iptables = [...commandPrefix, program, '-w'];
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
