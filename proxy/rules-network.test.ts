import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { nftRunner } from './nft.ts';
import type { NftRunner } from './nft.ts';
import { buildBridgeRules, buildRules } from './rules.ts';
import { deleteScript, diffRules, fullScript } from './ruleset.ts';
import type { NftTable } from './ruleset.ts';
import type { ServicePortInfo } from './service-map.ts';
import { createTestNetwork, missingForTestNetwork } from './test-network.ts';
import type { TestNetwork } from './test-network.ts';

const missing = missingForTestNetwork();
const describeNetwork = missing === undefined ? describe : describe.skip;

const options = { clusterId: 'test', clusterCidr: '10.77.0.0/16', podCidr: '10.77.0.0/24', bridge: 'br0' };

const info: ServicePortInfo = {
  namespace: 'default',
  name: 'web',
  portName: '',
  protocol: 'tcp',
  clusterIp: '10.96.0.5',
  port: 80,
  nodePort: 30080,
  externalIps: [],
  loadBalancerIps: [],
  sourceRanges: [],
  affinitySeconds: 0,
  isInternalLocal: false,
  isExternalLocal: false,
  healthCheckNodePort: 0,
  endpoints: [endpoint(2), endpoint(3)],
  localEndpoints: [],
};

function endpoint(host: number): { ip: string; port: number; isLocal: boolean } {
  return { ip: `10.77.0.${host}`, port: 8080, isLocal: true };
}

async function answers(count: number, connect: () => Promise<string>): Promise<Set<string>> {
  const all = await Promise.all(Array.from({ length: count }, connect));
  return new Set(all);
}

