import { describe, expect, it } from '@jest/globals';
import { requestFor } from '../../api/certificates/v1/testing.ts';
import type { CertificateSigningRequest } from '../../api/certificates/v1/types.ts';
import { retryDelayMs, rightsToTry } from './certificate-approver.ts';

const NODE = 'CN=system:node:n1, O=system:nodes';
const made = '2026-01-01T00:00:00Z';

function from(username: string, request: string, more: object = {}): CertificateSigningRequest {
  return {
    metadata: { name: 'r', creationTimestamp: made },
    spec: {
      username,
      request,
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['digital signature', 'client auth'],
      ...more,
    },
  } as CertificateSigningRequest;
}

describe('rightsToTry()', () => {
  it('asks for the right to one’s own certificate first', async () => {
    const request = await requestFor(NODE);
    expect(rightsToTry(from('system:node:n1', request))).toEqual(['selfnodeclient', 'nodeclient']);
    expect(rightsToTry(from('system:bootstrap:abcdef', request))).toEqual(['nodeclient']);
    expect(rightsToTry(from('system:node:n2', request))).toEqual(['nodeclient']);
  });

  it('approves nothing but client certificates of kubelets', async () => {
    const request = await requestFor(NODE);
    const signerName = 'kubernetes.io/kubelet-serving';
    expect(rightsToTry(from('system:node:n1', request, { signerName }))).toEqual([]);
    expect(rightsToTry(from('system:node:n1', request, { usages: ['client auth', 'server auth'] }))).toEqual([]);
    const masters = await requestFor('CN=system:node:n1, O=system:masters');
    expect(rightsToTry(from('system:node:n1', masters))).toEqual([]);
    const named = await requestFor(NODE, { names: [{ type: 'dns', value: 'n1' }] });
    expect(rightsToTry(from('system:node:n1', named))).toEqual([]);
  });
});

it('asks again after as long as a request has waited', () => {
  const request = from('x', '');
  const madeMs = Date.parse(made);
  expect(retryDelayMs(request, madeMs)).toBe(1000);
  expect(retryDelayMs(request, madeMs + 60_000)).toBe(60_000);
  expect(retryDelayMs(request, madeMs + 10_000_000)).toBe(1_000_000);
  expect(retryDelayMs(request, madeMs - 10_000)).toBe(1000);
});
