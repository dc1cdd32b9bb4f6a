import { describe, expect, it } from '@jest/globals';
import { defaultPullPolicy, imageTag } from './image-reference.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('imageTag()', () => {
  it.each([
    ['nginx', 'latest'],
    ['nginx:latest', 'latest'],
    ['nginx:1.27', '1.27'],
    ['localhost:5000/nginx', 'latest'],
    ['registry.example.com:5000/team/app:v1', 'v1'],
    [`nginx@${DIGEST}`, ''],
    [`nginx:latest@${DIGEST}`, 'latest'],
    ['Nginx', ''],
    ['nginx:', ''],
    ['nginx@sha256:zz', ''],
    ['a b', ''],
    ['', ''],
  ])('of %j is %j', (image, tag) => {
    expect(imageTag(image)).toBe(tag);
  });

  it('comes to an end with hostile names', () => {
    for (const text of ['a-'.repeat(100_000), `${'a'.repeat(250)}!`, `${'0.'.repeat(120)}/`]) {
      expect(imageTag(text)).toBe('');
    }
  });
});

describe('defaultPullPolicy()', () => {
  it('pulls always what may have changed', () => {
    expect(defaultPullPolicy('nginx')).toBe('Always');
    expect(defaultPullPolicy('nginx:1')).toBe('IfNotPresent');
    expect(defaultPullPolicy(`nginx@${DIGEST}`)).toBe('IfNotPresent');
  });
});
