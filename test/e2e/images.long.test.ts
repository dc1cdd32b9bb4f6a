/**
 * Images as users meet them: pulled from Debian's docker-registry over HTTP and TLS, with passwords and tokens, through
 * mirrors; and what a pod, its events and `kubectl` say when a pull fails. `NOCHER_TEST_RUNTIME=cri` runs it on
 * containerd; what is configured by our own flags is then containerd's business, and skipped.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { busyboxImage, missingForRegistries, openRegistries, PASSWORD_USER } from '../registry-process.ts';
import type { Registries, RunningRegistry } from '../registry-process.ts';
import type { Cluster, CommandResult, Json } from './harness.ts';
import { eventually, isRoot, prepareCluster } from './harness.ts';

const isOurDriver = (process.env['NOCHER_TEST_RUNTIME'] ?? 'native') === 'native';
const suite = isRoot && missingForRegistries.length === 0 ? describe : describe.skip;
const ours = isOurDriver ? it : it.skip;

/** On loopback no registry needs TLS; at the node's own address only one that is said to be insecure does not. */
const PLAIN = '127.0.0.1:5000';
const PASSWORDS = '192.0.2.10:5001';
const TOKENS = '192.0.2.10:5002';
const INSECURE = '192.0.2.10:5003';
const MIRROR = '127.0.0.1:5004';
const FALLING = '127.0.0.1:5005';
const UNVERIFIED = '192.0.2.10:5006';
const NOBODY = '127.0.0.1:5999';
const REALM = 'https://192.0.2.10:5009/token';

let cluster: Cluster;
let registries: Registries;
let falling: RunningRegistry;

