import { describe, expect, it } from '@jest/globals';
import { loadSchemaTable } from '../schema/table.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

const table = loadSchemaTable();
const apply = (schema: string, original: object, patch: object): unknown => {
  const before = JSON.stringify([original, patch]);
  const result = applyStrategicMergePatch({ original, patch, schema, table });
  expect(JSON.stringify([original, patch])).toBe(before);
  return result;
};
const spec = (value: object): object => ({ spec: value });
const names = (...list: string[]): object[] => list.map((name) => ({ name }));

describe('applyStrategicMergePatch() lists', () => {
  it('merges items by key, new ones before the others', () => {
    const original = spec({ containers: [{ name: 'web', image: 'v1', args: ['a'] }] });
    const patch = spec({
      containers: [
        { name: 'side', image: 's' },
        { name: 'web', image: 'v2' },
      ],
    });
    expect(apply('V1Pod', original, patch)).toEqual(
      spec({
        containers: [
          { name: 'side', image: 's' },
          { name: 'web', image: 'v2', args: ['a'] },
        ],
      }),
    );
  });

  it('puts a new item first when the patch names nothing else', () => {
    const original = spec({ containers: names('a', 'b') });
    expect(apply('V1Pod', original, spec({ containers: names('c') }))).toEqual(
      spec({ containers: names('c', 'a', 'b') }),
    );
  });

  it('replaces lists that do not merge, and lists without a strategy', () => {
    expect(
      apply('V1Pod', spec({ tolerations: [{ key: 'a' }] }), spec({ tolerations: [{ key: 'b', value: null }] })),
    ).toEqual(spec({ tolerations: [{ key: 'b', value: null }] }));
  });

  it('merges nested lists, by keys that are numbers', () => {
    const ports = (...list: object[]): object => spec({ containers: [{ name: 'a', ports: list }] });
    const original = ports({ containerPort: 80, name: 'http' }, { containerPort: 443 });
    expect(apply('V1Pod', original, ports({ containerPort: 80, name: 'web' }))).toEqual(
      ports({ containerPort: 80, name: 'web' }, { containerPort: 443 }),
    );
  });

  it('merges lists of primitives without repeating', () => {
    const finalizers = (...list: string[]): object => ({ metadata: { finalizers: list } });
    expect(apply('V1Pod', finalizers('a', 'b'), finalizers('b', 'c'))).toEqual(finalizers('a', 'b', 'c'));
  });

  it('keeps the schema through maps, refs and templates', () => {
    const template = (containers: object[]): object => spec({ template: spec({ containers }) });
    const result = apply('V1Deployment', template(names('a')), template([{ name: 'a', image: 'x' }]));
    expect(result).toEqual(template([{ name: 'a', image: 'x' }]));
  });
});

