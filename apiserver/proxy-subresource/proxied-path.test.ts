/** How paths are cut at `proxy`. */
import { describe, expect, it } from '@jest/globals';
import { requestInfoOf } from '../request-info.ts';
import { isProxied, proxiedPath } from './proxied-path.ts';

const POD = '/api/v1/namespaces/a/pods/web:80/proxy';
const cut = (path: string): string[] => {
  const { prefix, path: below } = proxiedPath(path, requestInfoOf('GET', path, new URLSearchParams()));
  return [prefix, below];
};

describe('proxiedPath()', () => {
  it.each([
    ['', ''],
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/a/b/', '/a/b/'],
    ['/a//b', '/a/b'],
    ['/a/./b/../c', '/a/c'],
    ['/../../../../../version', '/version'],
    ['/a/%2e%2E/%2e%2e/b', '/b'],
    ['/a%2Fb%20c', '/a%2Fb%20c'],
    ['/a b"c', '/a%20b%22c'],
    ['/Ã©', '/%C3%A9'],
    ['/€', '/%E2%82%AC'],
    ['/proxy/x', '/proxy/x'],
  ])('gives of %s below the pod %s', (below, expected) => {
    expect(cut(POD + below)).toEqual([POD, expected]);
  });

  it('cuts nodes, and paths with slashes in front', () => {
    expect(cut('//api/v1/nodes/n/proxy/stats/summary')).toEqual(['/api/v1/nodes/n/proxy', '/stats/summary']);
    expect(cut('/api/v1/namespaces/a/services/https:w%65b:p/proxy/')).toEqual([
      '/api/v1/namespaces/a/services/https:w%65b:p/proxy',
      '/',
    ]);
  });
});

describe('isProxied()', () => {
  it.each([
    [`${POD}/a`, true],
    ['/api/v1/nodes/n/proxy', true],
    ['/api/v1/namespaces/proxy/pods', false],
    ['/api/v1/namespaces/a/pods/proxy', false],
    ['/apis/apps/v1/namespaces/a/deployments/web/proxy', false],
    ['/api/v1/namespaces/a/pods/%/proxy', false],
    ['/proxy', false],
  ])('of %s is %s', (path, expected) => {
    expect(isProxied('POST', path)).toBe(expected);
  });
});
