import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ApiError } from '../machinery/errors.ts';
import { loadSchemaTable } from '../schema/table.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

const KUBECTL = join(import.meta.dirname, '../../dist/kubectl/35/kubectl');
const RUNS = 40;
const table = loadSchemaTable();
const folder = mkdtempSync(join(tmpdir(), 'nocher-patch-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Json = Record<string, unknown>;

/** The patched object, or the error's text. */
function byKubectl(original: Json, patch: Json): unknown {
  const file = join(folder, 'object.json');
  writeFileSync(file, JSON.stringify(original));
  const args = ['patch', '--local', '-f', file, '--type', 'strategic', '-p', JSON.stringify(patch), '-o', 'json'];
  try {
    const env = { ...process.env, KUBECONFIG: '/dev/null' };
    return JSON.parse(execFileSync(KUBECTL, args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] }));
  } catch (error) {
    return String((error as { stderr?: unknown }).stderr)
      .trim()
      .replace(/^error: /, '');
  }
}

function byUs(original: Json, patch: Json): unknown {
  try {
    return applyStrategicMergePatch({ original, patch, schema: 'V1Pod', table });
  } catch (error) {
    if (error instanceof ApiError) return error.message.trim();
    throw error;
  }
}

const name = fc.constantFrom('a', 'b', 'c');
const text = fc.constantFrom('1', '2');
const optional = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }, ...requiredKeys: (keyof T & string)[]) =>
  fc.record(fields, { requiredKeys });
const list = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 3 });
const unique = <T extends { name: string }>(item: fc.Arbitrary<T>) =>
  fc.uniqueArray(item, { maxLength: 3, selector: (one) => one.name });

const originals = fc
  .record({
    metadata: optional({
      labels: fc.dictionary(name, text, { noNullPrototype: true }),
      finalizers: fc.uniqueArray(fc.constantFrom('a/a', 'b/b', 'c/c')),
    }),
    spec: optional({
      containers: unique(
        optional({ name, image: text, env: list(optional({ name, value: text }, 'name')), args: list(text) }, 'name'),
      ),
      tolerations: list(optional({ key: name })),
      securityContext: optional({ runAsUser: fc.nat(3), fsGroup: fc.nat(3) }),
      volumes: unique(optional({ name, emptyDir: fc.constant({}) }, 'name')),
    }),
  })
  .map(({ metadata, spec }): Json => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', ...metadata }, spec }));

const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 6 });
const directive = fc.constantFrom('replace', 'delete', 'merge');
const env = optional({ name, value: orNull(text), $patch: directive }, 'name');
const container = optional(
  { name, image: orNull(text), env: list(env), args: orNull(list(text)), $patch: fc.constantFrom('delete') },
  'name',
);
const volume = optional(
  {
    name,
    emptyDir: orNull(fc.constant({})),
    $retainKeys: fc.constant(['name', 'emptyDir']),
    hostPath: fc.constant({}),
  },
  'name',
);
const patches = fc
  .record({
    metadata: optional({
      labels: orNull(fc.dictionary(name, orNull(text), { noNullPrototype: true })),
      finalizers: list(fc.constantFrom('a/a', 'b/b', 'd/d')),
      '$deleteFromPrimitiveList/finalizers': list(fc.constantFrom('a/a', 'c/c')),
      '$setElementOrder/finalizers': fc.uniqueArray(fc.constantFrom('a/a', 'b/b', 'c/c', 'd/d'), { minLength: 3 }),
    }),
    spec: optional({
      containers: list(container),
      '$setElementOrder/containers': fc.uniqueArray(fc.record({ name }), { selector: (one) => one.name, minLength: 2 }),
      tolerations: orNull(list(optional({ key: orNull(name) }))),
      securityContext: optional({ runAsUser: orNull(fc.nat(3)), $patch: directive }),
      volumes: list(volume),
    }),
  })
  // Go walks a map in no order: what adds to a list and what takes from it would meet in either.
  .filter(({ metadata }) => !('finalizers' in metadata && '$deleteFromPrimitiveList/finalizers' in metadata));

/** The order in which Go meets problems is none; one of them is reported. */
const isProblem = (result: unknown): boolean => typeof result === 'string';

const suite = existsSync(KUBECTL) ? describe : describe.skip;

suite('strategic merge patches, beside those of kubectl patch --local', () => {
  it('make the same of random objects', () => {
    let applied = 0;
    fc.assert(
      fc.property(originals, patches, (original, patch) => {
        const ours = byUs(original, patch);
        const theirs = byKubectl(original, patch);
        if (isProblem(theirs)) return expect(isProblem(ours)).toBe(true);
        applied++;
        expect(ours).toEqual(theirs);
      }),
      { numRuns: RUNS },
    );
    expect(applied).toBeGreaterThan(RUNS / 4);
  });

  it.each([
    [{ spec: { securityContext: { $patch: 'merge', fsGroup: 2 } } }],
    [{ spec: { containers: [{ name: 'a', $patch: 'merge' }] } }],
    [{ spec: { containers: [{ name: 'a', $patch: 'boom' }] } }],
    [{ spec: { containers: [{ image: 'x' }] } }],
    [{ spec: { containers: ['x'] } }],
    [{ spec: { containers: [null] } }],
    [{ metadata: { finalizers: [{}] } }],
    [{ metadata: { '$setElementOrder/finalizers': 'a' } }],
    [{ spec: { '$setElementOrder/containers': [{ name: 'a' }], containers: [{ name: 'b' }] } }],
    [{ spec: { '$setElementOrder/containers': [{}], containers: [{ name: 'b' }] } }],
    [{ spec: { '$setElementOrder/containers': [{ name: 'a' }], containers: null } }],
    [{ spec: { volumes: [{ name: 'v', $retainKeys: ['name'], hostPath: {} }] } }],
    [{ spec: { volumes: [{ name: 'v', $retainKeys: 'name' }] } }],
  ])('refuse %j in the same words', (patch) => {
    const original = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', finalizers: ['a/a'] },
      spec: { containers: [{ name: 'a' }], securityContext: { runAsUser: 1 }, volumes: [{ name: 'v', emptyDir: {} }] },
    };
    const theirs = byKubectl(original, patch);
    expect(isProblem(theirs)).toBe(true);
    expect(byUs(original, patch)).toBe(theirs);
  });
});
