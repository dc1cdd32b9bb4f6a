/** Columns of roles and bindings (upstream: `pkg/printers/internalversion/printers.go`, `printRoleBinding`). */
import type { ApiObject } from '../../machinery/meta.ts';
import type { PrinterColumn } from '../../machinery/resource.ts';
import { ageColumn } from '../../table-cells.ts';
import type { BindingContent, Subject } from './validation.ts';

export function bindingColumns<T extends ApiObject & BindingContent>(): PrinterColumn<T>[] {
  return [
    {
      name: 'Role',
      type: 'string',
      description: 'The role that is granted',
      cell: ({ roleRef }) => `${roleRef?.kind ?? ''}/${roleRef?.name ?? ''}`,
    },
    ageColumn(),
    subjectsColumn('Users', 'User', ({ name }) => name ?? ''),
    subjectsColumn('Groups', 'Group', ({ name }) => name ?? ''),
    subjectsColumn('ServiceAccounts', 'ServiceAccount', ({ namespace, name }) => `${namespace ?? ''}/${name ?? ''}`),
  ];
}

function subjectsColumn<T extends BindingContent>(
  name: string,
  kind: string,
  textOf: (subject: Subject) => string,
): PrinterColumn<T> {
  return {
    name,
    type: 'string',
    priority: 1,
    description: `${name} of the binding`,
    cell: ({ subjects }) =>
      (subjects ?? [])
        .filter((subject) => subject.kind === kind)
        .map(textOf)
        .join(', '),
  };
}
