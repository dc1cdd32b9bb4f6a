/** For tests of kinds: what a kind's strategy and columns make of an object, as texts. */
import { formatFieldError } from './machinery/field-error.ts';
import type { ApiObject } from './machinery/meta.ts';
import type { Resource } from './machinery/resource.ts';

type Content = Record<string, unknown>;

export interface KindUnderTest<T extends ApiObject> {
  /** With defaults, as the server has it once it is decoded. */
  decoded(content: Content): T;
  /** What creation says against it. */
  errors(content: Content): string[];
  /** What an update from `previous` says. */
  updateErrors(next: Content, previous: Content): string[];
  /** What an update of `/status` says. */
  statusErrors(next: Content, previous: Content): string[];
  warnings(content: Content): string[];
  /** Cells by column. */
  cells(content: Content, nowMs?: number): Record<string, string | number | boolean | null>;
}

export function kindUnderTest<T extends ApiObject>(resource: Resource<T>): KindUnderTest<T> {
  const { strategy } = resource;
  const decoded = (content: Content): T => {
    const { metadata = {}, ...rest } = structuredClone(content) as Content & { metadata?: Content };
    const name = resource.scope === 'Namespaced' ? { name: 'a', namespace: 'd' } : { name: 'a' };
    const object = { metadata: { ...name, ...metadata }, ...rest } as unknown as T;
    strategy.default?.(object);
    return object;
  };
  return {
    decoded,
    errors: (content) => (strategy.validate?.(decoded(content)) ?? []).map(formatFieldError),
    updateErrors: (next, previous) =>
      (strategy.validateUpdate?.(decoded(next), decoded(previous)) ?? []).map(formatFieldError),
    statusErrors: (next, previous) =>
      (strategy.status?.validateUpdate?.(decoded(next), decoded(previous)) ?? []).map(formatFieldError),
    warnings: (content) => strategy.warnings?.(decoded(content), undefined) ?? [],
    cells: (content, nowMs = 0) =>
      Object.fromEntries(
        resource.additionalPrinterColumns.map(({ name, cell }) => [name, cell(decoded(content), nowMs)]),
      ),
  };
}
