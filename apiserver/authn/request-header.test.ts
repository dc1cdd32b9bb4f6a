import { describe, expect, it } from '@jest/globals';
import type { ApiRequest, PeerCertificate } from '../../api/machinery/handler.ts';
import { clientCertificateAuthenticator } from './client-certificate.ts';
import { requestHeaderAuthenticator } from './request-header.ts';

const proxy: PeerCertificate = {
  commonName: 'front-proxy-client',
  organizations: ['system:masters'],
  fingerprint: 'ab12',
  isFrontProxy: true,
};

const request = (rawHeaders: readonly string[], peerCertificate: PeerCertificate | undefined = proxy): ApiRequest =>
  ({ headers: {}, rawHeaders, peerCertificate }) as unknown as ApiRequest;

describe('requestHeaderAuthenticator() [A36]', () => {
  it('believes a front proxy, value by value', () => {
    const headers = [
      ...[
        'x-remote-user',
        'jane',
        'X-Remote-Group',
        'devs',
        'X-Remote-Group',
        'a, system:masters',
        'X-Remote-Uid',
        'u1',
      ],
      ...['X-Remote-Extra-Acme.com%2fScopes', 'read', 'x-remote-extra-acme.com%2fscopes', 'write', 'X-Other', 'no'],
    ];
    expect(requestHeaderAuthenticator(request(headers))).toEqual({
      name: 'jane',
      uid: 'u1',
      groups: ['devs', 'a, system:masters', 'system:authenticated'],
      extra: { 'acme.com/scopes': ['read', 'write'] },
    });
  });

  it('believes nobody else', () => {
    const headers = ['X-Remote-User', 'jane', 'X-Remote-Group', 'system:masters'];
    const { isFrontProxy: _, ...ordinary } = proxy;
    expect(requestHeaderAuthenticator(request(headers, ordinary))).toBeUndefined();
    expect(requestHeaderAuthenticator(request(headers, { ...proxy, commonName: 'other' }))).toBeUndefined();
    expect(requestHeaderAuthenticator({ headers: {}, rawHeaders: headers } as unknown as ApiRequest)).toBeUndefined();
  });

  it('knows nobody when the proxy names nobody, nor is the proxy a user', () => {
    expect(requestHeaderAuthenticator(request(['X-Remote-Group', 'system:masters']))).toBeUndefined();
    expect(clientCertificateAuthenticator(request([]))).toBeUndefined();
  });
});
