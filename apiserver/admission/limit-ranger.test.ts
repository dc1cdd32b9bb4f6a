import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Status } from '../../api/machinery/errors.ts';
import type { TestServer } from '../testing.ts';
import { startTestServer } from '../testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

/** A namespace with these limits. */
async function limited(name: string, limits: object[]): Promise<string> {
  await server.call('POST', '/api/v1/namespaces', { metadata: { name } });
  const url = `/api/v1/namespaces/${name}`;
  await server.call('POST', `${url}/serviceaccounts`, { metadata: { name: 'default' } });
  await server.call('POST', `${url}/limitranges`, { metadata: { name: 'limits' }, spec: { limits } });
  return url;
}

const pod = (resources?: object): object => ({
  metadata: { name: 'p' },
  spec: { containers: [{ name: 'c', image: 'i', ...(resources && { resources }) }] },
});

async function refusal(url: string, body: object): Promise<string | undefined> {
  const answer = await server.send('POST', `${url}?dryRun=All`, { body });
  return answer.status === 403 ? (answer.body as Status).message : undefined;
}

describe('LimitRanger for pods [A35]', () => {
  it('gives containers requests and limits, and says so', async () => {
    const url = await limited('defaults', [
      { type: 'Container', default: { cpu: '500m' }, defaultRequest: { cpu: '100m', memory: '50Mi' } },
    ]);
    const made = await server.call<Pod>('POST', `${url}/pods`, pod({ requests: { memory: '1Mi' } }));
    expect(made.spec.containers[0]!.resources).toEqual({
      limits: { cpu: '500m' },
      requests: { cpu: '100m', memory: '1Mi' },
    });
    expect(made.metadata.annotations?.['kubernetes.io/limit-ranger']).toBe(
      'LimitRanger plugin set: cpu request for container c; cpu limit for container c',
    );
    expect(made.status?.qosClass).toBe('Burstable');
  });

  it('keeps containers within their bounds', async () => {
    const url = await limited('containers', [
      { type: 'Container', min: { cpu: '100m' }, max: { cpu: '1' }, maxLimitRequestRatio: { cpu: '2' } },
    ]);
    const ask = (requests: string, limits: string): Promise<string | undefined> =>
      refusal(`${url}/pods`, pod({ requests: { cpu: requests }, limits: { cpu: limits } }));
    expect(await ask('500m', '1')).toBeUndefined();
    expect(await ask('50m', '100m')).toBe(
      'pods "p" is forbidden: minimum cpu usage per Container is 100m, but request is 50m',
    );
    expect(await ask('1', '2')).toBe('pods "p" is forbidden: maximum cpu usage per Container is 1, but limit is 2');
    expect(await ask('100m', '400m')).toBe(
      'pods "p" is forbidden: cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000',
    );
    expect(await ask('50m', '2')).toContain('is forbidden: [minimum cpu');
  });

  it('keeps whole pods within theirs', async () => {
    const url = await limited('pods', [{ type: 'Pod', max: { memory: '10Mi' } }]);
    expect(await refusal(`${url}/pods`, pod())).toBe(
      'pods "p" is forbidden: maximum memory usage per Pod is 10Mi.  No limit is specified',
    );
    expect(await refusal(`${url}/pods`, pod({ limits: { memory: '10Mi' } }))).toBeUndefined();
  });

  it('keeps pods that are resized within them too [W12]', async () => {
    const url = await limited('resized', [{ type: 'Container', max: { cpu: '1' } }]);
    await server.call('POST', `${url}/pods`, pod({ requests: { cpu: '100m' }, limits: { cpu: '500m' } }));
    const resize = async (cpu: string): Promise<{ status: number; message: string | undefined }> => {
      const body = { spec: { containers: [{ name: 'c', resources: { limits: { cpu } } }] } };
      const contentType = 'application/strategic-merge-patch+json';
      const answer = await server.send('PATCH', `${url}/pods/p/resize`, { body, contentType });
      return { status: answer.status, message: (answer.body as Status).message };
    };
    expect(await resize('2')).toEqual({
      status: 403,
      message: 'pods "p" is forbidden: maximum cpu usage per Container is 1, but limit is 2',
    });
    expect((await resize('900m')).status).toBe(200);
  });
});

it('keeps claims within their bounds', async () => {
  const url = await limited('claims', [
    { type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '2Gi' } },
  ]);
  const ask = (storage: string): Promise<string | undefined> =>
    refusal(`${url}/persistentvolumeclaims`, {
      metadata: { name: 'p' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
    });
  expect(await ask('1Gi')).toBeUndefined();
  expect(await ask('512Mi')).toBe(
    'persistentvolumeclaims "p" is forbidden: minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 512Mi',
  );
  expect(await ask('3Gi')).toContain('maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi');
});
