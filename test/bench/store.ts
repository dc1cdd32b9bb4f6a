/** Storage alone: durable writes with one and many writers beside Debian's etcd, and loading a full store. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Etcd3 } from 'etcd3';
import { openLmdbStorage } from '../../apiserver/storage/lmdb.ts';
import type { Storage } from '../../apiserver/storage/storage.ts';
import { realClock } from '../../base/clock.ts';
import type { BenchLine } from './bench-line.ts';
import { installedEtcd, startEtcd } from '../etcd-process.ts';

const SCENARIO = 'store';
const VALUE_BYTES = 1024;
const WRITERS = 64;
const DURATION_MS = 2000;
const WARM_UP_MS = 500;
const WRITES_TARGET = 20_000;
const LOAD_TARGET_MS = 2000;
const LOAD_KEYS = 25_600;
const LOAD_VALUE_BYTES = 4096;
/** etcd slower than this means that the machine was busy: comparisons say nothing. */
const LEAST_REFERENCE = 3400;

/** Takes about 20 seconds. */
export async function run(): Promise<BenchLine[]> {
  const etcd = installedEtcd();
  const before = etcd === undefined ? undefined : await measureEtcd();
  const ours = await withStore(async (storage) => {
    await writesPerSecond(WRITERS, WARM_UP_MS, createIn(storage, 'warm'));
    const many = await writesPerSecond(WRITERS, DURATION_MS, createIn(storage, 'many'));
    const one = await writesPerSecond(1, DURATION_MS, createIn(storage, 'one'));
    return { many, one };
  });
  const after = etcd === undefined ? undefined : await measureEtcd();
  const lines = [
    writesLine('1 writer', { value: ours.one, name: `etcd ${etcd}`, references: [before?.one, after?.one] }),
    writesLine(`${WRITERS} writers`, {
      value: ours.many,
      name: `etcd ${etcd}`,
      references: [before?.many, after?.many],
    }),
  ];
  const many = lines[1]!;
  many.target = `>= ${WRITES_TARGET}`;
  const isVoid = many.reference !== undefined && many.reference.value < LEAST_REFERENCE;
  if (!isVoid) many.ok = many.value >= WRITES_TARGET;
  return [...lines, ...(await measureLoad())];
}

function writesLine(
  writers: string,
  { value, name, references }: { value: number; name: string; references: (number | undefined)[] },
): BenchLine {
  const known = references.filter((reference) => reference !== undefined);
  const what = `durable ${VALUE_BYTES} byte creates, ${writers}`;
  const line: BenchLine = { scenario: SCENARIO, what, value: Math.round(value), unit: '/s' };
  if (known.length > 0) line.reference = { name, value: Math.round(known.reduce((a, b) => a + b) / known.length) };
  return line;
}

type Write = (writer: number, i: number) => Promise<unknown>;

async function writesPerSecond(writers: number, durationMs: number, write: Write): Promise<number> {
  const start = realClock.monotonicMs();
  let count = 0;
  const loop = async (writer: number): Promise<void> => {
    for (let i = 0; realClock.monotonicMs() - start < durationMs; i++, count++) await write(writer, i);
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => loop(writer)));
  return (count * 1000) / (realClock.monotonicMs() - start);
}

function createIn(storage: Storage, folder: string): Write {
  // A value of its own for each write, as an API server has.
  return (writer, i) => storage.create(`/registry/configmaps/${folder}/${writer}-${i}`, Buffer.alloc(VALUE_BYTES, i));
}

async function withStore<T>(use: (storage: Storage, path: string) => Promise<T>): Promise<T> {
  const path = await mkdtemp(join(tmpdir(), 'nocher-bench-'));
  try {
    const storage = await openLmdbStorage({ path });
    try {
      return await use(storage, path);
    } finally {
      await storage.close();
    }
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

async function measureEtcd(): Promise<{ one: number; many: number }> {
  const etcd = await startEtcd();
  const grpcOptions = { 'grpc.keepalive_time_ms': 10_000, 'grpc.keepalive_timeout_ms': 5000 };
  const client = new Etcd3({ hosts: etcd.endpoint, grpcOptions });
  const create = (folder: string): Write => {
    return (writer, i) => {
      const key = `/registry/configmaps/${folder}/${writer}-${i}`;
      const put = client.put(key).value(Buffer.alloc(VALUE_BYTES, i));
      return client.if(key, 'Create', '==', 0).then(put).commit();
    };
  };
  try {
    await writesPerSecond(WRITERS, WARM_UP_MS, create('warm'));
    const many = await writesPerSecond(WRITERS, DURATION_MS, create('many'));
    return { many, one: await writesPerSecond(1, DURATION_MS / 2, create('one')) };
  } finally {
    client.close();
    await etcd.stop();
  }
}

/** What an API server waits for when it starts on a store of 100 MB. */
async function measureLoad(): Promise<BenchLine[]> {
  return withStore(async (storage, path) => {
    for (let i = 0; i < LOAD_KEYS; i += 1024) {
      const writes = Array.from({ length: 1024 }, (_, k) => {
        return storage.create(`/registry/pods/default/pod-${i + k}`, Buffer.alloc(LOAD_VALUE_BYTES, k));
      });
      await Promise.all(writes);
    }
    await storage.close();
    const start = realClock.monotonicMs();
    const again = await openLmdbStorage({ path });
    const opened = realClock.monotonicMs();
    const stall = watchStalls();
    await again.list({ prefix: '/registry/' });
    const listed = realClock.monotonicMs();
    const longest = stall.stop();
    await again.close();
    const figure = (what: string, value: number): BenchLine => {
      return { scenario: SCENARIO, what, value: Math.round(value * 10) / 10, unit: 'ms' };
    };
    const total = listed - start;
    return [
      { ...figure('open and list 100 MB', total), target: `<= ${LOAD_TARGET_MS}`, ok: total <= LOAD_TARGET_MS },
      figure('open 100 MB', opened - start),
      figure('longest stall of the event loop while listing 100 MB', longest),
    ];
  });
}

function watchStalls(): { stop: () => number } {
  let last = realClock.monotonicMs();
  let longest = 0;
  const tick = (): void => {
    const now = realClock.monotonicMs();
    longest = Math.max(longest, now - last - 1);
    last = now;
  };
  const cancel = realClock.setInterval(tick, 1);
  return {
    stop: () => {
      tick();
      cancel();
      return longest;
    },
  };
}

/** Durable creates a second with 64 writers on Debian's etcd; undefined where it is not installed. */
export async function etcdReference(): Promise<number | undefined> {
  return installedEtcd() === undefined ? undefined : (await measureEtcd()).many;
}
