import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { choosePort, nodeRange, nodeRanges, rangesOverlap } from './ports.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

function takePort(): Promise<number> {
  const server = createServer();
  servers.push(server);
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}

const choice = (more: object): Parameters<typeof choosePort>[0] => ({
  flag: '--api-port',
  asked: undefined,
  remembered: undefined,
  preferred: 0,
  host: '127.0.0.1',
  ...more,
});

describe('choosePort()', () => {
  it('goes on to a free one where the remembered and the preferred one are taken', async () => {
    const [remembered, preferred] = [await takePort(), await takePort()];
    const port = await choosePort(choice({ remembered, preferred }));
    expect([remembered, preferred]).not.toContain(port);
    expect(port).toBeGreaterThan(0);
  });

  it('refuses one that was asked for and is taken', async () => {
    const asked = await takePort();
    await expect(choosePort(choice({ asked }))).rejects.toThrow(
      `--api-port: port ${asked} on 127.0.0.1 is in use; choose another, or 0 for any free one`,
    );
  });

  it('tells an address that is not ours from a port that is taken', async () => {
    await expect(choosePort(choice({ host: '192.0.2.77' }))).rejects.toThrow(
      '--bind-address: 192.0.2.77 is not an address of this machine',
    );
  });
});

describe('ranges', () => {
  it('of nodes follow one another', () => {
    expect([0, 1, 255, 256].map((index) => nodeRange('10.244.0.0/15', index))).toEqual([
      '10.244.0.0/24',
      '10.244.1.0/24',
      '10.244.255.0/24',
      '10.245.0.0/24',
    ]);
    expect([nodeRanges('10.244.0.0/24'), nodeRanges('10.244.0.0/16')]).toEqual([1, 256]);
  });

  it.each([
    ['10.244.0.0/16', '10.96.0.0/16', false],
    ['10.0.0.0/8', '10.96.0.0/16', true],
    ['10.96.128.0/24', '10.96.0.0/16', true],
    ['10.96.0.0/17', '10.96.128.0/17', false],
  ])('%s and %s overlap: %s', (a, b, expected) => {
    expect([rangesOverlap(a, b), rangesOverlap(b, a)]).toEqual([expected, expected]);
  });
});
