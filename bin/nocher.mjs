#!/bin/sh
':' //; exec node --max-semi-space-size=64 "$0" "$@"
// The shell reads the line above and runs Node on this file with it; Node sees a string and a comment. What is being
// written survives the default 16 MB of young objects, is copied, and collected late: a third of the throughput.
import './require-node.mjs';
import { existsSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const bundle = new URL('../dist/bundle/nocher.mjs', import.meta.url);
if (!existsSync(bundle)) {
  if (!existsSync(here('../node_modules'))) {
    process.stderr.write('nocher: the packages that this needs are not there; run: npm ci\n');
    process.exit(1);
  }
  const { status } = spawnSync(process.execPath, [here('./build.mjs')], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) process.exit(1);
}
await import(bundle.href);
