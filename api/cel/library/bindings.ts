/** `cel.bind(name, value, body)` (cel-go, ext/bindings.go). Kubernetes does not have it. */
import type { Expr } from '../ast.ts';
import type { Library } from '../declarations.ts';
import { bind } from './optionals.ts';

export const BINDING_LIBRARY: Library = {
  name: 'bindings',
  macros: [
    {
      name: 'bind',
      member: true,
      argCount: 3,
      expand(call) {
        const [variable, value, body] = call.args as [Expr, Expr, Expr];
        if (call.target?.kind !== 'ident' || call.target.name !== 'cel') {
          return undefined;
        }
        if (variable.kind !== 'ident') {
          return call.fail(variable, 'cel.bind() variable names must be simple identifiers');
        }
        return bind(call, { name: variable.name, value, body });
      },
    },
  ],
};
