import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { HostPortInfo } from './host-ports.ts';
import { nftRunner } from './nft.ts';
import { buildBridgeRules, buildRules } from './rules.ts';
import { diffRules, fullScript } from './ruleset.ts';
import { createTestNetwork, missingForTestNetwork } from './test-network.ts';
import type { TestNetwork } from './test-network.ts';

const describeNetwork = missingForTestNetwork() === undefined ? describe : describe.skip;
const options = { clusterId: 'test', clusterCidr: '10.77.0.0/16', podCidr: '10.77.0.0/24', bridge: 'br0' };
const web: HostPortInfo = { protocol: 'tcp', hostIp: '', hostPort: 9080, podIp: '10.77.0.2', port: 8080 };

describeNetwork('host ports in a network namespace', () => {
  let network: TestNetwork;
  let loaded = buildRules([], options);

  async function load(...ports: HostPortInfo[]): Promise<void> {
    const table = buildRules([], options, ports);
    await nftRunner({ prefix: network.node.prefix }).apply(diffRules(loaded, table));
    loaded = table;
  }

  beforeAll(async () => {
    network = await createTestNetwork();
    await Promise.all(network.pods.slice(0, 2).map((pod, i) => pod.serve(8080, 'ab'[i]!)));
    const nft = nftRunner({ prefix: network.node.prefix });
    await nft.apply(fullScript(buildBridgeRules(options, network.bridge)));
    await nft.apply(fullScript(loaded));
  });

  afterAll(() => network?.close());

  it('lead others, the node, pods and the pod itself to the pod', async () => {
    await load(web);
    expect(await network.outside.connect('192.0.2.1', 9080)).toBe('a 192.0.2.9');
    expect(await network.node.connect('192.0.2.1', 9080)).toMatch(/^a /);
    expect(await network.pods[2]!.connect('192.0.2.1', 9080)).toBe('a 10.77.0.4');
    expect(await network.pods[0]!.connect('10.77.0.1', 9080)).toBe('a 10.77.0.1');
  });

  it('serve only the address that they name, before one that names none', async () => {
    await load({ ...web, hostIp: '192.0.2.1' });
    expect(await network.outside.connect('192.0.2.1', 9080)).toBe('a 192.0.2.9');
    expect(await network.pods[2]!.connect('10.77.0.1', 9080)).toBe('refused');
    await load({ ...web, hostIp: '192.0.2.1' }, { ...web, podIp: '10.77.0.3' });
    expect(await network.outside.connect('192.0.2.1', 9080)).toMatch(/^a /);
    expect(await network.pods[2]!.connect('10.77.0.1', 9080)).toMatch(/^b /);
  });

  it('are free again when the pod goes, and tell protocols apart', async () => {
    await load(web);
    await load({ ...web, protocol: 'udp' });
    expect(await network.outside.connect('192.0.2.1', 9080)).toBe('refused');
    await load();
    expect(network.node.run('nft list table ip nocher-test')).not.toContain('hp-');
  });
});
