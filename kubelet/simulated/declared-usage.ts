/** What a simulated container uses, as annotations of its pod declare it. */
import { tryParseQuantity } from '../../api/machinery/quantity.ts';

/** A quantity of cores, used all the time; `<annotation>.<container>` is for one container only. */
export const CPU_ANNOTATION = 'nocher.io/simulated-cpu';
/** A quantity of bytes. */
export const MEMORY_ANNOTATION = 'nocher.io/simulated-memory';

export interface DeclaredUsage {
  /** Billionths of a core. */
  nanoCores: number;
  memoryBytes: number;
}

/** What is not declared is little, but more than nothing: a thousandth of a core and 1 MiB. */
const IDLE: DeclaredUsage = { nanoCores: 1_000_000, memoryBytes: 1 << 20 };

/** Quantities that do not parse, or are negative, count as absent. */
export function declaredUsageOf(container: string, podAnnotations: Readonly<Record<string, string>>): DeclaredUsage {
  const read = (annotation: string, scale: bigint): number | undefined => {
    const text = podAnnotations[`${annotation}.${container}`] ?? podAnnotations[annotation];
    const quantity = tryParseQuantity(text);
    return quantity === undefined || quantity.sign() < 0 ? undefined : Number(quantity.nano / scale);
  };
  return {
    nanoCores: read(CPU_ANNOTATION, 1n) ?? IDLE.nanoCores,
    memoryBytes: read(MEMORY_ANNOTATION, 1_000_000_000n) ?? IDLE.memoryBytes,
  };
}
