/** A real database on a claim: its rows outlive its pod, its node's agent, and a stop of the cluster. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Cluster, Json } from './harness.ts';
import { eventually, isRoot, startCluster } from './harness.ts';
import { loadPostgres, POSTGRES, postgresRelease } from './postgres-image.ts';

const release = postgresRelease();
const suite = isRoot && release !== undefined ? describe : describe.skip;

const DATABASE = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 20
      containers:
      - name: postgres
        image: ${POSTGRES}
        volumeMounts: [{name: petsdata, mountPath: /data}]
        readinessProbe: {exec: {command: [pg_isready, -q]}, periodSeconds: 1}
  volumeClaimTemplates:
  - metadata: {name: petsdata}
    spec:
      accessModes: [ReadWriteOnce]
      resources: {requests: {storage: 100Mi}}
`;

suite('a database of Debian', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster();
    await loadPostgres(cluster, release!);
  }, 120_000);
  afterAll(() => cluster?.stop(), 60_000);

  const sql = (statement: string): string =>
    cluster.run('exec', 'db-0', '--', 'psql', '-qtA', '-v', 'ON_ERROR_STOP=1', '-c', statement).trim();
  const pod = (): Json | undefined => {
    const { code, stdout } = cluster.kubectl(['get', 'pod', 'db-0', '-o', 'json']);
    return code === 0 ? JSON.parse(stdout) : undefined;
  };
  const isReady = ({ status }: Json): boolean =>
    (status.conditions ?? []).some(({ type, status: is }: Json) => type === 'Ready' && is === 'True');
  /** Another one than that of `uid`. */
  const ready = (uid?: string): Promise<Json> =>
    eventually(
      'the database is ready',
      () => {
        const found = pod();
        return found !== undefined && found.metadata.uid !== uid && isReady(found) && found;
      },
      90_000,
    );
  const answers = (count: number): Promise<true> =>
    eventually(
      `there are ${count} rows`,
      () => {
        const { code, stdout } = cluster.kubectl([
          'exec',
          'db-0',
          '--',
          'psql',
          '-qtA',
          '-c',
          'select count(*) from pets',
        ]);
        return code === 0 && stdout.trim() === String(count);
      },
      90_000,
    );

  it('makes itself on a claim of the default class', async () => {
    cluster.apply(DATABASE);
    await ready();
    sql('create table pets (name text primary key)');
    sql("insert into pets select 'cat ' || i from generate_series(1, 1000) i");
    const { spec, status } = JSON.parse(cluster.run('get', 'pvc', 'petsdata-db-0', '-o', 'json')) as Json;
    expect(status.phase).toBe('Bound');
    expect(cluster.run('get', 'pv', spec.volumeName, '-o', 'jsonpath={.spec.claimRef.name}')).toBe('petsdata-db-0');
  });

  it('keeps its rows when its pod is deleted', async () => {
    const { metadata } = await ready();
    cluster.run('delete', 'pod', 'db-0');
    await ready(metadata.uid);
    await answers(1000);
    sql("insert into pets values ('after the first pod')");
  });

  it('keeps its rows, and runs on, when the node’s agent is killed and comes back', async () => {
    const { metadata } = await ready();
    await cluster.kill('SIGKILL');
    await cluster.restart();
    await answers(1001);
    expect(pod()?.metadata.uid).toBe(metadata.uid);
    sql("insert into pets values ('after the crash')");
  });

  it('keeps its rows when the cluster is stopped and started', async () => {
    await cluster.kill('SIGTERM');
    await cluster.restart();
    await answers(1002);
    sql("insert into pets values ('after the stop')");
    expect(sql('select count(*) from pets')).toBe('1003');
  });
});
