/** How bugs are planted: what a component sees, or writes, is not what there is. */
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import type { Controller, ControllerContext } from '../../client/controller.ts';
import type { Mutant } from './mutant.ts';

type Change = (object: never) => unknown;

/** The component's writes go through `change`. */
export function writing(component: string, plural: string, change: Change): NonNullable<Mutant['client']> {
  return (name, client) => {
    if (name !== component) return client;
    const changed = <T>(resource: ResourceRef, object: T): T =>
      resource.names.plural === plural ? (change(object as never) as T) : object;
    return {
      ...client,
      create: (resource, object, options) => client.create(resource, changed(resource, object), options),
      update: (resource, object, options) => client.update(resource, changed(resource, object), options),
    };
  };
}

/** The controller sees other objects of a kind than there are. */
export function seeing(
  component: string,
  plural: string,
  change: (object: never) => unknown,
): NonNullable<Mutant['controller']> {
  return withContext(component, (context) => ({
    ...context,
    lister: ((resource: ResourceRef) => {
      const lister = context.lister(resource);
      if (resource.names.plural !== plural) return lister;
      const changed = (object: ApiObject): ApiObject => change(object as never) as ApiObject;
      return {
        get: (namespace, name) => {
          const object = lister.get(namespace, name);
          return object && changed(object);
        },
        list: (options) => lister.list(options).map(changed),
      };
    }) as ControllerContext['lister'],
  }));
}

export function withContext(
  component: string,
  change: (context: ControllerContext) => ControllerContext,
): NonNullable<Mutant['controller']> {
  return (controller): Controller => {
    if (controller.name !== component) return controller;
    return { ...controller, reconcile: (key, context) => controller.reconcile(key, change(context)) };
  };
}

/** Some of the component's calls do nothing. */
export function without(component: string, ...methods: (keyof Client)[]): NonNullable<Mutant['client']> {
  return (name, client) => {
    if (name !== component) return client;
    return { ...client, ...Object.fromEntries(methods.map((method) => [method, () => Promise.resolve({})])) };
  };
}

/** The component's deletions do not wait for anybody. */
export function forcing(component: string): NonNullable<Mutant['client']> {
  return (name, client) => {
    if (name !== component) return client;
    return {
      ...client,
      delete: (resource, object, options) => client.delete(resource, object, { ...options, gracePeriodSeconds: 0 }),
    };
  };
}

/** In the place of a method of a class, for the length of a run. */
export function replacing<T extends object, K extends keyof T>(
  prototype: T,
  method: K,
  replacement: (original: T[K]) => T[K],
): () => () => void {
  return () => {
    const original = prototype[method];
    prototype[method] = replacement(original);
    return () => {
      prototype[method] = original;
    };
  };
}
