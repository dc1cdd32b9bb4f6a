import { expect, it } from '@jest/globals';
import { encodeForStorage } from './codec.ts';

it('encodeForStorage() gives bytes that keep no memory but their own', () => {
  const bytes = encodeForStorage({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'ä' } });
  expect(Buffer.from(bytes).toString()).toBe('{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"ä"}}');
  expect(bytes.buffer.byteLength).toBe(bytes.byteLength);
});
