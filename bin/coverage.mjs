// Writes docs/coverage.md from the tests that passed in the last `npm test`; `--check` only compares.
import { tsImport } from 'tsx/esm/api';

const { main } = await tsImport('../test/coverage/main.ts', import.meta.url);
process.exitCode = main(process.argv.slice(2));
