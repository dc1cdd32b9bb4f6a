import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PullCredential } from './pull-access.ts';
import { PullRecords } from './pull-records.ts';

const ID = `sha256:${'1'.repeat(64)}`;
const IMAGE = 'r.test/private:1';
const credential = (name: string, hash: string): PullCredential => ({ uid: name, namespace: 'a', name, hash });
const own = credential('own', '1');

describe('PullRecords', () => {
  let folder: string;
  let records: PullRecords;
  const restart = (): void => void (records = new PullRecords(folder));
  const files = (kind: string): string[] => readdirSync(join(folder, kind));

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nocher-pulls-'));
    restart();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const pulled = (): void => {
    records.started(IMAGE);
    records.succeeded(IMAGE, ID, [own]);
  };

  it('give every pod what was on the node before', () => {
    expect(records.mayUse(IMAGE, ID, [])).toBe(true);
  });

  it('know after a restart who may use what, by its repository', () => {
    pulled();
    restart();
    expect(records.mayUse(IMAGE, ID, [own])).toBe(true);
    expect(records.mayUse('r.test/private@sha256:' + '2'.repeat(64), ID, [own])).toBe(true);
    expect(records.mayUse(IMAGE, ID, [])).toBe(false);
    expect(records.mayUse('r.test/other:1', ID, [own])).toBe(false);
    expect(files('pulling')).toEqual([]);
  });

  it('give nobody an image whose pull did not come to its end, until one did', () => {
    records.started(IMAGE);
    expect(records.mayUse(IMAGE, ID, [own])).toBe(false);
    restart();
    expect(records.mayUse('r.test/private:1', ID, [own])).toBe(false);
    expect(records.mayUse('r.test/private:2', ID, [])).toBe(true);
    records.started(IMAGE);
    records.failed(IMAGE);
    restart();
    expect(records.mayUse(IMAGE, ID, [own])).toBe(false);
    pulled();
    restart();
    expect(records.mayUse(IMAGE, ID, [own])).toBe(true);
    expect(files('pulling')).toEqual([]);
  });

  it('forget a pull that failed with the last of those that were under way', () => {
    records.started(IMAGE);
    records.started(IMAGE);
    records.failed(IMAGE);
    expect(records.mayUse(IMAGE, ID, [])).toBe(false);
    records.failed(IMAGE);
    expect(records.mayUse(IMAGE, ID, [])).toBe(true);
    expect(files('pulling')).toEqual([]);
  });

  it('give nobody an image whose record cannot be read', () => {
    pulled();
    writeFileSync(join(folder, 'pulled', encodeURIComponent(ID)), '');
    restart();
    expect(records.mayUse(IMAGE, ID, [own])).toBe(false);
  });

  it('keep a credential that matched, for when the one that it matched is gone', () => {
    pulled();
    const renewed = { ...own, hash: '2' };
    expect(records.mayUse(IMAGE, ID, [renewed])).toBe(true);
    restart();
    expect(records.mayUse(IMAGE, ID, [credential('copy', '2')])).toBe(true);
    expect(records.mayUse(IMAGE, ID, [credential('old', '1')])).toBe(false);
  });

  it('forget images that are gone, and none whose pull ended meanwhile', async () => {
    pulled();
    await records.prune(async () => [ID]);
    expect(records.mayUse(IMAGE, ID, [])).toBe(false);
    await records.prune(async () => {
      pulled();
      return [];
    });
    expect(records.mayUse(IMAGE, ID, [])).toBe(false);
    await records.prune(async () => []);
    restart();
    expect(records.mayUse(IMAGE, ID, [])).toBe(true);
  });
});
