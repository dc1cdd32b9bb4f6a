/** What a user may type after a start. */
import { join, relative } from 'node:path';
import { defaultDataDir } from './config.ts';
import type { DataFolder } from './data-folder.ts';
import { packageFolder } from './package-folder.ts';
import { findProgram } from './programs.ts';

/** As it can be typed in the present folder. */
function nocher(folder: DataFolder, command: string): string {
  const program =
    findProgram('nocher') === undefined ? relative(process.cwd(), join(packageFolder(), 'bin', 'nocher')) : 'nocher';
  const [name = '', ...rest] = command.split(' ');
  const flags = folder.path === defaultDataDir() ? [] : ['--data-dir', folder.path];
  return [program.startsWith('..') ? join(packageFolder(), 'bin', 'nocher') : program, name, ...flags, ...rest].join(
    ' ',
  );
}

export function nextSteps({
  folder,
  kubeconfig,
  hasExample,
}: {
  folder: DataFolder;
  kubeconfig: string;
  hasExample: boolean;
}): string[] {
  const first =
    findProgram('kubectl') === undefined
      ? nocher(folder, 'kubectl get pods -A')
      : `export KUBECONFIG=${kubeconfig}; kubectl get pods -A`;
  const further = hasExample
    ? [nocher(folder, 'kubectl -n hello set image deployment/hello hello=nocher.local/hello:2')]
    : [];
  return [first, ...further, nocher(folder, 'status')];
}
