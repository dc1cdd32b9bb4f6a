import { describe, expect, it } from '@jest/globals';
import type { ControllerRevision } from '../../api/apps/v1/controller-revision.ts';
import type { PodTemplateSpec } from '../../api/core/v1/pod.ts';
import {
  isSameRevision,
  nextRevision,
  revisionHash,
  revisionName,
  revisionsBeyondHistory,
  sortRevisions,
  templateOf,
  templatePatch,
} from './revisions.ts';

const template = (image: string): PodTemplateSpec =>
  ({ metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } }) as PodTemplateSpec;

const makeRevision = (name: string, revision: number, data: unknown = {}): ControllerRevision => ({
  metadata: { name, creationTimestamp: '2026-01-02T03:04:05Z' },
  revision,
  data,
});
const names = (revisions: ControllerRevision[]): (string | undefined)[] =>
  revisions.map(({ metadata }) => metadata.name);

describe('a revision’s data', () => {
  it('is a patch that puts the template in the place of another, with its keys in order', () => {
    expect(JSON.stringify(templatePatch(template('a')))).toBe(
      '{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":"web"}},' +
        '"spec":{"containers":[{"image":"a","name":"c"}]}}}}',
    );
  });

  it('gives the template back', () => {
    expect(templateOf(makeRevision('a', 1, templatePatch(template('a'))))).toEqual(template('a'));
  });

  it.each([undefined, null, 'text', [], {}, { spec: 1 }, { spec: { template: { spec: null } } }])(
    'remembers no template when it is %j',
    (data) => expect(templateOf(makeRevision('a', 1, data))).toBeUndefined(),
  );

  it('is the same whatever the order of its keys', () => {
    const a = makeRevision('a', 1, { spec: { template: { $patch: 'replace', spec: { x: 1, y: {} } } } });
    const b = makeRevision('b', 2, { spec: { template: { spec: { x: 1 }, $patch: 'replace' } } });
    expect(isSameRevision(a, b)).toBe(true);
    expect(isSameRevision(a, makeRevision('c', 3, { spec: { template: { spec: { x: 2 } } } }))).toBe(false);
  });
});

describe('revisionHash()', () => {
  it('is FNV-1 of the data as Go writes it and of the collisions, in the safe alphabet', () => {
    expect(revisionHash({ a: '<' }, 0)).toBe(expectedHash('{"a":"\\u003c"}0'));
    expect(revisionHash({ b: 1, a: 2 }, 0)).toBe(revisionHash({ a: 2, b: 1 }, 0));
    expect(revisionHash({ a: 1 }, 0)).not.toBe(revisionHash({ a: 1 }, 1));
  });

  it('ends a name that is not too long', () => {
    expect(revisionName('web', 'abc')).toBe('web-abc');
    expect(revisionName('w'.repeat(253), '1234567890')).toHaveLength(234);
  });
});

/** Another way to the same number: with big integers. */
function expectedHash(text: string): string {
  let hash = 2166136261n;
  for (const byte of Buffer.from(text)) hash = ((hash * 16777619n) % 2n ** 32n) ^ BigInt(byte);
  return [...String(hash)].map((digit) => 'bcdfghjklmnpqrstvwxz2456789'[digit.charCodeAt(0) % 27]).join('');
}

describe('the order of revisions', () => {
  it('is that of their numbers, then of their age and name', () => {
    const older = makeRevision('z', 2);
    older.metadata.creationTimestamp = '2026-01-01T00:00:00Z';
    expect(names(sortRevisions([makeRevision('b', 2), makeRevision('a', 2), makeRevision('c', 1), older]))).toEqual([
      'c',
      'z',
      'a',
      'b',
    ]);
  });

  it('goes on from the highest', () => {
    expect(nextRevision([])).toBe(1);
    expect(nextRevision([makeRevision('a', 7), makeRevision('b', 3)])).toBe(8);
  });
});

describe('revisionsBeyondHistory()', () => {
  const all = [5, 1, 4, 2, 3].map((revision) => makeRevision(`r${revision}`, revision));
  const beyond = (limit: number, ...live: string[]): (string | undefined)[] =>
    names(revisionsBeyondHistory(all, { limit, live: new Set(live) }));

  it('are the earliest of those that are not in use', () => {
    expect(beyond(2)).toEqual(['r1', 'r2', 'r3']);
    expect(beyond(2, 'r1', 'r5')).toEqual(['r2']);
    expect(beyond(0, 'r5')).toEqual(['r1', 'r2', 'r3', 'r4']);
    expect(beyond(5)).toEqual([]);
  });

  it('are none when the limit is negative', () => {
    expect(beyond(-1)).toEqual([]);
  });
});
