/**
 * Holds the house to its rules: layering, cycles, names, sizes and links. Every rule is first shown to find a planted
 * problem, then run over the whole checkout.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import * as rules from './architecture/rules.ts';
import {
  countCodeLines,
  linkResolves,
  listFiles,
  parseSource,
  readSources,
  relativeLinks,
} from './architecture/source-tree.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const paths = listFiles(root).filter((path) => !path.startsWith('test/kubectl/'));
const sources = readSources(root);

describe('layers', () => {
  it('names the border that an import crosses', () => {
    const planted = [parseSource('apiserver/storage/x.ts', "import type { Pod } from '../../api/core/v1/pod.ts';")];
    expect(rules.layeringProblems(planted)).toEqual([
      'apiserver/storage/x.ts imports api/core/v1/pod.ts: apiserver/storage may import only base',
    ]);
  });

  it.each([
    ['api/a.ts', '../base/clock.ts', 'api may import nothing of ours'],
    ['kubelet/pods/a.ts', '../../scheduler/heap.ts', 'kubelet may import only client, api, base'],
    ['apiserver/a.ts', '../client/client.ts', 'apiserver may import only api, base, apiserver/storage'],
    ['apiserver/storage/a.ts', '../handler-chain.ts', 'apiserver/storage may import only base'],
    ['novelty/a.ts', '../base/clock.ts', 'novelty is no root of the table in test/architecture/rules.ts'],
  ])('%s may not import %s', (path, target, reason) => {
    const [problem] = rules.layeringProblems([parseSource(path, `export { x } from '${target}';`)]);
    expect(problem).toContain(reason);
  });

  it('lets tests beside the source import anything', () => {
    const planted = [parseSource('kubelet/a.test.ts', "import { x } from '../apiserver/api-server.ts';")];
    expect(rules.layeringProblems(planted)).toEqual([]);
  });

  it('are kept by every import', () => {
    expect(rules.layeringProblems(sources)).toEqual([]);
  });

  it('finds a source that imports the command line or a test', () => {
    const planted = [
      parseSource('kubelet/a.ts', "import { x } from '../cli/up.ts';\nimport { y } from './testing.ts';"),
    ];
    expect(rules.closedRootProblems(planted)).toEqual([
      'kubelet/a.ts imports cli/up.ts: nothing imports cli',
      'kubelet/a.ts imports kubelet/testing.ts: only tests may import what is made for tests',
    ]);
  });

  it('have nothing that imports the command line or a test', () => {
    expect(rules.closedRootProblems(sources)).toEqual([]);
  });
});

describe('imports', () => {
  it('finds a cycle, also one of types', () => {
    const planted = [
      parseSource('api/a.ts', "import type { B } from './b.ts';"),
      parseSource('api/b.ts', "import { c } from './c.ts';"),
      parseSource('api/c.ts', "import { a } from './a.ts';"),
    ];
    expect(rules.cycleProblems(planted)).toEqual(['import cycle: api/a.ts → api/b.ts → api/c.ts → api/a.ts']);
  });

  it('form no cycle', () => {
    expect(rules.cycleProblems(sources)).toEqual([]);
  });

  it('finds an import of a file that is not there', () => {
    const planted = [parseSource('api/a.ts', "import { b } from './b';")];
    expect(rules.missingImportProblems(planted, new Set(['api/b.ts']))).toEqual([
      'api/a.ts imports api/b, which does not exist',
    ]);
  });

  it('lead to files', () => {
    expect(rules.missingImportProblems(sources, new Set(listFiles(root)))).toEqual([]);
  });
});

describe('names', () => {
  it('finds names that are not kebab-case and folders that say nothing', () => {
    expect(rules.nameProblems(['api/PodSpec.ts', 'api/utils/text.ts', 'api/pod-spec.test.ts'])).toEqual([
      'api/PodSpec.ts: file names are kebab-case',
      'api/utils/text.ts: no folder is called utils',
    ]);
  });

  it('are kebab-case, in folders that say something', () => {
    expect(rules.nameProblems(paths)).toEqual([]);
  });

  it('finds default exports and vague names', () => {
    const planted = [
      parseSource('api/a.ts', 'export default function x() {}\nexport class PodHelper {}\nexport class BaseStore {}'),
    ];
    expect(rules.defaultExportProblems(planted)).toEqual(['api/a.ts has a default export']);
    expect(rules.vagueNameProblems(planted)).toEqual([
      'api/a.ts exports PodHelper: say what it is',
      'api/a.ts exports BaseStore: say what it is',
    ]);
  });

  it('are given to every export, and say what it is', () => {
    expect(rules.defaultExportProblems(sources)).toEqual([]);
    expect(rules.vagueNameProblems(sources)).toEqual([]);
  });
});

describe('sizes', () => {
  it('counts code, not comments and blank lines', () => {
    expect(countCodeLines('/** a\n * b */\n\nconst x = `1\n2`; // c\n')).toBe(2);
  });

  it('finds a file over the budget', () => {
    const planted = [parseSource('api/a.ts', 'export {};\n'.repeat(401))];
    expect(rules.sizeProblems(planted)).toEqual(['api/a.ts has 401 code lines; the budget is 400: split it by idea']);
  });

  it('are within the budget', () => {
    expect(rules.sizeProblems(sources)).toEqual([]);
  });
});

describe('links', () => {
  const pages = paths.filter((path) => path.endsWith('.md'));

  it('finds relative links outside code', () => {
    expect(relativeLinks('[a](b.md#c) [w](https://x.org) `[n](o.md)`\n```\n[x](y.md)\n```\n![p](<q.png>)')).toEqual([
      'b.md#c',
      'q.png',
    ]);
    expect(linkResolves(root, 'docs/a.md', '../package.json')).toBe(true);
    expect(linkResolves(root, 'docs/a.md', 'package.json')).toBe(false);
    expect(linkResolves(root, 'docs/a.md', '../../outside.md')).toBe(false);
  });

  it('lead somewhere, in every page', () => {
    const broken = pages.flatMap((page) =>
      relativeLinks(readFileSync(join(root, page), 'utf8'))
        .filter((link) => !linkResolves(root, page, link))
        .map((link) => `${page} links to ${link}, which does not exist`),
    );
    expect(broken).toEqual([]);
  });
});
