/** Folds with two variables: index and item, or key and value (cel-go, ext/comprehensions.go). */
import { ACCUMULATOR, type Expr } from '../ast.ts';
import { CelError } from '../cel.ts';
import { globalOverload, type Library, type Macro, type MacroCall } from '../declarations.ts';
import { allFold, existsFold, existsOneFold, foldOver, listFold, quantifier, variablesOf } from '../macros.ts';
import { mapOf, parameter } from '../types.ts';
import { LiteralMap, type MapKey, MapValue, type Value } from '../values.ts';

const K = parameter('K');
const V = parameter('V');
const MAP = mapOf(K, V);

type Insert = (call: MacroCall, item: Expr) => Expr;

const insertItem: Insert = ({ args, build }, item) =>
  build.call('cel.@mapInsert', build.ident(ACCUMULATOR), build.ident((args[0] as { name: string }).name), item);
const insertEntry: Insert = ({ build }, item) => build.call('cel.@mapInsert', build.ident(ACCUMULATOR), item);

function transform(name: string, insert: Insert | undefined): readonly Macro[] {
  return ([3, 4] as const).map((argCount) => ({
    name,
    member: true,
    argCount,
    expand(call) {
      const variables = variablesOf(call, 2);
      const item = call.args.at(-1) as Expr;
      const predicate = argCount === 4 ? call.args[2] : undefined;
      if (variables === undefined) {
        return undefined;
      }
      const body =
        insert === undefined ? listFold(call.build, item, predicate) : mapFold(call, insert(call, item), predicate);
      return foldOver(call, variables, body);
    },
  }));
}

function mapFold({ build }: MacroCall, insertion: Expr, predicate: Expr | undefined): ReturnType<typeof listFold> {
  return {
    init: build.map(),
    condition: build.literal(true),
    step: predicate === undefined ? insertion : build.call('_?_:_', predicate, insertion, build.ident(ACCUMULATOR)),
    result: build.ident(ACCUMULATOR),
  };
}

/** For accumulators that are not known to be the fold's own. */
function inserted(map: MapValue, key: Value, value: Value): MapValue {
  const copy = new LiteralMap();
  for (const before of map.source.keys()) {
    copy.set(before, map.source.get(before) as Value);
  }
  if (copy.has(key as MapKey)) {
    throw new CelError(`insert failed: key '${String(key)}' already exists`);
  }
  copy.set(key as MapKey, value);
  return new MapValue(copy);
}

export const TWO_VARIABLE_LIBRARY: Library = {
  name: 'two variable comprehensions',
  macros: [
    quantifier('all', 3, allFold),
    quantifier('exists', 3, existsFold),
    quantifier('existsOne', 3, existsOneFold),
    quantifier('exists_one', 3, existsOneFold),
    ...transform('transformList', undefined),
    ...transform('transformMap', insertItem),
    ...transform('transformMapEntry', insertEntry),
  ],
  functions: [
    {
      name: 'cel.@mapInsert',
      overloads: [
        globalOverload('@mapInsert_map_key_value', [MAP, K, V], MAP, inserted),
        globalOverload('@mapInsert_map_map', [MAP, MAP], MAP, (map: MapValue, more: MapValue) => {
          let result = map;
          for (const key of more.source.keys()) {
            result = inserted(result, key, more.source.get(key) as Value);
          }
          return result;
        }),
      ],
    },
  ],
};
