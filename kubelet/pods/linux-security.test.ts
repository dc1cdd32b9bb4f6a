import { describe, expect, it } from '@jest/globals';
import type { Pod } from '../../api/core/v1/pod/types.ts';
import type { LinuxSecurity } from '../runtime.ts';
import { testPod } from '../testing.ts';
import { containerSecurity } from './linux-security.ts';

type PodContext = NonNullable<Pod['spec']['securityContext']>;
type Context = NonNullable<Pod['spec']['containers'][number]['securityContext']>;

function securityOf(ofPod: PodContext, own: Context = {}): LinuxSecurity {
  const container = { name: 'c', image: 'i', securityContext: own };
  const pod = testPod({ securityContext: ofPod, containers: [container] });
  return containerSecurity(pod, container, { uid: undefined, username: '' });
}

describe('containerSecurity()', () => {
  it('has the groups of the pod, and its policy for those of the image', () => {
    const groups = { supplementalGroups: [5, 6], fsGroup: 6 };
    expect(securityOf(groups)).toMatchObject({ supplementalGroups: [5, 6], supplementalGroupsPolicy: 'Merge' });
    const strict = securityOf({ ...groups, supplementalGroupsPolicy: 'Strict' });
    expect(strict).toMatchObject({ supplementalGroups: [5, 6], supplementalGroupsPolicy: 'Strict' });
  });

  it('names a profile of the node, and never a file beside it', () => {
    const of = (localhostProfile?: string): LinuxSecurity['seccomp'] =>
      securityOf({}, { seccompProfile: { type: 'Localhost', ...(localhostProfile && { localhostProfile }) } }).seccomp;
    expect(of('profiles/audit.json')).toEqual({ type: 'Localhost', localhostPath: 'profiles/audit.json' });
    expect(() => of()).toThrow('localhostProfile must be set if seccompProfile type is Localhost.');
    expect(() => of('../admin.json')).toThrow('seccomp profile "../admin.json" must be a path within');
    expect(() => of('/etc/shadow')).toThrow('seccomp profile "/etc/shadow" must be a path within');
  });
});
