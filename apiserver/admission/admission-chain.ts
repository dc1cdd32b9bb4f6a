/** Runs the admission plugins over one request, in their order (apiserver `pkg/admission/chain.go`, `reinvocation.go`). */
import type { AdmissionAttributes, AdmissionPlugin } from './admission.ts';

export class AdmissionChain {
  readonly #plugins: readonly AdmissionPlugin[];

  constructor(plugins: readonly AdmissionPlugin[]) {
    this.#plugins = plugins;
  }

  /** Runs the mutating ones, and all of them once more when one has asked for it. Throws ApiError to refuse. */
  async mutate(attributes: AdmissionAttributes): Promise<void> {
    await this.#mutateOnce(attributes);
    const { reinvocation } = attributes;
    if (reinvocation?.isWanted !== true) return;
    reinvocation.isRunning = true;
    await this.#mutateOnce(attributes);
  }

  async #mutateOnce(attributes: AdmissionAttributes): Promise<void> {
    for (const plugin of this.#plugins) {
      if (plugin.mutate !== undefined) await plugin.mutate(attributes);
    }
  }

  /** Throws ApiError to refuse. */
  async validate(attributes: AdmissionAttributes): Promise<void> {
    for (const plugin of this.#plugins) {
      if (plugin.validate !== undefined) await plugin.validate(attributes);
    }
  }
}
