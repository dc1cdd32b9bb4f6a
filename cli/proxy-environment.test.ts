import { describe, expect, it } from '@jest/globals';
import { exemption, proxyFromEnvironment, proxyNote } from './proxy-environment.ts';

describe('proxyFromEnvironment()', () => {
  it.each([
    [{}, {}],
    [{ HTTP_PROXY: '', https_proxy: '' }, {}],
    [
      { HTTPS_PROXY: 'http://upper', https_proxy: 'http://lower', no_proxy: 'a,b' },
      { https: 'http://upper', noProxy: 'a,b' },
    ],
    [{ http_proxy: 'p:3128' }, { http: 'p:3128' }],
  ])('reads %j', (environment, expected) => {
    expect(proxyFromEnvironment(environment)).toEqual(expected);
  });
});

describe('exemption()', () => {
  it.each([
    ['https://127.0.0.1:6443', { HTTPS_PROXY: 'p' }, undefined],
    ['https://192.0.2.1:6443', {}, undefined],
    ['https://192.0.2.1:6443', { HTTP_PROXY: 'p' }, undefined],
    ['https://192.0.2.1:6443', { HTTPS_PROXY: 'p' }, 'NO_PROXY=192.0.2.1'],
    ['https://192.0.2.1:6443', { HTTPS_PROXY: 'p', NO_PROXY: '192.0.2.0/24' }, undefined],
    ['https://192.0.2.1:6443', { HTTPS_PROXY: 'p', no_proxy: 'example.com' }, 'no_proxy=example.com,192.0.2.1'],
  ])('of %s with %j', (server, environment, expected) => {
    expect(exemption(server, environment)).toBe(expected);
  });
});

describe('proxyNote()', () => {
  const server = 'https://127.0.0.1:6443';
  const example = 'http://127.0.0.1:30080';
  const say = (rest: string): string =>
    `a proxy is set in the environment; for your own programs to reach the cluster: export ${rest}`;

  it.each([
    [{ server, example }, {}, undefined],
    [{ server, example }, { HTTPS_PROXY: 'p', HTTP_PROXY: 'p' }, undefined],
    [{ server, example }, { http_proxy: 'p' }, say('NO_PROXY=127.0.0.1')],
    [{ server, example: undefined }, { http_proxy: 'p' }, undefined],
    [{ server, example }, { http_proxy: 'p', no_proxy: 'localhost,127.0.0.0/8' }, undefined],
    [{ server, example }, { http_proxy: 'p', no_proxy: '*' }, undefined],
    [
      { server: 'https://192.0.2.1:6443', example },
      { http_proxy: 'p', https_proxy: 'p' },
      say('NO_PROXY=192.0.2.1,127.0.0.1'),
    ],
  ])('%# ', (addresses, environment, expected) => {
    expect(proxyNote(addresses, environment)).toBe(expected);
  });
});
