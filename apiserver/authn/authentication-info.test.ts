import { describe, expect, it } from '@jest/globals';
import { authenticationInfo } from './authentication-info.ts';

const pem = (text: string): string => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`;

describe('authenticationInfo() [A36]', () => {
  const own = authenticationInfo({ clientCa: pem('client'), frontProxyCa: pem('proxy') }, {});

  it('has the keys that aggregated servers read', () => {
    expect(own).toEqual({
      'client-ca-file': pem('client'),
      'requestheader-client-ca-file': pem('proxy'),
      'requestheader-username-headers': '["X-Remote-User"]',
      'requestheader-uid-headers': '["X-Remote-Uid"]',
      'requestheader-group-headers': '["X-Remote-Group"]',
      'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
      'requestheader-allowed-names': '["front-proxy-client"]',
    });
  });

  it('adds to what other servers have written, once', () => {
    const other = authenticationInfo({ clientCa: pem('other'), frontProxyCa: pem('proxy') }, own);
    expect(other['client-ca-file']).toBe(pem('client') + pem('other'));
    expect(other).toEqual({ ...own, 'client-ca-file': pem('client') + pem('other') });
  });

  it('goes over what cannot be read', () => {
    const known = { 'requestheader-allowed-names': '{', 'client-ca-file': 'x' };
    expect(authenticationInfo({ clientCa: pem('client'), frontProxyCa: pem('proxy') }, known)).toEqual(own);
  });
});
