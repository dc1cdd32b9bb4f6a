/** What passes of headers. */
import { describe, expect, it } from '@jest/globals';
import { requestHeaders, responseHeaders } from './proxied-headers.ts';

const FORWARDING = { uri: '/api/v1/nodes/n/proxy/x', host: '10.0.0.5:80' };

describe('requestHeaders()', () => {
  it('says who asked and for what, and keeps what is the application’s', () => {
    const headers = { host: 'api:6443', cookie: 'a=b', accept: 'text/html', 'x-forwarded-for': '203.0.113.9' };
    expect(requestHeaders({ headers, remoteAddress: '192.0.2.1' }, FORWARDING)).toEqual({
      ...headers,
      'x-forwarded-for': '203.0.113.9, 192.0.2.1',
      'x-forwarded-uri': FORWARDING.uri,
    });
  });

  it('keeps to itself who the client is, and what is of one connection', () => {
    const headers = {
      ':authority': 'api',
      ':path': '/x',
      authorization: 'Bearer secret',
      'impersonate-user': 'jane',
      'impersonate-extra-scopes': 'x',
      'x-remote-user': 'admin',
      'x-remote-extra-a': 'b',
      connection: 'keep-alive, X-Private',
      'x-private': '1',
      'keep-alive': 'timeout=5',
      te: 'trailers',
      'transfer-encoding': 'chunked',
      upgrade: 'h2c',
      expect: '100-continue',
      'x-remote': 'kept',
    };
    const sent = requestHeaders({ headers }, FORWARDING);
    expect(sent).toEqual({ host: 'api', 'x-forwarded-uri': FORWARDING.uri, 'x-remote': 'kept' });
  });

  it.each([
    ['chat, base64url.bearer.authorization.k8s.io.c2VjcmV0', 'chat'],
    ['base64url.bearer.authorization.k8s.io.c2VjcmV0,chat', 'chat'],
    ['base64url.bearer.authorization.k8s.io.c2VjcmV0', undefined],
    ['a, b', 'a, b'],
  ])('takes the token out of the protocols %s', (header, expected) => {
    const sent = requestHeaders({ headers: { 'sec-websocket-protocol': header } }, FORWARDING);
    expect(sent['sec-websocket-protocol']).toBe(expected);
  });

  it('names the target to a backend whose client names nobody', () => {
    expect(requestHeaders({ headers: {} }, FORWARDING)['host']).toBe(FORWARDING.host);
  });
});

describe('responseHeaders()', () => {
  it('leaves out what is of one connection, and who else may read', () => {
    const headers = {
      'content-type': 'text/plain',
      'set-cookie': ['a=b', 'c=d'],
      connection: 'close, x-private',
      'x-private': '1',
      'transfer-encoding': 'chunked',
      'access-control-allow-origin': '*',
      'access-control-expose-headers': 'x',
    };
    expect(responseHeaders(headers)).toEqual({
      'content-type': 'text/plain',
      'set-cookie': ['a=b', 'c=d'],
      'access-control-expose-headers': 'x',
    });
  });
});
