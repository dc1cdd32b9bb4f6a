/** What one try of a probe came to. */
export type ProbeOutcome =
  | { result: 'success'; output: string }
  | { result: 'failure'; output: string }
  /** It could not be tried: says nothing of the container. */
  | { result: 'error'; output: string };

export const MAX_OUTPUT_BYTES = 10 * 1024;
