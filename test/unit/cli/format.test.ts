import { describe, expect, test } from 'vitest';
import { chosenFormat, formatOf } from '../../../src/cli/format.js';
import { KptoolError } from '../../../src/diagnostics/diagnostic.js';

describe('the words ask for', () => {
  test.each([
    [['check', 'x.patch'], 'text'],
    [['check', '--json'], 'json'],
    [['check', '--json=true', '--jbos'], 'json'],
    [['check', '--json=false'], 'text'],
    [['check', '--format', 'github'], 'github'],
    [['check', '--format=json', 'x'], 'json'],
    [['check', '--format', 'xml'], 'text'],
    [['check', '--format'], 'text'],
    [['check', '--', '--format=github', '--json'], 'text'],
  ])('%j: %s', (words, format) => {
    expect(formatOf(words)).toBe(format);
  });
});

describe('the options choose', () => {
  const choose = (json: boolean | undefined, format: string | undefined) =>
    chosenFormat({ isSet: () => json, one: () => format });

  test.each([
    [undefined, undefined, 'text'],
    [true, undefined, 'json'],
    [false, undefined, 'text'],
    [true, 'json', 'json'],
    [undefined, 'github', 'github'],
    [false, 'github', 'github'],
  ])('--json %s, --format %s: %s', (json, format, expected) => {
    expect(choose(json, format)).toBe(expected);
  });

  test.each([
    [true, 'github'],
    [true, 'text'],
    [undefined, 'xml'],
    [undefined, 'JSON'],
  ])('and refuse --json %s with --format %s', (json, format) => {
    expect(() => choose(json, format)).toThrow(KptoolError);
  });
});