const pod = (name: string, image: string, more = ''): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: "${image}"${more.startsWith(',') ? more : ''}}]
${more.startsWith(',') ? '' : more}
---`;

const NEVER = ', imagePullPolicy: Never';
const ALWAYS = ', imagePullPolicy: Always';
const secrets = (name: string): string => `  imagePullSecrets: [{name: ${name}}]`;
const WRONG_DIGEST = `sha256:${'0'.repeat(64)}`;

const get = (...what: string[]): Json => JSON.parse(cluster.run('get', ...what, '-o', 'json'));
const containerOf = (name: string): Json => get('pod', name).status.containerStatuses?.[0];
const events = (name: string): [string, string, string][] =>
  get('events', '--field-selector', `involvedObject.kind=Pod,involvedObject.name=${name}`).items.map(
    ({ type, reason, message }: Json) => [type, reason, message],
  );

const runs = (name: string): Promise<Json> =>
  eventually(`pod ${name} runs`, () => {
    const status = containerOf(name);
    return status?.state.running !== undefined && status;
  }).catch((error: Error) => {
    throw new Error(`${error.message}\n${JSON.stringify(containerOf(name))}\n${events(name).join('\n')}`);
  });

const waits = (name: string, reason: string): Promise<string> =>
  eventually(`pod ${name} waits with ${reason}`, () => {
    const waiting = containerOf(name)?.state.waiting;
    return waiting?.reason === reason && (waiting.message as string);
  }).catch((error: Error) => {
    throw new Error(`${error.message}\n${JSON.stringify(containerOf(name))}\n${events(name).join('\n')}`);
  });

const happened = (name: string, ...event: [string, string, string | RegExp]): Promise<unknown> =>
  eventually(`event of ${name}: ${event.join(' ')}`, () =>
    events(name).some(
      ([type, reason, message]) =>
        type === event[0] &&
        reason === event[1] &&
        (typeof event[2] === 'string' ? message === event[2] : event[2].test(message)),
    ),
  ).catch((error: Error) => {
    throw new Error(`${error.message}\n${events(name).join('\n')}`);
  });

const dockerSecret = (name: string, server: string, password = PASSWORD_USER.password): CommandResult =>
  cluster.kubectl([
    'create',
    'secret',
    'docker-registry',
    name,
    `--docker-server=${server}`,
    `--docker-username=${PASSWORD_USER.username}`,
    `--docker-password=${password}`,
  ]);

/** Other bytes of the same length, which still unpack to the same: a comment in gzip's head. */
function damage(digest: string): void {
  const file = registries.blobFile(digest);
  const bytes = readFileSync(file);
  bytes.writeUInt32LE(0x01020304, 4);
  writeFileSync(file, bytes);
}

suite(`images${missingForRegistries.length > 0 ? ` (needs ${missingForRegistries.join(', ')})` : ''}`, () => {
  let digest = '';

  beforeAll(async () => {
    const flags = ['--storage', 'memory', '--registry-mirror', `http://${MIRROR}`];
    cluster = prepareCluster([...flags, '--insecure-registry', INSECURE]);
    registries = await openRegistries(cluster.enter, ['192.0.2.10']);
    // Where Go looks for the machine's authorities, and we do.
    cluster.environment['SSL_CERT_FILE'] = registries.caFile;
    const tokens = {
      '': { repositories: ['team/open'] },
      [PASSWORD_USER.username]: { ...PASSWORD_USER, repositories: ['team/app', 'team/open'] },
    };
    const [plain] = await Promise.all([
      registries.start({ address: PLAIN }),
      registries.start({ address: PASSWORDS, tls: true, auth: 'password' }),
      registries.start({ address: TOKENS, tls: true, auth: { tokens, realm: REALM } }),
      registries.start({ address: INSECURE }),
      registries.start({ address: MIRROR }),
      registries.start({ address: UNVERIFIED }),
    ]);
    falling = await registries.start({ address: FALLING });
    const app = await busyboxImage(['sleep', '1000']);
    digest = app.digest;
    await registries.push(plain, 'team/app:1', app);
    for (const name of ['team/app:latest', 'team/open:1', 'library/famous:1', 'team/again:1'])
      await registries.push(plain, name, app);
    const damaged = await busyboxImage(['sleep', '1000'], [{ name: 'damaged', content: 'x' }]);
    await registries.push(plain, 'team/damaged:1', damaged);
    damage(
      [...damaged.blobs.keys()].find(
        (key) =>
          readFileSync(registries.blobFile(key)).length < 1000 && !readFileSync(registries.blobFile(key)).includes('{'),
      )!,
    );
    await cluster.restart();
    await falling.stop();
  }, 90_000);
  afterAll(async () => {
    await cluster?.stop();
    await registries?.stop();
  }, 60_000);

  describe('pulled [D3]', () => {
    it('over HTTP, by tag, without a tag and by digest', async () => {
      cluster.apply(
        [
          pod('by-tag', `${PLAIN}/team/app:1`),
          pod('by-nothing', `${PLAIN}/team/app`),
          pod('by-digest', `${PLAIN}/team/app@${digest}`),
        ].join('\n'),
      );
      const status = await runs('by-tag');
      expect(status).toMatchObject({ image: `${PLAIN}/team/app:1`, imageID: `${PLAIN}/team/app@${digest}` });
      await happened('by-tag', 'Normal', 'Pulling', `Pulling image "${PLAIN}/team/app:1"`);
      await happened(
        'by-tag',
        'Normal',
        'Pulled',
        /^Successfully pulled image "127\.0\.0\.1:5000\/team\/app:1" in [\d.]+m?s \([\d.]+m?s including waiting\)\. Image size: \d+ bytes\.$/,
      );
      await runs('by-nothing');
      expect(get('pod', 'by-nothing').spec.containers[0].imagePullPolicy).toBe('Always');
      expect((await runs('by-digest')).imageID).toBe(`${PLAIN}/team/app@${digest}`);
    });

    it('over TLS with a password, from imagePullSecrets of the pod', async () => {
      expect(dockerSecret('keeper', PASSWORDS).code).toBe(0);
      cluster.apply(pod('password', `${PASSWORDS}/team/app:1`, secrets('keeper')));
      await runs('password');
      const log = readFileSync(join(cluster.dataDir, 'log', 'nocher.log'), 'utf8');
      for (const text of [cluster.run('get', 'events', '-o', 'yaml'), log])
        expect(text).not.toContain(PASSWORD_USER.password);
    });

    it('over TLS with a token, from imagePullSecrets of the ServiceAccount', async () => {
      expect(dockerSecret('token', `https://${TOKENS}/v2/`).code).toBe(0);
      cluster.run('create', 'serviceaccount', 'puller');
      cluster.run('patch', 'serviceaccount', 'puller', '-p', '{"imagePullSecrets": [{"name": "token"}]}');
      cluster.apply(pod('token', `${TOKENS}/team/app:1`, '  serviceAccountName: puller'));
      await runs('token');
      expect(get('pod', 'token').spec.imagePullSecrets).toEqual([{ name: 'token' }]);
    });

    it('with an anonymous token', async () => {
      cluster.apply(pod('anonymous', `${TOKENS}/team/open:1`));
      await runs('anonymous');
    });

    it('with the second of two secrets', async () => {
      expect(dockerSecret('stale', PASSWORDS, 'old').code).toBe(0);
      cluster.apply(pod('second', `${PASSWORDS}/team/again:1`, '  imagePullSecrets: [{name: stale}, {name: keeper}]'));
      await runs('second');
    });

    ours('through a mirror of Docker Hub (--registry-mirror)', async () => {
      cluster.apply(pod('mirrored', 'famous:1'));
      expect((await runs('mirrored')).image).toBe('docker.io/library/famous:1');
    });

    ours('from a registry without TLS that is said to be so (--insecure-registry)', async () => {
      cluster.apply(pod('insecure', `${INSECURE}/team/app:1`));
      await runs('insecure');
    });

    it('not when it is there: IfNotPresent and Never; but asked for with Always', async () => {
      cluster.apply(
        [
          pod('present', `${PLAIN}/team/app:1`),
          pod('present-never', `${PLAIN}/team/app:1`, NEVER),
          pod('present-always', `${PLAIN}/team/app:1`, ALWAYS),
        ].join('\n'),
      );
      const text = `Container image "${PLAIN}/team/app:1" already present on machine and can be accessed by the pod`;
      for (const name of ['present', 'present-never']) {
        await runs(name);
        await happened(name, 'Normal', 'Pulled', text);
        expect(events(name).map(([, reason]) => reason)).not.toContain('Pulling');
      }
      await runs('present-always');
      await happened('present-always', 'Normal', 'Pulling', `Pulling image "${PLAIN}/team/app:1"`);
    });
  });

  describe('refused', () => {
    it.each([
      [
        'unknown-tag',
        `${PLAIN}/team/app:none`,
        '',
        /failed to resolve reference ".*": 127\.0\.0\.1:5000\/team\/app:none: not found$/,
      ],
      ['unknown-name', `${PLAIN}/nobody/nothing:1`, '', /127\.0\.0\.1:5000\/nobody\/nothing:1: not found$/],
      ['unknown-digest', `${PLAIN}/team/app@${WRONG_DIGEST}`, '', /not found$/],
      [
        'no-password',
        `${PASSWORDS}/team/damaged:1`,
        '',
        /authorization failed: no basic auth credentials$|401 Unauthorized$/,
      ],
      ['no-right', `${TOKENS}/team/damaged:1`, secrets('token'), /authorization failed$/],
      ['no-registry', `${NOBODY}/team/app:1`, '', /dial tcp 127\.0\.0\.1:5999: connect: connection refused$/],
      ['no-tls', `${UNVERIFIED}/team/app:1`, '', /http: server gave HTTP response to HTTPS client$/],
      [
        'damaged',
        `${PLAIN}/team/damaged:1`,
        '',
        /unexpected commit digest sha256:[0-9a-f]{64}, expected sha256:[0-9a-f]{64}: failed precondition$/,
      ],
    ])('%s', async (name, image, more, text) => {
      cluster.apply(pod(name, image, more));
      const message = await waits(name, 'ImagePullBackOff');
      expect(message).toMatch(new RegExp(`^Back-off pulling image "${image}": ErrImagePull: .*`));
      expect(message).toMatch(text);
      expect(message).toContain(`failed to pull and unpack image "${image}": `);
      await happened(name, 'Normal', 'Pulling', `Pulling image "${image}"`);
      const pulled = events(name).find(([, reason, said]) => reason === 'Failed' && said.startsWith('Failed to pull'));
      expect(pulled?.[2]).toMatch(text);
      await happened(name, 'Warning', 'Failed', 'Error: ErrImagePull');
      await happened(name, 'Normal', 'BackOff', `Back-off pulling image "${image}"`);
      await happened(name, 'Warning', 'Failed', 'Error: ImagePullBackOff');
      expect(cluster.run('get', 'pod', name)).toMatch(/^\S+ +0\/1 +(ErrImagePull|ImagePullBackOff) +0 /m);
    });

    it('a wrong password, which is told to nobody', async () => {
      cluster.apply(pod('wrong', `${PASSWORDS}/team/damaged:1`, secrets('stale')));
      expect(await waits('wrong', 'ImagePullBackOff')).toMatch(/401 Unauthorized|authorization failed/);
      const said = `${JSON.stringify(get('pod', 'wrong'))}${events('wrong').join('\n')}`;
      expect(said).not.toMatch(/old@|:old\b/);
    });

    it('what the password of another pod pulled, to pods without one', async () => {
      const image = `${PASSWORDS}/team/app:1`;
      cluster.apply([pod('stranger', image), pod('stranger-never', image, NEVER)].join('\n'));
      expect(await waits('stranger', 'ImagePullBackOff')).toMatch(/401 Unauthorized|authorization failed/);
      const text = `Container image "${image}" is not present with pull policy of Never`;
      expect(await waits('stranger-never', 'ErrImageNeverPull')).toBe(text);
      cluster.apply(pod('colleague', image, secrets('keeper')));
      await runs('colleague');
      expect(events('colleague').map(([, reason]) => reason)).not.toContain('Pulling');
    });

    it('a secret that is not there: told, and tried without', async () => {
      cluster.apply(pod('no-secret', `${PLAIN}/team/app:1`, secrets('nosuch')));
      await runs('no-secret');
      await happened(
        'no-secret',
        'Warning',
        'FailedToRetrieveImagePullSecret',
        'Unable to retrieve some image pull secrets (nosuch); attempting to pull the image may not succeed.',
      );
    });

    it('a name that is none: InvalidImageName', async () => {
      cluster.apply(pod('invalid', 'Not/Valid:x'));
      const message = await waits('invalid', 'InvalidImageName');
      expect(message).toMatch(
        /^Failed to apply default image tag "Not\/Valid:x": couldn't parse image name "Not\/Valid:x": invalid reference format: repository name \(Valid\) must be lowercase$/,
      );
      await happened('invalid', 'Warning', 'InspectFailed', message);
      await happened('invalid', 'Warning', 'Failed', 'Error: InvalidImageName');
    });

    it('an image that is not there and never pulled: ErrImageNeverPull', async () => {
      cluster.apply(pod('never', `${PLAIN}/team/absent:1`, NEVER));
      const text = `Container image "${PLAIN}/team/absent:1" is not present with pull policy of Never`;
      expect(await waits('never', 'ErrImageNeverPull')).toBe(text);
      await happened('never', 'Warning', 'ErrImageNeverPull', text);
      await happened('never', 'Warning', 'Failed', 'Error: ErrImageNeverPull');
    });

    it('an init container: the others wait', async () => {
      cluster.apply(
        pod('init', `${PLAIN}/team/app:1`, `  initContainers: [{name: first, image: "${PLAIN}/team/app:none"}]`),
      );
      const state = (): Json => get('pod', 'init').status.initContainerStatuses?.[0].state.waiting;
      await eventually('it waits', () => state()?.reason === 'ImagePullBackOff');
      expect(cluster.run('get', 'pod', 'init')).toMatch(/^init +0\/1 +Init:(ErrImagePull|ImagePullBackOff) +0 /m);
      expect(containerOf('init').state).toEqual({ waiting: { reason: 'PodInitializing' } });
    });

    it('one container of two: the other runs', async () => {
      cluster.apply(`
apiVersion: v1
kind: Pod
metadata: {name: half}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: bad, image: "${PLAIN}/team/app:none"}
  - {name: good, image: "${PLAIN}/team/app:1"}
`);
      await eventually('the good one runs', () => {
        const statuses = get('pod', 'half').status.containerStatuses ?? [];
        const [bad, good] = ['bad', 'good'].map((name) => statuses.find((one: Json) => one.name === name));
        return bad?.state.waiting?.reason === 'ImagePullBackOff' && good?.state.running !== undefined;
      });
      expect(cluster.run('get', 'pod', 'half')).toMatch(/^half +1\/2 +(ErrImagePull|ImagePullBackOff) +0 /m);
    });
  });

  it('a registry that comes back, and an image that is pushed late: the pods run without help', async () => {
    cluster.apply([pod('patient', `${FALLING}/team/app:1`), pod('early', `${PLAIN}/team/late:1`)].join('\n'));
    expect(await waits('patient', 'ImagePullBackOff')).toMatch(/connect: connection refused$/);
    expect(await waits('early', 'ImagePullBackOff')).toMatch(/not found$/);
    await falling.start();
    await registries.push(falling, 'team/late:1', await busyboxImage(['sleep', '1000']));
    expect((await runs('patient')).restartCount).toBe(0);
    await runs('early');
  });
});
