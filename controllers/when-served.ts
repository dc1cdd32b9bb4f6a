/** Runs a controller of a kind that a definition adds, for as long as that kind is served. */
import { customKindsOf } from '../api/apiextensions/v1/custom-kinds.ts';
import { customResourceDefinitions } from '../api/apiextensions/v1/custom-resource-definition.ts';
import type { CustomResourceDefinition } from '../api/apiextensions/v1/types.ts';
import type { Controller } from '../client/controller.ts';
import type { RunnerOptions } from '../client/controller-runner.ts';
import { runController } from '../client/controller-runner.ts';

/**
 * Until the definition is there, no watch of the kind is opened, which could only fail. When it goes the controller
 * ends, and starts anew should it come back. Ends after the signal aborted, and the controller with it.
 */
export async function runWhenServed(controller: Controller, options: RunnerOptions): Promise<void> {
  const { informers, signal } = options;
  const { group, version, names } = controller.for;
  const name = `${names.plural}.${group}`;
  const definitions = informers.informer<CustomResourceDefinition>(customResourceDefinitions);
  let running: { stop: AbortController; ended: Promise<void> } | undefined;
  const endings: Promise<void>[] = [];
  const stop = (): void => {
    running?.stop.abort();
    running = undefined;
    informers.remove(controller.for);
  };
  const subscription = definitions.changes.subscribe(({ type, object }) => {
    if (object.metadata.name !== name) return;
    const isServed = type !== 'delete' && customKindsOf(object).some((kind) => kind.version === version);
    if (!isServed && running !== undefined) stop();
    if (!isServed || running !== undefined || signal.aborted) return;
    const abort = new AbortController();
    const ended = runController(controller, { ...options, signal: AbortSignal.any([signal, abort.signal]) });
    running = { stop: abort, ended };
    endings.push(ended);
  });
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  subscription.unsubscribe();
  await Promise.all(endings);
}
