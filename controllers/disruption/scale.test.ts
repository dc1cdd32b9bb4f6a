import { describe, expect, it } from '@jest/globals';
import type { Pod } from '../../api/core/v1/pod.ts';
import { resources } from '../../api/resources.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { expectedScale } from './scale.ts';

describe('expectedScale()', () => {
  it.each([
    ['v1', 'Node', 'nodes does not implement the scale subresource'],
    ['batch/v1', 'Job', 'jobs.batch does not implement the scale subresource'],
    ['example.com/v1', 'Pack', 'no matches for kind "Pack" in version "example.com/v1"'],
  ])('cannot tell that of a %s %s', async (apiVersion, kind, message) => {
    const ownerReferences = [{ apiVersion, kind, name: 'o', uid: 'u', controller: true }];
    const pod = { metadata: { namespace: 'default', name: 'p', ownerReferences } } as unknown as Pod;
    const context = { lister: () => ({ list: () => [] }) } as unknown as ControllerContext;
    await expect(expectedScale([pod], resources, context)).rejects.toThrow(message);
  });
});
