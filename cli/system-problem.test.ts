import { describe, expect, it } from '@jest/globals';
import { systemProblem } from './system-problem.ts';

const systemError = (fields: object, message = ''): Error => Object.assign(new Error(message), fields);

describe('systemProblem()', () => {
  it.each([
    [systemError({ code: 'ENOSPC', syscall: 'write' }), 'the disk is full (write ENOSPC)'],
    [
      systemError({ code: 'EROFS', syscall: 'open', path: '/data/x' }),
      'the file system is read-only (open /data/x EROFS)',
    ],
    [systemError({}, 'No space left on device'), 'the disk is full (No space left on device)'],
    [systemError({ code: 'ERR_INVALID_ARG_TYPE' }), undefined],
    [new TypeError('x is not a function'), undefined],
  ])('%s', (error, text) => {
    expect(systemProblem(error)).toBe(text);
  });
});
