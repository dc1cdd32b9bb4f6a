/**
 * What the servers of one etcd must agree on, kept in the store itself: the cluster's authority and its ranges. The
 * first server writes it, each further one takes the ranges from it, and one with another authority is refused, since
 * clients and nodes of the cluster would not believe it.
 */
import { X509Certificate } from 'node:crypto';
import type { Storage } from '../apiserver/storage/storage.ts';
import { StorageError } from '../apiserver/storage/storage.ts';
import type { AskedConfig } from './config.ts';
import { UsageError } from './config.ts';
import type { DataFolder, Settings } from './data-folder.ts';

export interface ClusterRecord {
  /** SHA-256 of the cluster's CA certificate, as openssl prints it. */
  caFingerprint: string;
  podCidr: string;
  serviceCidr: string;
}

const KEY = '/registry/nocher.io/cluster';

/** Undefined in a store that no server has used yet, and in one that has a single server anyway. */
export async function readClusterRecord(storage: Storage): Promise<ClusterRecord | undefined> {
  if (storage.isShared !== true) return undefined;
  const entry = await storage.get(KEY);
  return entry && (JSON.parse(Buffer.from(entry.value).toString()) as ClusterRecord);
}

/** The ranges of the cluster that is in the store; throws a `UsageError` where others were asked for. */
export function withRangesOf(record: ClusterRecord | undefined, config: AskedConfig): AskedConfig {
  if (record === undefined) return config;
  const range = (flag: string, asked: string | undefined, there: string): string => {
    if (asked === undefined || asked === there) return there;
    throw new UsageError(`${flag}: ${asked} is not the range of the cluster in etcd, ${there}`);
  };
  return {
    ...config,
    podCidr: range('--pod-cidr', config.podCidr, record.podCidr),
    serviceCidr: range('--service-cidr', config.serviceCidr, record.serviceCidr),
  };
}

export function clusterRecord(
  caCertificate: string,
  settings: Required<Pick<Settings, 'podCidr' | 'serviceCidr'>>,
): ClusterRecord {
  const { podCidr, serviceCidr } = settings;
  return { caFingerprint: new X509Certificate(caCertificate).fingerprint256, podCidr, serviceCidr };
}

/** Writes the record, or compares it with the one that is there. Throws a `UsageError` when the authorities differ. */
export async function agreeOnCluster(storage: Storage, record: ClusterRecord, folder: DataFolder): Promise<void> {
  if (storage.isShared !== true) return;
  try {
    await storage.create(KEY, Buffer.from(JSON.stringify(record)));
  } catch (error) {
    if (!(error instanceof StorageError && error.code === 'key-exists')) throw error;
    const there = await readClusterRecord(storage);
    if (there === undefined || there.caFingerprint === record.caFingerprint) return;
    throw new UsageError(
      `etcd holds a cluster with another certificate authority (SHA-256 ${there.caFingerprint}): to add a server to it, ` +
        `copy ca.*, front-proxy-ca.* and sa.* of its server's pki folder to ${folder.file('pki')}`,
    );
  }
}
