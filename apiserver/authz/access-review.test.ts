import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../api/machinery/field-error.ts';
import type { UserInfo } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { named, rule, urls } from '../../api/rbac/bootstrap/builders.ts';
import type { AccessReviewSpec } from './access-review.ts';
import {
  evaluateAccessReview,
  evaluateRulesReview,
  reviewedAttributes,
  reviewedSubject,
  validateAccessReview,
  validateLocalAccessReview,
} from './access-review.ts';
import { fakeListers } from './fake-listers.ts';
import { createRbac } from './rbac.ts';

const jane: UserInfo = { name: 'jane', groups: ['devs'] };
const rules = [rule('get', '', 'pods'), named(rule('get', '', 'secrets'), 'x'), urls('get', '/healthz')];
const roleRef = { kind: 'ClusterRole', name: 'r' };
const { listers } = fakeListers({
  'clusterroles.rbac.authorization.k8s.io': [{ metadata: { name: 'r' }, rules } as unknown as ApiObject],
  'clusterrolebindings.rbac.authorization.k8s.io': [
    { metadata: { name: 'b' }, roleRef, subjects: [{ kind: 'Group', name: 'devs' }] } as unknown as ApiObject,
  ],
});
const rbac = createRbac(listers);

describe('evaluateAccessReview() [A41]', () => {
  const pods = { resourceAttributes: { verb: 'get', resource: 'pods', namespace: 'web' } };

  it('answers for the subject that is named', () => {
    const ofGroup = reviewedSubject({ groups: ['devs'] });
    expect(evaluateAccessReview(rbac.authorize, pods, ofGroup)).toEqual({
      allowed: true,
      reason: 'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to Group "devs"',
    });
    expect(evaluateAccessReview(rbac.authorize, pods, reviewedSubject({ user: 'joe' }))).toEqual({ allowed: false });
  });

  it('tells a denial from no opinion', () => {
    const deny = (): { decision: 'deny'; reason: string } => ({ decision: 'deny', reason: 'no' });
    expect(evaluateAccessReview(deny, pods, jane)).toEqual({ allowed: false, denied: true, reason: 'no' });
  });

  it('asks about names and paths', () => {
    const ask = (spec: AccessReviewSpec): boolean => evaluateAccessReview(rbac.authorize, spec, jane).allowed;
    expect(ask({ resourceAttributes: { verb: 'get', resource: 'secrets', name: 'x' } })).toBe(true);
    expect(ask({ resourceAttributes: { verb: 'get', resource: 'secrets' } })).toBe(false);
    expect(ask({ nonResourceAttributes: { verb: 'get', path: '/healthz' } })).toBe(true);
    expect(ask({ nonResourceAttributes: { verb: 'get', path: '/metrics' } })).toBe(false);
    expect(ask({ resourceAttributes: {} })).toBe(false);
  });

  it('passes field selectors on, and no requirement that cannot be said', () => {
    const selectorOf = (fieldSelector: object): string | undefined =>
      reviewedAttributes({ resourceAttributes: { fieldSelector } }, jane).fieldSelector;
    expect(selectorOf({ requirements: [{ key: 'spec.nodeName', operator: 'In', values: ['a,b'] }] })).toBe(
      'spec.nodeName=a\\,b',
    );
    expect(selectorOf({ requirements: [{ key: 'k', operator: 'In', values: ['a', 'b'] }] })).toBeUndefined();
    expect(selectorOf({ requirements: [{ key: 'k', operator: 'Exists' }] })).toBeUndefined();
    expect(selectorOf({ rawSelector: 'k=v' })).toBe('k=v');
  });
});

describe('validation of access reviews', () => {
  const texts = (spec: AccessReviewSpec, namesSubject = true): string[] =>
    validateAccessReview(spec, { namesSubject }).map(formatFieldError);

  it('wants one question and a subject', () => {
    expect(texts({ user: 'jane', resourceAttributes: {} })).toEqual([]);
    expect(texts({})).toEqual([
      'spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified',
      'spec.user: Invalid value: "": at least one of user or group must be specified',
    ]);
    const both = { resourceAttributes: {}, nonResourceAttributes: { path: '/' } };
    expect(texts(both, false)).toEqual([
      expect.stringMatching(
        /^spec.nonResourceAttributes: .*cannot be specified in combination with resourceAttributes$/,
      ),
    ]);
    expect(texts({ nonResourceAttributes: {} }, false)).toEqual([]);
  });

  it('keeps a local review in its namespace', () => {
    const local = (spec: AccessReviewSpec): string[] =>
      validateLocalAccessReview({ user: 'jane', ...spec }, 'web').map(formatFieldError);
    expect(local({ resourceAttributes: { namespace: 'web' } })).toEqual([]);
    expect(local({ resourceAttributes: { namespace: 'other' } })).toEqual([
      'spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace',
    ]);
    expect(local({ resourceAttributes: {} })).toHaveLength(1);
    expect(local({ nonResourceAttributes: { path: '/' } })).toEqual([
      expect.stringContaining('disallowed on this kind of request'),
    ]);
  });
});

describe('evaluateRulesReview() [A41]', () => {
  it('lists what the caller may do', () => {
    expect(evaluateRulesReview(rbac, jane, 'web')).toEqual({
      resourceRules: [
        { verbs: ['get'], apiGroups: [''], resources: ['pods'] },
        { verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['x'] },
      ],
      nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz'] }],
      incomplete: false,
    });
    const nobody = { name: 'joe', groups: [] };
    expect(evaluateRulesReview(rbac, nobody, 'web')).toEqual({
      resourceRules: [],
      nonResourceRules: [],
      incomplete: false,
    });
  });

  it('says that a node’s list is incomplete', () => {
    const node = { name: 'system:node:n1', groups: ['system:nodes'] };
    expect(evaluateRulesReview(rbac, node, 'web')).toMatchObject({
      incomplete: true,
      evaluationError: 'node authorizer does not support user rule resolution',
    });
  });
});
