/** Runs the admission plugins over one request, in their order (apiserver `pkg/admission/chain.go`, `reinvocation.go`). */
import type { AdmissionAttributes, AdmissionPlugin } from './admission.ts';

type With<K extends keyof AdmissionPlugin> = AdmissionPlugin & Required<Pick<AdmissionPlugin, K>>;

export class AdmissionChain {
  readonly #mutating: readonly With<'mutate'>[];
  readonly #validating: readonly With<'validate'>[];

  constructor(plugins: readonly AdmissionPlugin[]) {
    this.#mutating = plugins.filter((plugin) => plugin.mutate !== undefined) as With<'mutate'>[];
    this.#validating = plugins.filter((plugin) => plugin.validate !== undefined) as With<'validate'>[];
  }

  /** Runs the mutating ones, and all of them once more when one has asked for it. Throws ApiError to refuse. */
  async mutate(attributes: AdmissionAttributes): Promise<void> {
    await this.#mutateOnce(attributes);
    const { reinvocation } = attributes;
    if (reinvocation?.isWanted !== true) return;
    reinvocation.isRunning = true;
    await this.#mutateOnce(attributes);
  }

  /** Most plugins have nothing to wait for: a turn of the event loop's queue for each would cost more than they do. */
  async #mutateOnce(attributes: AdmissionAttributes): Promise<void> {
    for (const plugin of this.#mutating) {
      const pending = plugin.mutate(attributes);
      if (pending !== undefined) await pending;
    }
  }

  /** Throws ApiError to refuse. */
  async validate(attributes: AdmissionAttributes): Promise<void> {
    for (const plugin of this.#validating) {
      const pending = plugin.validate(attributes);
      if (pending !== undefined) await pending;
    }
  }
}
