/** Calls in batches of 1, 2, 4 …: when the first ones fail, thousands of others are spared (`slowStartBatch`). */
export async function runInSlowStartBatches(
  count: number,
  call: () => Promise<void>,
): Promise<{ succeeded: number; failure: Error | undefined }> {
  let succeeded = 0;
  let remaining = count;
  for (let size = Math.min(1, remaining); size > 0; size = Math.min(2 * size, remaining)) {
    const results = await Promise.allSettled(Array.from({ length: size }, call));
    const failed = results.find((result) => result.status === 'rejected');
    succeeded += results.filter((result) => result.status === 'fulfilled').length;
    if (failed !== undefined) return { succeeded, failure: failed.reason as Error };
    remaining -= size;
  }
  return { succeeded, failure: undefined };
}
