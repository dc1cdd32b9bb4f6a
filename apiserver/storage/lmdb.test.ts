import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { openLmdbStorage } from './lmdb.ts';
import { runStorageSuite } from './storage-suite.ts';

let folder: string;
let stores = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nocher-lmdb-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

runStorageSuite('lmdb', () => openLmdbStorage({ path: join(folder, `${stores++}`), reserveBytes: 4096 }));
