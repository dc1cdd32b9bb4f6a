import { describe, expect, it } from '@jest/globals';
import { ApiError } from '../machinery/errors.ts';
import type { ApiObject, ManagedFieldsEntry } from '../machinery/meta.ts';
import { loadSchemaTable } from '../schema/table.ts';
import { applyPatch } from './apply.ts';
import { recordUpdate } from './managed-fields.ts';

const table = loadSchemaTable();
const time = '2024-01-01T00:00:00Z';

/** An object's history of applies and updates. */
class History {
  object: ApiObject = { metadata: { name: 'a' } };
  managedFields: ManagedFieldsEntry[] = [];
  readonly #kind: string;
  #exists = false;

  constructor(kind: string) {
    this.#kind = kind;
  }
  apply(manager: string, value: object, { force = false, at = time } = {}): this {
    const write = { manager, force, apiVersion: 'v1', time: at, schema: this.#kind, table };
    const applied = { metadata: {}, ...value } as ApiObject;
    const before = JSON.stringify([this.object, applied]);
    const result = applyPatch({ ...write, live: this.object, applied, managedFields: this.managedFields });
    expect(JSON.stringify([this.object, applied])).toBe(before);
    this.object = result.object;
    this.managedFields = result.managedFields;
    this.#exists = true;
    return this;
  }
  update(manager: string, value: object): this {
    const next = { metadata: { name: 'a' }, ...value } as ApiObject;
    const write = { manager, apiVersion: 'v1', time, schema: this.#kind, table };
    const previous = this.#exists ? this.object : undefined;
    this.managedFields = recordUpdate({ ...write, previous, next, managedFields: this.managedFields });
    this.object = next;
    this.#exists = true;
    return this;
  }
  owned(manager: string): unknown {
    return this.managedFields.find((entry) => entry.manager === manager)?.fieldsV1;
  }
}

const config = () => new History('V1ConfigMap');
const data = (values: Record<string, string>): object => ({ data: values });
const containers = (...list: object[]): object => ({ spec: { containers: list } });

describe('applyPatch() ownership', () => {
  it('creates, and owns what it names', () => {
    const history = config().apply('a', { ...data({ x: '1' }), metadata: { name: 'a', labels: { l: 'v' } } });
    expect(history.object).toEqual({ metadata: { name: 'a', labels: { l: 'v' } }, data: { x: '1' } });
    expect(history.managedFields).toEqual([
      {
        manager: 'a',
        operation: 'Apply',
        apiVersion: 'v1',
        time,
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': { 'f:x': {} }, 'f:metadata': { 'f:labels': { 'f:l': {} } } },
      },
    ]);
  });

  it('removes what it applied before and does not any more', () => {
    const history = config()
      .apply('a', data({ x: '1', y: '1' }))
      .apply('a', data({ x: '1' }));
    expect(history.object).toMatchObject(data({ x: '1' }));
    expect(history.object).not.toHaveProperty('data.y');
  });

  it('leaves what others own, and what nobody applied', () => {
    const history = config()
      .apply('a', data({ x: '1', y: '1' }))
      .apply('b', data({ y: '1', z: '1' }))
      .apply('a', data({ x: '1' }));
    expect(history.object).toMatchObject(data({ x: '1', y: '1', z: '1' }));
    expect(history.owned('b')).toEqual({ 'f:data': { 'f:y': {}, 'f:z': {} } });
    expect(
      config()
        .update('u', data({ k: '1' }))
        .apply('a', data({ x: '1' }))
        .apply('a', {}).object,
    ).toMatchObject(data({ k: '1' }));
  });

  it('shares fields of equal value without conflict', () => {
    const history = config()
      .apply('a', data({ x: '1' }))
      .apply('b', data({ x: '1' }));
    expect([history.owned('a'), history.owned('b')]).toEqual([
      { 'f:data': { 'f:x': {} } },
      { 'f:data': { 'f:x': {} } },
    ]);
  });

  it('keeps the time of an apply that changes nothing', () => {
    const history = config()
      .apply('a', data({ x: '1' }))
      .apply('a', data({ x: '1' }), { at: '2025-01-01T00:00:00Z' });
    expect(history.managedFields[0]?.time).toBe(time);
  });
});

describe('applyPatch() conflicts', () => {
  function failure(act: () => unknown): ApiError {
    try {
      act();
    } catch (error) {
      if (error instanceof ApiError) return error;
      throw error;
    }
    throw new Error('no conflict');
  }

  it('names the one field', () => {
    const history = config().update('kubectl-edit', data({ x: '1' }));
    const { status } = failure(() => history.apply('b', data({ x: '2' })));
    expect(status).toMatchObject({
      code: 409,
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "kubectl-edit" using v1: .data.x',
      details: {
        causes: [
          { reason: 'FieldManagerConflict', message: 'conflict with "kubectl-edit" using v1', field: '.data.x' },
        ],
      },
    });
  });

  it('lists many, by manager', () => {
    const history = new History('V1Pod')
      .apply('a', containers({ name: 'c', image: '1', ports: [{ containerPort: 80, name: 'x' }] }))
      .apply('b', { spec: { hostname: 'h' } });
    const next = {
      spec: { hostname: 'i', containers: [{ name: 'c', image: '2', ports: [{ containerPort: 80, name: 'y' }] }] },
    };
    expect(failure(() => history.apply('z', next)).message).toBe(
      'Apply failed with 3 conflicts: conflicts with "a":\n- .spec.containers[name="c"].image\n' +
        '- .spec.containers[name="c"].ports[containerPort=80,protocol="TCP"].name\nconflicts with "b":\n- .spec.hostname',
    );
  });

  it('takes over with force', () => {
    const history = config()
      .apply('a', data({ x: '1', y: '1' }))
      .apply('b', data({ x: '2' }), { force: true });
    expect(history.object).toMatchObject(data({ x: '2', y: '1' }));
    expect(history.owned('a')).toEqual({ 'f:data': { 'f:y': {} } });
  });

  it('takes atomic values as one', () => {
    const pod = (args: string[]): object => containers({ name: 'c', args });
    const history = new History('V1Pod').apply('a', pod(['x', 'y']));
    expect(failure(() => history.apply('b', pod(['x']))).message).toContain('.spec.containers[name="c"].args');
  });
});

describe('applyPatch() lists', () => {
  it('merges items by key and removes its own', () => {
    const history = new History('V1Pod')
      .apply('a', containers({ name: 'x', image: '1' }, { name: 'y', image: '1' }))
      .apply('b', containers({ name: 'z', image: '1' }))
      .apply('a', containers({ name: 'y', image: '2' }));
    expect(history.object).toMatchObject(containers({ name: 'y', image: '2' }, { name: 'z', image: '1' }));
    expect(history.owned('a')).toEqual({
      'f:spec': { 'f:containers': { 'k:{"name":"y"}': { '.': {}, 'f:name': {}, 'f:image': {} } } },
    });
  });

  it('merges sets', () => {
    const finalizers = (...list: string[]): object => ({ metadata: { finalizers: list } });
    const history = config()
      .apply('a', finalizers('a/1', 'a/2'))
      .apply('b', finalizers('b/1'))
      .apply('a', finalizers('a/2'));
    expect(history.object.metadata.finalizers).toEqual(['a/2', 'b/1']);
  });

  it('removes an item with what the server added to it', () => {
    const history = new History('V1Pod').apply('a', containers({ name: 'x' }, { name: 'y' }));
    const [x, y] = [{ name: 'x' }, { name: 'y', terminationMessagePath: '/dev/termination-log' }];
    history.object = { ...history.object, ...containers(x, y) };
    expect(history.apply('a', containers({ name: 'x' })).object).toMatchObject(containers({ name: 'x' }));
  });

  it('refuses managedFields', () => {
    expect(() => config().apply('a', { metadata: { managedFields: [{ manager: 'x' }] } })).toThrow(
      'metadata.managedFields must be nil',
    );
  });
});
