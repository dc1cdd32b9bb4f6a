import { describe, expect, it } from '@jest/globals';
import type { Attributes } from './authz/authorizer.ts';
import { impersonatedUser } from './impersonation.ts';
import type { RequestContext } from './request-context.ts';

const context = (headers: Record<string, string>): RequestContext =>
  ({ request: { headers }, user: { name: 'boss', groups: [] } }) as unknown as RequestContext;

function asked(headers: Record<string, string>, refuse?: string) {
  const seen: string[] = [];
  const user = impersonatedUser(
    context(headers),
    ({ apiGroup, resource, subresource, namespace, name, verb, user: { name: who } }: Attributes) => {
      seen.push(`${who} ${verb} ${[apiGroup, resource, subresource, namespace, name].join('/')}`);
      return { decision: resource === refuse ? 'no-opinion' : 'allow', reason: '' };
    },
  );
  return { user, seen };
}

describe('impersonatedUser()', () => {
  it('is nobody without the headers', () => {
    expect(asked({ authorization: 'Bearer x' })).toEqual({ user: undefined, seen: [] });
  });

  it('asks for every part of the wanted user [A40]', () => {
    const { user, seen } = asked({
      'impersonate-user': 'jane',
      'impersonate-group': 'dev, ops',
      'impersonate-uid': 'u1',
      'impersonate-extra-acme.com%2fscope': 'read',
    });
    expect(seen).toEqual([
      'boss impersonate /users///jane',
      'boss impersonate /groups///dev',
      'boss impersonate /groups///ops',
      'boss impersonate authentication.k8s.io/uids///u1',
      'boss impersonate authentication.k8s.io/userextras/acme.com/scope//read',
    ]);
    expect(user).toEqual({
      name: 'jane',
      groups: ['dev', 'ops', 'system:authenticated'],
      uid: 'u1',
      extra: { 'acme.com/scope': ['read'] },
    });
  });

  it('gives a service account its groups', () => {
    const { user, seen } = asked({ 'impersonate-user': 'system:serviceaccount:team:bot' });
    expect(seen).toEqual(['boss impersonate /serviceaccounts//team/bot']);
    expect(user?.groups).toEqual(['system:serviceaccounts', 'system:serviceaccounts:team', 'system:authenticated']);
  });

  it('leaves the anonymous user unauthenticated', () => {
    expect(asked({ 'impersonate-user': 'system:anonymous' }).user?.groups).toEqual(['system:unauthenticated']);
    const claimed = asked({ 'impersonate-user': 'system:anonymous', 'impersonate-group': 'system:authenticated' });
    expect(claimed.user?.groups).toEqual(['system:authenticated', 'system:unauthenticated']);
    const named = asked({ 'impersonate-user': 'jane', 'impersonate-group': 'system:unauthenticated' });
    expect(named.user?.groups).toEqual(['system:unauthenticated']);
  });

  it('refuses as a whole when one part is refused [A40]', () => {
    expect(() => asked({ 'impersonate-user': 'jane', 'impersonate-group': 'system:masters' }, 'groups')).toThrow(
      'groups "system:masters" is forbidden: User "boss" cannot impersonate resource "groups" in API group "" at the cluster scope',
    );
  });

  it('refuses groups without a user', () => {
    expect(() => asked({ 'impersonate-group': 'system:masters' })).toThrow('without impersonating a user');
  });
});
