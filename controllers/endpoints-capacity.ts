/** No more addresses than one Endpoints object may hold (upstream `endpoints_controller.go`, `truncateEndpoints`). */
import type { Subset } from './endpoints-subsets.ts';

type AddressList = 'addresses' | 'notReadyAddresses';

const MAX_ADDRESSES = 1000;

/**
 * Those that are ready come first. Each subset keeps its share of what does not all fit, rounded up; the last ones may
 * get less. Gives the subsets as they are when all fit.
 */
export function truncateSubsets(subsets: Subset[]): Subset[] {
  const ready = countOf(subsets, 'addresses');
  const others = countOf(subsets, 'notReadyAddresses');
  if (ready + others <= MAX_ADDRESSES) return subsets;
  if (ready <= MAX_ADDRESSES) return shared(subsets, 'notReadyAddresses', MAX_ADDRESSES - ready);
  return shared(
    subsets.map(({ notReadyAddresses: _, ...subset }) => subset),
    'addresses',
    MAX_ADDRESSES,
  );
}

function countOf(subsets: readonly Subset[], list: AddressList): number {
  return subsets.reduce((count, subset) => count + (subset[list]?.length ?? 0), 0);
}

function shared(subsets: readonly Subset[], list: AddressList, places: number): Subset[] {
  const total = countOf(subsets, list);
  let left = places;
  return subsets.map(({ [list]: addresses = [], ...subset }) => {
    const kept = addresses.slice(0, Math.min(left, Math.ceil((addresses.length / total) * places)));
    left -= kept.length;
    return kept.length === 0 ? subset : { ...subset, [list]: kept };
  });
}