describe('applyStrategicMergePatch() directives', () => {
  it('$patch: delete and replace in lists', () => {
    const original = spec({ containers: names('a', 'b', 'c') });
    expect(apply('V1Pod', original, spec({ containers: [{ name: 'b', $patch: 'delete' }] }))).toEqual(
      spec({ containers: names('a', 'c') }),
    );
    expect(apply('V1Pod', original, spec({ containers: [{ $patch: 'replace' }, { name: 'z' }] }))).toEqual(
      spec({ containers: names('z') }),
    );
  });

  it('$patch: delete and replace in objects', () => {
    const original = { metadata: { labels: { a: '1', b: '2' } }, spec: { securityContext: { runAsUser: 1 } } };
    expect(apply('V1Pod', original, { metadata: { labels: { $patch: 'replace', c: '3' } } })).toMatchObject({
      metadata: { labels: { c: '3' } },
    });
    expect(apply('V1Pod', original, spec({ securityContext: { $patch: 'delete' } }))).toHaveProperty(
      'spec.securityContext',
      {},
    );
  });

  it('$deleteFromPrimitiveList', () => {
    const original = { metadata: { finalizers: ['a', 'b'] } };
    expect(apply('V1Pod', original, { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } })).toEqual({
      metadata: { finalizers: ['b'] },
    });
  });

  it('$setElementOrder orders merged items and leaves the server’s own in place', () => {
    const patch = spec({ '$setElementOrder/containers': names('c', 'a'), containers: [{ name: 'c', image: 'x' }] });
    expect(apply('V1Pod', spec({ containers: names('a', 'server', 'c') }), patch)).toEqual(
      spec({ containers: [{ name: 'server' }, { name: 'c', image: 'x' }, { name: 'a' }] }),
    );
    const order = { metadata: { '$setElementOrder/finalizers': ['b', 'a'] } };
    expect(apply('V1Pod', { metadata: { finalizers: ['a', 'b'] } }, order)).toEqual({
      metadata: { finalizers: ['b', 'a'] },
    });
    expect(apply('V1Pod', { metadata: {} }, order)).toEqual({ metadata: {} });
  });

  it('$retainKeys drops the others', () => {
    const original = spec({ strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } });
    const patch = spec({ strategy: { $retainKeys: ['type'], type: 'Recreate' } });
    expect(apply('V1Deployment', original, patch)).toEqual(spec({ strategy: { type: 'Recreate' } }));
    const volumes = (item: object): object => spec({ volumes: [{ name: 'v', ...item }] });
    expect(
      apply(
        'V1Pod',
        volumes({ emptyDir: {} }),
        volumes({ $retainKeys: ['name', 'hostPath'], hostPath: { path: '/' } }),
      ),
    ).toEqual(volumes({ hostPath: { path: '/' } }));
  });

  it('null deletes; in what is new it goes, and what has a directive goes with it', () => {
    expect(apply('V1Pod', { metadata: { labels: { a: '1' } } }, { metadata: { labels: null } })).toEqual({
      metadata: {},
    });
    const patch = {
      metadata: { labels: { a: null, b: '1' }, annotations: { $patch: 'replace', c: '1' } },
      spec: {
        containers: [
          { name: 'a', args: null },
          { name: 'b', $patch: 'delete' },
        ],
      },
    };
    expect(apply('V1Pod', {}, patch)).toEqual({ metadata: { labels: { b: '1' } }, spec: { containers: names('a') } });
  });

  it('replaces where the strategy says so', () => {
    const selector = (matchLabels: object): object => spec({ selector: { matchLabels } });
    expect(apply('V1PodDisruptionBudget', selector({ a: '1' }), selector({ b: '2' }))).toEqual(selector({ b: '2' }));
    expect(apply('V1Deployment', selector({ a: '1' }), selector({ b: '2' }))).toEqual(selector({ a: '1', b: '2' }));
  });

  it.each([
    [spec({ containers: [{ image: 'x' }] }), 'does not contain declared merge key: name'],
    [spec({ containers: ['x'] }), 'list element types are not identical: [[map[name:a]] [x]]'],
    [
      spec({ containers: [{ name: 'a', $patch: 'explode' }] }),
      'unknown patch type: explode in map: map[$patch:explode name:a]',
    ],
    [{ $patch: 'merge' }, 'unknown patch type: merge in map: map[$patch:merge]'],
    [spec({ '$setElementOrder/containers': names('a'), containers: names('b') }), 'The order in patch list'],
    [{ spec: { $retainKeys: ['a'], b: 1 } }, 'invalid patch format of retainKeys'],
    [{ spec: { containers: [[]] } }, 'list element types are not identical'],
    [{ spec: { '$setElementOrder/containers': 1 } }, 'expected a []interface {}, but received a int64'],
  ])('refuses %j', (patch, message) => {
    expect(() => apply('V1Pod', spec({ containers: names('a') }), patch)).toThrow(message);
  });

  it('treats __proto__ as a key', () => {
    apply(
      'V1ConfigMap',
      { data: {} },
      JSON.parse('{"data":{"__proto__":{"polluted":"1"}},"__proto__":{"polluted":1}}') as object,
    );
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});
