/**
 * Which of its names a CustomResourceDefinition gets, and when it is established (upstream: apiextensions-apiserver
 * `pkg/controller/status/naming_controller.go`, `pkg/controller/establish`). Pure: the controller is elsewhere.
 */
import { deepEqual } from '../../machinery/equality.ts';
import { findCondition, isConditionTrue, isSameCondition, setCondition } from './conditions.ts';
import type { DefinitionCondition } from './conditions.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionNames } from './types.ts';

export interface NameDecision {
  acceptedNames: CustomResourceDefinitionNames;
  namesAccepted: DefinitionCondition;
  /** As it is already, or what it becomes until the kind is served. */
  established: DefinitionCondition;
}

type NamedDefinition = Pick<CustomResourceDefinition, 'spec' | 'status'>;

interface Claims {
  /** Plurals, singulars and short names. */
  resources: Set<string>;
  /** Kinds and list kinds. */
  kinds: Set<string>;
}

/**
 * Names that are this definition's already stay its own; new ones are taken unless a definition of the same group
 * holds them. Names that are refused keep their old value, all others are accepted; the last conflict is reported.
 * `others` may hold definitions of other groups, and this one.
 */
export function decideNames(definition: NamedDefinition, others: Iterable<NamedDefinition>): NameDecision {
  const claims = claimsOf(definition, others);
  const requested = definition.spec.names;
  const accepted: CustomResourceDefinitionNames = {
    plural: '',
    kind: '',
    ...structuredClone(definition.status?.acceptedNames),
  };
  let namesAccepted: DefinitionCondition = {
    type: 'NamesAccepted',
    status: 'True',
    reason: 'NoConflicts',
    message: 'no conflicts found',
  };
  for (const { field, reason, claimed } of namesToDecide(claims)) {
    const problems = problemsOf(requested[field], accepted[field], claimed);
    if (problems.length === 0) take(accepted, requested, field);
    else namesAccepted = { type: 'NamesAccepted', status: 'False', reason, message: aggregate(problems) };
  }
  take(accepted, requested, 'categories');
  return { acceptedNames: accepted, namesAccepted, established: decideEstablished(definition, namesAccepted) };
}

/**
 * The decision put into the status of `definition`, which is changed; `false` when it says what the status has
 * already. `time` is the present, RFC 3339.
 */
export function updateNames(definition: NamedDefinition, others: Iterable<NamedDefinition>, time: string): boolean {
  if (deepEqual(definition.spec.names, definition.status?.acceptedNames)) return false;
  const { acceptedNames, namesAccepted, established } = decideNames(definition, others);
  const isSame = deepEqual(definition.status?.acceptedNames, acceptedNames);
  if (isSame && isSameCondition(namesAccepted, findCondition(definition, 'NamesAccepted'))) return false;
  (definition.status ??= {}).acceptedNames = acceptedNames;
  setCondition(definition, namesAccepted, time);
  setCondition(definition, established, time);
  return true;
}

/** Establishes a definition whose names were accepted, once the kind is served; `false` when nothing changes. */
export function establish(definition: NamedDefinition, time: string): boolean {
  if (!isConditionTrue(definition, 'NamesAccepted') || isConditionTrue(definition, 'Established')) return false;
  setCondition(
    definition,
    { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: INITIAL_NAMES },
    time,
  );
  return true;
}

const INITIAL_NAMES = 'the initial names have been accepted';

function decideEstablished(definition: NamedDefinition, namesAccepted: DefinitionCondition): DefinitionCondition {
  const present = findCondition(definition, 'Established');
  if (present?.status !== 'True' && namesAccepted.status === 'True') {
    return { type: 'Established', status: 'False', reason: 'Installing', message: INITIAL_NAMES };
  }
  const refused = { status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' };
  const { status, reason = '', message = '' } = present ?? refused;
  return { type: 'Established', status: status as DefinitionCondition['status'], reason, message };
}

function claimsOf(definition: NamedDefinition, others: Iterable<NamedDefinition>): Claims {
  const claims: Claims = { resources: new Set(), kinds: new Set() };
  for (const { spec, status } of [definition, ...others]) {
    const names = status?.acceptedNames;
    if (names === undefined || spec.group !== definition.spec.group) continue;
    for (const name of [names.plural, names.singular, ...(names.shortNames ?? [])]) claims.resources.add(name ?? '');
    for (const kind of [names.kind, names.listKind]) claims.kinds.add(kind ?? '');
  }
  // No name is nobody's.
  claims.resources.delete('');
  claims.kinds.delete('');
  return claims;
}

type NameField = 'plural' | 'singular' | 'shortNames' | 'kind' | 'listKind';

function namesToDecide({ resources, kinds }: Claims): { field: NameField; reason: string; claimed: Set<string> }[] {
  return [
    { field: 'plural', reason: 'PluralConflict', claimed: resources },
    { field: 'singular', reason: 'SingularConflict', claimed: resources },
    { field: 'shortNames', reason: 'ShortNamesConflict', claimed: resources },
    { field: 'kind', reason: 'KindConflict', claimed: kinds },
    { field: 'listKind', reason: 'ListKindConflict', claimed: kinds },
  ];
}

type Names = string | readonly string[] | undefined;

function problemsOf(requested: Names, accepted: Names, claimed: ReadonlySet<string>): string[] {
  const own = new Set(listOf(accepted));
  return listOf(requested)
    .filter((name) => !own.has(name) && claimed.has(name))
    .map((name) => `${JSON.stringify(name)} is already in use`);
}

function listOf(names: Names): readonly string[] {
  return typeof names === 'object' ? names : [names ?? ''];
}

function take(
  accepted: CustomResourceDefinitionNames,
  requested: CustomResourceDefinitionNames,
  field: NameField | 'categories',
): void {
  if (requested[field] === undefined) delete accepted[field];
  else Object.assign(accepted, { [field]: structuredClone(requested[field]) });
}

/** `utilerrors.NewAggregate`: one problem alone, several in brackets, each once. */
function aggregate(problems: readonly string[]): string {
  const distinct = [...new Set(problems)];
  return distinct.length === 1 ? distinct[0]! : `[${distinct.join(', ')}]`;
}
