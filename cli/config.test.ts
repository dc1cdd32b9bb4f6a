import { describe, expect, it } from '@jest/globals';
import { nodeNameOfHost, upConfig } from './config.ts';

describe('nodeNameOfHost()', () => {
  it.each([
    ['laptop', 'laptop'],
    ['My_Laptop', 'my-laptop'],
    ['web-1.example.org', 'web-1.example.org'],
    ['-odd-..name-', 'odd.name'],
    ['(none)', 'node'],
    ['', 'node'],
    ['ü', 'node'],
    ['a'.repeat(300), 'node'],
  ])('%j becomes %j', (host, name) => {
    expect(nodeNameOfHost(host)).toBe(name);
  });
});

describe('upConfig()', () => {
  it.each([
    [{ nodeName: 'a_b' }, "--node-name: a_b is not a valid node name (lower case letters, digits, '-' and '.')"],
    [{ nodeName: 'a..b' }, "--node-name: a..b is not a valid node name (lower case letters, digits, '-' and '.')"],
    [{ apiPort: '70000' }, '--api-port: 70000 is not a port (0-65535)'],
    [{ bindAddress: '::1' }, '--bind-address: ::1 is not an IPv4 address'],
    [{ podCidr: '10.0.0.0' }, '--pod-cidr: 10.0.0.0 is not an IPv4 range such as 10.244.0.0/16'],
    [{ podCidr: '10.0.0.0/25' }, '--pod-cidr: 10.0.0.0/25 must be between /8 and /24'],
    [{ simulatedNodes: '-1' }, '--simulated-nodes: -1 is not a number'],
    [{ runtime: 'docker' }, '--runtime: docker is not one of native, cri, simulated, none'],
  ])('refuses %j', (flags, message) => {
    expect(() => upConfig({ storage: 'memory', ...flags })).toThrow(message);
  });

  it('leaves the runtime open when it is not asked for', () => {
    expect(upConfig({ storage: 'lmdb' })).toMatchObject({
      runtime: undefined,
      simulatedNodes: 0,
      bindAddress: '127.0.0.1',
    });
    expect(upConfig({ storage: 'lmdb', runtime: 'none' }).runtime).toBe('none');
  });
});
