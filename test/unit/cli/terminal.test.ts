import { describe, expect, test } from 'vitest';
import { makeOutput, showsColor } from '../../../src/cli/terminal.js';

describe('showsColor', () => {
  test.each([
    ['a terminal', true, {}, [], true],
    ['a file', false, {}, [], false],
    ['a dumb terminal', true, { TERM: 'dumb' }, [], false],
    ['NO_COLOR', true, { NO_COLOR: '1' }, [], false],
    ['an empty NO_COLOR, which counts as unset', true, { NO_COLOR: '' }, [], true],
    ['FORCE_COLOR in a file', false, { FORCE_COLOR: '1' }, [], true],
    ['FORCE_COLOR=0', true, { FORCE_COLOR: '0' }, [], false],
    ['NO_COLOR over FORCE_COLOR', true, { NO_COLOR: '1', FORCE_COLOR: '1' }, [], false],
    ['--no-color over FORCE_COLOR', true, { FORCE_COLOR: '1' }, ['build', '--no-color'], false],
    ['a file of that name', true, {}, ['build', '--', '--no-color'], true],
  ] as const)('%s', (_, isTerminal, environment, words, expected) => {
    expect(showsColor(isTerminal, { ...environment }, words)).toBe(expected);
  });
});

describe('makeOutput', () => {
  test('has a width on a terminal only', () => {
    const write = () => true;
    expect(makeOutput({ isTTY: true, columns: 72, write }, false).columns).toBe(72);
    expect(makeOutput({ columns: 72, write }, false).columns).toBeUndefined();
  });

  test('does not lay out on a terminal without a size', () => {
    const output = makeOutput({ isTTY: true, columns: 0, write: () => true }, false);
    expect(output).toMatchObject({ isTerminal: false, columns: undefined });
  });

  test('paints only where colours are wanted', () => {
    const write = () => true;
    expect(makeOutput({ write }, false).paint('error', 'x')).toBe('x');
    expect(makeOutput({ write }, true).paint('error', 'x')).toContain('\u001b[31m');
  });
});
