/**
 * What upstream's v1.36 serves in its stable groups and this server does not, by path and verb. The list beside this
 * file names it all and nothing else: what is missing beyond it was lost, what is served goes from it. Paths below `/watch/` (deprecated since 1.11) and the discovery
 * documents, which ours do not describe, are left out.
 */
import { describe, expect, it } from '@jest/globals';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startTestServer } from '../../apiserver/testing.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { findFacts } from '../facts.ts';

const VERBS = ['get', 'put', 'post', 'patch', 'delete', 'head', 'options'];
const LIST = fileURLToPath(new URL('missing-operations.txt', import.meta.url));

interface Document {
  paths: Record<string, Record<string, unknown>>;
}

const facts = findFacts('openapi-v1.36');
const withFacts = facts === undefined ? it.skip : it;

function operationsOf({ paths }: Document): string[] {
  return Object.entries(paths)
    .filter(([path]) => !path.includes('/watch/') && !path.endsWith('/'))
    .flatMap(([path, item]) => VERBS.filter((verb) => item[verb] !== undefined).map((verb) => `${verb} ${path}`));
}

/** File name to document path, of every stable version. */
function documents(): [string, string][] {
  return readdirSync(facts!).flatMap((file): [string, string][] => {
    const name = /^(api__v1|apis__.+__v\d+)\.json$/.exec(file)?.[1];
    return name === undefined ? [] : [[file, `/openapi/v3/${name.replaceAll('__', '/')}`]];
  });
}

async function missing(server: TestServer): Promise<string[]> {
  const found: string[] = [];
  for (const [file, path] of documents()) {
    const theirs = JSON.parse(readFileSync(join(facts!, file), 'utf8')) as Document;
    const { status, body } = await server.send('GET', path);
    const ours = new Set(status === 200 ? operationsOf(body as Document) : []);
    found.push(...operationsOf(theirs).filter((operation) => !ours.has(operation)));
  }
  return found;
}

function listed(): string[] {
  const lines = readFileSync(LIST, 'utf8').split('\n');
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .flatMap((line) => {
      const [verbs = '', path = ''] = line.split(' ');
      return verbs.split(',').map((verb) => `${verb} ${path}`);
    });
}

describe('operations of upstream’s stable groups', () => {
  withFacts('are served, but for those in the list', async () => {
    const server = await startTestServer();
    try {
      expect((await missing(server)).sort()).toEqual(listed().sort());
    } finally {
      await server.close();
    }
  });
});
