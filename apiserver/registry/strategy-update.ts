/**
 * What a kind's strategy, or a subresource's own rules, make of an update: the steps between mutating admission and
 * validating admission (apiserver `registry/rest/update.go` BeforeUpdate).
 */
import type { UserInfo } from '../../api/machinery/handler.ts';
import type { FieldError } from '../../api/machinery/field-error.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Strategy } from '../../api/machinery/resource.ts';
import type { StrategyContext } from '../../api/machinery/resource.ts';
import { hasGeneration, keepMetadata, keepStatus } from './object-meta.ts';
import { isSameValue } from './same-value.ts';
import type { ServedKind } from './served-kind.ts';

/** What a subresource that takes a whole object changes of it (`pods/resize`). `prepareForUpdate` mutates `next`. */
export interface UpdateRules {
  prepareForUpdate?(next: ApiObject, previous: ApiObject, context: StrategyContext): void;
  validateUpdate(next: ApiObject, previous: ApiObject): FieldError[];
}

export interface StrategyUpdate {
  kind: ServedKind;
  /** `''`, `status`, or another one. */
  subresource: string;
  /** Of another subresource; without them it checks what it changes itself. */
  rules?: UpdateRules;
  context: { user: UserInfo; dryRun: boolean };
}

interface Change {
  next: ApiObject;
  previous: ApiObject;
}

/** Keeps what this endpoint may not change and raises the generation; mutates `next`. */
export function prepareByStrategy(update: StrategyUpdate, change: Change & { nowMs: number }): void {
  const { kind, subresource, rules, context } = update;
  const { strategy } = kind.resource;
  const { next, previous, nowMs } = change;
  const strategyContext = { user: context.user, nowMs, dryRun: context.dryRun };
  if (subresource === 'status') {
    keepMetadata(next, previous, strategy.status?.keptMetadata ?? []);
    strategy.status?.prepareForUpdate?.(next, previous, strategyContext);
    return;
  }
  if (subresource === '') {
    if (kind.resource.subresources.status !== undefined) keepStatus(next, previous);
    strategy.prepareForUpdate?.(next, previous, strategyContext);
  } else if (rules === undefined) return;
  else rules.prepareForUpdate?.(next, previous, strategyContext);
  if (hasGeneration(kind.resource, next) && startsGeneration(strategy, change)) {
    next.metadata.generation = (previous.metadata.generation ?? 0) + 1;
  }
}

/** Every problem beside those of metadata. */
export function validateByStrategy(
  { kind, subresource, rules }: StrategyUpdate,
  { next, previous }: Change,
): FieldError[] {
  const { strategy } = kind.resource;
  if (subresource === 'status') return strategy.status?.validateUpdate?.(next, previous) ?? [];
  if (subresource !== '') return rules?.validateUpdate(next, previous) ?? [];
  return (strategy.validateUpdate ?? strategy.validate)?.call(strategy, next, previous) ?? [];
}

function startsGeneration(strategy: Strategy<ApiObject>, { next, previous }: Change): boolean {
  if (strategy.startsGeneration !== undefined) return strategy.startsGeneration(next, previous);
  return !isSameValue((next as { spec?: unknown }).spec, (previous as { spec?: unknown }).spec);
}
