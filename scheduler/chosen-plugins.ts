/** Which of a profile's plugins run at each extension point, in order. */
import { pluginLists } from './extension-points.ts';
import type { ExtensionPoint, PluginsConfig } from './extension-points.ts';
import type { Plugin, ProfileEntry } from './framework.ts';

/** The method of a plugin that makes it part of a point; others (`unreserve`, `normalizeScore`) come with it. */
const METHODS: Readonly<Record<ExtensionPoint, keyof Plugin>> = {
  preEnqueue: 'preEnqueue',
  queueSort: 'less',
  preFilter: 'preFilter',
  filter: 'filter',
  postFilter: 'postFilter',
  preScore: 'preScore',
  score: 'score',
  reserve: 'reserve',
  permit: 'permit',
  preBind: 'preBind',
  bind: 'bind',
  postBind: 'postBind',
};

export interface ChosenPlugin {
  plugin: Plugin;
  weight: number;
}

export type ChosenPlugins = Readonly<Record<ExtensionPoint, readonly ChosenPlugin[]>>;

/** Of `entries`, all at every point that they have unless `config` says otherwise. */
export function choosePlugins(entries: readonly ProfileEntry[], config?: PluginsConfig): ChosenPlugins {
  const byName = new Map(entries.map(({ plugin }) => [plugin.name, plugin]));
  const lists = pluginLists({
    defaults: entries.map(({ plugin, weight = 0 }) => ({ name: plugin.name, weight })),
    ...(config === undefined ? {} : { config }),
    has: (name, point) => byName.get(name)?.[METHODS[point]] !== undefined,
  });
  const points = Object.entries(lists).map(([point, list]) => [
    point,
    list.map(({ name, weight }) => ({ plugin: byName.get(name)!, weight })),
  ]);
  return Object.fromEntries(points) as ChosenPlugins;
}

/** What the queue may use of them: a plugin that is disabled before the queue lets pods in. */
export function queuePlugins(entries: readonly ProfileEntry[], chosen: ChosenPlugins): readonly Plugin[] {
  return entries.map(({ plugin }) => {
    const { preEnqueue, less, ...rest } = plugin;
    return {
      ...rest,
      ...(preEnqueue !== undefined && runsAt(chosen.preEnqueue, plugin) ? { preEnqueue } : {}),
      ...(less !== undefined && runsAt(chosen.queueSort, plugin) ? { less } : {}),
    };
  });
}

/** What they may say about nodes. A filter needs what its own `preFilter` leaves it, also where that is disabled. */
export function filterPlugins(entries: readonly ProfileEntry[], config?: PluginsConfig): readonly Plugin[] {
  const chosen = choosePlugins(entries, config);
  return entries.map(({ plugin }) => {
    const { preFilter, filter, ...rest } = plugin;
    const filters = runsAt(chosen.filter, plugin);
    return {
      ...rest,
      ...(preFilter !== undefined && (filters || runsAt(chosen.preFilter, plugin)) ? { preFilter } : {}),
      ...(filter !== undefined && filters ? { filter } : {}),
    };
  });
}

function runsAt(list: readonly ChosenPlugin[], one: Plugin): boolean {
  return list.some(({ plugin }) => plugin === one);
}
