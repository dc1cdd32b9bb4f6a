import { describe, expect, it } from '@jest/globals';
import { promisify } from 'node:util';
import { constants, deflate, deflateSync } from 'node:zlib';
import { SPDY_DICTIONARY } from './dictionary.ts';
import { HeaderDecoder } from './header-block.ts';

describe('HeaderDecoder', () => {
  it.each([84, 88, 92, 96])('survives garbage after %d KiB, which is more than it takes', async (kib) => {
    const finishFlush = constants.Z_SYNC_FLUSH;
    const large = deflateSync(Buffer.alloc(kib * 1024), { dictionary: SPDY_DICTIONARY, finishFlush });
    const decoder = new HeaderDecoder();
    const decoded = decoder.decode(Buffer.concat([large, Buffer.from('this is no zlib data')]));
    await expect(decoded).rejects.toThrow('too large');
    // What was being unfolded meanwhile is done by then, on the same pool of threads.
    for (let i = 0; i < 8; i++) await promisify(deflate)(Buffer.alloc(1024));
    decoder.close();
  });
});
