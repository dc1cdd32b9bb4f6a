import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { binary, build } from '../../native/pod-fixture.ts';
import { NativeSpawner } from './spawner.ts';

const VERSION = { version: 1, program: 'nocher-native' };

/** Of spawners that this process has started. */
function children(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const read = (file: string): string => {
        try {
          return readFileSync(`/proc/${pid}/${file}`, 'utf8');
        } catch {
          return '';
        }
      };
      return read('stat').split(') ')[1]?.split(' ')[1] === String(process.pid) && read('cmdline').includes('spawner');
    })
    .map(Number);
}

describe('NativeSpawner', () => {
  let spawner: NativeSpawner;
  beforeAll(build, 120_000);
  beforeEach(() => {
    spawner = new NativeSpawner(binary);
  });
  afterEach(() => spawner.close());

  it('starts one process for any number of commands, and none before the first', async () => {
    expect(children()).toEqual([]);
    const answers = await Promise.all(Array.from({ length: 50 }, () => spawner.run(['version'])));
    expect(answers).toEqual(Array(50).fill(VERSION));
    expect(children()).toHaveLength(1);
  });

  it('tells what a command prints when it does not know better', async () => {
    await expect(spawner.run(['cleanup', '--config', '-'], '{')).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(spawner.run(['nonsense'])).rejects.toThrow('nocher-native nonsense: usage: nocher-native check');
  });

  it('hands over inputs of any size', async () => {
    const config = JSON.stringify({ version: 1, id: 'x', metadata: 'é'.repeat(1 << 20) });
    await expect(spawner.run(['cleanup', '--config', '-'], config)).rejects.toThrow('"metadata" is too long');
  });

  it('fails what is under way when the process is killed, and starts another', async () => {
    await spawner.run(['version']);
    const [pid] = children();
    process.kill(pid!, 'SIGSTOP');
    const lost = spawner.run(['version']);
    process.kill(pid!, 'SIGKILL');
    await expect(lost).rejects.toMatchObject({ code: 'unavailable' });
    expect(await spawner.run(['version'])).toEqual(VERSION);
  });

  it('says what is wrong when there is no such program', async () => {
    const missing = new NativeSpawner('/nonexistent/nocher-native');
    await expect(missing.run(['version'])).rejects.toThrow('ENOENT');
  });

  it('ends after what is under way, and leaves no process', async () => {
    const under = spawner.run(['version']);
    spawner.close();
    expect(await under).toEqual(VERSION);
    expect(await spawner.run(['version'])).toEqual(VERSION);
    for (let i = 0; i < 100 && children().length > 0; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(children()).toEqual([]);
  });
});
