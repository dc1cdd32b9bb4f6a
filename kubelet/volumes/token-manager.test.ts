import { describe, expect, it } from '@jest/globals';
import type { Client } from '../../client/client.ts';
import { createTestClock, testPod } from '../testing.ts';
import { TokenManager } from './token-manager.ts';

const HOUR_MS = 3_600_000;

describe('TokenManager', () => {
  const clock = createTestClock();
  let asked = 0;
  const client = {
    create: () => {
      const expirationTimestamp = new Date(clock.now() + HOUR_MS).toISOString();
      return Promise.resolve({ status: { token: `token-${++asked}`, expirationTimestamp } });
    },
  } as unknown as Client;
  const manager = new TokenManager({ client, clock });
  const token = (): Promise<string> => manager.token(testPod(), { expirationSeconds: 3600 });

  it('renews a token at 80 % of its life, and at once when the wall clock has left it', async () => {
    expect(await token()).toBe('token-1');
    await clock.advance(0.79 * HOUR_MS);
    expect(await token()).toBe('token-1');
    await clock.advance(0.02 * HOUR_MS);
    expect(await token()).toBe('token-2');
    clock.jump(HOUR_MS);
    expect(await token()).toBe('token-3');
    clock.jump(-30_000);
    expect(await token()).toBe('token-3');
    clock.jump(-HOUR_MS);
    expect(await token()).toBe('token-4');
    expect(await token()).toBe('token-4');
  });
});
