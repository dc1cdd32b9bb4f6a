/** The program that tests of lmdb run, kill, trace and cut from power: `lmdb-child.ts MODE FOLDER`. It reports in lines. */
import { writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { openLmdbStorage } from './lmdb.ts';
import { StorageError } from './storage.ts';
import type { Storage } from './storage.ts';

const [mode = '', folder = ''] = process.argv.slice(2);
const modes: Record<string, (storage: Storage) => Promise<void>> = { writers, sequential, fill, inspect, stubborn };
try {
  const storage = await openLmdbStorage({ path: folder, reserveBytes: 1024 * 1024 });
  await modes[mode]!(storage);
  await storage.close();
} catch (error) {
  say(error instanceof StorageError ? `error ${error.code} ${error.message}` : `error ${String(error)}`);
}

/** Written at once, so that a line is out before the next thing happens; waits while the reader is behind. */
function say(line: string): void {
  let rest = Buffer.from(`${line}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}

/** 64 writers that create, update and delete beside compaction, and report what was acknowledged, until killed. */
async function writers(storage: Storage): Promise<void> {
  const write = async (writer: number): Promise<void> => {
    const key = `/w/${writer}`;
    for (let i = 0; ; i++) {
      let revision = await storage.create(key, Buffer.from(`${i}`));
      say(`put ${key} ${revision} ${i}`);
      revision = await storage.update(key, Buffer.alloc(1000, `${i}+`), { expectedRevision: revision });
      say(`put ${key} ${revision} ${i}+`);
      if (i % 10 === 9) await storage.compact(revision);
      await storage.create(`${key}/${i}`, Buffer.from('kept')).then((kept) => say(`put ${key}/${i} ${kept} kept`));
      revision = await storage.delete(key, { expectedRevision: revision });
      say(`delete ${key} ${revision}`);
    }
  };
  await Promise.all(Array.from({ length: 64 }, (_, writer) => write(writer)));
}

/** Writes one after the other; says when each begins and when it is acknowledged. */
async function sequential(storage: Storage): Promise<void> {
  for (let i = 0; i < 20; i++) {
    say(`begin ${i}`);
    await storage.create(`/k/${i}`, Buffer.alloc(1024, i));
    say(`acknowledged ${i}`);
  }
}

/** Writes on whatever fails, and says what each write came to and what can be read in the end. */
async function stubborn(storage: Storage): Promise<void> {
  const write = async (i: number): Promise<void> => {
    try {
      say(`put /k/${i} ${await storage.create(`/k/${i}`, Buffer.alloc(3000, `${i}+`))}`);
    } catch (error) {
      say(`failed /k/${i} ${error instanceof StorageError ? `${error.code} ${error.message}` : String(error)}`);
    }
  };
  for (let round = 0; round < 20; round++) {
    await Promise.all([0, 1, 2].map((i) => write(3 * round + i)));
  }
  const { entries, revision } = await storage.list({ prefix: '/k/' });
  say(`list ${revision} ${entries.map(({ key }) => key).join(' ')}`);
}

/** Says what is there, and whether a write is taken after it. */
async function inspect(storage: Storage): Promise<void> {
  const { entries, revision } = await storage.list({ prefix: '' });
  for (const { key, modRevision, value } of entries) {
    say(`entry ${key} ${modRevision} ${Buffer.from(value).toString().slice(0, 16)}`);
  }
  say(`revision ${revision} ${await storage.create('/after', Buffer.from('1'))}`);
}

/** Fills the disk, deletes half of what was written, and writes again. */
async function fill(storage: Storage): Promise<void> {
  const revisions: number[] = [];
  const create = async (): Promise<string> => {
    try {
      revisions.push(await storage.create(`/f/${revisions.length}`, Buffer.alloc(20_000, revisions.length)));
      return 'done';
    } catch (error) {
      return error instanceof StorageError ? error.code : String(error);
    }
  };
  let answer = 'done';
  while (answer === 'done' && revisions.length < 100_000) answer = await create();
  say(`full ${revisions.length} ${answer}`);
  say(`again ${await create()}`);
  const half = revisions.length / 2;
  for (let i = 0; i < half; i++) await storage.delete(`/f/${i}`, { expectedRevision: revisions[i]! });
  say('deleted');
  // Writes are taken again as compaction, which runs by itself now, comes along.
  let more = 0;
  for (let attempt = 0; attempt < 5000 && more < half / 4; attempt++) {
    if ((await create()) === 'done') more++;
    else await setImmediate();
  }
  const { entries } = await storage.list({ prefix: '/f/' });
  const intact = entries.every((entry) => entry.value.every((byte) => byte === Number(entry.key.slice(3)) % 256));
  say(`recovered ${more >= half / 4} intact ${intact && entries.length === revisions.length - Math.ceil(half)}`);
}
