import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machineAuthorities } from './certificate-authorities.ts';

describe('machineAuthorities()', () => {
  let folder = '';
  const file = (name: string): string => join(folder, name);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'authorities-'));
    for (const name of ['second', 'third', 'own', 'extra']) writeFileSync(file(name), name);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const bundles = (): string[] => ['first', 'second', 'third'].map(file);

  it('takes the first bundle that is there', () => {
    expect(machineAuthorities({}, bundles())).toEqual(['second']);
    expect(machineAuthorities({ SSL_CERT_FILE: '' }, bundles())).toEqual(['second']);
  });

  it('takes SSL_CERT_FILE instead, and NODE_EXTRA_CA_CERTS as well', () => {
    expect(machineAuthorities({ SSL_CERT_FILE: file('own') }, bundles())).toEqual(['own']);
    expect(machineAuthorities({ NODE_EXTRA_CA_CERTS: file('extra') }, bundles())).toEqual(['second', 'extra']);
    expect(machineAuthorities({ NODE_EXTRA_CA_CERTS: file('none') }, bundles())).toEqual(['second']);
  });

  it('gives nothing where nothing is', () => {
    expect(machineAuthorities({}, [file('first')])).toEqual([]);
    expect(machineAuthorities({ SSL_CERT_FILE: file('none') }, bundles())).toEqual([]);
  });
});
