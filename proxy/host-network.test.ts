import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { realClock, sleep } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import {
  closeForwarding,
  enableForwarding,
  forwardBlockers,
  keepForwardingOpen,
  openForwarding,
  restoreForwarding,
} from './host-network.ts';
import { nftRunner } from './nft.ts';
import { createTestNetwork, missingForTestNetwork } from './test-network.ts';

let folder: string;
let sysctl: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'forwarding-'));
  sysctl = join(folder, 'sysctl');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('enableForwarding()', () => {
  const options = (clusterId: string): Parameters<typeof enableForwarding>[0] => ({
    clusterId,
    folder: join(folder, 'state'),
    sysctl,
  });

  it('puts the old value back when the last cluster goes', () => {
    writeFileSync(sysctl, '0\n');
    enableForwarding(options('a'));
    enableForwarding(options('b'));
    expect(readFileSync(sysctl, 'utf8')).toBe('1');
    restoreForwarding(options('a'));
    expect(readFileSync(sysctl, 'utf8')).toBe('1');
    restoreForwarding(options('b'));
    expect(readFileSync(sysctl, 'utf8')).toBe('0');
    expect(existsSync(join(folder, 'state'))).toBe(false);
  });

  it('does not wait for clusters that were killed where forwarding is off now', () => {
    writeFileSync(sysctl, '0\n');
    enableForwarding(options('killed'));
    writeFileSync(sysctl, '0\n');
    enableForwarding(options('a'));
    restoreForwarding(options('a'));
    expect(readFileSync(sysctl, 'utf8')).toBe('0');
    expect(existsSync(join(folder, 'state'))).toBe(false);
  });

  it('puts back what the kernel changes along with it', () => {
    const conf = (name: string): string => join(folder, 'conf', name);
    for (const name of ['all', 'eth0', 'eth1']) mkdirSync(conf(name), { recursive: true });
    const values: Record<string, string> = {
      'all/accept_redirects': '0',
      'all/forwarding': '0',
      'eth0/forwarding': '0',
      'eth1/forwarding': '1',
    };
    for (const [name, value] of Object.entries(values)) writeFileSync(conf(name), value);
    writeFileSync(sysctl, '0\n');
    enableForwarding(options('a'));
    // As the kernel does when forwarding is turned off again.
    writeFileSync(conf('all/accept_redirects'), '1');
    writeFileSync(conf('eth1/forwarding'), '0');
    // An interface that has gone meanwhile.
    rmSync(conf('eth0'), { recursive: true });
    restoreForwarding(options('a'));
    expect(readFileSync(conf('all/accept_redirects'), 'utf8')).toBe('0');
    expect(readFileSync(conf('eth1/forwarding'), 'utf8')).toBe('1');
  });

  it('leaves alone what was on before', () => {
    writeFileSync(sysctl, '1\n');
    enableForwarding(options('a'));
    restoreForwarding(options('a'));
    restoreForwarding(options('a'));
    expect(readFileSync(sysctl, 'utf8').trim()).toBe('1');
  });
});

describe('forwardBlockers()', () => {
  it('finds chains that drop what is forwarded, but ours', () => {
    const chain = (more: object): object => ({
      chain: { family: 'ip', table: 'filter', name: 'FORWARD', hook: 'forward', policy: 'drop', ...more },
    });
    const listed = {
      nftables: [
        { metainfo: {} },
        chain({}),
        chain({ policy: 'accept' }),
        chain({ hook: 'input' }),
        chain({ family: 'ip6' }),
        chain({ table: 'nocher-1' }),
        chain({ family: 'inet', table: 'firewalld', name: 'filter_FORWARD', policy: 'accept' }),
      ],
    };
    expect(forwardBlockers(listed)).toEqual([
      { family: 'ip', table: 'filter', chain: 'FORWARD' },
      { family: 'inet', table: 'firewalld', chain: 'filter_FORWARD' },
    ]);
  });
});

const describeNetwork = missingForTestNetwork() === undefined ? describe : describe.skip;

describeNetwork('openForwarding() in a network namespace', () => {
  it('lets pods through a chain of iptables that drops, and names one of another tool', async () => {
    const network = await createTestNetwork(1);
    try {
      const { node, pods } = network;
      const nft = nftRunner({ prefix: node.prefix });
      const options = { clusterId: 'x', bridge: 'br0', nft, commandPrefix: node.prefix };
      await network.outside.serve(9000, 'outside');
      network.outside.run('ip route add 10.77.0.0/24 via 192.0.2.1');
      expect(await openForwarding(options)).toEqual([]);
      node.run(
        'nft add table ip filter && nft "add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }"',
      );
      expect(await pods[0]!.connect('192.0.2.9', 9000)).toBe('timeout');
      expect(await openForwarding(options)).toEqual([]);
      expect(await openForwarding(options)).toEqual([]);
      expect(await pods[0]!.connect('192.0.2.9', 9000)).toBe('outside 10.77.0.2');
      await closeForwarding(options);
      expect(node.run('nft list chain ip filter FORWARD')).not.toContain('br0');
      node.run(
        'nft add table inet mine && nft "add chain inet mine forwarding { type filter hook forward priority 5; policy drop; }"',
      );
      const [line] = await openForwarding(options);
      expect(line).toContain('table inet mine, chain forwarding');
    } finally {
      network.close();
    }
  });

  it('lets pods through legacy iptables, which nft does not show', async () => {
    const network = await createTestNetwork(1);
    try {
      const { node, pods } = network;
      const nft = nftRunner({ prefix: node.prefix });
      const options = { clusterId: 'x', bridge: 'br0', nft, commandPrefix: node.prefix };
      await network.outside.serve(9000, 'outside');
      network.outside.run('ip route add 10.77.0.0/24 via 192.0.2.1');
      expect(await openForwarding(options)).toEqual([]);
      // Nothing was made by looking.
      expect(node.run('cat /proc/net/ip_tables_names')).toBe('');
      node.run('iptables-legacy -P FORWARD DROP');
      expect(await pods[0]!.connect('192.0.2.9', 9000)).toBe('timeout');
      expect(await openForwarding(options)).toEqual([]);
      expect(await openForwarding(options)).toEqual([]);
      expect(await pods[0]!.connect('192.0.2.9', 9000)).toBe('outside 10.77.0.2');
      await closeForwarding(options);
      expect(node.run('iptables-legacy -S FORWARD')).toBe('-P FORWARD DROP\n');
    } finally {
      network.close();
    }
  });

  it('lets pods through a firewall that comes later', async () => {
    const network = await createTestNetwork(1);
    const stopping = new AbortController();
    const clock: Clock = { ...realClock, setTimeout: (run) => realClock.setTimeout(run, 20) };
    try {
      const { node, pods } = network;
      const nft = nftRunner({ prefix: node.prefix });
      const options = { clusterId: 'x', bridge: 'br0', nft, commandPrefix: node.prefix };
      await network.outside.serve(9000, 'outside');
      network.outside.run('ip route add 10.77.0.0/24 via 192.0.2.1');
      const ended = keepForwardingOpen(options, { clock, log: silentLogger, signal: stopping.signal });
      node.run('iptables-nft -P FORWARD DROP');
      for (let tries = 0; !node.run('iptables-nft -S FORWARD').includes('-o br0'); tries++) {
        expect(tries).toBeLessThan(100);
        await sleep(realClock, 50);
      }
      expect(await pods[0]!.connect('192.0.2.9', 9000)).toBe('outside 10.77.0.2');
      stopping.abort();
      await ended;
    } finally {
      stopping.abort();
      network.close();
    }
  });
});
