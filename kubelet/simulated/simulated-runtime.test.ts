import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../../base/clock.ts';
import { realRandom } from '../../base/random.ts';
import { runRuntimeSuite } from '../runtime-suite.ts';
import { createSimulatedRuntime } from './simulated-runtime.ts';

runRuntimeSuite('simulated', {
  hasProcesses: false,
  async open() {
    const { runtime, images } = createSimulatedRuntime({
      clock: realClock,
      random: realRandom,
      podCidr: '10.244.0.0/24',
    });
    const imageId = await images.pullImage('nocher.local/hello:1', undefined, new AbortController().signal);
    const folder = mkdtempSync(join(tmpdir(), 'nocher-simulated-'));
    return {
      runtime,
      imageId,
      folder,
      close() {
        rmSync(folder, { recursive: true, force: true });
        return Promise.resolve();
      },
    };
  },
});
