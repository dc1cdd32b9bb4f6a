/** `find` and `findAll` (`k8s.io/apiserver/pkg/cel/library/regex.go`). */
import { type Library, memberOverload } from '../declarations.ts';
import { compilePattern } from '../pattern.ts';
import { INT, listOf, STRING } from '../types.ts';
import { ListValue } from '../values.ts';

function find(text: string, pattern: string): string {
  const matcher = compilePattern(pattern).matcher(text);
  return matcher.find() ? (matcher.group() ?? '') : '';
}

function findAll(text: string, pattern: string, limit = -1n): ListValue {
  const matcher = compilePattern(pattern).matcher(text);
  const found: string[] = [];
  while ((limit < 0n || BigInt(found.length) < limit) && matcher.find()) {
    found.push(matcher.group() ?? '');
  }
  return new ListValue(found);
}

export const REGEX_LIBRARY: Library = {
  name: 'regex',
  functions: [
    { name: 'find', overloads: [memberOverload('string_find_string', [STRING, STRING], STRING, find)] },
    {
      name: 'findAll',
      overloads: [
        memberOverload('string_find_all_string', [STRING, STRING], listOf(STRING), (text: string, pattern: string) =>
          findAll(text, pattern),
        ),
        memberOverload('string_find_all_string_int', [STRING, STRING, INT], listOf(STRING), findAll),
      ],
    },
  ],
};
