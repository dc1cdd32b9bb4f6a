/**
 * Creates through the in-process client, as controllers make them: a control plane with its controllers in a process
 * of their own, a caller that is no administrator, and lmdb's durable writes.
 */
import { spawnSync } from 'node:child_process';
import { setMaxListeners } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configMaps } from '../../api/core/v1/config-map.ts';
import type { UserInfo } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { clusterRoleBindings } from '../../api/rbac/v1/cluster-role-binding.ts';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import { bootstrap } from '../../cli/bootstrap.ts';
import { ensureCertificates } from '../../cli/certificates.ts';
import { upConfig } from '../../cli/config.ts';
import type { ControlPlane } from '../../cli/control-plane.ts';
import { startControlPlane } from '../../cli/control-plane.ts';
import { openDataFolder } from '../../cli/data-folder.ts';
import { apiServerUser } from '../../cli/identities.ts';
import { startControllers } from '../../cli/managers.ts';
import { openStorage } from '../../cli/storage.ts';
import { serverExtensions } from '../../cli/server-extensions.ts';
import { throughput } from './cluster-process.ts';

const WRITERS = 64;
const WARM_UP_MS = 1_000;
const DURATION_MS = 5_000;
const SERVICE_CIDR = '10.96.0.0/16';
const SERVICE_IP = '10.96.0.1';
const user: UserInfo = { name: 'bench', groups: ['system:authenticated'] };

/** Creates of 1 KiB ConfigMaps a second, 64 at once. */
export function inProcessCreates(): number {
  const script = `import { measure } from ${JSON.stringify(import.meta.url)}; console.log(await measure()); process.exit(0);`;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', script],
    { encoding: 'utf8', timeout: 120_000 },
  );
  if (status !== 0) throw new Error(stderr);
  return Number(stdout.trim().split('\n').at(-1));
}

export async function measure(): Promise<number> {
  const dataDir = mkdtempSync(join(tmpdir(), 'nocher-bench-'));
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal);
  try {
    const controlPlane = await start(dataDir, stopping.signal);
    const client = controlPlane.clientFor(user, 'bench');
    const data = { payload: 'x'.repeat(900) };
    const create = async (name: string): Promise<unknown> =>
      client.create(configMaps, { metadata: { name, namespace: 'default' }, data } as ApiObject);
    await throughput(WRITERS, WARM_UP_MS, async (i) => void (await create(`warm-${i}`)));
    return await throughput(WRITERS, DURATION_MS, async (i) => void (await create(`c-${i}`)));
  } finally {
    stopping.abort();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function start(dataDir: string, signal: AbortSignal): Promise<ControlPlane> {
  const config = upConfig({ dataDir, apiPort: '0', runtime: 'none' });
  const folder = openDataFolder(config.dataDir);
  folder.claim();
  const hostIps = ['127.0.0.1'];
  const certificates = await ensureCertificates({
    dataDir: folder.path,
    nodeName: 'bench',
    serviceIp: SERVICE_IP,
    hostIps,
    clock: realClock,
    random: realRandom,
  });
  const network = { serviceCidr: SERVICE_CIDR, apiPort: 0 };
  const extend = serverExtensions({ certificates, serviceCidr: SERVICE_CIDR, nearby: new Map(), log: silentLogger });
  const storage = await openStorage({ storage: 'lmdb', etcd: config.etcd }, folder);
  const log = silentLogger;
  const controlPlane = await startControlPlane({ config, folder, storage, certificates, network, log, extend });
  const admin = controlPlane.clientFor(apiServerUser, 'kube-apiserver/bench');
  await bootstrap(admin, { serviceIp: SERVICE_IP, host: undefined, port: controlPlane.port });
  startControllers({
    controlPlane,
    ca: certificates.ca,
    serviceAccountKey: certificates.serviceAccount,
    log: silentLogger,
    signal,
  });
  await admin.create(clusterRoleBindings, {
    metadata: { name: 'bench' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:aggregate-to-edit' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user.name }],
  } as ApiObject);
  return controlPlane;
}
