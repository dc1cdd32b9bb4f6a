/** Lists in chunks whose first version is gone: in process, since a cluster keeps its versions for minutes. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Status } from '../../api/machinery/errors.ts';
import type { TestServer } from '../testing.ts';
import { startTestServer } from '../testing.ts';

const TEMPLATES = 120;
const LIMIT = 40;
const PATH = '/api/v1/namespaces/default/podtemplates';

interface TemplateList {
  metadata: { continue?: string; remainingItemCount?: number; resourceVersion: string };
  items: { metadata: { name: string } }[];
}

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  for (let i = 0; i < TEMPLATES; i++) await create(`template-${String(i).padStart(4, '0')}`);
});
afterAll(() => server.close());

const create = (name: string): Promise<unknown> =>
  server.call('POST', PATH, {
    metadata: { name },
    template: { spec: { containers: [{ name: 'test', image: 'test' }] } },
  });

const page = (token = ''): Promise<TemplateList> =>
  server.call('GET', `${PATH}?limit=${LIMIT}&continue=${encodeURIComponent(token)}`);

/** What the second page is answered once its version is compacted, which no copy of it outlives for long. */
async function refusalOnceCompacted(token: string): Promise<Status> {
  for (let version = 0; version < 1000; version++) {
    const { body, status } = await server.send('GET', `${PATH}?limit=${LIMIT}&continue=${encodeURIComponent(token)}`);
    if (status !== 200) return body as Status;
    await create(`z-later-${version}`);
    const { metadata } = await page();
    await server.storage.compact(Number(metadata.resourceVersion));
  }
  throw new Error('the first version never went');
}

describe('a list in chunks', () => {
  it('goes on from the last key when its version is gone [conformance: API Chunking, server should support continue listing from the last key even if the original version has been compacted away]', async () => {
    const first = await page();
    expect(first.items).toHaveLength(LIMIT);
    expect(first.metadata.remainingItemCount).toBe(TEMPLATES - LIMIT);

    const refusal = await refusalOnceCompacted(first.metadata.continue!);
    expect(refusal).toMatchObject({ code: 410, reason: 'Expired' });
    const inconsistent = refusal.metadata['continue'] as string;
    expect(inconsistent).toMatch(/./);

    const total = (await server.call<TemplateList>('GET', PATH)).items.length;
    const second = await page(inconsistent);
    expect(second.items).toHaveLength(LIMIT);
    expect(second.metadata.remainingItemCount).toBe(total - 2 * LIMIT);
    expect(second.metadata.resourceVersion).not.toBe(first.metadata.resourceVersion);

    const found = [...first.items, ...second.items];
    for (let token = second.metadata.continue ?? ''; token !== '';) {
      const next = await page(token);
      expect(next.items.length).toBeLessThanOrEqual(LIMIT);
      expect(next.metadata.resourceVersion).toBe(second.metadata.resourceVersion);
      found.push(...next.items);
      expect(next.metadata.remainingItemCount ?? 0).toBe(total - found.length);
      token = next.metadata.continue ?? '';
    }
    const names = found.map(({ metadata }) => metadata.name);
    expect(names.filter((name) => name.startsWith('template-'))).toEqual(
      Array.from({ length: TEMPLATES }, (_, i) => `template-${String(i).padStart(4, '0')}`),
    );
    expect(new Set(names).size).toBe(total);
  });
});
