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
  const isChosen = (point: ExtensionPoint, one: Plugin): boolean => chosen[point].some(({ plugin }) => plugin === one);
  return entries.map(({ plugin }) => {
    const { preEnqueue, less, ...rest } = plugin;
    return {
      ...rest,
      ...(preEnqueue !== undefined && isChosen('preEnqueue', plugin) ? { preEnqueue } : {}),
      ...(less !== undefined && isChosen('queueSort', plugin) ? { less } : {}),
    };
  });
}
