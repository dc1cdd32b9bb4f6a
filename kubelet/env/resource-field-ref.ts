/** A container's own resources as values (`resourceFieldRef`; upstream `pkg/api/v1/resource/helpers.go`): pure. */
import type { V1ResourceFieldSelector } from '@kubernetes/client-node';
import type { AnyContainer } from '../../api/core/v1/pod/types.ts';
import { parseQuantity, tryParseQuantity } from '../../api/machinery/quantity.ts';
import type { Quantity } from '../../api/machinery/quantity.ts';
import { FieldRefError } from './field-ref.ts';

/** Quantities by resource name: a limit that is absent is all that the node can allocate. */
export type NodeAllocatable = Readonly<Record<string, string>>;

export function resourceFieldValue(
  selector: V1ResourceFieldSelector,
  container: AnyContainer,
  allocatable: NodeAllocatable,
): string {
  const [side, ...rest] = selector.resource.split('.');
  const name = rest.join('.');
  if (side !== 'limits' && side !== 'requests')
    throw new FieldRefError(`unsupported container resource : ${selector.resource}`);
  const { limits = {}, requests = {} } = container.resources ?? {};
  const own = tryParseQuantity(side === 'limits' ? limits[name] : requests[name]);
  const quantity = own ?? (side === 'limits' ? tryParseQuantity(allocatable[name]) : undefined);
  if (quantity === undefined) return '0';
  return divide(quantity, selector.divisor, name === 'cpu');
}

/** In units of the divisor, rounded up. */
function divide(quantity: Quantity, divisorText: string | undefined, isCpu: boolean): string {
  const parsed = divisorText === undefined || divisorText === '' ? undefined : parseQuantity(divisorText);
  const divisor = parsed === undefined || parsed.isZero() ? parseQuantity('1') : parsed;
  const [amount, unit] = isCpu ? [quantity.milliValue(), divisor.milliValue()] : [quantity.value(), divisor.value()];
  return String(Math.ceil(amount / unit));
}
