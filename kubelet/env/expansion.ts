/** `$(VAR)` in commands, arguments and values (upstream `third_party/forked/golang/expansion`): pure. */

/**
 * Replaces `$(NAME)` by its value; `$$` is a dollar sign, and a name that `lookUp` does not know stays as written.
 */
export function expandVariables(text: string, lookUp: (name: string) => string | undefined): string {
  let expanded = '';
  let i = 0;
  while (i < text.length) {
    const next = text[i + 1];
    if (text[i] !== '$' || next === undefined) {
      expanded += text[i];
      i += 1;
    } else if (next === '$') {
      expanded += '$';
      i += 2;
    } else if (next === '(') {
      const end = text.indexOf(')', i + 2);
      if (end < 0) {
        expanded += '$(';
        i += 2;
      } else {
        expanded += lookUp(text.slice(i + 2, end)) ?? text.slice(i, end + 1);
        i = end + 1;
      }
    } else {
      expanded += text[i]! + next;
      i += 2;
    }
  }
  return expanded;
}
