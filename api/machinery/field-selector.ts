/** Field selectors: `metadata.name=web,spec.nodeName!=n1` (apimachinery `pkg/fields/selector.go`). */
export interface FieldRequirement {
  field: string;
  operator: '=' | '!=';
  value: string;
}

export interface FieldSelector {
  readonly requirements: readonly FieldRequirement[];
  /** `valueOf` gives a field's value, `''` for an absent one. */
  matches(valueOf: (field: string) => string): boolean;
  toString(): string;
}

export function fieldSelectorOf(requirements: readonly FieldRequirement[]): FieldSelector {
  return {
    requirements,
    matches: (valueOf) =>
      requirements.every(({ field, operator, value }) => (valueOf(field) === value) === (operator === '=')),
    toString: () =>
      requirements.map(({ field, operator, value }) => `${field}${operator}${escapeValue(value)}`).join(','),
  };
}

export const everyField: FieldSelector = fieldSelectorOf([]);

function escapeValue(value: string): string {
  return value.replace(/[\\,=]/g, (character) => `\\${character}`);
}

/** Splits on commas that are not escaped by a backslash. */
function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let term = '';
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === '\\' && i + 1 < text.length) {
      term += character + text[++i]!;
    } else if (character === ',') {
      terms.push(term);
      term = '';
    } else {
      term += character;
    }
  }
  terms.push(term);
  return terms;
}

function unescapeValue(term: string, value: string): string {
  if (/(^|[^\\])(\\\\)*=/.test(value))
    throw new Error(`invalid field selector: ${term}: unescaped character in value: =`);
  return value.replace(/\\(.?)/g, (sequence, character: string) => {
    if (character !== '\\' && character !== ',' && character !== '=')
      throw new Error(`invalid field selector: ${term}: invalid escape sequence: ${sequence}`);
    return character;
  });
}

/** Parses the query form. Throws an Error with upstream's message. Empty text matches everything. */
export function parseFieldSelector(text: string): FieldSelector {
  if (text === '') return everyField;
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text)) {
    if (term === '') continue;
    const match = /^((?:[^\\=!]|\\.|!(?!=))*)(!=|==|=)(.*)$/s.exec(term);
    if (match === null) throw new Error(`invalid selector: '${text}'; can't understand '${term}'`);
    requirements.push({
      field: match[1]!,
      operator: match[2] === '!=' ? '!=' : '=',
      value: unescapeValue(term, match[3]!),
    });
  }
  return fieldSelectorOf(requirements);
}
