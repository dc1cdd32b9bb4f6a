/** The standard library of the language: always there. */
import type { Library } from '../declarations.ts';
import { STANDARD_MACROS } from '../macros.ts';
import { ARITHMETIC } from './arithmetic.ts';
import { COMPARISON } from './comparison.ts';
import { CONVERSIONS } from './conversions.ts';
import { TEXT } from './text.ts';

const MACROS: Library = { name: 'macros', macros: STANDARD_MACROS };

export const STANDARD_LIBRARIES: readonly Library[] = [MACROS, ARITHMETIC, COMPARISON, CONVERSIONS, TEXT];
