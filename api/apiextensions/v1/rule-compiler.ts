/**
 * Whether the rules of a definition's schema compile, and are cheap enough however large an object is
 * (apiextensions `pkg/apis/apiextensions/validation`, `cel_validation.go`).
 */
import type { Compiled, Program } from '../../cel/cel.ts';
import {
  MAX_REQUEST_SIZE_BYTES,
  STATIC_ESTIMATED_COST_LIMIT,
  STATIC_ESTIMATED_CRD_COST_LIMIT,
} from '../../cel/limits.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import { forbidden, invalid } from '../../machinery/field-error.ts';
import type { CompiledRule } from './rule-programs.ts';
import { rulePrograms } from './rule-programs.ts';
import type { RuleCompiler, RuleOptions, RuleSite } from './schema-checks.ts';
import type { JsonSchemaProps } from './types.ts';

/** A rule that alone costs more than this is named when all of them cost too much. */
const CONTRIBUTOR_COST = STATIC_ESTIMATED_CRD_COST_LIMIT / 100;
const MAX_CONTRIBUTORS = 4;

export function ruleCompiler(_root: JsonSchemaProps, { isUnchanged }: RuleOptions): RuleCompiler {
  const costs: { path: FieldPath; cost: number }[] = [];
  return {
    compile(site) {
      const times = timesOf(site);
      const programs = rulePrograms(site.schema, site.place === 'root');
      const most = times ?? mostThatFit(programs.self?.minSize ?? 1);
      return programs.rules.flatMap((rule, i) => {
        const path = site.path.child('x-kubernetes-validations').index(i);
        const errors = [...problemsOfRule(rule, path, site), ...problemsOfMessage(rule, path)];
        if (errors.length > 0) return errors;
        return costErrors(rule, path, { most, isUnchanged, costs });
      });
    },
    total(path) {
      const total = costs.reduce((sum, { cost }) => sum + cost, 0);
      if (total <= STATIC_ESTIMATED_CRD_COST_LIMIT) return [];
      const dearest = costs.filter(({ cost }) => cost > CONTRIBUTOR_COST).sort((a, b) => b.cost - a.cost);
      const contributors = dearest
        .slice(0, MAX_CONTRIBUTORS)
        .map((one) =>
          forbidden(
            one.path,
            'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema',
          ),
        );
      const what = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
      return [...contributors, forbidden(path, tooDear(what, total, STATIC_ESTIMATED_CRD_COST_LIMIT))];
    },
  };
}

function problemsOfRule({ rule, compiled, isTransition }: CompiledRule, path: FieldPath, site: RuleSite): FieldError[] {
  const rulePath = path.child('rule');
  const problem = compileProblem(compiled, 'bool');
  if (problem !== undefined) return [invalid(rulePath, rule, problem)];
  if (isTransition && site.uncorrelatable !== undefined) {
    const where = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${site.uncorrelatable.toString()}`;
    return [invalid(rulePath, rule.rule, where)];
  }
  if (rule.optionalOldSelf !== undefined && !isTransition) {
    return [
      invalid(path.child('optionalOldSelf'), rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'),
    ];
  }
  return [];
}

function problemsOfMessage({ rule, message }: CompiledRule, path: FieldPath): FieldError[] {
  const problem = message === undefined ? undefined : compileProblem(message, 'string');
  if (problem === undefined) return [];
  return [invalid(path.child('messageExpression'), rule, `messageExpression ${problem}`)];
}

function compileProblem({ program, issues }: Compiled, wanted: 'bool' | 'string'): string | undefined {
  if (issues !== undefined) return `compilation failed: ${issues.text}`;
  if (program!.resultType.kind === wanted) return undefined;
  return wanted === 'bool' ? 'cel expression must evaluate to a bool' : 'must evaluate to a string';
}

function costErrors(
  { compiled, message }: CompiledRule,
  path: FieldPath,
  about: { most: number; isUnchanged: boolean; costs: { path: FieldPath; cost: number }[] },
): FieldError[] {
  const parts: [Program | undefined, FieldPath, string][] = [
    [compiled.program, path.child('rule'), 'estimated rule cost'],
    [message?.program, path.child('messageExpression'), 'estimated messageExpression cost'],
  ];
  return parts.flatMap(([program, at, what]) => {
    if (program === undefined) return [];
    const cost = program.estimateCost().max * about.most;
    about.costs.push({ path: at, cost });
    const isTooDear = cost > STATIC_ESTIMATED_COST_LIMIT && !about.isUnchanged;
    return isTooDear ? [forbidden(at, tooDear(what, cost, STATIC_ESTIMATED_COST_LIMIT))] : [];
  });
}

function tooDear(what: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const by = factor > 100 ? 'more than 100x' : `${factor.toFixed(1)}x`;
  return `${what} exceeds budget by factor of ${by} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}

/** How often the value can stand in an object; undefined: as often as it fits into one. */
function timesOf(site: RuleSite): number | undefined {
  let times = 1;
  for (let { place, parent } = site; parent !== undefined; { place, parent } = parent) {
    if (place === 'property') continue;
    const most = place === 'items' ? parent.schema.maxItems : parent.schema.maxProperties;
    if (most === undefined) return undefined;
    times *= Math.max(0, most);
  }
  return times;
}

function mostThatFit(minSize: number): number {
  return Math.trunc(MAX_REQUEST_SIZE_BYTES / (minSize + 1));
}
