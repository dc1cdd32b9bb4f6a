import { expect, it } from '@jest/globals';
import { signerRule } from './signer-rules.ts';
import type { RequestNames } from './signer-rules.ts';

const node: RequestNames = {
  commonName: 'system:node:n1',
  organizations: ['system:nodes'],
  dnsNames: [],
  emailAddresses: [],
  ipAddresses: [],
  uris: [],
};
const client = ['digital signature', 'client auth'];
const serving = ['server auth', 'digital signature', 'key encipherment'];

const problem = (signer: string, request: Partial<RequestNames>, usages: readonly string[]): string | undefined =>
  signerRule(`kubernetes.io/${signer}`)?.({ ...node, ...request }, usages);

it.each([
  ['kube-apiserver-client', {}, ['client auth'], ''],
  ['kube-apiserver-client', {}, ['client auth', 'digital signature', 'key encipherment'], ''],
  ['kube-apiserver-client', {}, ['digital signature'], 'missing required usage for client certificate: client auth'],
  ['kube-apiserver-client', {}, ['client auth', 'server auth'], 'invalid usage for client certificate: server auth'],
  ['kube-apiserver-client-kubelet', {}, client, ''],
  ['kube-apiserver-client-kubelet', {}, [...client, 'key encipherment'], ''],
  [
    'kube-apiserver-client-kubelet',
    {},
    ['client auth'],
    'usages did not match [client auth digital signature key encipherment]',
  ],
  [
    'kube-apiserver-client-kubelet',
    {},
    [...client, 'signing'],
    'usages did not match [client auth digital signature key encipherment]',
  ],
  [
    'kube-apiserver-client-kubelet',
    { organizations: ['system:nodes', 'system:masters'] },
    client,
    'subject organization is not system:nodes',
  ],
  [
    'kube-apiserver-client-kubelet',
    { commonName: 'admin' },
    client,
    'subject common name does not begin with system:node:',
  ],
  ['kube-apiserver-client-kubelet', { dnsNames: ['a'] }, client, 'DNS subjectAltNames are not allowed'],
  ['kube-apiserver-client-kubelet', { emailAddresses: ['a@b'] }, client, 'Email subjectAltNames are not allowed'],
  ['kube-apiserver-client-kubelet', { ipAddresses: ['1.2.3.4'] }, client, 'IP subjectAltNames are not allowed'],
  ['kube-apiserver-client-kubelet', { uris: ['a:b'] }, client, 'URI subjectAltNames are not allowed'],
  ['kubelet-serving', { dnsNames: ['n1'] }, serving, ''],
  ['kubelet-serving', { ipAddresses: ['1.2.3.4'] }, serving.slice(0, 2), ''],
  ['kubelet-serving', {}, serving, 'DNS or IP subjectAltName is required'],
  ['kubelet-serving', { organizations: [] }, serving, 'subject organization is not system:nodes'],
  ['kubelet-serving', { dnsNames: ['n1'], uris: ['a:b'] }, serving, 'URI subjectAltNames are not allowed'],
  [
    'kubelet-serving',
    { dnsNames: ['n1'] },
    client,
    'usages did not match [digital signature key encipherment server auth]',
  ],
  [
    'kubelet-serving',
    { dnsNames: ['n1'], commonName: 'system:node' },
    serving,
    'subject common name does not begin with system:node:',
  ],
  ['legacy-unknown', { commonName: 'anybody' }, ['any'], ''],
  ['somebody-else', {}, client, undefined],
  ['__proto__', {}, client, undefined],
] as const)('%s with %j and %j: %j', (signer, request, usages, expected) => {
  expect(problem(signer, request as Partial<RequestNames>, usages)).toBe(expected);
});
