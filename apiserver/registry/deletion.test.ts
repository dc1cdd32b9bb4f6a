import { describe, expect, it } from '@jest/globals';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Strategy } from '../../api/machinery/resource.ts';
import { decideDeletion } from './deletion.ts';

const strategy = { gracefulDeletion: () => 30 } as unknown as Strategy<ApiObject>;
const NOW_MS = Date.parse('2026-01-02T03:04:05Z');

function deleting(finalizers: string[]): ApiObject {
  const metadata = {
    name: 'held',
    finalizers,
    deletionTimestamp: '2026-01-02T03:04:00Z',
    deletionGracePeriodSeconds: 0,
  };
  return { apiVersion: 'v1', kind: 'Pod', metadata };
}

describe('decideDeletion() of what is being deleted already', () => {
  const decide = (object: ApiObject, options = {}) => decideDeletion(object, strategy, { ...options, nowMs: NOW_MS });

  it('writes nothing while a finalizer holds it and nothing changes', () => {
    expect(decide(deleting(['example.com/held']), { gracePeriodSeconds: 0 })).toEqual({ type: 'pending' });
  });

  it('writes the finalizer that is asked for', () => {
    const decision = decide(deleting(['example.com/held']), { propagationPolicy: 'Foreground' });
    expect(decision).toMatchObject({
      type: 'mark',
      object: { metadata: { finalizers: ['example.com/held', 'foregroundDeletion'] } },
    });
  });

  it('removes it when nothing holds it', () => {
    expect(decide(deleting([]))).toEqual({ type: 'remove' });
  });
});

describe('decideDeletion() of a kind whose storage marks it itself', () => {
  it('sets the time alone', () => {
    const own = { hasPendingFinalizers: () => true } as unknown as Strategy<ApiObject>;
    const object: ApiObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n' } };
    expect(decideDeletion(object, own, { nowMs: NOW_MS })).toEqual({
      type: 'mark',
      object: { ...object, metadata: { name: 'n', deletionTimestamp: '2026-01-02T03:04:05Z' } },
    });
  });
});

describe('decideDeletion() of a kind that leaves its dependents', () => {
  const orphaning = { orphansDependents: {} } as Strategy<ApiObject>;
  const object = (): ApiObject => ({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'pi' } });
  const finalizersOf = (options: object): string[] | undefined => {
    const decision = decideDeletion(object(), orphaning, { ...options, nowMs: NOW_MS });
    return decision.type === 'mark' ? decision.object.metadata.finalizers : undefined;
  };

  it('does so unless it is told what to do', () => {
    expect(finalizersOf({})).toEqual(['orphan']);
    expect(finalizersOf({ propagationPolicy: 'Background' })).toBeUndefined();
    expect(finalizersOf({ orphanDependents: false })).toBeUndefined();
    expect(finalizersOf({ propagationPolicy: 'Foreground' })).toEqual(['foregroundDeletion']);
  });
});
