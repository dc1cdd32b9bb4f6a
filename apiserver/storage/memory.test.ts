import { createMemoryStorage } from './memory.ts';
import { runStorageSuite } from './storage-suite.ts';

runStorageSuite('memory', async () => createMemoryStorage());