describeNetwork('rules in a network namespace [N6]', () => {
  let network: TestNetwork;
  let nft: NftRunner;
  let loaded: NftTable | undefined;

  async function load(...ports: ServicePortInfo[]): Promise<void> {
    const table = buildRules(ports, options);
    await nft.apply(loaded === undefined ? fullScript(table) : diffRules(loaded, table));
    loaded = table;
  }

  beforeAll(async () => {
    network = await createTestNetwork();
    nft = nftRunner({ prefix: network.node.prefix });
    const [a, b, c] = network.pods;
    await Promise.all([a!.serve(8080, 'a'), b!.serve(8080, 'b'), c!.serve(8080, 'c')]);
    await nft.apply(fullScript(buildBridgeRules(options, network.bridge)));
  });

  afterAll(() => network.close());

  it.each(['0', '1'])(
    'reaches both pods from a third, with its own address (bridge-nf-call-iptables=%s)',
    async (value) => {
      network.node.run(
        `! [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || echo ${value} > /proc/sys/net/bridge/bridge-nf-call-iptables`,
      );
      await load(info);
      const seen = await answers(12, () => network.pods[2]!.connect('10.96.0.5', 80));
      expect(seen).toEqual(new Set(['a 10.77.0.4', 'b 10.77.0.4']));
    },
  );

  it('reaches a pod that asks for its own Service', async () => {
    await load({ ...info, endpoints: [endpoint(2)] });
    expect(await network.pods[0]!.connect('10.96.0.5', 80)).toBe('a 10.77.0.1');
  });

  it('lets pods talk to each other without translation', async () => {
    expect(await network.pods[2]!.connect('10.77.0.2', 8080)).toBe('a 10.77.0.4');
  });

  it('serves node ports to others and to the node itself, but for 127.0.0.1', async () => {
    await load(info);
    expect(await answers(12, () => network.outside.connect('192.0.2.1', 30080))).toEqual(
      new Set(['a 10.77.0.1', 'b 10.77.0.1']),
    );
    expect(await network.node.connect('192.0.2.1', 30080)).toMatch(/^[ab] /);
    expect(await network.node.connect('10.96.0.5', 80)).toMatch(/^[ab] /);
    expect(await network.pods[2]!.connect('10.77.0.1', 30080)).toMatch(/^[ab] /);
    expect(await network.node.connect('127.0.0.1', 30080)).toBe('refused');
  });

  it('leaves the Services of another cluster on this host to that cluster', async () => {
    const rename = (from: string, to: string): string =>
      network.node.run(
        `ip link set ${from} down && ip link set ${from} name ${to} && ip link set ${to} up && ip route replace default via 192.0.2.9`,
      );
    await load(info);
    network.outside.run('ip route replace 10.96.0.0/16 via 192.0.2.1');
    expect(await network.outside.connect('10.96.0.5', 80)).toMatch(/^[ab] /);
    rename('veth0', 'nocher-other');
    try {
      expect(await network.outside.connect('10.96.0.5', 80)).not.toMatch(/^[ab] /);
      // Node ports are this host's, whoever asks.
      expect(await network.outside.connect('192.0.2.1', 30080)).toMatch(/^[ab] /);
    } finally {
      rename('nocher-other', 'veth0');
      network.outside.run('ip route del 10.96.0.0/16');
    }
  });

  it('keeps the client address and stays on the node with externalTrafficPolicy Local', async () => {
    await load({ ...info, isExternalLocal: true, localEndpoints: [endpoint(3)] });
    expect(await answers(6, () => network.outside.connect('192.0.2.1', 30080))).toEqual(new Set(['b 192.0.2.9']));
    await load({ ...info, isExternalLocal: true, localEndpoints: [] });
    expect(await network.outside.connect('192.0.2.1', 30080)).toBe('timeout');
    expect(await network.pods[2]!.connect('10.77.0.1', 30080)).toMatch(/^[ab] /);
  });

  it('refuses connections at once when there is no endpoint, or no such port', async () => {
    await load({ ...info, endpoints: [] });
    expect(await network.pods[2]!.connect('10.96.0.5', 80)).toBe('refused');
    expect(await network.node.connect('10.96.0.5', 80)).toBe('refused');
    expect(await network.outside.connect('192.0.2.1', 30080)).toBe('refused');
    await load(info);
    expect(await network.pods[2]!.connect('10.96.0.5', 81)).toBe('refused');
    expect(await network.pods[2]!.connect('10.96.0.5', 80)).toMatch(/^[ab] /);
  });

  it('sends a client to the same pod with session affinity', async () => {
    await load({ ...info, affinitySeconds: 60 });
    expect((await answers(10, () => network.pods[2]!.connect('10.96.0.5', 80))).size).toBe(1);
    // The pod that the client sticks to stays when another one comes.
    const [before] = await answers(1, () => network.pods[2]!.connect('10.96.0.5', 80));
    await load({ ...info, affinitySeconds: 60, endpoints: [endpoint(2), endpoint(3), endpoint(4)] });
    expect(await answers(10, () => network.pods[2]!.connect('10.96.0.5', 80))).toEqual(new Set([before]));
  });

  it('serves load balancer addresses to the allowed sources only', async () => {
    const ports = { ...info, loadBalancerIps: ['198.51.100.7'] };
    network.outside.run('ip route replace 198.51.100.0/24 via 192.0.2.1');
    await load({ ...ports, sourceRanges: ['192.0.2.0/24'] });
    expect(await network.outside.connect('198.51.100.7', 80)).toMatch(/^[ab] /);
    await load({ ...ports, sourceRanges: ['203.0.113.0/24'] });
    expect(await network.outside.connect('198.51.100.7', 80)).toBe('timeout');
  });

  it('masquerades what pods send out of the cluster', async () => {
    await network.outside.serve(9000, 'outside');
    expect(await network.pods[0]!.connect('192.0.2.9', 9000)).toBe('outside 192.0.2.1');
  });

  it('goes from any state to any other in one transaction, and leaves nothing', async () => {
    const variants = [
      { ...info, affinitySeconds: 60, sourceRanges: ['192.0.2.0/24'], loadBalancerIps: ['198.51.100.7'] },
      { ...info, isExternalLocal: true, isInternalLocal: true },
      { ...info, endpoints: [endpoint(4)], nodePort: 30081 },
      { ...info, name: 'other', clusterIp: '10.96.0.6', nodePort: 0, affinitySeconds: 30 },
      { ...info, endpoints: [], nodePort: 0 },
    ];
    for (const from of variants) {
      for (const to of variants) {
        await load(from);
        await load(to);
        const text = network.node.run('nft list table ip nocher-test');
        await nft.apply(fullScript(loaded!));
        expect(withoutHandles(text)).toBe(withoutHandles(network.node.run('nft list table ip nocher-test')));
      }
    }
    await nft.apply(deleteScript(loaded!));
    await nft.apply(deleteScript({ family: 'bridge', name: 'nocher-test' }));
    expect(network.node.run('nft list ruleset')).toBe('');
  });
});

/** Chains and sets in one order, whatever the one in which they were made. */
function withoutHandles(text: string): string {
  return text
    .split(/\n\n|\n\t}\n/)
    .map((part) => part.trim())
    .sort()
    .join('\n');
}
