/** Constants whose names end in the number of their line, as macros of the kernel make them, when lines move. */
import { describe, expect, test } from 'vitest';
import { comparePair, missingPrograms } from './inline-pair.js';

const check = (body = '') => `int check(unsigned int x) {${body} return x + 1; }\n`;
const change = '\n if (x == 7)\n return 0;\n';
const table = (line: number, values: string) =>
  `static const int table_${line}[] = { ${values} };\nconst int *const user_of_${values.replaceAll(/\W+/g, '_')} = table_${line};\n`;

describe.skipIf(missingPrograms.length > 0)('constants named by their line', () => {
  test('keep their order when the numbers get more digits', () => {
    const result = comparePair({
      original: `${check()}${table(9, '1, 2')}${table(98, '3, 4')}`,
      patched: `${check(change)}${table(11, '1, 2')}${table(100, '3, 4')}`,
    });
    expect(result).toMatchObject({ kind: 'changed', changed: ['check'], added: [], codes: [] });
  });

  test('a changed one is noticed', () => {
    const result = comparePair({
      original: `${check()}${table(9, '1, 2')}`,
      patched: `${check(change)}${table(11, '1, 2').replace('{ 1, 2 }', '{ 1, 5 }')}`,
    });
    expect(result).toMatchObject({ kind: 'refused', codes: ['data-changed'] });
  });

  test.each([
    ['one more of them', `${table(11, '1, 2')}${table(12, '3, 4')}`],
    ['another size', `${table(11, '1, 2').replace('{ 1, 2 }', '{ 1, 2, 0 }')}`],
    ['another name', table(11, '1, 2').replaceAll('table_', 'tables_')],
  ])('nothing is decided where the patched source has %s', (_, tables) => {
    const result = comparePair({ original: `${check()}${table(9, '1, 2')}`, patched: `${check(change)}${tables}` });
    expect(result).toMatchObject({ kind: 'refused', codes: ['data-changed'] });
  });

  test('variables are not taken for each other: each has a state of its own', () => {
    const counter = (line: number) => `static int counter_${line};\nint count(void) { return ++counter_${line}; }\n`;
    const result = comparePair({ original: counter(9), patched: counter(11) });
    expect(result).toMatchObject({ kind: 'changed', changed: ['count'], added: ['counter_11'] });
  });
});
