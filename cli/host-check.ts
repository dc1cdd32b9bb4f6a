/** What a start can do on this machine: looked at before anything is set up, and said in one line for each thing that lacks. */
import type { HostCheck } from '../kubelet/native/program.ts';
import { runNative } from '../kubelet/native/program.ts';
import type { Runtime } from './config.ts';
import { UsageError } from './config.ts';
import { nativeProgram } from './package-folder.ts';
import { isProgram } from './programs.ts';

export interface Host {
  isRoot: boolean;
  /** What the helper that runs pods says; undefined where there is none that runs. */
  check: HostCheck | undefined;
}

export interface RuntimeChoice {
  runtime: Runtime;
  notes: string[];
}

/** Below it, a few dozen pods use up the files that this process may open. */
const FEW_FILES = 4096;
const REQUIRED = 'required: ';

/** Looks no further than what was asked for needs: the helper's look takes 30 ms. */
export async function lookAtHost(asked: Runtime | undefined): Promise<Host> {
  const isRoot = process.getuid?.() === 0;
  const mayBeReal = isRoot && asked !== 'simulated' && asked !== 'none';
  const check =
    mayBeReal && isProgram(nativeProgram())
      ? await runNative<HostCheck>(nativeProgram(), ['check']).catch(() => undefined)
      : undefined;
  return { isRoot, check };
}

/** Why pods cannot be real here, and what mends it; undefined where they can. */
function obstacle({ isRoot, check }: Host): string | undefined {
  if (!isRoot) return 'real ones need root';
  if (check === undefined) {
    return 'the helper that runs them is not built; install a C compiler and make (apt-get install gcc libc6-dev make), then: npm run build';
  }
  const required = check.missing.filter((text) => text.startsWith(REQUIRED)).map((text) => text.slice(REQUIRED.length));
  const network = check.missing
    .filter((text) => text.includes('pods get no network of their own'))
    .map((text) => text.split(':')[0]!);
  const lacking = [...required, ...network];
  return lacking.length === 0 ? undefined : `this machine lacks ${lacking.join(', ')}`;
}

/** Real pods unless they are not wanted or cannot be. Throws a `UsageError` when real ones were asked for and cannot be. */
export function chooseRuntime(asked: Runtime | undefined, host: Host): RuntimeChoice {
  if (asked === 'simulated' || asked === 'none') return { runtime: asked, notes: [] };
  if (asked === 'cri') {
    // What containers need is the runtime's affair; the bridge is made by the helper.
    const lacking = host.isRoot && host.check !== undefined ? undefined : obstacle(host);
    if (lacking !== undefined) throw new UsageError(`--runtime cri: ${lacking}`);
    return { runtime: 'cri', notes: [] };
  }
  const reason = obstacle(host);
  if (reason === undefined) return { runtime: 'native', notes: hostNotes(host.check!) };
  if (asked === 'native') throw new UsageError(`--runtime native: ${reason}`);
  return { runtime: 'simulated', notes: [`pods only pretend to run, and Services and DNS do not answer: ${reason}`] };
}

function hostNotes({ missing, nofileHard }: HostCheck): string[] {
  const notes = missing.map((text) => `this machine lacks ${text}`);
  if (nofileHard < FEW_FILES)
    notes.push(
      `this machine allows ${nofileHard} open files in a process: with many pods that is too few (ulimit -Hn)`,
    );
  return notes;
}
