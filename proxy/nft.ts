/** Runs `nft`: a script as one transaction, and questions about tables. */
import { spawn } from 'node:child_process';

export interface NftRunner {
  /** Applies the script as one transaction; throws `NftError` when any part of it is refused. */
  apply(script: string): Promise<void>;
  /** The text of one chain; undefined when it is not there. */
  chain(family: string, table: string, chain: string): Promise<string | undefined>;
  /** All chains, as `nft -j` gives them. */
  listChains(): Promise<unknown>;
}

export class NftError extends Error {
  override readonly name = 'NftError';
}

/** Output that is kept of a failed command. */
const MAX_ERROR_TEXT = 2000;

export interface NftOptions {
  /** Runs in another network namespace, for tests: `['nsenter', '--net=/run/netns/x']`. */
  prefix?: readonly string[];
  program?: string;
}

export function nftRunner({ prefix = [], program = 'nft' }: NftOptions = {}): NftRunner {
  const run = (args: readonly string[], input = ''): Promise<string> =>
    runCommand([...prefix, program, ...args], input);
  return {
    apply: async (script) => void (await run(['-f', '-'], script)),
    chain: (family, table, chain) => run(['list', 'chain', family, table, chain]).catch(() => undefined),
    listChains: async () => JSON.parse(await run(['-j', 'list', 'chains'])) as unknown,
  };
}

/** Gives the standard output; throws `NftError` with what the command said. */
export function runCommand(command: readonly string[], input = ''): Promise<string> {
  const [program, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program!, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    let problems = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      if (problems.length < MAX_ERROR_TEXT) problems += chunk.slice(0, MAX_ERROR_TEXT);
    });
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => reject(new NftError(`${program!}: ${error.message}`)));
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new NftError(problems.trim() || `${program!} ended with ${code}`));
    });
    child.stdin.end(input);
  });
}
