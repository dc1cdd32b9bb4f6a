/** How the API server learns what nodes use: from kubelets in this process directly, from others over their servers. */
import type { Node } from '../api/core/v1/node.ts';
import type { Lister } from '../api/machinery/handler.ts';
import type { KubeletCredentials } from '../apiserver/kubelet-proxy/connection.ts';
import { getFromKubelet, kubeletAddress } from '../apiserver/kubelet-proxy/connection.ts';
import type { SampleSource } from '../apiserver/resource-metrics/collector.ts';
import type { NodeSample } from '../apiserver/resource-metrics/sample.ts';
import { parseSample } from '../apiserver/resource-metrics/sample.ts';
import type { UsageReader, UsageSnapshot } from '../kubelet/stats/usage.ts';

/** Readers of nodes whose kubelets run here and have no server, by node name. */
export type NearbyNodes = Map<string, UsageReader>;

/** A node's text is a few hundred bytes a container. */
const MAX_TEXT_BYTES = 64 << 20;

export function sampleSource(
  nodes: Lister<Node>,
  { nearby, credentials }: { nearby: NearbyNodes; credentials: KubeletCredentials },
): SampleSource {
  return async (node, signal) => {
    const name = node.metadata.name ?? '';
    const reader = nearby.get(name);
    if (reader !== undefined) return sampleOf(await reader());
    const request = { path: '/metrics/resource', signal };
    const answer = await getFromKubelet(credentials, kubeletAddress(nodes, name), request);
    const text = await textOf(answer);
    if (answer.statusCode !== 200) throw new Error(`the kubelet answered ${answer.statusCode}: ${text.slice(0, 200)}`);
    return parseSample(text);
  };
}

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of chunks) {
    sizeBytes += part.length;
    if (sizeBytes > MAX_TEXT_BYTES) throw new Error('the answer is too long');
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

/** What parsing the node's text would give. */
export function sampleOf({ node, pods }: UsageSnapshot): NodeSample {
  const sample = (one: {
    cpuUsageNs: number;
    memoryWorkingSetBytes: number;
    timestampMs: number;
  }): {
    cpuNs: number;
    memoryBytes: number;
    timestampMs: number;
  } => ({ cpuNs: one.cpuUsageNs, memoryBytes: one.memoryWorkingSetBytes, timestampMs: one.timestampMs });
  return {
    node: sample(node),
    pods: new Map(
      pods.map(({ namespace, name, containers }) => [
        `${namespace}/${name}`,
        new Map(containers.map((one) => [one.name, { ...sample(one.stats), startedAtMs: one.startedAtMs }])),
      ]),
    ),
  };
}
