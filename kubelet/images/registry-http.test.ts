import { describe, expect, it } from '@jest/globals';
import { proxyFor } from './registry-http.ts';

describe('proxyFor()', () => {
  it.each([
    ['https://r.io/', 'http://p:3128/'],
    ['http://r.io/', undefined],
    ['https://localhost:5000/', undefined],
    ['https://127.0.0.1/', undefined],
    ['https://a.corp.example/', undefined],
    ['https://corp.example/', undefined],
    ['https://notcorp.example/', 'http://p:3128/'],
    ['https://b.sub.example/', undefined],
    ['https://sub.example/', 'http://p:3128/'],
    ['https://10.1.2.3/', undefined],
    ['https://11.1.2.3/', 'http://p:3128/'],
    ['https://r.port:8443/', undefined],
    ['https://r.port/', 'http://p:3128/'],
  ])('sends %s to %s', (url, proxy) => {
    const noProxy = 'corp.example, .sub.example,10.0.0.0/8,r.port:8443';
    expect(proxyFor(new URL(url), { https: 'p:3128', noProxy })?.href).toBe(proxy);
  });
});
