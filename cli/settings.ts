/** The ports, ranges and names of a cluster: as asked for, or as it had them, or free ones; remembered for the next start. */
import { hostname } from 'node:os';
import type { AskedConfig } from './config.ts';
import { nodeNameOfHost, UsageError } from './config.ts';
import type { ChosenSettings, DataFolder } from './data-folder.ts';
import { choosePort, chooseRange, rangesOverlap } from './ports.ts';
import { checkSimulatedNodes } from './simulated-nodes.ts';

const POD_RANGES = ['10.244.0.0/16', '10.245.0.0/16', '10.246.0.0/16', '10.247.0.0/16'];
const SERVICE_RANGES = ['10.96.0.0/16', '10.97.0.0/16', '10.98.0.0/16', '10.99.0.0/16'];

/** Where the kubelet's API is served: the API server may come from another address than loopback. */
export const KUBELET_HOST = '0.0.0.0';

/** Throws a `UsageError` for what was asked for and cannot be. */
export async function chooseSettings(config: AskedConfig, folder: DataFolder): Promise<ChosenSettings> {
  const remembered = folder.settings();
  const host = config.bindAddress;
  const settings: ChosenSettings = {
    apiPort: await choosePort({
      flag: '--api-port',
      asked: config.apiPort,
      remembered: remembered.apiPort,
      preferred: 6443,
      host,
    }),
    kubeletPort: await choosePort({
      flag: '--kubelet-port',
      asked: config.kubeletPort,
      remembered: remembered.kubeletPort,
      preferred: 10250,
      host: KUBELET_HOST,
    }),
    podCidr: chooseRange({ asked: config.podCidr, remembered: remembered.podCidr, preferred: POD_RANGES }),
    serviceCidr: chooseRange({
      asked: config.serviceCidr,
      remembered: remembered.serviceCidr,
      preferred: SERVICE_RANGES,
    }),
    nodeName:
      config.nodeName === nodeNameOfHost(hostname()) ? (remembered.nodeName ?? config.nodeName) : config.nodeName,
    bindAddress: host,
  };
  const { podCidr, serviceCidr } = settings;
  if (rangesOverlap(podCidr, serviceCidr))
    throw new UsageError(`--pod-cidr ${podCidr} and --service-cidr ${serviceCidr} overlap`);
  checkSimulatedNodes(config.simulatedNodes, settings.podCidr);
  if (config.storage === 'etcd') settings.etcd = config.etcd;
  folder.saveSettings(settings);
  return settings;
}
