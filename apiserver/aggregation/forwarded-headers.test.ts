import { describe, expect, it } from '@jest/globals';
import type { ApiRequest } from '../../api/machinery/handler.ts';
import { forwardedHeaders, identityHeaders } from './forwarded-headers.ts';

const jane = { name: 'jane', groups: ['devs'] };

function forwarded(rawHeaders: readonly string[], remoteAddress = '192.0.2.7'): Record<string, string[]> {
  const at = rawHeaders.indexOf('Connection');
  const connection = at < 0 ? undefined : rawHeaders[at + 1];
  return forwardedHeaders({ headers: { connection }, rawHeaders, remoteAddress } as unknown as ApiRequest, jane);
}

describe('forwardedHeaders() [A36]', () => {
  it("takes the client's credentials away, and says who it is", () => {
    const headers = forwarded([
      ...['Authorization', 'Bearer t0ken', 'X-Remote-User', 'admin', 'x-remote-group', 'system:masters'],
      ...[
        'X-Remote-Extra-Scopes',
        'all',
        'X-Remote-Uid',
        '0',
        'Impersonate-User',
        'admin',
        'Accept',
        'application/json',
      ],
    ]);
    expect(headers).toEqual({
      accept: ['application/json'],
      'x-forwarded-for': ['192.0.2.7'],
      'x-remote-user': ['jane'],
      'x-remote-group': ['devs'],
    });
  });

  it('leaves out what is about the connection, also what the client says is', () => {
    const headers = forwarded([
      ...[':authority', 'x', 'Host', 'x', 'Connection', 'close, X-Hop', 'X-Hop', '1', 'Transfer-Encoding', 'chunked'],
      ...['Upgrade', 'websocket', 'TE', 'trailers', 'Content-Length', '3', 'X-Forwarded-For', '198.51.100.1'],
    ]);
    expect(Object.keys(headers)).toEqual(['x-forwarded-for', 'x-remote-user', 'x-remote-group']);
    expect(headers['x-forwarded-for']).toEqual(['198.51.100.1, 192.0.2.7']);
  });

  it("keeps a browser's token to itself", () => {
    const protocols = 'v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0, x';
    const headers = forwarded(['Sec-WebSocket-Protocol', protocols]);
    expect(headers['sec-websocket-protocol']).toEqual(['v4.channel.k8s.io, x']);
  });
});

describe('identityHeaders() [A36]', () => {
  it('has every value apart, and keys that fit into names of headers', () => {
    const extra = { 'acme.com/scopes %': ['a, b', 'c'] };
    expect(identityHeaders({ name: 'Zoë', uid: 'u1', groups: ['a', 'b, c'], extra })).toEqual({
      'x-remote-user': [Buffer.from('Zoë').toString('latin1')],
      'x-remote-uid': ['u1'],
      'x-remote-group': ['a', 'b, c'],
      'x-remote-extra-acme.com%2Fscopes%20%25': ['a, b', 'c'],
    });
  });
});
