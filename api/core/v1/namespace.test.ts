import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import type { StrategyContext } from '../../machinery/resource.ts';
import { namespaces, validateNamespaceFinalize } from './namespace.ts';
import type { Namespace } from './namespace.ts';

const context: StrategyContext = { user: { name: 'u', groups: [] }, nowMs: 0, dryRun: false };
const { strategy } = namespaces;

function created(object: Namespace): Namespace {
  strategy.default!(object);
  strategy.prepareForCreate!(object, context);
  return object;
}

describe('namespaces', () => {
  it('begin Active, with the finalizer and the name label', () => {
    const namespace = created({
      metadata: { name: 'dev', labels: { 'kubernetes.io/metadata.name': 'liar' } },
      status: { phase: 'X' },
    });
    expect(namespace).toEqual({
      metadata: { name: 'dev', labels: { 'kubernetes.io/metadata.name': 'dev' } },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
    expect(strategy.validate!(namespace)).toEqual([]);
    expect(strategy.hasPendingFinalizers!(namespace)).toBe(true);
    expect(strategy.hasPendingFinalizers!({ metadata: {}, spec: { finalizers: [] } })).toBe(false);
  });

  it('keep spec and status on an update', () => {
    const previous = created({ metadata: { name: 'dev' } });
    const next: Namespace = { metadata: { name: 'dev' }, spec: { finalizers: [] }, status: { phase: 'Terminating' } };
    strategy.prepareForUpdate!(next, previous, context);
    expect(next.spec).toEqual(previous.spec);
    expect(next.status).toEqual(previous.status);
    expect(next.spec).not.toBe(previous.spec);
  });

  it('have DNS label names', () => {
    expect(strategy.validateName!('a.b', false)).toEqual(['must not contain dots']);
  });

  it('check finalizers', () => {
    const errors = validateNamespaceFinalize({ metadata: {}, spec: { finalizers: ['kubernetes', 'a.b/c', 'foo'] } });
    expect(errors.map(formatFieldError)).toEqual([
      'spec.finalizers[2]: Invalid value: "foo": name is neither a standard finalizer name nor is it fully qualified',
    ]);
  });

  it('terminate only when they are being deleted', () => {
    const validate = (namespace: Namespace): string[] =>
      strategy.status!.validateUpdate!(namespace, namespace).map(formatFieldError);
    expect(validate({ metadata: {}, status: { phase: 'Terminating' } })).toEqual([
      'status.Phase: Invalid value: "Terminating": may only be \'Active\' if `deletionTimestamp` is empty',
    ]);
    expect(
      validate({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' }, status: { phase: 'Terminating' } }),
    ).toEqual([]);
  });

  it('do not offer deletecollection', () => {
    expect(namespaces.verbs).not.toContain('deletecollection');
  });
});
