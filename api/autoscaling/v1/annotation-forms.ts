/** The forms of what the annotations of autoscaling/v1 hold: like Go's decoder, a reader takes nothing of another form. */
import { tryParseQuantity } from '../../machinery/quantity.ts';

type Form =
  'text' | 'integer' | 'quantity' | { list: Form } | { map: Form } | { fields: Readonly<Record<string, Form>> };

const text = (names: string): Record<string, Form> =>
  Object.fromEntries(names.split(' ').map((name) => [name, 'text']));

const SELECTOR: Form = {
  fields: {
    matchLabels: { map: 'text' },
    matchExpressions: { list: { fields: { ...text('key operator'), values: { list: 'text' } } } },
  },
};
const RESOURCE: Form = {
  fields: {
    ...text('name container'),
    targetAverageUtilization: 'integer',
    targetAverageValue: 'quantity',
    currentAverageUtilization: 'integer',
    currentAverageValue: 'quantity',
  },
};
const NAMED: Form = {
  fields: {
    metricName: 'text',
    selector: SELECTOR,
    metricSelector: SELECTOR,
    target: { fields: text('kind name apiVersion') },
    targetValue: 'quantity',
    targetAverageValue: 'quantity',
    averageValue: 'quantity',
    currentValue: 'quantity',
    currentAverageValue: 'quantity',
  },
};
const RULES: Form = {
  fields: {
    stabilizationWindowSeconds: 'integer',
    selectPolicy: 'text',
    policies: { list: { fields: { type: 'text', value: 'integer', periodSeconds: 'integer' } } },
    tolerance: 'quantity',
  },
};

export const METRICS_FORM: Form = {
  list: {
    fields: {
      type: 'text',
      resource: RESOURCE,
      containerResource: RESOURCE,
      pods: NAMED,
      object: NAMED,
      external: NAMED,
    },
  },
};
export const BEHAVIOR_FORM: Form = { fields: { scaleUp: RULES, scaleDown: RULES } };
export const CONDITIONS_FORM: Form = { list: { fields: text('type status reason message lastTransitionTime') } };

/** The value of JSON text that has the form, without fields that the form does not name; otherwise `undefined`. */
export function readForm(json: string | undefined, form: Form): unknown {
  try {
    return fitted(JSON.parse(json ?? ''), form);
  } catch {
    return undefined;
  }
}

/** Throws for a value of another form. `null` is absence, as in Go. */
function fitted(value: unknown, form: Form): unknown {
  if (value === null) return undefined;
  const refuse = (): never => {
    throw new Error('of another form');
  };
  if (form === 'text') return typeof value === 'string' ? value : refuse();
  if (form === 'integer') return Number.isInteger(value) ? value : refuse();
  if (form === 'quantity') return tryParseQuantity(value)?.toString() ?? refuse();
  if ('list' in form) {
    if (!Array.isArray(value)) return refuse();
    return value.map((item) => fitted(item, form.list)).filter((item) => item !== undefined);
  }
  if (typeof value !== 'object' || Array.isArray(value)) return refuse();
  const entries = Object.entries(value as object).flatMap(([key, item]): [string, unknown][] => {
    const inner = 'map' in form ? form.map : Object.hasOwn(form.fields, key) ? form.fields[key] : undefined;
    const kept = inner === undefined ? undefined : fitted(item, inner);
    return kept === undefined ? [] : [[key, kept]];
  });
  return Object.fromEntries(entries);
}
